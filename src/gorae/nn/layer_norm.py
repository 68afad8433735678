"""Layer normalisation: each row is standardised over its features."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gorae.errors import ParameterError
from gorae.nn.checks import positive_integer, require_last_axis
from gorae.nn.layer import Context, Layer

__all__ = ["LayerNorm"]


@final
class LayerNorm(Layer):
    """y = scale (x - mean(x)) / sqrt(variance(x) + epsilon) + shift, row by row.

    Rows do not meet, so training and inference are the same and a batch of one row will do. Mean and variance
    are those of the features that are real, if the context says that some are padding.

    Args:
        scale: Factor of each feature; learnt.
        shift: Summand of each feature; learnt.
        epsilon: Added to the (biased) variance, so that a constant row is divided by something.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> LayerNorm.create(2)(jnp.array([[1.0, 3.0]]), inference())[0].round(4).tolist()
        [[-1.0, 1.0]]

    References:
        Ba, Kiros, Hinton 2016, "Layer normalization", equation 3.
    """

    scale: Float[Array, " features"]
    shift: Float[Array, " features"]
    epsilon: float = eqx.field(static=True)

    @classmethod
    def create(cls, features: int, *, epsilon: float = 1e-5) -> "LayerNorm":
        """Make the layer with a scale of 1 and a shift of 0.

        Args:
            features: Features of a row.
            epsilon: Added to the variance; above 0.

        Raises:
            ParameterError: If a value is out of its range.
        """
        features = positive_integer("features", features)
        if not epsilon > 0:
            raise ParameterError(f"epsilon must be above 0, got {epsilon!r}.")
        return cls(jnp.ones(features, jnp.float32), jnp.zeros(features, jnp.float32), float(epsilon))

    def __call__(
        self, x: Float[Array, "batch *cells features"], context: Context
    ) -> tuple[Float[Array, "batch *cells features"], "LayerNorm"]:
        """Standardise every row.

        Raises:
            InputError: If the batch has another number of features than the layer.
        """
        require_last_axis("LayerNorm", x, self.scale.shape[0])
        if context.units is None:
            mean = x.mean(axis=-1, keepdims=True)
            variance = x.var(axis=-1, keepdims=True)
        else:
            share = (jnp.arange(x.shape[-1]) < context.units) * (1 / context.units).astype(x.dtype)
            mean = (share * x).sum(axis=-1, keepdims=True)
            variance = (share * (x - mean) ** 2).sum(axis=-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + self.epsilon) * self.scale + self.shift, self
