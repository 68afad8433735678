"""The receptive field: worked by hand, and exactly what a unit's gradient reaches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.models import (
    CNNShape,
    ConvPart,
    DensePart,
    GlobalPoolPart,
    PoolPart,
    ResidualPart,
    build_cnn,
)
from gorae.models.receptive_field import receptive_fields


def average(kernel=2, **options):
    """A pooling whose gradient reaches all that it sees."""
    return PoolPart("average", kernel, **options)


SHAPES = {
    "valid": [ConvPart(2, 5, padding="valid"), average(), ConvPart(2, 3, padding="valid")],
    "same and stride": [ConvPart(2, 3, stride=2), ConvPart(2, (3, 5))],
    "dilated": [ConvPart(2, 3, dilation=2, padding=1), average(3, stride=2, padding=1)],
    "residual": [average(), ResidualPart(2, stride=2), GlobalPoolPart()],
}


def test_a_field_by_hand():
    """Kernel 5, pooling 2, kernel 5, pooling 2, on 28 x 28 cells without padding.

    r: 1, 1 + 4 = 5, 5 + 1 = 6 with j = 2, 6 + 4 · 2 = 14, 14 + 1 · 2 = 16 with j = 4; f stays 0.
    """
    shape = CNNShape(
        (28, 28, 1),
        10,
        [
            ConvPart(4, 5, padding="valid"),
            PoolPart(),
            ConvPart(4, 5, padding="valid"),
            PoolPart(),
            DensePart(8),
        ],
    )
    first, second, dense = receptive_fields(shape)

    assert (first.size, first.step, first.first, first.units) == ((6, 6), (2, 2), (0, 0), (12, 12))
    assert (second.size, second.step, second.units) == ((16, 16), (4, 4), (4, 4))
    assert (dense.size, dense.over) == ((28, 28), False)


def test_padding_moves_the_field_out_of_the_image():
    """Two kernels of 3 with padding 1 and stride 2: r = 3 + 2 · 2 = 7, j = 4, f = -1 - 1 · 2 = -3."""
    field = receptive_fields(CNNShape((16, 16, 1), 2, [ConvPart(1, 3, stride=2, padding=1)] * 2))[1]

    assert (field.size, field.step, field.first) == ((7, 7), (4, 4), (-3, -3))
    assert field.patch(0, 2) == (slice(0, 4), slice(5, 12))


@pytest.mark.parametrize("layers", SHAPES.values(), ids=SHAPES)
def test_a_unit_depends_on_its_field_and_on_nothing_else(layers):
    """The gradient of a unit reaches the first and last row and column of its patch, and no cell outside."""
    shape = CNNShape((12, 16, 1), 2, layers, activation="identity", normalization="layer")
    fields = [field for field in receptive_fields(shape) if field.over]
    model = build_cnn(jax.random.key(0), shape)
    layer = fields[-1]

    def maps(x):
        seen = x
        for one in model.body.layers[:-1]:
            seen = one(seen, nn.inference())[0]
        last = model.body.layers[-1]
        if isinstance(layers[-1], GlobalPoolPart):
            last = last.layers[0]
        return last(seen, nn.inference())[0][0, :, :, 0]

    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 12, 16, 1)), jnp.float32)
    reached = np.abs(np.asarray(jax.jit(jax.jacobian(maps))(x))[:, :, 0, :, :, 0]) > 0
    assert reached.shape[:2] == layer.units
    for row, column in np.ndindex(layer.units):
        down, across = layer.patch(row, column)
        rows, columns = (
            np.flatnonzero(reached[row, column].any(1)),
            np.flatnonzero(reached[row, column].any(0)),
        )
        assert rows.min() >= down.start
        assert rows.max() < down.stop
        assert columns.min() >= across.start
        assert columns.max() < across.stop
    first, last = reached[0, 0], reached[tuple(size - 1 for size in layer.units)]
    for seen, unit in ((first, (0, 0)), (last, tuple(size - 1 for size in layer.units))):
        down, across = layer.patch(*unit)
        assert {down.start, down.stop - 1} <= set(np.flatnonzero(seen.any(1)))
        assert {across.start, across.stop - 1} <= set(np.flatnonzero(seen.any(0)))
