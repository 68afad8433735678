"""What all answers of a model depend on, for `gorae explain --target`."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gorae.cli.interrupts import held_interrupts
from gorae.cli.options import print_json, quietly, shown
from gorae.cli.outputs import check_folder, refuse_existing
from gorae.cli.predict import open_model, tell_unseen
from gorae.cli.sources import Reading, labelled_rows
from gorae.errors import InputError

_MOST_SECONDS = 120.0
_ROWS = 6
_SHARED = (
    "note: columns that say the same share their importance; on rows that the model has learned from, what "
    "it knows by heart looks important."
)


def explain_all(
    model: str,
    data: str,
    target: str | None,
    repeats: int,
    report: str | None,
    reading: Reading,
    seed: int,
    as_json: bool,
    quiet: bool,
    force: bool,
) -> None:
    """Tell what the answers for all rows of a file depend on, and write the report that was asked for.

    Args:
        model: the file of the model.
        data: a file, or a named data set.
        target: the column with the true answers, or None for a named data set's own.
        repeats: how often each column is shuffled.
        report: the report's file, or None.
        reading: how CSV files are read.
        seed: of shuffles and draws.
        as_json: whether to print one JSON object.
        quiet: whether to keep warnings to ourselves.
        force: whether a report that exists is replaced.
    """
    page = None if report is None else Path(report)
    refuse_existing([] if page is None else [page], force, "--report")
    fitted = open_model(model)
    if fitted.reads_texts:
        raise InputError(
            f"{model!r} learned from texts, a single column on which all of its answers depend; --row tells "
            "what pushed the answer for one text."
        )
    with quietly(quiet):
        given = labelled_rows(fitted, data, target, reading)
        tell_unseen(fitted, given.X)
        if page is not None:
            check_folder(page.parent)
        found = _found(fitted, given, page is not None, repeats, seed)
    with held_interrupts():
        if page is not None:
            findings = _findings(fitted, model, data, target, given, found)
            import_module("gorae.report").explanation_report(page, findings, force=force)
        if as_json:
            print_json("gorae.importance/1", _as_object(given, found, page))
        else:
            click.echo("\n".join(_as_text(found, page)))


def _found(fitted: Any, given: Any, is_report: bool, repeats: int, seed: int) -> dict[str, Any]:
    """Return what the answers depend on and, for a report, what pushed some of them."""
    explaining = import_module("gorae.study.explaining")
    if len(given.y) < 2:
        raise InputError("shuffling needs at least two rows with a target, but there is one.")
    shape = (fitted.facts.get("data") or {}).get("image_shape")
    found = explaining.explained_rows(
        fitted,
        fitted,
        given.X,
        given.y,
        curves_over=given.X,
        image_shape=shape,
        seconds=_MOST_SECONDS,
        seed=seed,
        repeats=repeats,
    )
    if is_report:
        few = given.X[: min(_ROWS, len(given.y))]
        rows = [int(number) for number in list(given.row_numbers)[: len(few)]]
        found["attributions"] = explaining.attributions_of(fitted, few, rows, shape)
        if found.get("pixels"):
            found["pixels"]["examples"] = []  # the same maps
    return found


def _findings(
    fitted: Any, model: str, data: str, target: str | None, given: Any, found: dict[str, Any]
) -> dict[str, Any]:
    """Return what the report shows."""
    return {
        "title": f"gorae explain: {Path(data).name}",
        "model": f"{Path(model).name} ({fitted.name})",
        "target": target,
        "importance": found,
        "attributions": found.get("attributions"),
        "notes": list(given.notes),
        **import_module("gorae.study.findings").made(),
    }


def _as_object(given: Any, found: dict[str, Any], page: Path | None) -> dict[str, Any]:
    """Return what `--json` prints."""
    keys = ("metric", "score", "rows", "repeats", "level", "columns", "left_out", "dependence")
    return {
        **{key: found.get(key) for key in keys},
        "notes": list(given.notes),
        "report_file": None if page is None else str(page),
    }


def _as_text(found: dict[str, Any], page: Path | None) -> list[str]:
    """Return what is printed for people."""
    way = "rises" if found["metric"] in ("rmse", "log_loss") else "falls"
    lines = [
        f"{found['metric']} {found['score']:.4f} on {found['rows']} rows; by how much it {way} when a column "
        f"is shuffled (mean of {found['repeats']} times):",
    ]
    wide = max(len("column"), *(len(shown(one["name"])) for one in found["columns"]))
    lines.append(f"{'column':<{wide}}  {'importance':>10}  95 % interval")
    lines += [
        f"{shown(one['name']):<{wide}}  {one['importance']:>10.4f}  {one['low']:.4f} to {one['high']:.4f}"
        for one in found["columns"]
    ]
    if found["left_out"]:
        lines.append(f"note: {found['left_out']} columns that mattered less in a first look were left out.")
    lines.append(_SHARED)
    return [*lines, *([] if page is None else [f"report: {page}"])]
