"""Layers that move numbers about without changing them: axes in another order, other shapes, zeros around."""

from math import prod
from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gorae.errors import InputError, ParameterError
from gorae.nn.layer import Context, Layer

__all__ = ["Cut", "Pad", "Reorder", "Reshape", "Transpose"]


@final
class Transpose(Layer):
    """Puts the axes of each row in another order.

    Args:
        axes: For each axis of the output, which axis of the batch it is; the batch's own stays first.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> Transpose((0, 3, 1, 2))(jnp.ones((5, 28, 28, 1)), inference())[0].shape
        (5, 1, 28, 28)
    """

    axes: tuple[int, ...] = eqx.field(static=True)

    def __check_init__(self):
        if self.axes[:1] != (0,) or sorted(self.axes) != list(range(len(self.axes))):
            raise ParameterError(
                f"axes must name each axis once and leave the batch's first, got {self.axes}."
            )

    def __call__(
        self, x: Float[Array, "batch ..."], context: Context
    ) -> tuple[Float[Array, "batch ..."], "Transpose"]:
        """Return the batch with its axes in another order."""
        if x.ndim != len(self.axes):
            raise InputError(f"Transpose expects {len(self.axes)} axes, got shape {tuple(x.shape)}.")
        return jnp.transpose(x, self.axes), self


@final
class Reshape(Layer):
    """Gives each row another shape, last axis fastest.

    Args:
        shape: Of a row, without the batch; it holds as many numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> Reshape((28, 28, 1))(jnp.ones((5, 784)), inference())[0].shape
        (5, 28, 28, 1)
    """

    shape: tuple[int, ...] = eqx.field(static=True)

    def __call__(
        self, x: Float[Array, "batch ..."], context: Context
    ) -> tuple[Float[Array, "batch ..."], "Reshape"]:
        """Return the batch with rows of the shape.

        Raises:
            InputError: If a row holds more or fewer numbers.
        """
        if prod(x.shape[1:]) != prod(self.shape):
            raise InputError(f"Reshape cannot make rows of shape {self.shape} of {tuple(x.shape[1:])}.")
        return jnp.reshape(x, (x.shape[0], *self.shape)), self


@final
class Reorder(Layer):
    """Puts the features of each row in another order, or leaves some out.

    Args:
        places: For each feature of the output, the place on the last axis that it comes from.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> Reorder((2, 0))(jnp.array([[10.0, 11.0, 12.0]]), inference())[0].tolist()
        [[12.0, 10.0]]
    """

    places: tuple[int, ...] = eqx.field(static=True)

    def __call__(
        self, x: Float[Array, "batch *cells features"], context: Context
    ) -> tuple[Float[Array, "batch *cells places"], "Reorder"]:
        """Return the features in their new order."""
        if max(self.places) >= x.shape[-1]:
            raise InputError(
                f"Reorder takes the feature {max(self.places)} (from 0), got shape {tuple(x.shape)}."
            )
        return x[..., np.asarray(self.places)], self


@final
class Cut(Layer):
    """Takes a part of each row: every so many cells from one to another, along each axis.

    Args:
        starts: For each axis of a row the first cell, from 0.
        counts: How many cells; None where the axis goes, and the one cell is all there is of it.
        steps: Cells from one to the next.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> Cut((9, 0), (None, 4), (1, 1))(jnp.ones((5, 10, 4)), inference())[0].shape
        (5, 4)
    """

    starts: tuple[int, ...] = eqx.field(static=True)
    counts: tuple[int | None, ...] = eqx.field(static=True)
    steps: tuple[int, ...] = eqx.field(static=True)

    def __call__(
        self, x: Float[Array, "batch ..."], context: Context
    ) -> tuple[Float[Array, "batch ..."], "Cut"]:
        """Return the part.

        Raises:
            InputError: If a row has too few axes or cells.
        """
        ends = [
            first + ((count or 1) - 1) * step + 1
            for first, count, step in zip(self.starts, self.counts, self.steps, strict=True)
        ]
        if x.ndim != len(ends) + 1 or any(end > n for end, n in zip(ends, x.shape[1:], strict=True)):
            raise InputError(f"Cut expects rows of at least {tuple(ends)} cells, got shape {tuple(x.shape)}.")
        taken = [
            first if count is None else slice(first, end, step)
            for first, count, end, step in zip(self.starts, self.counts, ends, self.steps, strict=True)
        ]
        return x[(slice(None), *taken)], self


@final
class Pad(Layer):
    """Puts cells of one value around each row.

    Args:
        pads: Cells before and after, for each axis of a row, the channels' included.
        value: What they hold.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> Pad(((1, 1), (0, 0)))(jnp.ones((1, 2, 1)), inference())[0].ravel().tolist()
        [0.0, 1.0, 1.0, 0.0]
    """

    pads: tuple[tuple[int, int], ...] = eqx.field(static=True)
    value: float = eqx.field(static=True, default=0.0)

    def __call__(
        self, x: Float[Array, "batch ..."], context: Context
    ) -> tuple[Float[Array, "batch ..."], "Pad"]:
        """Return the batch with its rows enlarged."""
        widths: Any = ((0, 0), *self.pads)
        return jnp.pad(x, widths, constant_values=self.value), self
