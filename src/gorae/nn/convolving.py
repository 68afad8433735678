"""Convolution as products of matrices on a CPU, and as the device's own elsewhere.

Letters of shapes: ``cells`` along each axis of an input, ``windows`` of an output; channels come last.
A compiled loop on a CPU runs XLA's own convolution some twenty times slower than outside of one, while a
product of matrices keeps its speed; on a GPU or TPU the device's own convolution is the fastest.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gorae.nn.batch_minor import batch_minor, suits_batch_minor
from gorae.nn.product import trained_product
from gorae.nn.windows import Windows

__all__ = [
    "BATCH_LAST",
    "CHANNELS_LAST",
    "convolve",
    "convolve_by_patches",
    "convolve_by_rows",
    "convolve_natively",
]

_FEW_COLUMNS = 32
"""With fewer columns in a row of the kernel, a product over such rows leaves the vector units empty."""
_ONE_THREADS_WORK = 2_000_000
"""Multiplications of a product that XLA leaves to one thread: measured on two cores, with AVX-512."""
_BANDS = (1, 2, 4)
"""Into how many such products, each of windows side by side along their first axis, one is cut that threads
would share: to wait for each other takes a good part of its time, and each has other work to do. Of still
larger products it is a small part."""


def convolve(
    x: Float[Array, "batch *cells channels"],
    weight: Float[Array, "*kernel group_channels outputs"],
    windows: Windows,
    *,
    groups: int = 1,
    training: bool = False,
) -> Float[Array, "batch *windows outputs"]:
    r"""Return $y_{b,i,o} = \sum_{u,c} w_{u,c,o} \, x_{b, s i + d u - p, c}$ for every window i.

    It is a cross-correlation, as everywhere in deep learning: the kernel is not flipped.

    Args:
        x: rows with channels last.
        weight: one kernel for each output channel, over the channels of its group.
        windows: where they lie.
        groups: output channels of group g see the input channels of group g only.
        training: whether the gradient is wanted in reverse mode only; what it needs is then computed again
            from the batch, which is less to read than what would have been kept.

    Returns:
        One number a window and output channel.

    Raises:
        InputError: if no window fits.

    References:
        Chellapilla, Puri, Simard 2006, "High performance convolutional neural networks for document
        processing", section 2 (convolution as a product of matrices).
    """
    if training:
        return _trained(windows, groups, x, weight)
    return jax.lax.platform_dependent(
        x,
        weight,
        cpu=partial(_by_products, windows, groups, False),
        default=partial(convolve_natively, windows, groups),
    )


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _trained(windows: Windows, groups: int, x: Array, weight: Array) -> Array:
    """Return the convolution, with gradients in reverse mode only."""
    return jax.lax.platform_dependent(
        x,
        weight,
        cpu=partial(_by_products, windows, groups, True),
        default=partial(convolve_natively, windows, groups),
    )


def _save(windows: Windows, groups: int, x: Array, weight: Array) -> tuple[Array, tuple[Array, Array]]:
    """Return the convolution, and what its gradient needs."""
    return _trained(windows, groups, x, weight), (x, weight)


def _gradient(windows: Windows, groups: int, saved: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    """Return the gradients of batch and weights."""

    def pulled(form: Callable[[Array, Array], Array], x: Array, weight: Array, g: Array) -> Any:
        return jax.vjp(form, x, weight)[1](g)

    return jax.lax.platform_dependent(
        *saved,
        g,
        cpu=partial(pulled, partial(_by_products, windows, groups, True)),
        default=partial(pulled, partial(convolve_natively, windows, groups)),
    )


_trained.defvjp(_save, _gradient)


class Order(NamedTuple):
    """An order of axes in which maps are convolved.

    Args:
        enter: from a batch with channels last to that order.
        leave: and back.
        axis: of the channels in it.
        multiply: all kernels with the numbers in each window, which lie along `axis`; in the kernels' order.
    """

    enter: Callable[[Array], Array]
    leave: Callable[[Array], Array]
    axis: int
    multiply: Callable[[Array, Array], Array]


def _batch_last(x: Float[Array, "batch *cells channels"]) -> Float[Array, "channels *cells batch"]:
    """Return a batch with its rows last, as it is stored."""
    return jnp.swapaxes(batch_minor(x), 0, -1)


def _batch_first(x: Float[Array, "channels *cells batch"]) -> Float[Array, "batch *cells channels"]:
    """Return maps in the shape of all layers; they stay as they are stored."""
    return batch_minor(jnp.swapaxes(x, 0, -1))


def _kernels_times(
    weight: Float[Array, "*kernel channels outputs"], patches: Float[Array, "numbers *windows batch"]
) -> Float[Array, "outputs *windows batch"]:
    """Return W^T X, in bands of windows: see `_BANDS`."""
    kernels = weight.reshape(patches.shape[0], weight.shape[-1])
    bands = jnp.array_split(patches, _bands(kernels.shape, patches.shape[1:]), axis=1)
    found = [_kernels_times_band(kernels, band) for band in bands]
    return jnp.concatenate(found, axis=1) if len(found) > 1 else found[0]


def _kernels_times_band(
    kernels: Float[Array, "numbers outputs"], patches: Float[Array, "numbers *windows batch"]
) -> Float[Array, "outputs *windows batch"]:
    """Return W^T X."""
    columns = patches.reshape(patches.shape[0], prod(patches.shape[1:]))
    found = jax.lax.dot_general(kernels, columns, (((0,), (0,)), ((), ())))
    return found.reshape(kernels.shape[1], *patches.shape[1:])


def _bands(kernels: Sequence[int], windows: Sequence[Any]) -> int:
    """Return into how many bands a product of kernels with windows is cut: see `_BANDS`.

    A band has more columns than a kernel has numbers: each makes a gradient as large as the kernels.

    Args:
        kernels: numbers of a kernel, and outputs.
        windows: how many along each axis, and rows; those of an exported program may be symbols.
    """
    if not all(isinstance(size, int) for size in windows):
        return 1
    numbers, outputs = kernels
    for count in _BANDS:
        columns = -(-windows[0] // count) * prod(windows[1:])
        if numbers * outputs * columns <= _ONE_THREADS_WORK and (count == 1 or columns > numbers):
            return count if count <= windows[0] else 1
    return 1


def _times_kernels(
    multiply: Callable[[Array, Array], Array],
    weight: Float[Array, "*kernel channels outputs"],
    patches: Float[Array, "batch *windows numbers"],
) -> Float[Array, "batch *windows outputs"]:
    """Return X W, multiplied in a way that is given."""
    numbers, outputs = patches.shape[-1], weight.shape[-1]
    found = multiply(patches.reshape(-1, numbers), weight.reshape(numbers, outputs))
    return found.reshape(*patches.shape[:-1], outputs)


BATCH_LAST = Order(_batch_last, _batch_first, 0, _kernels_times)
"""For few rows: see `gorae.nn.batch_minor`."""

CHANNELS_LAST = Order(jnp.asarray, jnp.asarray, -1, partial(_times_kernels, jnp.matmul))
"""For many rows."""

_CHANNELS_LAST_IN_TRAINING = CHANNELS_LAST._replace(multiply=partial(_times_kernels, trained_product))
"""The same, with gradients in reverse mode only."""


def _by_products(windows: Windows, groups: int, training: bool, x: Array, weight: Array) -> Array:
    """Return the convolution as products of matrices, in the form that suits the sizes."""
    if groups > 1:
        return _by_groups(windows, groups, x, weight)
    many = _CHANNELS_LAST_IN_TRAINING if training else CHANNELS_LAST
    order = BATCH_LAST if suits_batch_minor(x.shape[0]) else many
    if windows.axes == 1 or windows.kernel[-1] * x.shape[-1] < _FEW_COLUMNS:
        return convolve_by_patches(windows, order, x, weight)
    return convolve_by_rows(windows, order, x, weight)


def convolve_by_patches(windows: Windows, order: Order, x: Array, weight: Array) -> Array:
    """Return the convolution as one product: all kernels times each window's cells.

    The cells are put together axis by axis, which copies a few more of them in far fewer loops.

    Args:
        windows: where they lie.
        order: in which the axes are.
        x: (batch, *cells, channels).
        weight: (*kernel, channels, outputs).
    """
    outputs = windows.outputs(x.shape[1:-1])
    patches, sizes = order.enter(windows.padded(x)), list(windows.padded_sizes(x.shape[1:-1]))
    for axis in reversed(range(windows.axes)):
        sizes[axis] = outputs[axis]
        patches = _beside(windows.along((axis,)), order, patches, sizes)
    return order.leave(order.multiply(weight, patches))


def convolve_by_rows(windows: Windows, order: Order, x: Array, weight: Array) -> Array:
    """Return the convolution as a sum of products: one for each row of the kernel, its cells put together.

    Args:
        windows: where they lie, along two axes or more.
        order: in which the axes are.
        x: (batch, *cells, channels).
        weight: (*kernel, channels, outputs).
    """
    outputs, padded = windows.outputs(x.shape[1:-1]), windows.padded_sizes(x.shape[1:-1])
    across, down = windows.along((windows.axes - 1,)), windows.along(range(windows.axes - 1))
    rows = _beside(across, order, order.enter(windows.padded(x)), (*padded[:-1], outputs[-1]))
    places = product(*map(range, windows.kernel[:-1]))
    parts = [
        order.multiply(weight[place], down.cells(rows, offset, outputs))
        for offset, place in zip(down.offsets(), places, strict=True)
    ]
    return order.leave(sum(parts[1:], parts[0]))


def _beside(windows: Windows, order: Order, x: Array, sizes: Sequence[int]) -> Array:
    """Return the cells of each window put together along the axis of channels."""
    parts = [windows.cells(x, offset, sizes) for offset in windows.offsets()]
    return jnp.concatenate(parts, axis=order.axis) if len(parts) > 1 else parts[0]


def _by_groups(windows: Windows, groups: int, x: Array, weight: Array) -> Array:
    """Return a grouped convolution: a sum over the kernel where groups have one channel, else products."""
    sizes, padded = windows.outputs(x.shape[1:-1]), windows.padded(x)
    cells = [windows.cells(padded, offset, sizes) for offset in windows.offsets()]
    channels, outputs = weight.shape[-2:]
    kernels = weight.reshape(len(cells), channels, groups, outputs // groups)
    if channels == 1:
        total = sum(one[..., None] * kernel[0] for one, kernel in zip(cells, kernels, strict=True))
        return jnp.asarray(total).reshape(x.shape[0], *sizes, outputs)
    patches = jnp.stack([one.reshape(-1, groups, channels) for one in cells])
    found = jnp.einsum("kngc,kcgo->ngo", patches, kernels)
    return found.reshape(x.shape[0], *sizes, outputs)


def convolve_natively(windows: Windows, groups: int, x: Array, weight: Array) -> Array:
    """Return the convolution as the device's own operation.

    Args:
        windows: where they lie, along one to three axes.
        groups: of channels.
        x: (batch, *cells, channels).
        weight: (*kernel, channels of a group, outputs).
    """
    windows.outputs(x.shape[1:-1])
    letters = "DHW"[-windows.axes :]
    return jax.lax.conv_general_dilated(
        x,
        weight,
        windows.stride,
        windows.pads(x.shape[1:-1]),
        rhs_dilation=windows.dilation,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )
