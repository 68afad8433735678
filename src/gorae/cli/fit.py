"""`gorae fit`: the ladder on a data set."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

import gorae
from gorae.cli.interrupts import INTERRUPTED, held_interrupts
from gorae.cli.options import Names, data_options, print_json, quietly, run_options, shown, time_option
from gorae.cli.outputs import about_data, check_folder, interval, refuse_existing, stem_of, write_outputs
from gorae.cli.sources import Reading, open_source, task_words
from gorae.cli.tagging import Run, fit_treebank, is_treebank, wants_tags


@click.command(short_help="Train the ladder of models on a data set.")
@click.argument("data")
@data_options
@click.option("--models", type=Names(), help="Rungs of the ladder, such as mlp,linear. Default: all.")
@time_option("What it may take: 30s, 10m or 1h; a plain number is seconds.")
@run_options
def fit(
    data: str,
    target: str | None,
    task: str | None,
    text: str | None,
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

    DATA is a CSV or Parquet file, of columns or of texts; a folder with a folder of text files, or of PNG or
    JPEG images, for each class, or an idx or CIFAR file of images; or a named data set: digits, iris, wine,
    breast-cancer, diabetes, moons, circles, blobs, spirals, mnist, fashion-mnist. A treebank (CoNLL-U,
    by its name, .conllu, or its content) trains a tagger of its words instead: --target upos or xpos says
    which of its tags.

    Ctrl-C, once a model is scored, ends the ladder there: the best model so far and its report are written,
    and the exit code is 130. A second Ctrl-C gives up.
    """
    as_table = "give --target COLUMN to learn from it as a table"
    if is_treebank(data, otherwise=as_table if wants_tags(target) else None):
        run = Run(budget, seed, device, out, as_json, quiet, force)
        tables = {
            "--models": models,
            "--task": task,
            "--drop": drop,
            "--data-dir": data_dir,
            "--text": text,
            "--download": download,
            "--no-header": not header,
            "--encoding": encoding != "utf-8",
        }
        return fit_treebank(data, run, target=target, test=test, refused=tables)
    stem = stem_of(data)
    model_file, report_file = Path(out) / f"{stem}.gorae", Path(out) / f"{stem}.html"
    refuse_existing([model_file, report_file], force)
    with quietly(quiet):
        source = open_source(
            data, target, drop, test, data_dir, download, Reading(header, encoding), seed, text
        )
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
        write_outputs(study.save, study.report, model_file, report_file, force)
        if as_json:
            print_json("gorae.fit/1", _as_object(study, model_file, report_file))
        else:
            click.echo(_as_text(study, model_file, report_file))
    return INTERRUPTED if study.interrupted_ else 0


def _as_object(study: Any, model_file: Path, report_file: Path) -> dict[str, Any]:
    """Return what `--json` prints."""
    found = study.findings_
    return {
        "data": about_data(found["data"]),
        "plan": found["plan"],
        "ladder": study.table,
        "best": study.best_,
        "comparison": found["comparison"],
        "test": found["test"],
        "gap": found["gap"],
        "check": None if study.check_ is None else study.check_.to_dict(),
        "growth": found["growth"],
        "notes": found["data"]["notes"],
        "interrupted": study.interrupted_,
        "seconds": found["seconds_total"],
        "model_file": str(model_file),
        "report_file": str(report_file),
    }


def _as_text(study: Any, model_file: Path, report_file: Path) -> str:
    """Return what is printed for people."""
    test_in_words = import_module("gorae.study.findings").test_in_words
    found = study.findings_
    metric = study.table[0]["metric"]
    lines = [f"{'model':>9}  {metric:>8}  {'95 % interval':>17}  {'best is ahead by':>27}  fits  seconds"]
    for row in study.table:
        rmse = f"  RMSE {row['other']['rmse']:.4g}" if row["other"] else ""
        lines.append(
            f"{row['model']:>9}  {row['score']:8.4f}  {interval(row):>17}  {_ahead(row):>27}  "
            f"{row['fits']:4d}  {row['seconds']:7.1f}{rmse}"
        )
    lines.append("")
    test, gap = found["test"], found["gap"]
    if test is not None:
        lines.append(f"{study.best_} {test_in_words(test)}")
    if gap is not None:
        lines.append(f"{study.best_} {gap['verdict']}. {gap['reason']}")
    lines.append(
        " ".join(found["comparison"][key] for key in ("sentence", "cost") if key in found["comparison"])
    )
    if study.check_ is not None:
        lines += [f"check: {shown(sentence)}" for sentence in study.check_.sentences]
    if found["growth"] is not None:
        lines.append(found["growth"]["sentence"])
    lines += [f"note: {note}" for note in found["data"]["notes"]]
    lines.append(f"model: {model_file}   report: {report_file}")
    return "\n".join(lines)


def _ahead(row: Any) -> str:
    """Return how far the best model is ahead of another, with the interval."""
    ahead = row["ahead"]
    return "-" if ahead is None else f"{ahead['difference']:.4f} ({interval(ahead)})"
