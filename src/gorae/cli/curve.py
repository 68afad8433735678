"""`gorae curve`: how much would more data help."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gorae.cli.interrupts import held_interrupts
from gorae.cli.options import as_json, force, print_json, quiet, quietly, seed, shown, untested_options
from gorae.cli.outputs import check_folder, refuse_existing, stem_of
from gorae.cli.sources import Reading, open_source
from gorae.errors import WriteError

_MODELS = ("bayes", "knn", "linear", "mlp", "bag", "gru")


class Sizes(click.ParamType):
    """Numbers of rows, or shares, with commas between them."""

    name = "sizes"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int | float, ...]:
        """Return numbers, or fail with what was wanted."""
        if isinstance(value, tuple):
            return value
        try:
            parts = [part.strip() for part in str(value).split(",")]
            return tuple(float(part) if "." in part else int(part) for part in parts)
        except ValueError:
            self.fail(f"{value!r} are no sizes; write rows, 100,200,400, or shares, 0.1,0.3,1.0.", param, ctx)


@click.command(short_help="Say how much more data would help.")
@click.argument("data")
@untested_options
@click.option(
    "--model",
    type=click.Choice(_MODELS),
    help="Whose curve. Default: mlp; of texts the one of knn, linear, bag and gru that is best on a fifth of "
    "them, of those there is time for.",
)
@click.option(
    "--sizes",
    type=Sizes(),
    metavar="SIZES",
    help="Rows to learn from, such as 100,200,400, or shares of a fold's rows. Default: six.",
)
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True)
@click.option(
    "--repeats", type=click.IntRange(1), help="How often rows are cut into folds anew. Default: 1 to 3."
)
@click.option(
    "--scoring", help="accuracy, log_loss, r2, rmse or a scorer of scikit-learn. Default: by the task."
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where the report goes. Default: DATA-curve.html.",
)
@seed
@as_json
@quiet
@force
def curve(
    data: str,
    target: str | None,
    task: str | None,
    text: str | None,
    drop: tuple[str, ...],
    data_dir: str | None,
    download: bool,
    header: bool,
    encoding: str,
    model: str | None,
    sizes: tuple[int | float, ...] | None,
    folds: int,
    repeats: int | None,
    scoring: str | None,
    report: str | None,
    seed: int,
    as_json: bool,
    quiet: bool,
    force: bool,
) -> None:
    """Say what twice the rows of DATA would bring a model, and write a report.

    DATA is a CSV or Parquet file, of columns or of texts, a folder of texts or images, or a named data set,
    as for gorae fit. The model learns from nested parts of each fold's training rows, all as one population,
    and is scored on rows that it has not seen; of texts each fit knows the words of its own part alone. gorae
    fit tells as much of the model that wins there, in fewer fits. Test rows are not touched.
    """
    page = Path(report) if report is not None else Path(f"{stem_of(data)}-curve.html")
    refuse_existing([page], force, "--report")
    with quietly(quiet):
        source = open_source(
            data, target, drop, None, data_dir, download, Reading(header, encoding), seed, text
        )
        check_folder(page.parent)
        given: dict[str, Any] = source._asdict()
        for name in ("X_test", "y_test", "row_numbers"):
            del given[name]
        given["task"] = task or source.task
        found = import_module("gorae.study").curve_of_data(
            **given,
            model=model,
            sizes=sizes,
            cv=folds,
            repeats=repeats,
            scoring=scoring,
            random_state=seed,
            verbose=0 if quiet else 1,
        )
    with held_interrupts():
        try:
            found.report(page, force=force)
        except WriteError as error:
            raise WriteError(f"{error} The answer itself: {found.curve.sentence}") from error
        if as_json:
            told = found.curve.to_dict()
            told["notes"] = [*told["notes"], *found.notes]
            content = {"data": found.data, "model": found.model, **told, "report_file": str(page)}
            print_json("gorae.curve/1", content)
        else:
            click.echo(_as_text(found, page))


def _as_text(found: Any, page: Path) -> str:
    """Return what is printed for people."""
    told = found.curve.to_dict()
    lines = [f"{'rows':>9}  {told['metric']:>8}  95 % interval       training"]
    for size, row, train in zip(told["sizes"], told["scores"], told["train_scores"], strict=True):
        ends = f"{row['low']:.4f} to {row['high']:.4f}"
        lines.append(f"{size:9,}  {row['score']:8.4f}  {ends:>18}  {train['score']:8.4f}")
    lines += ["", told["sentence"], *told["notes"]]
    lines += [f"note: {shown(note)}" for note in found.notes]
    lines.append(f"report: {page}")
    return "\n".join(lines)
