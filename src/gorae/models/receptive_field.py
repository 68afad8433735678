"""The receptive field: which cells of an image a unit of a convolutional network sees.

Letters, along each axis: a kernel of k cells with stride s, dilation d and padding p; a unit's field has r
cells, the next unit's begins j cells further on, and the first one's at cell f.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gorae.models.cnn import CNNShape
from gorae.models.parts import DensePart, GlobalPoolPart, Part, ResidualPart
from gorae.nn import Windows, make_windows

__all__ = ["Field", "receptive_fields"]


class Field(NamedTuple):
    """What the units of a hidden layer see of an image.

    Attributes:
        name: of the layer.
        size: r, cells down and across; the image's own where a unit sees all of it.
        step: j, from one unit's field to the next one's.
        first: f, where the first unit's field begins; negative where it begins in padding.
        units: how many units there are down and across: the sizes of a map.
        over: whether the layer answers with maps; a dense layer sees the whole image.
        image: the sizes of the image.
    """

    name: str
    size: tuple[int, int]
    step: tuple[int, int]
    first: tuple[int, int]
    units: tuple[int, int]
    image: tuple[int, int]
    over: bool = True

    def patch(self, row: int, column: int) -> tuple[slice, slice]:
        """Return which rows and columns of the image a unit sees, without what lies outside.

        Args:
            row: of the unit in its map.
            column: likewise.

        Example:
            >>> Field("conv 1", (5, 5), (2, 2), (-1, -1), (4, 4), (8, 8)).patch(0, 1)
            (slice(0, 4, None), slice(1, 6, None))
        """
        ends = []
        for place, size, step, first, whole in zip(
            (row, column), self.size, self.step, self.first, self.image, strict=True
        ):
            start = first + place * step
            ends.append(slice(max(start, 0), min(start + size, whole)))
        return ends[0], ends[1]


def receptive_fields(shape: CNNShape) -> tuple[Field, ...]:
    r"""Return what each hidden layer's units see, after the poolings that follow it.

    From one layer to the next $f \leftarrow f - p j$, $r \leftarrow r + d (k - 1) j$ and then
    $j \leftarrow s j$, from r = j = 1 and f = 0. A residual block counts as its two convolutions, which see
    all that its shortcut sees. A global pooling is left out: a field is that of the maps it reads. Dense
    layers see the whole image. Where windows leave cells over and padding follows, the last patches may hold
    such cells, which no unit sees.

    Args:
        shape: of the network.

    Returns:
        A field for each hidden layer, in the order of the data.

    Example:
        >>> from gorae.models import ConvPart, PoolPart
        >>> layers = [ConvPart(16, 5, padding="valid"), PoolPart(), ConvPart(32, 5, padding="valid")]
        >>> [field.size for field in receptive_fields(CNNShape((28, 28, 1), 10, layers))]
        [(6, 6), (14, 14)]

    References:
        Araujo, Norris, Sim 2019, "Computing receptive fields of convolutional neural networks", Distill,
        equations 2 and 3.
    """
    image = shape.image[:2]
    seen = Field("", (1, 1), (1, 1), (0, 0), image, image)
    fields = []
    for pool in shape.first_pools:
        seen = _whole(image) if isinstance(pool, GlobalPoolPart) else _through(seen, pool)
    for stage in shape.stages:
        for part in (stage.part, *stage.pools):
            if not isinstance(part, GlobalPoolPart):
                seen = _through(seen, part)
        seen = seen._replace(name=stage.name)
        fields.append(seen)
    return tuple(fields)


def _through(seen: Field, part: Part) -> Field:
    """Return what units see after one part more."""
    if isinstance(part, DensePart):
        return _whole(seen.image)
    assert not isinstance(part, GlobalPoolPart)
    windows: Sequence[Windows] = [part.windows]
    if isinstance(part, ResidualPart):
        windows = [part.windows, make_windows(part.windows.kernel, padding="same")]
    for one in windows:
        seen = _behind(seen, one)
    return seen


def _whole(image: tuple[int, int]) -> Field:
    """Return the field of a unit that sees the whole image."""
    return Field("", image, image, (0, 0), (1, 1), image, over=False)


def _behind(seen: Field, windows: Windows) -> Field:
    """Return what units see that look through windows at those before."""
    sizes, steps, firsts = [], [], []
    for axis, (before, _) in enumerate(windows.pads(seen.units)):
        step = seen.step[axis]
        firsts.append(seen.first[axis] - before * step)
        sizes.append(seen.size[axis] + (windows.spans[axis] - 1) * step)
        steps.append(step * windows.stride[axis])
    down, across = windows.outputs(seen.units)
    return seen._replace(
        size=(sizes[0], sizes[1]),
        step=(steps[0], steps[1]),
        first=(firsts[0], firsts[1]),
        units=(down, across),
    )
