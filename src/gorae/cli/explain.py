"""`gorae explain`: the training examples that a row resembles."""

from typing import Any

import click

from gorae.cli.options import as_json, print_json
from gorae.cli.predict import open_model, tell_unseen
from gorae.cli.sources import new_rows
from gorae.errors import InputError


@click.command()
@click.argument("model", type=click.Path())
@click.argument("data", type=click.Path())
@click.option("--row", type=click.IntRange(0), required=True, help="Which row of DATA, counted from 0.")
@click.option("--neighbors", type=click.IntRange(1), default=5, show_default=True, help="How many examples.")
@click.option("--header/--no-header", default=True, help="Whether the file's first line names the columns.")
@as_json
def explain(model: str, data: str, row: int, neighbors: int, header: bool, as_json: bool) -> None:
    """Show the training examples nearest to a row of DATA in the last hidden layer of MODEL."""
    fitted = open_model(model)
    rows = new_rows(fitted, data, header)
    count = len(rows)
    if row >= count:
        raise InputError(f"--row {row} was asked for, but {data!r} has rows 0 to {count - 1}.")
    one = rows[row : row + 1]
    tell_unseen(fitted, one)
    answer = fitted.predict(one)[0]
    found = fitted.explain(one, neighbors=neighbors)[0]
    stated = None if fitted.classes is None else float(fitted.predict_proba(one)[0].max())
    if as_json:
        content: dict[str, Any] = {
            "row": row,
            "prediction": answer,
            "probability": stated,
            "neighbors": found,
        }
        print_json("gorae.explain/1", content)
        return
    sure = "" if stated is None else f" (probability {stated:.4f})"
    click.echo(f"row {row}: {answer}{sure}; the nearest training examples:")
    click.echo(f"{'training row':>12}  {'distance':>9}  {fitted.target or 'label'}")
    for example in found:
        click.echo(f"{example['row']:>12}  {example['distance']:>9.4f}  {example['label']}")
