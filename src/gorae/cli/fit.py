"""`gorae fit`: the ladder on a data set."""

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import gorae
from gorae.cli.interrupts import held_interrupts
from gorae.cli.options import (
    Duration,
    Names,
    as_json,
    encoding,
    force,
    header,
    print_json,
    quiet,
    quietly,
    shown,
)
from gorae.cli.sources import Reading, Source, open_source
from gorae.errors import FileExistsRefusal, WriteError

_INTERRUPTED = 130


@click.command(short_help="Train the ladder of models on a data set.")
@click.argument("data")
@click.option("--target", help="The column to predict (for a file).")
@click.option(
    "--task", type=click.Choice(["classification", "regression"]), help="Else told from the target."
)
@click.option(
    "--drop",
    multiple=True,
    metavar="COLUMN",
    help="Leave a column out, such as an identifier, or what is known only afterwards. May be repeated.",
)
@click.option("--models", type=Names(), help="Rungs of the ladder, such as mlp,linear. Default: all.")
@click.option(
    "--time",
    "budget",
    type=Duration(),
    default="10m",
    show_default=True,
    metavar="TIME",
    help="What it may take: 30s, 10m or 1h; a plain number is seconds.",
)
@click.option("--test", type=click.Path(), help="A file with test rows; else a fifth is held out.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of everything."
)
@click.option("--out", type=click.Path(file_okay=False), default=".", help="Folder for the model and report.")
@click.option("--data-dir", type=click.Path(), help="Folder with idx files, for mnist and fashion-mnist.")
@click.option("--download", is_flag=True, help="Fetch a named data set that is not here (HTTPS, checked).")
@header
@encoding
@click.option("--device", type=click.Choice(["auto", "cpu", "gpu", "tpu"]), default="auto", show_default=True)
@as_json
@quiet
@force
def fit(
    data: str,
    target: str | None,
    task: str | None,
    drop: tuple[str, ...],
    models: tuple[str, ...] | None,
    budget: float,
    test: str | None,
    seed: int,
    out: str,
    data_dir: str | None,
    download: bool,
    header: bool,
    encoding: str,
    device: str,
    as_json: bool,
    quiet: bool,
    force: bool,
) -> int:
    """Train the ladder of models on DATA and write the best one with a report.

    DATA is a CSV or Parquet file, or a named data set: digits, iris, wine, breast-cancer, diabetes, moons,
    circles, blobs, spirals, mnist, fashion-mnist.

    Ctrl-C, once a model is scored, ends the ladder there: the best model so far and its report are written,
    and the exit code is 130. A second Ctrl-C gives up.
    """
    stem = Path(data).name.split(".")[0] or "data"
    model_file, report_file = Path(out) / f"{stem}.gorae", Path(out) / f"{stem}.html"
    refuse_existing([model_file, report_file], force)
    with quietly(quiet):
        source = open_source(data, target, drop, test, data_dir, download, Reading(header, encoding), seed)
        study = gorae.Study(
            models=models, task=task or source.task, time=budget, device=device, random_state=seed
        )
        check_folder(Path(out))
        words, choice = task_words(source, task)
        if not quiet:
            click.echo(f"task: {shown(words)}", err=True)
        progress = import_module("gorae.study.progress")
        given: dict[str, Any] = source._asdict() | {"notes": (*choice, *source.notes)}
        del given["task"]
        study.fit(**given, listener=progress.Silent() if quiet else progress.Bars())
    with held_interrupts():
        _write(study, model_file, report_file, force)
        if as_json:
            print_json("gorae.fit/1", _as_object(study, model_file, report_file))
        else:
            click.echo(_as_text(study, model_file, report_file))
    return _INTERRUPTED if study.interrupted_ else 0


def task_words(source: Source, task: str | None) -> tuple[str, tuple[str, ...]]:
    """Return which task it is and why, with a sentence for the report where the values leave a choice."""
    if task or source.task:
        return (f"{task} (--task)" if task else f"{source.task} (the data set's own)"), ()
    parts = import_module("gorae.data")
    guessed, what = parts.guess_task(source.y), parts.describe_values(source.y)
    words = f"{source.target!r} holds {what}"
    if not what.endswith("whole numbers") or 2 * source.y.n_unique() > len(source.y):
        return f"{guessed} ({words})", ()
    if guessed == "classification":
        words = f"{words}; --task regression predicts it as a number"
    else:
        words = f"{words}; --task classification takes each for a class"
    return f"{guessed} ({words})", (f"The task is {guessed}: {words}.",)


def refuse_existing(paths: list[Path], force: bool) -> None:
    """Refuse before the work starts what would not be replaced after it."""
    for path in paths:
        if path.exists() and not force:
            raise FileExistsRefusal(f"{str(path)!r} exists already; give --force to replace it, or --out.")


def check_folder(folder: Path) -> None:
    """Make the folder of the outputs, and see that a file can be written there, before the work starts."""
    import_module("gorae.files").make_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".gorae-", suffix=".tmp"):
            pass
    except OSError as error:
        raise WriteError(
            f"nothing can be written to the folder {str(folder)!r}: {error.strerror}."
        ) from error


def _write(study: Any, model_file: Path, report_file: Path, force: bool) -> None:
    """Write the model and its report; a model without its report is better than none."""
    study.save(model_file, force=force)
    try:
        study.report(report_file, force=force)
    except WriteError as error:
        raise WriteError(f"{error} The model itself was written to {str(model_file)!r}.") from error


def _as_object(study: Any, model_file: Path, report_file: Path) -> dict[str, Any]:
    """Return what `--json` prints."""
    found = study.findings_
    return {
        "data": {key: found["data"][key] for key in ("name", "rows", "columns", "classes", "task", "target")},
        "plan": found["plan"],
        "ladder": study.table,
        "best": study.best_,
        "comparison": found["comparison"],
        "test": found["test"],
        "gap": found["gap"],
        "notes": found["data"]["notes"],
        "interrupted": study.interrupted_,
        "seconds": found["seconds_total"],
        "model_file": str(model_file),
        "report_file": str(report_file),
    }


def _as_text(study: Any, model_file: Path, report_file: Path) -> str:
    """Return what is printed for people."""
    found = study.findings_
    metric = study.table[0]["metric"]
    lines = [f"{'model':>9}  {metric:>8}  95 % interval       fits  seconds"]
    for row in study.table:
        rmse = f"  RMSE {row['other']['rmse']:.4g}" if row["other"] else ""
        lines.append(
            f"{row['model']:>9}  {row['score']:8.4f}  {_interval(row):>17}  {row['fits']:5d}  "
            f"{row['seconds']:7.1f}{rmse}"
        )
    lines.append("")
    test, gap = found["test"], found["gap"]
    if test is not None:
        rmse = f"; RMSE {test['rmse']:.4g}" if "rmse" in test else ""
        seen = test.get("seen", 0)
        touched = f"of which {seen} were learned from too" if seen else "that nothing else touched"
        lines.append(
            f"{study.best_} on {test['rows']} test rows {touched}: {test['metric']} "
            f"{test['score']:.4f} (95 % interval {_interval(test)}){rmse}"
        )
    if gap is not None:
        lines.append(f"{study.best_} {gap['verdict']}. {gap['reason']}")
    lines.append(found["comparison"]["sentence"])
    lines += [f"note: {note}" for note in found["data"]["notes"]]
    lines.append(f"model: {model_file}   report: {report_file}")
    return "\n".join(lines)


def _interval(row: dict[str, Any]) -> str:
    """Return an interval in words."""
    return f"{row['low']:.4f} to {row['high']:.4f}"
