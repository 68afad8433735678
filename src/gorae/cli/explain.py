"""`gorae explain`: what one answer rests on, or what all answers depend on."""

from importlib import import_module
from typing import Any

import click

from gorae.cli.explained import explain_all
from gorae.cli.options import as_json, encoding, force, header, print_json, quiet, quietly, seed, shown
from gorae.cli.predict import open_model, tell_unseen
from gorae.cli.sources import Reading, new_rows
from gorae.errors import InputError

_ROW_TITLE = "training row (from 0)"
_SHOWN = 8


@click.command(short_help="Show what one answer rests on, or what all depend on.")
@click.argument("model", type=click.Path())
@click.argument("data", type=click.Path())
@click.option("--row", type=click.IntRange(0), help="Which row of DATA to explain, counted from 0.")
@click.option(
    "--neighbors", type=click.IntRange(1), default=5, show_default=True, help="How many examples, with --row."
)
@click.option("--target", help="The column of DATA with the true answers: say what all answers depend on.")
@click.option(
    "--repeats",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="How often each column is shuffled, with --target.",
)
@click.option(
    "--report", type=click.Path(dir_okay=False), metavar="FILE", help="Write a report too, with --target."
)
@header
@encoding
@seed
@as_json
@quiet
@force
def explain(
    model: str,
    data: str,
    row: int | None,
    neighbors: int,
    target: str | None,
    repeats: int,
    report: str | None,
    header: bool,
    encoding: str,
    seed: int,
    as_json: bool,
    quiet: bool,
    force: bool,
) -> None:
    """Say what MODEL's answers for DATA rest on: one with --row, or all with --target.

    With --row: the training examples that MODEL finds most like the row and, where it is a network, which
    columns, or words of a text, pushed its answer. Examples are the nearest in the space in which the model
    compares rows: the last hidden layer of an mlp, and of the first network of an ensemble. bayes, knn and
    linear have none; they compare the input columns, scaled. Distances are Euclidean. Training rows are
    numbered as in the training file, from 0 and without the header line. What columns add is measured from
    the mean training row, what words add from none, by integrated gradients.

    With --target: how much worse the answers become when a column is shuffled, with 95 % intervals, and in
    the report the mean answer over the values of the foremost columns. Give rows that MODEL has not learned
    from. A named data set has its own target.
    """
    if row is None:
        explain_all(
            model, data, target, repeats, report, Reading(header, encoding), seed, as_json, quiet, force
        )
        return
    if target is not None or report is not None:
        raise click.UsageError("--row explains one answer; --target and --report tell of all: leave one out.")
    _explain_one(model, data, row, neighbors, Reading(header, encoding), as_json, quiet)


def _explain_one(
    model: str, data: str, row: int, neighbors: int, reading: Reading, as_json: bool, quiet: bool
) -> None:
    """Tell what the answer for one row rests on."""
    fitted = open_model(model)
    with quietly(quiet):
        rows = new_rows(fitted, data, reading)
        if row >= len(rows):
            raise InputError(f"--row {row} was asked for, but {data!r} has rows 0 to {len(rows) - 1}.")
        one = rows[row : row + 1]
        tell_unseen(fitted, one)
    predictions, probabilities = fitted.answers(one)
    answer, stated = predictions[0], None if probabilities is None else float(probabilities[0].max())
    found = fitted.explain(one, neighbors=neighbors)[0]
    if fitted.reads_texts:
        pushed = import_module("gorae.study.marked_texts").marked_texts(fitted, fitted.given(one), [row])
    else:
        pushed = import_module("gorae.study.explaining").attributions_of(fitted, one, [row])
    if as_json:
        content: dict[str, Any] = {
            "row": row,
            "prediction": answer,
            "probability": stated,
            "space": fitted.space,
            "neighbors": found,
            "attributions": None if pushed is None else {"output": pushed["output"], **pushed["rows"][0]},
        }
        print_json("gorae.explain/1", content)
        return
    sure = "" if stated is None else f" (probability {stated:.4f})"
    if not quiet:
        click.echo(f"distance: Euclidean, in {fitted.space}", err=True)
    click.echo(f"row {row}: {shown(answer)}{sure}; the nearest training examples:")
    click.echo(f"{_ROW_TITLE}  {'distance':>9}  {shown(fitted.target or 'label')}")
    for example in found:
        number = f"{example['row']:>{len(_ROW_TITLE)}}"
        click.echo(f"{number}  {example['distance']:>9.4f}  {shown(example['label'])}")
    if pushed is not None:
        told = import_module("gorae.cli.marked").as_lines(pushed) if fitted.reads_texts else _pushed(pushed)
        click.echo("\n".join(["", *told]))
    elif not quiet:
        what = "words" if fitted.reads_texts else "columns"
        rest = "" if fitted.reads_texts else "; --target says what all answers depend on"
        told = f"which {what} pushed the answer is not told: {fitted.name} has no gradient to follow"
        click.echo(f"{told}{rest}.", err=True)


def _pushed(found: dict[str, Any]) -> list[str]:
    """Return what pushed an answer as the lines of a table."""
    row = found["rows"][0]
    what = {"logit": f"the score for {shown(row['of'])}", "value": "the prediction"}[found["output"]]
    lines = [
        f"what pushed {what} from {row['start']:.4g} at the mean training row to {row['end']:.4g}:",
    ]
    named = [
        f"{one['column']} = {'missing' if one['value'] is None else _short(one['value'])}"
        for one in row["columns"][:_SHOWN]
    ]
    wide = max(len(shown(name)) for name in named)
    for name, one in zip(named, row["columns"], strict=False):
        around = "" if one["low"] is None else f"  {one['low']:+.4g} to {one['high']:+.4g} over the networks"
        lines.append(f"{shown(name):<{wide}}  {one['attribution']:+10.4f}{around}")
    return lines


def _short(value: Any) -> str:
    """Return a value of a table in few letters."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
