"""`gorae look`: what the filters of a network see in an image."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

import gorae
from gorae.cli.interrupts import held_interrupts
from gorae.cli.options import as_json, force, print_json, quiet, quietly, shown
from gorae.cli.outputs import check_folder, refuse_existing, stem_of
from gorae.errors import DataError


@click.command(short_help="Show what the filters of a network see in an image.")
@click.argument("model", type=click.Path())
@click.argument("image", type=click.Path())
@click.option("--row", type=click.IntRange(0), default=0, show_default=True, help="Which image of several.")
@click.option(
    "--images",
    type=click.Path(),
    metavar="DATA",
    help="Images to look through for what excites each filter most, such as the training images.",
)
@click.option(
    "--most", type=click.IntRange(1), default=2000, show_default=True, help="Of them looked through."
)
@click.option("--resize", is_flag=True, help="Scale images of another size to that of the model.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="The picture, .html or .svg. Default: IMAGE-look.html.",
)
@as_json
@quiet
@force
def look(
    model: str,
    image: str,
    row: int,
    images: str | None,
    most: int,
    resize: bool,
    out: str | None,
    as_json: bool,
    quiet: bool,
    force: bool,
) -> None:
    """Show the kernels of MODEL, their feature maps for IMAGE, and what excites each filter most.

    MODEL is what gorae fit or an estimator's save wrote: a convolutional network, or a linear model or MLP
    whose weights are shown. IMAGE is a PNG or JPEG or, with --row, one of a folder, an idx or CIFAR file, or
    a named data set such as digits. Everything is on one sheet, light and dark.
    """
    path = Path(out) if out is not None else Path(f"{stem_of(image)}-look.html")
    looking = import_module("gorae.study.looking")
    looking.checked_ending(path)
    refuse_existing([path], force)
    fitted = gorae.load(model)
    with quietly(quiet):
        found = _images(fitted, image, resize)
        if row >= len(found):
            raise DataError(f"{image!r} has {len(found)} image(s), counted from 0; there is no --row {row}.")
        among = None if images is None else _images(fitted, images, resize)[:most]
        check_folder(path.parent)
        name = Path(image).name + (f", image {row}" if len(found) > 1 else "")
        seen = looking.look(fitted, found[row], among=among, name=name)
    with held_interrupts():
        seen.save(path, force=force)
        if as_json:
            print_json("gorae.look/1", {**seen.to_dict(), "file": str(path)})
        else:
            click.echo(_as_text(seen.to_dict(), path))


def _images(fitted: Any, path: str, resize: bool) -> Any:
    """Return images with as many channels as the model reads, and of its size if that was asked for."""
    parts = import_module("gorae.data")
    filters = import_module("gorae.explanation.filters")
    if path in parts.NAMES and not Path(path).exists():
        named = parts.load_named(path)
        if named.image_shape is None:
            raise DataError(f"the data set {path!r} has no images.")
        return named.X.reshape(len(named.X), *named.image_shape)
    try:
        height, width, channels = filters.image_size(fitted)
    except DataError:  # a model of rows of numbers, which takes any images of as many
        return parts.load_images(path).pixels
    kept = channels if channels in (1, 3, 4) else None
    found = parts.load_images(path, channels=kept, size=(height, width) if resize else None)
    if found.shape[:2] != (height, width):
        raise DataError(
            f"{path!r} has images of {found.shape[0]} x {found.shape[1]} pixels, but the model reads "
            f"{height} x {width}; give --resize to scale them."
        )
    return found.pixels


def _as_text(told: dict[str, Any], path: Path) -> str:
    """Return what is printed for people."""
    sure = "" if told["probability"] is None else f" (probability {told['probability']:.4f})"
    lines = [f"{shown(told['image'])}: {shown(told['answer'])}{sure}"]
    for layer in told["layers"]:
        words = []
        if "kernel" in layer:
            down, across, channels, filters = layer["kernel"]
            words.append(f"{filters} kernels of {down} x {across} over {channels} channel(s)")
        if "maps" in layer:
            words.append(f"maps of {layer['maps'][0]} x {layer['maps'][1]}")
        if "field" in layer:
            down, across = layer["field"]["size"]
            silent = sum(not one for one in layer["exciting"])
            words.append(
                f"a cell sees {down} x {across}" + (f"; {silent} filters see nothing" if silent else "")
            )
        lines.append(f"{layer['layer']}: {', '.join(words)}")
    return "\n".join([*lines, f"picture: {path}"])
