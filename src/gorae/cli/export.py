"""`gorae export`: a network as an ONNX file."""

from importlib import import_module
from pathlib import Path

import click

import gorae
from gorae.cli.options import as_json, force, print_json, quiet, shown
from gorae.cli.outputs import refuse_existing
from gorae.errors import InputError


@click.command(short_help="Write a network as an ONNX file.")
@click.argument("model", type=click.Path())
@click.argument("out", type=click.Path(dir_okay=False))
@as_json
@quiet
@force
def export(model: str, out: str, as_json: bool, quiet: bool, force: bool) -> None:
    """Write the network in the file MODEL to the ONNX file OUT, which other runtimes answer from.

    The scaling of the inputs, all members of an ensemble and the calibration of probabilities are inside. A
    table's text columns become numbers before: the input is the matrix whose columns are told, in that order.
    """
    if Path(out).suffix != ".onnx":
        raise InputError(f"OUT must be the name of an ONNX file, such as model.onnx, got {out!r}.")
    refuse_existing([Path(out)], force, "OUT")
    fitted = gorae.load(model)
    import_module("gorae.exchange").to_onnx(fitted, out, force=force)
    read = import_module("gorae.exchange").onnx_interface(out)
    if as_json:
        print_json("gorae.export/1", {"file": out, **read})
        return
    if quiet:
        return
    columns = ", ".join(map(repr, read["columns"][:5])) + (", ..." if len(read["columns"]) > 5 else "")
    named = f" ({shown(columns)})" if columns else ""
    given, answer = read["input"], read["output"]
    click.echo(
        f"gorae: {out}: {given['name']}, {given['type']} of shape {given['shape']}{named}, become "
        f"{answer['name']}, {answer['type']} of shape {answer['shape']}.",
        err=True,
    )
