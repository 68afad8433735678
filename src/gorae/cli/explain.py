"""`gorae explain`: the training examples that a row resembles."""

from typing import Any

import click

from gorae.cli.options import as_json, encoding, header, print_json, quiet, quietly, shown
from gorae.cli.predict import open_model, tell_unseen
from gorae.cli.sources import Reading, new_rows
from gorae.errors import InputError

_ROW_TITLE = "training row (from 0)"


@click.command(short_help="Show the training examples a row resembles.")
@click.argument("model", type=click.Path())
@click.argument("data", type=click.Path())
@click.option("--row", type=click.IntRange(0), required=True, help="Which row of DATA, counted from 0.")
@click.option("--neighbors", type=click.IntRange(1), default=5, show_default=True, help="How many examples.")
@header
@encoding
@as_json
@quiet
def explain(
    model: str,
    data: str,
    row: int,
    neighbors: int,
    header: bool,
    encoding: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Predict a row of DATA, and show the training examples that MODEL finds most like it.

    They are the nearest in the space in which the model compares rows: the last hidden layer of an mlp, and
    of the first network of an ensemble. bayes, knn and linear have none; they compare the input columns,
    scaled. Distances are Euclidean. Training rows are numbered as in the training file, from 0 and without
    the header line.
    """
    fitted = open_model(model)
    with quietly(quiet):
        rows = new_rows(fitted, data, Reading(header, encoding))
        if row >= len(rows):
            raise InputError(f"--row {row} was asked for, but {data!r} has rows 0 to {len(rows) - 1}.")
        one = rows[row : row + 1]
        tell_unseen(fitted, one)
    predictions, probabilities = fitted.answers(one)
    answer, stated = predictions[0], None if probabilities is None else float(probabilities[0].max())
    found = fitted.explain(one, neighbors=neighbors)[0]
    if as_json:
        content: dict[str, Any] = {
            "row": row,
            "prediction": answer,
            "probability": stated,
            "space": fitted.space,
            "neighbors": found,
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
