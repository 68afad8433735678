"""Pooling: each window of an image or a sequence becomes its largest, smallest or mean cell."""

from functools import partial
from math import prod
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gorae.errors import ParameterError
from gorae.nn.batch_minor import batch_minor_on_cpu, suits_batch_minor
from gorae.nn.checks import known_name, require_channels
from gorae.nn.layer import Context, Layer
from gorae.nn.windows import Windows, make_windows

__all__ = ["POOLINGS", "GlobalPool", "Pool"]

POOLINGS = ("max", "average", "min")
"""What a window may become."""
_FEW_CELLS = 4
"""Up to so many cells of a window, of few rows on a CPU, a sum over them costs less than to choose among them
in one go (measured: half)."""


@final
class Pool(Layer):
    """Each window becomes one cell, channel by channel: its largest, its mean or its smallest value.

    Padding is in no window's answer: the mean is that of the real cells.

    Args:
        kind: One of `POOLINGS`.
        windows: Kernel, stride, padding and dilation.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> x = jnp.arange(16.0).reshape(1, 4, 4, 1)
        >>> for kind in POOLINGS:
        ...     print(kind, Pool.create(kind, 2)(x, inference())[0].ravel().tolist())
        max [5.0, 7.0, 13.0, 15.0]
        average [2.5, 4.5, 10.5, 12.5]
        min [0.0, 2.0, 8.0, 10.0]

    References:
        Scherer, Müller, Behnke 2010, "Evaluation of pooling operations in convolutional architectures".
    """

    kind: str = eqx.field(static=True)
    windows: Windows = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        kind: str,
        kernel: Any = 2,
        *,
        axes: int = 2,
        stride: Any = None,
        padding: Any = "valid",
        dilation: Any = 1,
    ) -> "Pool":
        """Make the layer.

        Args:
            kind: "max", "average" or "min".
            kernel: Cells of a window: one number, or one for each axis.
            axes: 1 for sequences, 2 for images, where the kernel is one number.
            stride: Cells from one window to the next; None for the kernel: windows side by side.
            padding: "valid", "same", cells on either side (at most half the kernel), or pairs.
            dilation: Cells from one of a window's cells to the next.

        Raises:
            ParameterError: If a value is out of its range.
        """
        known_name("pooling", kind, POOLINGS)
        windows = make_windows(
            kernel,
            axes=axes,
            stride=kernel if stride is None else stride,
            padding=padding,
            dilation=dilation,
        )
        if not isinstance(windows.padding, str):
            for span, pads in zip(windows.spans, windows.padding, strict=True):
                if max(pads) > span // 2:
                    raise ParameterError(
                        "padding must be at most half the kernel, so that each window holds a real cell; "
                        f"got {max(pads)} for a kernel that spans {span}."
                    )
        return cls(kind, windows)

    def __call__(
        self, x: Float[Array, "batch *cells channels"], context: Context
    ) -> tuple[Float[Array, "batch *windows channels"], "Pool"]:
        """Return one cell a window.

        Raises:
            InputError: If the batch has another number of axes, or no window fits.
        """
        require_channels("Pool", x, self.windows.axes)
        x = batch_minor_on_cpu(x)
        if self.kind == "max":
            found = jnp.asarray(_largest(self.windows, x))
        elif self.kind == "min":
            found = jnp.negative(_largest(self.windows, -x))
        else:
            found = _mean(self.windows, x)
        return batch_minor_on_cpu(found), self


@final
class GlobalPool(Layer):
    """All cells become one: the largest, the mean or the smallest, channel by channel.

    Args:
        kind: One of `POOLINGS`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> GlobalPool.create("average")(jnp.ones((2, 7, 7, 16)), inference())[0].shape
        (2, 16)

    References:
        Lin, Chen, Yan 2014, "Network in network", section 3.2.
    """

    kind: str = eqx.field(static=True)

    @classmethod
    def create(cls, kind: str = "average") -> "GlobalPool":
        """Make the layer.

        Raises:
            ParameterError: If there is no such pooling.
        """
        return cls(known_name("pooling", kind, POOLINGS))

    def __call__(
        self, x: Float[Array, "batch *cells channels"], context: Context
    ) -> tuple[Float[Array, "batch channels"], "GlobalPool"]:
        """Return one number a row and channel."""
        axes = tuple(range(1, x.ndim - 1))
        reduce = {"max": jnp.max, "min": jnp.min, "average": jnp.mean}[self.kind]
        return reduce(x, axis=axes), self


def _mean(windows: Windows, x: Array) -> Array:
    """Return the mean of each window's real cells."""
    cells = x.shape[1:-1]
    sizes, padded = windows.outputs(cells), windows.padded(x)
    total = sum(windows.cells(padded, offset, sizes) for offset in windows.offsets())
    return jnp.asarray(total) * _shares(windows, cells, sizes).astype(x.dtype)


def _shares(windows: Windows, cells: tuple[int, ...], sizes: tuple[int, ...]) -> np.ndarray:
    """Return one over the number of each window's real cells, `(1, *windows, 1)`."""
    counts = np.ones((1,) * (windows.axes + 2))
    for axis, (n, m, (low, _)) in enumerate(zip(cells, sizes, windows.pads(cells), strict=True), start=1):
        starts = np.arange(m)[:, None] * windows.stride[axis - 1] - low
        places = starts + np.arange(windows.kernel[axis - 1]) * windows.dilation[axis - 1]
        real = ((places >= 0) & (places < n)).sum(axis=1)
        shape = [1] * counts.ndim
        shape[axis] = m
        counts = counts * real.reshape(shape)
    return 1 / np.maximum(counts, 1)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _largest(windows: Windows, x: Array) -> Array:
    """Return the largest cell of each window; of equal ones the first has the gradient."""
    sizes, padded = windows.outputs(x.shape[1:-1]), windows.padded(x, -np.inf)
    parts = [windows.cells(padded, offset, sizes) for offset in windows.offsets()]
    found = parts[0]
    for one in parts[1:]:
        found = jnp.maximum(found, one)
    return found


class _Cells(NamedTuple):
    """What a gradient needs: the batch, and the largest cells."""

    x: Array
    found: Array


class _Places(NamedTuple):
    """What a gradient needs where windows stand side by side: at which of its cells each has its largest."""

    place: Array


def _save_largest(windows: Windows, x: Array) -> tuple[Array, _Cells | _Places]:
    """Return the largest cells, and what their gradient needs."""
    cells = x.shape[1:-1]
    if not windows.side_by_side(cells):
        found = jnp.asarray(_largest(windows, x))
        return found, _Cells(x, found)
    first, *others = [windows.cells(x, offset, windows.outputs(cells)) for offset in windows.offsets()]
    found, place = first, jnp.zeros(first.shape, jnp.int32)
    for number, one in enumerate(others, start=1):
        place = jnp.where(one > found, number, place)
        found = jnp.maximum(found, one)
    found, place = batch_minor_on_cpu(found), batch_minor_on_cpu(place)
    found, place = jax.lax.optimization_barrier((found, place))  # or it is all computed again, cell by cell
    return found, _Places(place)


def _gradient_of_largest(windows: Windows, saved: _Cells | _Places, g: Array) -> tuple[Array]:
    """Return the gradient of the batch: each window's goes to the first of its largest cells."""
    if isinstance(saved, _Places):
        return (_spread(windows, saved.place, g),)
    x, found = saved
    sizes, padded = found.shape[1:-1], windows.padded(x, -np.inf)
    free = jnp.ones(found.shape, bool)
    shares = []
    for offset in windows.offsets():
        chosen = free & (windows.cells(padded, offset, sizes) == found)
        free = free & ~chosen
        shares.append(jnp.where(chosen, g, 0))
    whole = _placed(windows, shares, padded.shape)
    cut = tuple(
        slice(low, low + n) for n, (low, _) in zip(x.shape[1:-1], windows.pads(x.shape[1:-1]), strict=True)
    )
    return (whole[(slice(None), *cut, slice(None))],)


_largest.defvjp(_save_largest, _gradient_of_largest)


def _spread(windows: Windows, place: Array, g: Array) -> Array:
    """Return the gradients of windows side by side, each at the cell that was its largest.

    Few rows lie side by side in a CPU's memory (`gorae.nn.batch_minor`): the compiler makes vectors of them
    in a sum over a window's cells, and not where all are chosen in one go.
    """
    if suits_batch_minor(g.shape[0]) and prod(windows.kernel) <= _FEW_CELLS:
        return jax.lax.platform_dependent(
            place, g, cpu=partial(_summed, windows), default=partial(_chosen, windows)
        )
    return _chosen(windows, place, g)


def _summed(windows: Windows, place: Array, g: Array) -> Array:
    """Return the same, cell by cell of a window."""
    cells = [n * k for n, k in zip(g.shape[1:-1], windows.kernel, strict=True)]
    shares = [jnp.where(place == number, g, 0) for number in range(prod(windows.kernel))]
    return _placed(windows, shares, (g.shape[0], *cells, g.shape[-1]))


def _chosen(windows: Windows, place: Array, g: Array) -> Array:
    """Return the same in one go: each axis of windows, and one of a window's cells, become one of cells."""
    within = tuple(range(2, 2 * windows.axes + 1, 2))
    numbers = np.arange(prod(windows.kernel)).reshape(windows.kernel)
    numbers = np.expand_dims(numbers, (0, *(axis - 1 for axis in within), 2 * windows.axes + 1))
    whole = jnp.where(jnp.expand_dims(place, within) == numbers, jnp.expand_dims(g, within), 0)
    cells = [n * k for n, k in zip(g.shape[1:-1], windows.kernel, strict=True)]
    return whole.reshape(g.shape[0], *cells, g.shape[-1])


def _placed(windows: Windows, shares: list[Array], shape: tuple[int, ...]) -> Array:
    """Return a padded batch in which each window's cells hold their shares, overlapping ones their sum."""
    sizes, zero = shares[0].shape[1:-1], jnp.zeros((), shares[0].dtype)
    total = jnp.zeros(shape, shares[0].dtype)
    for one, offset in zip(shares, windows.offsets(), strict=True):
        places = [
            (o, n - o - ((m - 1) * s + 1), s - 1)
            for o, n, m, s in zip(offset, shape[1:-1], sizes, windows.stride, strict=True)
        ]
        total += jax.lax.pad(one, zero, ((0, 0, 0), *places, (0, 0, 0)))
    return total
