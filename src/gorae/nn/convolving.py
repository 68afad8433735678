"""Convolution as products of matrices on a CPU, and as the device's own elsewhere.

Letters of shapes: ``cells`` along each axis of an input, ``windows`` of an output; channels come last.
A compiled loop on a CPU runs XLA's own convolution some twenty times slower than outside of one, while a
product of matrices keeps its speed; on a GPU or TPU the device's own convolution is the fastest.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gorae.nn.product import trained_product
from gorae.nn.windows import Windows

__all__ = ["convolve", "convolve_by_patches", "convolve_by_rows", "convolve_natively"]

_FEW_COLUMNS = 32
"""With fewer columns in a row of the kernel, a product over such rows leaves the vector units empty."""

Product = Callable[[Array, Array], Array]


def _plain_product(x: Array, weight: Array) -> Array:
    """Return XW."""
    return x @ weight


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
        cpu=partial(_by_products, windows, groups, _plain_product),
        default=partial(convolve_natively, windows, groups),
    )


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _trained(windows: Windows, groups: int, x: Array, weight: Array) -> Array:
    """Return the convolution, with gradients in reverse mode only."""
    return jax.lax.platform_dependent(
        x,
        weight,
        cpu=partial(_by_products, windows, groups, trained_product),
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
        cpu=partial(pulled, partial(_by_products, windows, groups, trained_product)),
        default=partial(pulled, partial(convolve_natively, windows, groups)),
    )


_trained.defvjp(_save, _gradient)


def _by_products(windows: Windows, groups: int, multiply: Product, x: Array, weight: Array) -> Array:
    """Return the convolution as products of matrices, in the form that suits the sizes."""
    if groups > 1:
        return _by_groups(windows, groups, x, weight)
    if windows.axes == 1 or windows.kernel[-1] * x.shape[-1] < _FEW_COLUMNS:
        return convolve_by_patches(windows, multiply, x, weight)
    return convolve_by_rows(windows, multiply, x, weight)


def convolve_by_patches(windows: Windows, multiply: Product, x: Array, weight: Array) -> Array:
    """Return the convolution as one product: each window's cells side by side, times all kernels.

    Args:
        windows: where they lie.
        multiply: the product of two matrices.
        x: (batch, *cells, channels).
        weight: (*kernel, channels, outputs).
    """
    sizes, padded = windows.outputs(x.shape[1:-1]), windows.padded(x)
    parts = [windows.cells(padded, offset, sizes) for offset in windows.offsets()]
    patches = jnp.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
    outputs = weight.shape[-1]
    return multiply(patches.reshape(-1, patches.shape[-1]), weight.reshape(-1, outputs)).reshape(
        x.shape[0], *sizes, outputs
    )


def convolve_by_rows(windows: Windows, multiply: Product, x: Array, weight: Array) -> Array:
    """Return the convolution as a sum of products: one for each row of the kernel, its cells side by side.

    Args:
        windows: where they lie, along two axes or more.
        multiply: the product of two matrices.
        x: (batch, *cells, channels).
        weight: (*kernel, channels, outputs).
    """
    sizes, padded = windows.outputs(x.shape[1:-1]), windows.padded(x)
    outputs, lead = weight.shape[-1], windows.axes - 1
    across = Windows(windows.kernel[-1:], windows.stride[-1:], ((0, 0),), windows.dilation[-1:])
    flat = padded.reshape(-1, *padded.shape[-2:])
    rows = jnp.concatenate([across.cells(flat, o, sizes[-1:]) for o in across.offsets()], axis=-1)
    rows = rows.reshape(*padded.shape[:-2], *rows.shape[1:])
    down = Windows(windows.kernel[:-1], windows.stride[:-1], ((0, 0),) * lead, windows.dilation[:-1])
    total: Array | None = None
    for offset, place in zip(down.offsets(), product(*map(range, windows.kernel[:-1])), strict=True):
        stops = [o + (m - 1) * s + 1 for o, m, s in zip(offset, sizes, down.stride, strict=False)]
        part = jax.lax.slice(
            rows,
            (0, *offset, 0, 0),
            (rows.shape[0], *stops, *rows.shape[-2:]),
            (1, *down.stride, 1, 1),
        )
        one = multiply(part.reshape(-1, part.shape[-1]), weight[place].reshape(-1, outputs))
        total = one if total is None else total + one
    assert total is not None
    return total.reshape(x.shape[0], *sizes, outputs)


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
