"""A residual block: what two convolutions add to their input."""

from typing import Any, final

from jax.random import split
from jaxtyping import Array, Float, PRNGKeyArray

from gorae.nn.batch_minor import batch_minor_on_cpu
from gorae.nn.conv import Conv
from gorae.nn.conv_block import settled
from gorae.nn.layer import Context, Layer

__all__ = ["Residual"]


@final
class Residual(Layer):
    r"""$f(N_2(C_2\, f(N_1(C_1 x))) + S x)$ with convolutions C, normalisations N and an activation f.

    S is x itself or, where the block changes the channels or strides, a convolution of one cell.

    Args:
        first: $C_1$, which takes the stride.
        second: $C_2$.
        shortcut: S, or None for x itself.
        normalizations: $N_1$ and $N_2$; none at all leaves both out.
        activation: f.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import Activation, inference
        >>> block = Residual.create(jax.random.key(0), 8, 16, Activation.create("relu"), stride=2)
        >>> block(jnp.ones((2, 9, 9, 8)), inference())[0].shape
        (2, 5, 5, 16)

    References:
        He, Zhang, Ren, Sun 2016, "Deep residual learning for image recognition", section 3.2. Without
        normalisation $C_2$ starts at 0, as in Zhang, Dauphin, Ma 2019, "Fixup initialization", section 3.
    """

    first: Conv
    second: Conv
    shortcut: Conv | None
    normalizations: tuple[Layer, ...]
    activation: Layer

    @classmethod
    def create(
        cls,
        key: PRNGKeyArray,
        inputs: int,
        outputs: int,
        activation: Layer,
        *,
        kernel: Any = 3,
        stride: Any = 1,
        normalizations: tuple[Layer, ...] = (),
        initialization: str = "he_normal",
    ) -> "Residual":
        """Make the block with random weights.

        Args:
            key: Source of the weights' randomness.
            inputs: Channels of a row.
            outputs: Channels of an answer.
            activation: A layer of single numbers.
            kernel: Cells of a window of either convolution: one number, or one for each axis.
            stride: Cells from one window of the first to the next.
            normalizations: Two layers over the outputs' channels, or none.
            initialization: Name from `gorae.nn.initialization`.

        Raises:
            ParameterError: If a value is out of its range.
        """
        keys = split(key, 3)
        first = Conv.create(
            keys[0], inputs, outputs, kernel, stride=stride, padding="same", initialization=initialization
        )
        start = initialization if normalizations else "zeros"
        second = Conv.create(keys[1], outputs, outputs, kernel, padding="same", initialization=start)
        changes = inputs != outputs or any(step != 1 for step in first.windows.stride)
        shortcut = (
            Conv.create(
                keys[2],
                inputs,
                outputs,
                (1,) * first.windows.axes,
                stride=first.windows.stride,
                initialization="lecun_normal",
            )
            if changes
            else None
        )
        return cls(first, second, shortcut, normalizations, activation)

    def __call__(
        self, x: Float[Array, "batch *cells inputs"], context: Context
    ) -> tuple[Float[Array, "batch *windows outputs"], "Residual"]:
        """Return the sum, and the block with its buffers as they are now."""
        after = list(self.normalizations)
        maps = self._maps(self.first, x, context)
        if after:
            maps, after[0] = after[0](maps, context)
        maps, _ = self.activation(batch_minor_on_cpu(maps), context)
        maps = self._maps(self.second, maps, context)
        if after:
            maps, after[1] = after[1](maps, context)
        kept = x if self.shortcut is None else self.shortcut(x, context)[0]
        maps, _ = self.activation(batch_minor_on_cpu(maps + kept), context)
        maps = batch_minor_on_cpu(maps)
        return maps, Residual(self.first, self.second, self.shortcut, tuple(after), self.activation)

    def _maps(self, conv: Conv, x: Array, context: Context) -> Array:
        """Return what a convolution that is normalised answers."""
        first = self.normalizations[0] if self.normalizations else None
        return batch_minor_on_cpu(conv.without_bias(x, context) + settled(conv.bias, first))
