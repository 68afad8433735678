"""PReLU: a rectifier whose slope for negative inputs is learnt."""

from typing import final

import jax.numpy as jnp
from jaxtyping import Array, Float

from gorae.nn.checks import positive_integer, require_last_axis
from gorae.nn.layer import Context, Layer

__all__ = ["PReLU"]


@final
class PReLU(Layer):
    """max(0, x) + a min(0, x) with a learnt slope a, one per feature or one for all.

    Args:
        slope: a.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> PReLU.create()(jnp.array([[-4.0, 2.0]]), inference())[0].tolist()
        [[-1.0, 2.0]]

    References:
        He, Zhang, Ren, Sun 2015, "Delving deep into rectifiers", equation 1; a = 0.25 in section 2.1.
    """

    slope: Float[Array, " features"] | Float[Array, ""]

    @classmethod
    def create(cls, features: int | None = None, slope: float = 0.25) -> "PReLU":
        """Make the layer.

        Args:
            features: Features of a row, each with its own slope; None for one slope for all.
            slope: Where learning starts.

        Raises:
            ParameterError: If ``features`` is no positive integer.
        """
        shape = () if features is None else (positive_integer("features", features),)
        return cls(jnp.full(shape, slope, jnp.float32))

    def __call__(
        self, x: Float[Array, "batch *cells features"], context: Context
    ) -> tuple[Float[Array, "batch *cells features"], "PReLU"]:
        """Bend every feature at 0.

        Raises:
            InputError: If the batch has another number of features than there are slopes.
        """
        if self.slope.ndim == 1:
            require_last_axis("PReLU", x, self.slope.shape[0])
        return jnp.where(x > 0, x, self.slope * x), self
