"""Transposed convolution: from few cells to many, as the gradient of a convolution goes."""

from functools import partial
from math import prod
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from gorae.errors import InputError, ParameterError
from gorae.nn.checks import positive_integer, require_channels
from gorae.nn.conv import divided
from gorae.nn.initialization import Initializer, initializer
from gorae.nn.layer import Context, Layer
from gorae.nn.windows import Windows, make_windows

__all__ = ["ConvTransposed"]


@final
class ConvTransposed(Layer):
    r"""$y_{b,j,o} = \beta_o + \sum_{i,u: s i + d u - p = j} \sum_c w_{u,c,o} \, x_{b,i,c}$, channels last.

    Each input cell puts its kernel, times its value, where a convolution would have read it from. Along each
    axis there are (n - 1) s - 2p + d (k - 1) + e + 1 outputs, where e cells are added at the end.

    Args:
        weight: w, a kernel for each output channel over the input channels of its group.
        bias: β.
        windows: Kernel, stride s, padding p and dilation d of the convolution it is the transpose of.
        extra: e for each axis: of the sizes that a convolution with a stride maps to one, which it goes to.
        groups: Output channels of group g see the input channels of group g only.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> layer = ConvTransposed.create(jax.random.key(0), 16, 1, 4, stride=2, padding=1)
        >>> layer(jnp.ones((2, 7, 7, 16)), inference())[0].shape
        (2, 14, 14, 1)

    References:
        Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.
    """

    weight: Float[Array, "*kernel group_channels outputs"]
    bias: Float[Array, " outputs"]
    windows: Windows = eqx.field(static=True)
    extra: tuple[int, ...] = eqx.field(static=True)
    groups: int = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        key: PRNGKeyArray,
        inputs: int,
        outputs: int,
        kernel: Any,
        *,
        axes: int = 2,
        stride: Any = 1,
        padding: Any = 0,
        extra: int = 0,
        dilation: Any = 1,
        groups: int = 1,
        initialization: str | Initializer = "he_normal",
    ) -> "ConvTransposed":
        """Make the layer with random weights and a bias of 0.

        Args:
            key: Source of the weights' randomness.
            inputs: Channels of a row.
            outputs: Channels of an output row.
            kernel: Cells that an input cell spreads over: one number, or one for each axis.
            axes: 1 for sequences, 2 for images, where the kernel is one number.
            stride: Output cells from one input cell to the next.
            padding: Output cells left out on either side: a number, or pairs.
            extra: Output cells added at the end of each axis, fewer than the stride or the dilation.
            dilation: Output cells from one of the kernel's weights to the next.
            groups: Parts into which channels are cut.
            initialization: Name or function from `gorae.nn.initialization`.

        Raises:
            ParameterError: If a value is out of its range, or groups do not divide the channels.
        """
        inputs, outputs = positive_integer("inputs", inputs), positive_integer("outputs", outputs)
        windows = make_windows(kernel, axes=axes, stride=stride, padding=padding, dilation=dilation)
        if isinstance(windows.padding, str):
            raise ParameterError('a transposed convolution takes a number as padding, got "same".')
        groups = divided("groups", groups, inputs, outputs)
        more = positive_integer("extra", extra, least=0)
        most = min(max(s, d) for s, d in zip(windows.stride, windows.dilation, strict=True))
        if more >= most:
            raise ParameterError(f"extra must be below the stride, or the dilation, {most}, got {extra!r}.")
        cells, own = prod(windows.kernel), inputs // groups
        shape = (*windows.kernel, own, outputs)
        weight = initializer(initialization)(key, shape, cells * own, cells * (outputs // groups))
        return cls(weight, jnp.zeros(outputs, jnp.float32), windows, (more,) * windows.axes, groups)

    def __call__(
        self, x: Float[Array, "batch *cells channels"], context: Context
    ) -> tuple[Float[Array, "batch *outputs channels_out"], "ConvTransposed"]:
        """Return the enlarged maps.

        Raises:
            InputError: If the batch has another number of axes or channels, or nothing is left of it.
        """
        require_channels("ConvTransposed", x, self.windows.axes, self.weight.shape[-2] * self.groups)
        arguments = (self.windows, self.extra, self.groups)
        found = jax.lax.platform_dependent(
            x, self.weight, cpu=partial(spread, *arguments), default=partial(spread_natively, *arguments)
        )
        return found + self.bias, self


def _sizes(windows: Windows, extra: tuple[int, ...], cells: tuple[int, ...]) -> tuple[int, ...]:
    """Return the outputs along each axis.

    Raises:
        InputError: if none are left.
    """
    found = tuple(
        (n - 1) * s - low - high + span + e
        for n, s, span, (low, high), e in zip(
            cells, windows.stride, windows.spans, windows.pads(cells), extra, strict=True
        )
    )
    if min(found) < 1:
        raise InputError(
            f"a transposed convolution of {cells} cells would leave {found}: "
            "(n - 1) s - 2p + d (k - 1) + 1; take less padding."
        )
    return found


def spread(windows: Windows, extra: tuple[int, ...], groups: int, x: Array, weight: Array) -> Array:
    """Return the transposed convolution as one product and a sum of shifted maps.

    Args:
        windows: where kernels lie.
        extra: cells added at the end of each axis.
        groups: of channels.
        x: (batch, *cells, channels).
        weight: (*kernel, channels of a group, outputs).
    """
    cells, pads = x.shape[1:-1], windows.pads(x.shape[1:-1])
    sizes = _sizes(windows, extra, cells)
    own, outputs = weight.shape[-2:]
    kernels = weight.reshape(-1, own, groups, outputs // groups)
    parted = x.reshape(-1, groups, own)
    told = jnp.einsum("ngc,kcgo->kngo", parted, kernels).reshape(-1, x.shape[0], *cells, outputs)
    total = jnp.zeros((x.shape[0], *sizes, outputs), told.dtype)
    for one, offset in zip(told, windows.offsets(), strict=True):
        # A negative padding leaves cells out.
        places = [
            (o - low, m - (o - low) - ((n - 1) * s + 1), s - 1)
            for o, (low, _), m, n, s in zip(offset, pads, sizes, cells, windows.stride, strict=True)
        ]
        total += jax.lax.pad(one, jnp.zeros((), one.dtype), ((0, 0, 0), *places, (0, 0, 0)))
    return total


def spread_natively(windows: Windows, extra: tuple[int, ...], groups: int, x: Array, weight: Array) -> Array:
    """Return the transposed convolution as the device's own convolution of spread cells.

    Args:
        windows: where kernels lie.
        extra: cells added at the end of each axis.
        groups: of channels.
        x: (batch, *cells, channels).
        weight: (*kernel, channels of a group, outputs).
    """
    _sizes(windows, extra, x.shape[1:-1])
    letters = "DHW"[-windows.axes :]
    pads = [
        (span - 1 - low, span - 1 - high + e)
        for span, (low, high), e in zip(windows.spans, windows.pads(x.shape[1:-1]), extra, strict=True)
    ]
    return jax.lax.conv_general_dilated(
        x,
        jnp.flip(weight, range(windows.axes)),
        (1,) * windows.axes,
        pads,
        lhs_dilation=windows.stride,
        rhs_dilation=windows.dilation,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )
