"""What the filters of a network look for: their kernels, their answers to an image, what excites them most.

Letters of shapes: ``maps`` are (images, height, width, filters); a filter's answer at one place is a unit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import numpy as np
from jaxtyping import Float32, Int, Num

from gorae import nn
from gorae.errors import DataError, InputTypeError
from gorae.estimators.learned import answering_problem
from gorae.explanation.attribution import network_of
from gorae.explanation.maps import maps_in_parts
from gorae.explanation.rows import reads_tables
from gorae.models.cnn import CNNShape
from gorae.models.receptive_field import Field, receptive_fields

__all__ = [
    "Exciting",
    "Kernels",
    "exciting_patches",
    "feature_maps",
    "fields_of",
    "image_size",
    "kernels_of",
    "network_to_look_at",
]


@dataclass(frozen=True)
class Kernels:
    """The weights of a layer that reads images.

    Attributes:
        layer: its name.
        weights: (down, across, channels, filters).
        whole: whether a kernel covers the whole image, as those of a dense layer do.
    """

    layer: str
    weights: Float32[np.ndarray, "down across channels filters"]
    whole: bool


@dataclass(frozen=True)
class Exciting:
    """The patches of images that excite each filter of a layer most, one from an image, strongest first.

    Attributes:
        layer: its name.
        field: what a unit of it sees.
        rows: (filters, count) the images' places among those given; -1 where the filter never answers.
        places: (filters, count, 2) row and column of the unit in its map.
        answers: (filters, count) what it answered.
    """

    layer: str
    field: Field
    rows: Int[np.ndarray, "filters count"]
    places: Int[np.ndarray, "filters count 2"]
    answers: Float32[np.ndarray, "filters count"]


def network_to_look_at(model: Any) -> Any:
    """Return the fitted network that answers for a model.

    Raises:
        InputTypeError: when it is no network.
        NotFittedError: when it is not fitted.
    """
    try:
        return network_of(model)
    except InputTypeError:
        what = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise InputTypeError(
            "filters and weights to look at are those of a fitted network (a convolutional one, an MLP or a "
            f"linear model), but the model is {what}."
        ) from None


def image_size(model: Any, images: Num[np.ndarray, "n ..."] | None = None) -> tuple[int, int, int]:
    """Return height, width and channels of the images that a model reads.

    Args:
        model: a fitted network, or the model of a study that is one.
        images: what it is asked about, which tells where the model itself does not know.

    Raises:
        DataError: when nobody knows, or the images are of another size.
        InputTypeError: when it is no network.
    """
    network = network_to_look_at(model)
    known = getattr(network, "image_shape_in_", None)
    if known is None and reads_tables(model):
        known = (getattr(model, "facts", {}).get("data") or {}).get("image_shape")
    given = None if images is None or np.ndim(images) < 3 else np.shape(images)[1:]
    size = known or given
    inputs = network._learned.shape.inputs
    if size is None:
        raise DataError(f"the model reads rows of {inputs} numbers and does not say what images they are of.")
    if prod(size) != inputs:
        raise DataError(f"the model reads rows of {inputs} numbers, got images of {_told(size)}.")
    height, width, channels = (*map(int, size), 1)[:3]
    if given is not None and (*given, 1)[:3] != (height, width, channels):
        raise DataError(f"the model reads images of {_told(size)}, got {_told(given)}; convert them.")
    return height, width, channels


def kernels_of(model: Any, images: Num[np.ndarray, "n ..."] | None = None) -> list[Kernels]:
    """Return the kernels of every convolution of a network, or the weights that its first dense layer has.

    A residual block gives its two convolutions, named "residual 1, first" and "residual 1, second". Of an
    ensemble it is the first member.

    Args:
        model: a fitted network, or the model of a study that is one.
        images: see `image_size`.

    Returns:
        The layers that read images, in the order of the data.

    Example:
        >>> import gorae
        >>> X = np.random.default_rng(0).normal(size=(40, 5, 5))
        >>> model = gorae.LinearClassifier(epochs=1).fit(X.reshape(40, -1), X[:, 2, 2] > 0)
        >>> [(one.layer, one.weights.shape) for one in kernels_of(model, X)]
        [('output', (5, 5, 1, 2))]
    """
    size = image_size(model, images)
    parameters = network_to_look_at(model)._learned.members[0].parameters
    found: list[Kernels] = []
    for name, layer in parameters.named_layers():
        convolutions = list(_parts(layer, nn.Conv))
        if isinstance(layer, nn.Residual) or len(convolutions) > 1:
            convolutions = convolutions[:2]  # the third is the shortcut, a kernel of one cell
        for place, one in enumerate(convolutions):
            ending = "" if len(convolutions) == 1 else (", first", ", second")[place]
            found.append(Kernels(name + ending, np.asarray(one.weight, np.float32), False))
        if not found:
            dense = next(_parts(layer, nn.Dense), None)
            if dense is None or dense.weight.shape[0] != prod(size):
                break
            weights = np.asarray(dense.weight, np.float32).reshape(*size, -1)
            return [Kernels(name, weights, True)]
    return found


def fields_of(model: Any) -> dict[str, Field]:
    """Return what the units of each hidden layer see, by its name; nothing for a network without maps.

    Args:
        model: a fitted network, or the model of a study that is one.
    """
    shape = network_to_look_at(model)._learned.shape
    return {field.name: field for field in receptive_fields(shape)} if isinstance(shape, CNNShape) else {}


def feature_maps(
    model: Any, images: Num[np.ndarray, "n ..."]
) -> dict[str, Float32[np.ndarray, "n height width filters"]]:
    """Return what every layer over images answers, after its activation and the poolings that follow.

    A global pooling is left out: maps are what it reads.

    Args:
        model: a fitted convolutional network, or the model of a study that is one.
        images: as the model takes them.

    Returns:
        The maps by the layer's name, in the order of the data; layers without places are left out.

    Raises:
        InputTypeError: for a network that has no maps.
        DataError: when the images are of another size.

    Example:
        >>> import gorae
        >>> from gorae.models import ConvPart, PoolPart
        >>> X = np.random.default_rng(0).normal(size=(40, 8, 8))
        >>> model = gorae.CNNClassifier([ConvPart(4), PoolPart()], epochs=1).fit(X, X[:, 2, 2] > 0)
        >>> feature_maps(model, X[:3])["conv 1"].shape
        (3, 4, 4, 4)
    """
    maps: dict[str, list[np.ndarray]] = {}
    for part in _in_parts(model, images):
        for name, found in part.items():
            maps.setdefault(name, []).append(found)
    return {name: np.concatenate(found) for name, found in maps.items()}


def exciting_patches(model: Any, images: Num[np.ndarray, "n ..."], *, count: int = 4) -> list[Exciting]:
    """Find, for each filter of each layer, the patches that it answers most strongly to.

    Of each image only its strongest patch counts, so that `count` patches come from as many images.

    Args:
        model: a fitted convolutional network, or the model of a study that is one.
        images: to look in, such as those that it was trained on.
        count: patches for each filter.

    Returns:
        The patches of each layer over images; a filter that answers the same everywhere has none (-1).

    Raises:
        InputTypeError: for a network that has no maps.
        DataError: when the images are of another size.

    References:
        Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4, figure 2.
    """
    best: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for part in _in_parts(model, images):
        for name, maps in part.items():
            flat = maps.reshape(len(maps), -1, maps.shape[-1])
            place = flat.argmax(axis=1)
            strongest = np.take_along_axis(flat, place[:, None], axis=1)[:, 0]
            best.setdefault(name, []).append((place, strongest, flat.min(axis=(0, 1))))
    fields = fields_of(model)
    return [_strongest(fields[name], parts, min(count, len(images))) for name, parts in best.items()]


def _strongest(field: Field, parts: list[Any], count: int) -> Exciting:
    """Return the patches of a layer from the strongest unit of each image and filter."""
    places, answers = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    least = np.min([part[2] for part in parts], axis=0)
    order = np.argsort(-answers, axis=0, kind="stable")[:count].T
    filters = np.arange(answers.shape[1])[:, None]
    found, where = answers[order, filters], places[order, filters]
    rows = np.where(found.max(axis=1, keepdims=True) > least[:, None], order, -1)
    units = np.stack(np.unravel_index(where, field.units), axis=-1)
    return Exciting(field.name, field, rows, units, found)


def _in_parts(model: Any, images: Num[np.ndarray, "n ..."]) -> Iterator[dict[str, np.ndarray]]:
    """Yield the maps of some images at a time, by the layer's name."""
    network = network_to_look_at(model)
    names = [name for name, field in fields_of(model).items() if field.over]
    if not names:
        raise InputTypeError(
            "feature maps are what convolutional networks have (CNNClassifier, CNNRegressor), but this is a "
            f"{type(network).__name__} without layers over images."
        )
    image_size(model, images)
    rows = np.asarray(images)
    if reads_tables(model):
        rows = model.matrix(rows.reshape(len(rows), -1))
    learned = network._learned
    matrix, _, devices = network._questions(rows, ())
    problem = answering_problem(learned.shape)
    for found in maps_in_parts(problem, learned.members[0], learned.encoding, matrix, devices[0]):
        yield dict(zip(names, found, strict=True))


def _parts(layer: Any, kind: type) -> Iterator[Any]:
    """Yield the layers of a kind that a layer is made of."""
    leaves = jax.tree.leaves(layer, is_leaf=lambda node: isinstance(node, kind))
    yield from (leaf for leaf in leaves if isinstance(leaf, kind))


def _told(size: Any) -> str:
    """Return the size of images in words."""
    height, width, channels = (*size, 1)[:3]
    return f"{height} x {width} cells and {channels} channel{'s' if channels != 1 else ''}"
