"""`gorae predict`: answers of a model for new rows, as CSV."""

import csv
import io
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import gorae
from gorae.cli.options import as_json, encoding, force, header, quiet, quietly, shown, to_json
from gorae.cli.outputs import refuse_existing
from gorae.cli.sources import Reading, new_rows
from gorae.cli.tagging import is_tagger, predict_tags
from gorae.errors import DataWarning, InputError


@click.command(short_help="Predict new rows with a model.")
@click.argument("model", type=click.Path())
@click.argument("data", type=click.Path())
@click.option("--out", type=click.Path(), help="Write to this file instead of standard output.")
@click.option(
    "--unknown",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Say as well which rows are unlike the training data, flagging at most this share of known ones.",
)
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Give as well what holds the truth for this share of rows: an interval of values, a set of classes.",
)
@header
@encoding
@as_json
@quiet
@force
def predict(
    model: str,
    data: str,
    out: str | None,
    unknown: float | None,
    coverage: float | None,
    header: bool,
    encoding: str,
    as_json: bool,
    quiet: bool,
    force: bool,
) -> None:
    """Predict the rows of DATA with MODEL: CSV with the prediction and each class's probability.

    DATA has the columns that the model was trained on, by name, in any order; others are ignored. With --json
    one object is written instead.

    For a tagger DATA is a treebank (CoNLL-U), or a text with a sentence a line: each word and its tag are
    written in a line, with a blank line between sentences, or as what --out ends in, .csv or .conllu.

    With --unknown 0.01 two columns more say whether a row is unlike the training data, so that its prediction
    is worth nothing, and what share of known rows is at least as strange. One in a hundred known rows is
    flagged by mistake.

    With --coverage 0.9 nine rows in ten lie between what the columns low and high say or, where classes are
    predicted, have one of the classes that the column set names, with ";" between them.
    """
    refuse_existing([] if out is None else [Path(out)], force)
    found = gorae.load(model)
    if is_tagger(found):
        if unknown is not None or coverage is not None:
            raise click.UsageError(
                "--unknown and --coverage are for models of rows; a tagger has none of them."
            )
        with quietly(quiet):
            text = predict_tags(model, found, data, out, encoding=encoding, as_json=as_json)
        _write(text, out, force)
        return
    fitted = of_study(found, model)
    with quietly(quiet):
        rows = new_rows(fitted, data, Reading(header, encoding))
        tell_unseen(fitted, rows)
    predictions, stated = fitted.answers(rows)
    flags = shares = None
    if unknown is not None:
        flags, shares = fitted.are_unknown(rows, unknown), fitted.known_share(rows)
    within = None if coverage is None else _within(fitted, rows, coverage)
    if as_json:
        found = _as_object(fitted, predictions, stated)
        if within is not None:
            found |= {"coverage": coverage, "intervals" if stated is None else "sets": within}
        if flags is not None:
            found |= {"unknown": flags, "known_share": shares, "false_alarms": unknown}
        text = to_json("gorae.predict/1", found) + "\n"
    else:
        text = _as_csv(fitted, predictions, stated, flags, shares, within)
    if flags is not None and not quiet:
        told = f"{int(flags.sum())} of {len(flags)} rows are unlike the training data"
        click.echo(f"gorae: {told} (false alarms: {unknown:g} of the known ones).", err=True)
    _write(text, out, force)


def _write(text: str, out: str | None, force: bool) -> None:
    """Write text to a file, or to standard output."""
    if out is None:
        click.echo(text, nl=False)
    else:
        import_module("gorae.files").atomic_write(out, text, force=force)


def open_model(path: str) -> Any:
    """Return the model of a study that a file holds.

    Raises:
        InputError: when the file holds a bare estimator, which has no table to read.
    """
    return of_study(gorae.load(path), path)


def of_study(fitted: Any, path: str) -> Any:
    """Return a model that was loaded, if a study made it.

    Raises:
        InputError: when it is a bare estimator, which has no table to read.
    """
    if is_tagger(fitted):
        raise InputError(f"{path!r} holds a tagger of words; predict, info and export take it.")
    if not hasattr(fitted, "encoding"):
        raise InputError(
            f"{path!r} holds a {type(fitted).__name__}; the command line takes models that gorae fit wrote. "
            "Use gorae.load in Python."
        )
    return fitted


def tell_unseen(fitted: Any, rows: Any) -> None:
    """Warn of categories that were not there in training, and of texts without a token from there."""
    if fitted.encoding is None:
        return
    if isinstance(fitted.encoding, import_module("gorae.data.texts").TextEncoding):
        strange = fitted.encoding.strange(rows)
        if strange:
            told = f"{strange} of {len(rows)} texts hold nothing that the model has learned from"
            warnings.warn(f"{told}; what it says of them rests on nothing.", DataWarning, stacklevel=2)
        return
    for column, values in fitted.encoding.unseen(rows).items():
        told = ", ".join(repr(value) for value in values[:5]) + (", ..." if len(values) > 5 else "")
        warnings.warn(
            f"column {shown(column)!r} has categories the model never saw: {told}; they count as none.",
            DataWarning,
            stacklevel=2,
        )


def _within(fitted: Any, rows: Any, coverage: float) -> list[list[Any]]:
    """Return what holds the truth of each row with a coverage: two ends, or names of classes."""
    if fitted.classes is None:
        return fitted.predict_interval(rows, coverage).tolist()
    return [[str(name) for name in fitted.classes[held]] for held in fitted.predict_set(rows, coverage)]


def _cells(within: list[Any], values: bool) -> list[str]:
    """Return an interval as two cells, or a set as one; a name with ";" in it is put in quotes."""
    if values:
        return [repr(float(end)) for end in within]
    cell = io.StringIO()
    csv.writer(cell, delimiter=";", lineterminator="").writerow(within)
    return [cell.getvalue()]


def _as_csv(
    fitted: Any, predictions: Any, stated: Any, flags: Any, shares: Any, within: list[list[Any]] | None
) -> str:
    """Return predictions as CSV, with sets or intervals and what is unknown where that was asked for."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    classes = [] if fitted.classes is None else [f"probability of {name}" for name in fitted.classes]
    unknown = [] if flags is None else ["unknown", "known share"]
    held = [] if within is None else ["low", "high"] if stated is None else ["set"]
    writer.writerow(["prediction", *classes, *held, *unknown])
    for i, value in enumerate(predictions):
        row = [] if stated is None else [f"{p:.6g}" for p in stated[i]]
        row += [] if within is None else _cells(within[i], stated is None)
        if flags is not None:
            row += ["yes" if flags[i] else "no", f"{shares[i]:.6g}"]
        writer.writerow([value if stated is not None else repr(float(value)), *row])
    return text.getvalue()


def _as_object(fitted: Any, predictions: Any, stated: Any) -> dict[str, Any]:
    """Return predictions as what `--json` prints."""
    found: dict[str, Any] = {"predictions": list(predictions)}
    if stated is not None:
        found["classes"] = [str(name) for name in fitted.classes]
        found["probabilities"] = stated
    return found
