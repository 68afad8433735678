"""The layers of a convolutional network, each with the sizes before and after it.

Letters: sizes are (height, width, channels) of images, or (width,) of what a dense layer answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

from gorae.errors import InputError, ParameterError
from gorae.models.parts import ConvPart, DensePart, GlobalPoolPart, Part, PoolPart, ResidualPart

__all__ = ["Stage", "make_stages", "maps_of", "pooled", "weights_of", "work_of"]

Sizes = tuple[int, ...]

LARGEST_MAPS = 1 << 28
"""Numbers that one row's maps may hold, with their padding: a gibibyte of them."""

_NAMES: Mapping[type, str] = {ConvPart: "conv", ResidualPart: "residual", DensePart: "dense"}


class Stage(NamedTuple):
    """A named layer to be: its part, the poolings that follow, and the sizes before and after all of them."""

    name: str
    part: ConvPart | ResidualPart | DensePart
    pools: tuple[PoolPart | GlobalPoolPart, ...]
    before: Sizes
    after: Sizes


def make_stages(image: Sizes, layers: Sequence[Part]) -> Iterator[Stage]:
    """Yield the layers with weights, each with the poolings that follow it.

    Raises:
        ParameterError: naming the layer that does not fit what comes before it.
    """
    sizes, counts, place = image, dict.fromkeys(_NAMES.values(), 0), 0
    while place < len(layers) and isinstance(layers[place], PoolPart | GlobalPoolPart):
        sizes, place = _after(layers, place, sizes), place + 1
    while place < len(layers):
        part, before = layers[place], sizes
        assert not isinstance(part, PoolPart | GlobalPoolPart)
        kind = _NAMES[type(part)]
        counts[kind] += 1
        sizes, place, pools = _after(layers, place, sizes), place + 1, []
        while place < len(layers) and isinstance(pool := layers[place], PoolPart | GlobalPoolPart):
            pools.append(pool)
            sizes, place = _after(layers, place, sizes), place + 1
        yield Stage(f"{kind} {counts[kind]}", part, tuple(pools), before, sizes)


def _after(layers: Sequence[Part], place: int, sizes: Sizes) -> Sizes:
    """Return the sizes after a layer.

    Raises:
        ParameterError: if it does not fit.
    """
    part = layers[place]
    told = f"layer {place + 1} of {len(layers)}, {part}"
    if isinstance(part, DensePart):
        return (part.width,)
    if len(sizes) != 3:
        raise ParameterError(
            f"{told}, needs an image, but what comes before it answers {sizes[0]} numbers without places; "
            "put dense layers and global poolings last."
        )
    if isinstance(part, GlobalPoolPart):
        return sizes[-1:]
    if isinstance(part, ConvPart) and (sizes[-1] % part.groups or part.channels % part.groups):
        raise ParameterError(
            f"{told}: groups must divide the {sizes[-1]} channels before and the {part.channels} after it."
        )
    channels = sizes[-1] if isinstance(part, PoolPart) else part.channels
    try:
        after = (*part.windows.outputs(sizes[:-1]), channels)
    except InputError as error:
        raise ParameterError(f"{told}, does not fit an image of {sizes[0]} x {sizes[1]}: {error}") from error
    held = max(prod(part.windows.padded_sizes(sizes[:-1])) * sizes[-1], prod(after))
    if held > LARGEST_MAPS:
        raise ParameterError(
            f"{told}, would hold {held} numbers of one row, at most {LARGEST_MAPS} are taken; choose "
            "a larger stride, less padding or fewer channels."
        )
    return after


def maps_of(stage: Stage) -> Sizes:
    """Return the sizes of a stage's answer before its poolings."""
    return _after([stage.part], 0, stage.before)


def weights_of(stage: Stage) -> int:
    """Return the weights of a stage, but for a residual block's shortcut."""
    part = stage.part
    if isinstance(part, DensePart):
        return prod(stage.before) * part.width
    own = prod(part.windows.kernel) * part.channels
    if isinstance(part, ConvPart):
        return own * stage.before[-1] // part.groups
    return own * (stage.before[-1] + part.channels)


def work_of(stage: Stage) -> int:
    """Return the multiplications that a stage takes for one row: each weight once at every place."""
    return weights_of(stage) * prod(maps_of(stage)[:-1])


def pooled(pools: Sequence[PoolPart | GlobalPoolPart], sizes: Sizes) -> Sizes:
    """Return the sizes after poolings."""
    for place in range(len(pools)):
        sizes = _after(pools, place, sizes)
    return sizes
