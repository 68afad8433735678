"""`gorae fit`: the ladder on a data set."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

import gorae
from gorae.cli.options import Duration, Names, as_json, force, print_json, quiet
from gorae.cli.sources import open_source
from gorae.errors import FileExistsRefusal, WriteError


@click.command()
@click.argument("data")
@click.option("--target", help="The column to predict (for a file).")
@click.option(
    "--task", type=click.Choice(["classification", "regression"]), help="Else told from the target."
)
@click.option("--models", type=Names(), help="Rungs of the ladder, such as mlp,linear. Default: all.")
@click.option("--time", "budget", type=Duration(), default="10m", show_default=True, help="What it may take.")
@click.option("--test", type=click.Path(), help="A file with test rows; else a fifth is held out.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of everything."
)
@click.option("--out", type=click.Path(file_okay=False), default=".", help="Folder for the model and report.")
@click.option("--data-dir", type=click.Path(), help="Folder with idx files, for mnist and fashion-mnist.")
@click.option("--download", is_flag=True, help="Fetch a named data set that is not here (HTTPS, checked).")
@click.option("--header/--no-header", default=True, help="Whether the file's first line names the columns.")
@click.option("--device", type=click.Choice(["auto", "cpu", "gpu", "tpu"]), default="auto", show_default=True)
@as_json
@quiet
@force
def fit(
    data: str,
    target: str | None,
    task: str | None,
    models: tuple[str, ...] | None,
    budget: float,
    test: str | None,
    seed: int,
    out: str,
    data_dir: str | None,
    download: bool,
    header: bool,
    device: str,
    as_json: bool,
    quiet: bool,
    force: bool,
) -> None:
    """Train the ladder of models on DATA and write the best one with a report.

    DATA is a CSV or Parquet file, or a named data set: digits, iris, wine, breast-cancer, diabetes, moons,
    circles, blobs, spirals, mnist, fashion-mnist.
    """
    stem = Path(data).name.split(".")[0] or "data"
    model_file, report_file = Path(out) / f"{stem}.gorae", Path(out) / f"{stem}.html"
    _check_outputs([model_file, report_file], force)
    source = open_source(data, target, test, data_dir, download, header, seed)
    study = gorae.Study(
        models=models, task=task or source.task, time=budget, device=device, random_state=seed
    )
    progress = import_module("gorae.study.progress")
    study.fit(
        source.X,
        source.y,
        X_test=source.X_test,
        y_test=source.y_test,
        image_shape=source.image_shape,
        name=source.name,
        target=source.target,
        listener=progress.Silent() if quiet else progress.Bars(),
    )
    study.save(model_file, force=force)
    study.report(report_file, force=force)
    if as_json:
        print_json("gorae.fit/1", _as_object(study, model_file, report_file))
    else:
        click.echo(_as_text(study, model_file, report_file))


def _check_outputs(paths: list[Path], force: bool) -> None:
    """Refuse before the work starts what could not be written after it."""
    for path in paths:
        if path.exists() and not force:
            raise FileExistsRefusal(f"{str(path)!r} exists already; give --force to replace it, or --out.")
    folder = paths[0].parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"the folder {str(folder)!r} cannot be made: {error.strerror}.") from error


def _as_object(study: Any, model_file: Path, report_file: Path) -> dict[str, Any]:
    """Return what `--json` prints."""
    found = study.findings_
    data = {key: found["data"][key] for key in ("name", "rows", "columns", "classes", "task", "target")}
    ladder = [
        {
            k: row[k]
            for k in ("model", "metric", "score", "low", "high", "fits", "seconds", "settings", "other")
        }
        for row in study.table
    ]
    return {
        "data": data,
        "plan": found["plan"],
        "ladder": ladder,
        "best": study.best_,
        "comparison": found["comparison"],
        "test": found["test"],
        "gap": found["gap"],
        "notes": found["data"]["notes"],
        "seconds": found["seconds_total"],
        "model_file": str(model_file),
        "report_file": str(report_file),
    }


def _as_text(study: Any, model_file: Path, report_file: Path) -> str:
    """Return what is printed for people."""
    found = study.findings_
    metric = study.table[0]["metric"]
    lines = [f"{'model':>9}  {metric:>8}  95 % interval      fits  seconds"]
    for row in study.table:
        rmse = f"  RMSE {row['other']['rmse']:.4g}" if row["other"] else ""
        lines.append(
            f"{row['model']:>9}  {row['score']:8.4f}  {row['low']:.4f} to {row['high']:.4f}  "
            f"{row['fits']:5d}  {row['seconds']:7.1f}{rmse}"
        )
    lines.append("")
    test, gap = found["test"], found["gap"]
    if test is not None:
        rmse = f", RMSE {test['rmse']:.4g}" if "rmse" in test else ""
        lines.append(
            f"{study.best_} on {test['rows']} held-out rows: {test['metric']} {test['score']:.4f} "
            f"({test['low']:.4f} to {test['high']:.4f}){rmse}"
        )
    if gap is not None:
        lines.append(
            f"training {gap['train']:.4f}, validation {gap['validation']:.4f}: {gap['verdict']}. "
            + gap["reason"]
        )
    lines.append(found["comparison"]["sentence"])
    lines += [f"note: {note}" for note in found["data"]["notes"]]
    lines.append(f"model: {model_file}   report: {report_file}")
    return "\n".join(lines)
