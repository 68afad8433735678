"""What the filters of a network see, on one sheet: kernels, feature maps, patches that excite them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Num

from gorae.errors import InputError
from gorae.report.pictures.pixels import image_uri, weights_uri
from gorae.report.pictures.tiles import Shelf, Tile, tiles_figure

__all__ = ["MOST_FILTERS", "filters_figure"]

MOST_FILTERS = 32
"""Filters of a layer that are drawn; the sheet says how many more there are."""

_SIGNS = "Blue is positive, vermillion negative, white 0; one scale for all of them."
_OUTSIDE = 0.5  # grey: what of a patch lies outside of its image


def filters_figure(
    image: Num[np.ndarray, "height width channels"],
    layers: Sequence[Mapping[str, Any]],
    *,
    heading: str = "The image",
    note: str = "",
) -> str:
    """Kernels, feature maps and patches of each layer.

    Args:
        image: what the maps are of.
        layers: in the order of the data, each with ``name`` and, where it has them, ``kernels`` (down,
            across, channels, filters), ``whole`` (the kernels cover the image), ``maps`` (height, width,
            filters), ``field`` (cells down and across that a unit sees) and ``patches``: for each filter a
            list of arrays (down, across, channels), the strongest first, with NaN outside of their image.
        heading: of the image.
        note: beneath it.

    Returns:
        One ``<svg>`` element.

    Raises:
        InputError: the image has other than 1, 3 or 4 channels.

    Example:
        >>> layer = {"name": "conv 1", "kernels": np.ones((3, 3, 1, 2)), "maps": np.ones((6, 6, 2))}
        >>> svg = filters_figure(np.ones((8, 8, 1)), [layer])
        >>> svg.count("<image ")
        5
    """
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4):
        raise InputError(
            f"An image to look at must be (height, width, 1, 3 or 4), but is of shape {image.shape}."
        )
    shelves = [Shelf(heading, [_image_tile(image)], note, side=100)]
    for layer in layers:
        shelves += _shelves(layer)
    return tiles_figure(
        shelves, label=f"An image, and what {len(layers)} layers of a network make of it, filter by filter."
    )


def _shelves(layer: Mapping[str, Any]) -> list[Shelf]:
    """Return the shelves of one layer."""
    name, shelves = layer["name"], []
    if layer.get("kernels") is not None:
        shelves.append(_kernels(name, np.asarray(layer["kernels"]), bool(layer.get("whole"))))
    if layer.get("maps") is not None:
        maps = np.asarray(layer["maps"])
        limit = float(np.abs(maps).max())
        tiles = [Tile(weights_uri(maps[..., at], limit), str(at), maps.shape[:2]) for at in _drawn(maps)]
        sees = layer.get("field")
        told = f" Each cell sees {sees[0]} x {sees[1]} cells of the image." if sees else ""
        heading = f"{name}: what its filters answer for the image, {maps.shape[0]} x {maps.shape[1]}"
        shelves.append(Shelf(heading, tiles, f"{_SIGNS}{told}{_more(maps.shape[-1])}"))
    if layer.get("patches"):
        patches = layer["patches"][:MOST_FILTERS]
        tiles = [_strip(at, found) for at, found in enumerate(patches) if len(found)]
        silent = [str(at) for at, found in enumerate(patches) if not len(found)]
        note = "Patches of several images, the strongest on the left; grey is outside of an image."
        if silent:
            note += f" Filters that answer the same everywhere, and see nothing: {', '.join(silent)}."
        if tiles:
            heading = f"{name}: what excites each filter most"
            shelves.append(Shelf(heading, tiles, note + _more(len(layer["patches"])), side=40))
    return shelves


def _kernels(name: str, kernels: np.ndarray, whole: bool) -> Shelf:
    """Return the kernels of a layer: in colours where they read colours, else of their strongest channel."""
    down, across, channels, filters = kernels.shape
    limit = float(np.abs(kernels).max())
    drawn = _drawn(kernels)
    if channels == 3:
        note = "Red, green and blue as they count; grey is 0."
        tiles = [
            Tile(image_uri(kernels[..., at], (-limit or -1, limit or 1)), str(at), (down, across))
            for at in drawn
        ]
    else:
        note = _SIGNS
        strongest = np.abs(kernels).sum(axis=(0, 1)).argmax(axis=0)
        words = [str(at) if channels == 1 else f"{at} of {strongest[at]}" for at in drawn]
        if channels > 1:
            note += f" Of {channels} channels each shows the one that counts most: filter of channel."
        tiles = [
            Tile(weights_uri(kernels[:, :, strongest[at], at], limit), told, (down, across))
            for at, told in zip(drawn, words, strict=True)
        ]
    what = "weights of each unit over the image" if whole else f"{filters} kernels of {down} x {across}"
    return Shelf(f"{name}: {what}", tiles, note + _more(filters), side=72 if whole else 44)


def _strip(at: int, patches: Sequence[np.ndarray]) -> Tile:
    """Return the patches of a filter side by side, in one scale."""
    low = min(float(np.nanmin(one)) for one in patches)
    high = max(float(np.nanmax(one)) for one in patches)
    filled = [np.where(np.isnan(one), low + _OUTSIDE * (high - low), one) for one in patches]
    uris = (image_uri(one[..., :3] if one.shape[2] > 1 else one, (low, high)) for one in filled)
    return Tile(tuple(uris), f"filter {at}", (patches[0].shape[0], patches[0].shape[1]))


def _image_tile(image: np.ndarray) -> Tile:
    """Return the image itself."""
    shown = image[..., 0] if image.shape[2] == 1 else image[..., :3]
    return Tile(image_uri(shown), "", (image.shape[0], image.shape[1]))


def _drawn(arrays: np.ndarray) -> range:
    """Return the filters that are drawn: the last axis counts them."""
    return range(min(arrays.shape[-1], MOST_FILTERS))


def _more(filters: int) -> str:
    """Say how many filters are not drawn."""
    left = filters - MOST_FILTERS
    return f" {left} more are not drawn." if left > 0 else ""
