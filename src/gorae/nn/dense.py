"""Dense layer: every output is a weighted sum of all inputs."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from gorae.nn.checks import positive_integer, require_features
from gorae.nn.initialization import Initializer, initializer
from gorae.nn.layer import Context, Layer
from gorae.nn.product import trained_product

__all__ = ["Dense"]


@final
class Dense(Layer):
    """Y = XW + b.

    Args:
        weight: W, one column for each output.
        bias: b.
        learns_bias: Whether b has a gradient. Before a batch normalisation, which takes the mean away, there
            is none but rounding, and an optimizer that scales gradients would make whole steps of it.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> layer = Dense.create(jax.random.key(0), 3, 2)
        >>> layer(jnp.ones((5, 3)), inference())[0].shape
        (5, 2)
    """

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"]
    learns_bias: bool = eqx.field(static=True, default=True)

    @classmethod
    def create(
        cls,
        key: PRNGKeyArray,
        inputs: int,
        outputs: int,
        initialization: str | Initializer = "glorot_uniform",
        *,
        learns_bias: bool = True,
    ) -> "Dense":
        """Make the layer with random weights and a bias of 0.

        Args:
            key: Source of the weights' randomness.
            inputs: Features of a row.
            outputs: Features of an output row.
            initialization: Name or function from `gorae.nn.initialization`.
            learns_bias: Whether the bias has a gradient; else it stays 0.

        Raises:
            ParameterError: If a size is no positive integer or the initialization is unknown.
        """
        inputs = positive_integer("inputs", inputs)
        outputs = positive_integer("outputs", outputs)
        weight = initializer(initialization)(key, (inputs, outputs), inputs, outputs)
        return cls(weight, jnp.zeros(outputs, jnp.float32), learns_bias)

    def __call__(
        self, x: Float[Array, "batch inputs"], context: Context
    ) -> tuple[Float[Array, "batch outputs"], "Dense"]:
        """Return XW + b.

        Raises:
            InputError: If the batch has another number of features than the layer.
        """
        require_features("Dense", x, self.weight.shape[0])
        product = trained_product(x, self.weight) if context.training else x @ self.weight
        return product + (self.bias if self.learns_bias else jax.lax.stop_gradient(self.bias)), self
