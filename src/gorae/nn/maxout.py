"""Maxout: each output is the largest of several linear functions."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from gorae.nn.checks import positive_integer, require_features
from gorae.nn.initialization import Initializer, initializer
from gorae.nn.layer import Context, Layer

__all__ = ["Maxout"]


@final
class Maxout(Layer):
    """y_j = max_p (x W_p + b_p)_j over pieces p: a convex piecewise linear function that is learnt.

    Args:
        weight: The pieces' weights side by side: of the ``pieces * outputs``
            columns, ``p * outputs + j`` belongs to piece p, output j.
        bias: The pieces' biases in the same order.
        pieces: How many linear functions each output chooses from.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> layer = Maxout.create(jax.random.key(0), 3, 2, pieces=4)
        >>> layer(jnp.ones((5, 3)), inference())[0].shape
        (5, 2)

    References:
        Goodfellow, Warde-Farley, Mirza, Courville, Bengio 2013, "Maxout networks", section 2.
    """

    weight: Float[Array, "inputs columns"]
    bias: Float[Array, " columns"]
    pieces: int = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        key: PRNGKeyArray,
        inputs: int,
        outputs: int,
        pieces: int = 2,
        initialization: str | Initializer = "he_normal",
    ) -> "Maxout":
        """Make the layer with random weights and biases of 0.

        Args:
            key: Source of the weights' randomness.
            inputs: Features of a row.
            outputs: Features of an output row.
            pieces: Linear functions per output, 2 or more; parameters grow with it.
            initialization: Name or function from `gorae.nn.initialization`; the fans are one piece's.

        Raises:
            ParameterError: If a size or ``pieces`` is out of range or the initialization is unknown.
        """
        inputs = positive_integer("inputs", inputs)
        outputs = positive_integer("outputs", outputs)
        pieces = positive_integer("pieces", pieces, least=2)
        weight = initializer(initialization)(key, (inputs, pieces * outputs), inputs, outputs)
        return cls(weight, jnp.zeros(pieces * outputs, jnp.float32), pieces)

    def __call__(
        self, x: Float[Array, "batch inputs"], context: Context
    ) -> tuple[Float[Array, "batch outputs"], "Maxout"]:
        """Return the largest piece of each output.

        Raises:
            InputError: If the batch has another number of features than the layer.
        """
        require_features("Maxout", x, self.weight.shape[0])
        linear = x @ self.weight + self.bias
        return linear.reshape(x.shape[0], self.pieces, -1).max(axis=1), self
