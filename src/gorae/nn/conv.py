"""Convolutional layer: one small kernel for each output channel, applied at every place."""

from math import prod
from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from gorae.errors import ParameterError
from gorae.nn.checks import positive_integer, require_channels
from gorae.nn.convolving import convolve
from gorae.nn.initialization import Initializer, initializer
from gorae.nn.layer import Context, Layer
from gorae.nn.windows import Windows, make_windows

__all__ = ["Conv"]


@final
class Conv(Layer):
    r"""$y_{b,i,o} = \beta_o + \sum_{u,c} w_{u,c,o} \, x_{b, s i + d u - p, c}$, channels last.

    Along each axis there are (n + 2p - d(k - 1) - 1) / s + 1 outputs (`output_size`).

    Args:
        weight: w, a kernel for each output channel over the input channels of its group.
        bias: β.
        windows: Kernel, stride s, padding p and dilation d.
        groups: Output channels of group g see the input channels of group g only.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> layer = Conv.create(jax.random.key(0), 1, 16, 5)
        >>> layer(jnp.ones((2, 28, 28, 1)), inference())[0].shape
        (2, 24, 24, 16)

    References:
        LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition",
        section II.A.
    """

    weight: Float[Array, "*kernel group_channels outputs"]
    bias: Float[Array, " outputs"]
    windows: Windows = eqx.field(static=True)
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
        padding: Any = "valid",
        dilation: Any = 1,
        groups: int = 1,
        initialization: str | Initializer = "he_normal",
    ) -> "Conv":
        """Make the layer with random weights and a bias of 0.

        Args:
            key: Source of the weights' randomness.
            inputs: Channels of a row.
            outputs: Channels of an output row: feature maps.
            kernel: Cells of a window: one number, or one for each axis.
            axes: 1 for sequences, 2 for images, where the kernel is one number.
            stride: Cells from one window to the next.
            padding: "valid", "same", cells of zeros on either side, or pairs (before, after).
            dilation: Cells from one of the kernel's weights to the next.
            groups: Parts into which channels are cut; as many as inputs is a depthwise convolution.
            initialization: Name or function from `gorae.nn.initialization`.

        Raises:
            ParameterError: If a value is out of its range, or groups do not divide the channels.
        """
        inputs, outputs = positive_integer("inputs", inputs), positive_integer("outputs", outputs)
        windows = make_windows(kernel, axes=axes, stride=stride, padding=padding, dilation=dilation)
        groups = divided("groups", groups, inputs, outputs)
        cells, own = prod(windows.kernel), inputs // groups
        shape = (*windows.kernel, own, outputs)
        weight = initializer(initialization)(key, shape, cells * own, cells * (outputs // groups))
        return cls(weight, jnp.zeros(outputs, jnp.float32), windows, groups)

    def __call__(
        self, x: Float[Array, "batch *cells channels"], context: Context
    ) -> tuple[Float[Array, "batch *windows outputs"], "Conv"]:
        """Return the feature maps.

        Raises:
            InputError: If the batch has another number of axes or channels, or no window fits.
        """
        return self.without_bias(x, context) + self.bias, self

    def without_bias(
        self, x: Float[Array, "batch *cells channels"], context: Context
    ) -> Float[Array, "batch *windows outputs"]:
        """Return the feature maps before their bias is added.

        Raises:
            InputError: If the batch has another number of axes or channels, or no window fits.
        """
        require_channels("Conv", x, self.windows.axes, self.weight.shape[-2] * self.groups)
        return convolve(x, self.weight, self.windows, groups=self.groups, training=context.training)


def divided(name: str, groups: Any, inputs: int, outputs: int) -> int:
    """Return the groups into which channels are cut.

    Raises:
        ParameterError: If they do not divide both the inputs and the outputs.
    """
    groups = positive_integer(name, groups)
    if inputs % groups or outputs % groups:
        raise ParameterError(
            f"groups must divide the channels of inputs and outputs, but {groups} does not divide "
            f"{inputs} and {outputs}."
        )
    return groups
