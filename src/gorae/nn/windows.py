"""Windows that slide over an image or a sequence: how many there are, and where they lie.

Letters: ``n`` cells along an axis, ``k`` of the kernel, ``s`` stride, ``d`` dilation, ``p`` padding.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gorae.errors import InputError, ParameterError
from gorae.nn.checks import positive_integer

__all__ = ["Windows", "make_windows", "output_size"]

_PADDINGS = ("valid", "same")
Pads = tuple[tuple[int, int], ...]


def output_size(size: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    r"""Return how many windows fit along an axis: $\lfloor (n + 2p - d(k-1) - 1) / s \rfloor + 1$.

    Without dilation that is $(n + 2p - k) / s + 1$. Where the division leaves a rest, the last cells are in
    no window.

    Args:
        size: cells along the axis, n.
        kernel: cells of a window, k.
        stride: cells from one window to the next, s.
        padding: cells of zeros on either side, p.
        dilation: cells from one of the kernel's weights to the next, d; the kernel spans d (k - 1) + 1.

    Returns:
        The number of windows.

    Raises:
        InputError: if not one window fits; the message says the sum in full.

    Example:
        >>> output_size(7, 3, padding=1), output_size(7, 3, stride=2), output_size(28, 5)
        (7, 3, 24)
        >>> output_size(4, 7, padding=1)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        gorae.errors.InputError: a kernel of 7 does not fit on 4 cells with padding 1: (4 + 2*1 - 7)/1 + 1...

    References:
        Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", relations 6 and 15.
    """
    cells, width = positive_integer("size", size), positive_integer("kernel", kernel)
    step, gap = positive_integer("stride", stride), positive_integer("dilation", dilation)
    beside = positive_integer("padding", padding, least=0)
    return _count(cells, width, step, gap, 2 * beside, f"2*{beside}", f"padding {beside}")


def _count(size: int, kernel: int, stride: int, dilation: int, pads: int, term: str, told: str) -> int:
    """Return the number of windows, or refuse none; `term` and `told` are the padding in words."""
    span = dilation * (kernel - 1) + 1
    count = (size + pads - span) // stride + 1
    if count >= 1:
        return count
    spread = f" (dilation {dilation}: it spans {span})" if dilation > 1 else ""
    raise InputError(
        f"a kernel of {kernel}{spread} does not fit on {size} cells with {told}: "
        f"({size} + {term} - {span})/{stride} + 1 = {count}; take a smaller kernel, more padding or larger "
        "inputs."
    )


@dataclass(frozen=True)
class Windows:
    """Windows over one or more axes; hashable, so that a layer may hold them as a static field.

    Args:
        kernel: cells of a window along each axis.
        stride: cells from one window to the next.
        padding: cells before and after along each axis; "same" for as many as give ceil(n / s) windows.
        dilation: cells from one of the kernel's weights to the next.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Pads | str
    dilation: tuple[int, ...]

    @property
    def axes(self) -> int:
        """How many axes the windows slide along."""
        return len(self.kernel)

    @property
    def spans(self) -> tuple[int, ...]:
        """The cells from a window's first to its last, along each axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def along(self, axes: Iterable[int]) -> "Windows":
        """Return windows that slide along these axes only, over what has its padding already."""
        kept = set(axes)

        def only(values: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(value if axis in kept else 1 for axis, value in enumerate(values))

        return Windows(only(self.kernel), only(self.stride), ((0, 0),) * self.axes, only(self.dilation))

    def pads(self, sizes: Sequence[int]) -> Pads:
        """Return the cells to add before and after along each axis; what is odd goes after."""
        if not isinstance(self.padding, str):
            return self.padding
        found = []
        for n, s, span in zip(sizes, self.stride, self.spans, strict=True):
            total = max((-(-n // s) - 1) * s + span - n, 0)
            found.append((total // 2, total - total // 2))
        return tuple(found)

    def padded_sizes(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Return the cells along each axis with their padding."""
        return tuple(n + low + high for n, (low, high) in zip(sizes, self.pads(sizes), strict=True))

    def outputs(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Return how many windows there are along each axis.

        Args:
            sizes: cells along each axis.

        Raises:
            InputError: if not one window fits along an axis.
        """
        found = []
        for n, k, s, d, (low, high) in zip(
            sizes, self.kernel, self.stride, self.dilation, self.pads(sizes), strict=True
        ):
            term, told = (
                (f"2*{low}", f"padding {low}") if low == high else (f"{low + high}", f"padding {low}, {high}")
            )
            found.append(_count(n, k, s, d, low + high, term, told))
        return tuple(found)

    def side_by_side(self, sizes: Sequence[int]) -> bool:
        """Return whether each cell is in one window.

        Args:
            sizes: cells along each axis.
        """
        plain = self.kernel == self.stride and set(self.dilation) == {1}
        padded = any(low or high for low, high in self.pads(sizes))
        return plain and not padded and all(n % k == 0 for n, k in zip(sizes, self.kernel, strict=True))

    def padded(self, x: Float[Array, "batch *cells channels"], value: float = 0.0) -> Array:
        """Return a batch with its padding."""
        pads = self.pads(x.shape[1:-1])
        if not any(low or high for low, high in pads):
            return x
        return jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=value)

    def offsets(self) -> Iterator[tuple[int, ...]]:
        """Yield where each of the kernel's weights lies in a window, the last axis fastest."""
        return product(*(range(0, k * d, d) for k, d in zip(self.kernel, self.dilation, strict=True)))

    def cells(self, padded: Array, offset: Sequence[int], outputs: Sequence[int]) -> Array:
        """Return each window's cell at an offset, `(batch, *outputs, channels)` or with ends exchanged."""
        stops = [o + (m - 1) * s + 1 for o, m, s in zip(offset, outputs, self.stride, strict=True)]
        return jax.lax.slice(
            padded,
            (0, *offset, 0),
            (padded.shape[0], *stops, padded.shape[-1]),
            (1, *self.stride, 1),
        )


def make_windows(
    kernel: Any, *, axes: int = 2, stride: Any = 1, padding: Any = "valid", dilation: Any = 1
) -> Windows:
    """Return windows from what a user says of them: one number for all axes, or one for each.

    Args:
        kernel: cells of a window; a sequence says how many axes there are.
        axes: how many axes there are, where the kernel is one number.
        stride: cells from one window to the next.
        padding: "valid" for none, "same", cells on either side, or pairs (before, after) for each axis.
        dilation: cells from one of the kernel's weights to the next.

    Raises:
        ParameterError: if a value is no positive integer, or there are too many or too few.

    Example:
        >>> make_windows(3, padding="same").outputs((7, 8)), make_windows((5,), stride=2).outputs((9,))
        ((7, 8), (3,))
    """
    count = len(kernel) if isinstance(kernel, Sequence) and not isinstance(kernel, str) else axes
    count = positive_integer("axes", count)
    return Windows(
        _each("kernel", kernel, count),
        _each("stride", stride, count),
        _pads(padding, count),
        _each("dilation", dilation, count),
    )


def _each(name: str, value: Any, axes: int, least: int = 1) -> tuple[int, ...]:
    """Return a whole number for each axis."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != axes:
            raise ParameterError(f"{name} must be one number or {axes}, one for each axis, got {value!r}.")
        return tuple(positive_integer(name, one, least=least) for one in value)
    return (positive_integer(name, value, least=least),) * axes


def _pads(padding: Any, axes: int) -> Pads | str:
    """Return the padding before and after along each axis, or "same"."""
    if isinstance(padding, str):
        if padding not in _PADDINGS:
            raise ParameterError(
                f'padding must be "valid", "same", a number of cells or pairs of them, got {padding!r}.'
            )
        return padding if padding == "same" else ((0, 0),) * axes
    if isinstance(padding, Sequence) and any(isinstance(one, Sequence) for one in padding):
        if len(padding) != axes:
            raise ParameterError(f"padding must be {axes} pairs, one for each axis, got {padding!r}.")
        pairs = [_each("padding", one, 2, least=0) for one in padding]
        return tuple((low, high) for low, high in pairs)
    return tuple((one, one) for one in _each("padding", padding, axes, least=0))
