"""Which architectures a file may hold, and how the shapes of their networks are read from it.

A file may come from anybody: sizes are believed only as far as the file's own arrays go.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np

from gorae.errors import DamagedFileError
from gorae.estimators.meta_reading import checked_count, read_flag, read_list, read_text
from gorae.models.cnn import CNNShape
from gorae.models.linear import LinearShape
from gorae.models.mlp import MLPShape
from gorae.models.module import ModuleShape
from gorae.models.parts import part_from_meta
from gorae.models.sequence import SequenceShape
from gorae.models.shape import NetworkShape
from gorae.models.tagger import TaggerShape

Meta = Mapping[str, Any]

_LARGEST_SIDE = 1 << 14
_MOST_LAYERS = 10_000
OWN = "module"
"""What networks are of whose structure is a module of the user's own."""

_LATER = {"sequence": {"frozen": False}, "tagger": {"frozen": False}}
"""What shapes have had since a later version, and what it is in files without it."""

_UNKNOWN = "the network's structure is none that this version of gorae knows."


def shape_to_meta(shape: NetworkShape) -> dict[str, Any]:
    """Return a shape as JSON, with the name of its architecture; of a module of the user's own its sizes."""
    if isinstance(shape, ModuleShape):
        return {"kind": OWN, **shape.to_meta()}
    kind = next(name for name, (cls, _) in _ARCHITECTURES.items() if isinstance(shape, cls))
    return {"kind": kind, **shape.to_meta()}


def shape_from_meta(meta: Meta, arrays: Mapping[str, np.ndarray]) -> NetworkShape:
    """Return the shape of the networks of a file, if it has as many numbers as such a network needs.

    Args:
        meta: what `shape_to_meta` told.
        arrays: all arrays of the file.

    Raises:
        DamagedFileError: when the architecture is unknown, or larger than the file.
        InputError: when a value is out of its range.
    """
    kind = read_text(meta, "kind")
    if kind not in _ARCHITECTURES:
        raise DamagedFileError(_UNKNOWN)
    cls, read = _ARCHITECTURES[kind]
    told = {**_LATER.get(kind, {}), **{name: value for name, value in meta.items() if name != "kind"}}
    if set(told) != {field.name for field in fields(cls)}:
        raise DamagedFileError(_UNKNOWN)
    return read(told, len(arrays), sum(array.size for array in arrays.values()))


def _read_linear(meta: Meta, count: int, held: int) -> LinearShape:
    """Return the shape of linear models."""
    _check_dense([meta["inputs"], meta["outputs"]], held)
    return LinearShape(**meta)


def _read_mlp(meta: Meta, count: int, held: int) -> MLPShape:
    """Return the shape of multilayer perceptrons, each layer of which has an array at least."""
    hidden = read_list(meta, "hidden", most=count)
    pieces = checked_count(meta["maxout_pieces"], "maxout_pieces", 2, max(2, held))
    used = pieces if meta["activation"] == "maxout" and hidden else 1
    _check_dense([meta["inputs"], *hidden, meta["outputs"]], held, used)
    return MLPShape(**meta)


def _read_cnn(meta: Meta, count: int, held: int) -> CNNShape:
    """Return the shape of convolutional networks; images are small enough that a row of them can be had."""
    image = read_list(meta, "image", most=3)
    for size in image:
        checked_count(size, "an image's size", 1, _LARGEST_SIDE)
    checked_count(meta["outputs"], "outputs", 1, held)
    layers = [part_from_meta(part) for part in read_list(meta, "layers", most=_MOST_LAYERS)]
    shape = CNNShape(**{**meta, "image": tuple(image), "layers": tuple(layers)})
    if shape.weights > held:
        raise DamagedFileError("the network's layers are larger than what the file holds.")
    return shape


def _read_sequence(meta: Meta, count: int, held: int) -> SequenceShape:
    """Return the shape of networks over sequences; each of its parts has its own weights in the file."""
    sizes = ("inputs", "outputs", "embedding", "width", "layers")
    inputs, outputs, embedding, width, layers = (
        checked_count(meta[name], name, 1, max(held, 1)) for name in sizes
    )
    tokens, channels = (checked_count(meta[name], name, 0, held) for name in ("tokens", "channels"))
    recurrent = meta["cell"] != "bag"
    needed = tokens * embedding + inputs + outputs
    needed += width * (width + (channels or embedding)) if recurrent else 0
    needed += (layers - 1) * width * width if recurrent else 0
    if needed > held or layers > count:
        raise DamagedFileError("the network's layers are larger than what the file holds.")
    read_flag(meta, "frozen")
    return SequenceShape(**meta)


def _read_tagger(meta: Meta, count: int, held: int) -> TaggerShape:
    """Return the shape of sequence taggers, each recurrent layer of which has arrays of its own."""
    names = ("inputs", "outputs", "words", "characters", "word_width", "character_width", "hidden")
    size = {name: checked_count(meta[name], name, 1, held) for name in names}
    filters = checked_count(meta["filters"], "filters", 0, held)
    layers = checked_count(meta["layers"], "layers", 1, count)
    known = size["words"] * size["word_width"] + 2 * layers * size["hidden"] ** 2
    known += size["hidden"] * (size["word_width"] + filters + size["outputs"])
    if filters:
        known += size["character_width"] * (size["characters"] + filters)
    if known > held:
        raise DamagedFileError("the network's layers are larger than what the file holds.")
    read_flag(meta, "frozen")
    return TaggerShape(**meta)


def _check_dense(widths: list[Any], held: int, pieces: int = 1) -> None:
    """Refuse dense layers with more weights than a file holds numbers; hidden ones have `pieces` of each."""
    known = [checked_count(width, "a layer's width", 1, held) for width in widths]
    if pieces * sum(a * b for a, b in pairwise(known[:-1])) + known[-2] * known[-1] > held:
        raise DamagedFileError("the network's layers are larger than what the file holds.")


_ARCHITECTURES: Mapping[str, tuple[type, Callable[[Meta, int, int], NetworkShape]]] = {
    "cnn": (CNNShape, _read_cnn),
    "linear": (LinearShape, _read_linear),
    "mlp": (MLPShape, _read_mlp),
    "sequence": (SequenceShape, _read_sequence),
    "tagger": (TaggerShape, _read_tagger),
}
"""Name in a file to class and reader, which is given the meta, the file's arrays and its numbers."""
