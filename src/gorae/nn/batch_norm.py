"""Batch normalisation: each feature is standardised over the rows of the batch."""

import math
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from gorae.errors import ParameterError
from gorae.nn.checks import positive_integer, require_last_axis
from gorae.nn.layer import Context, Layer
from gorae.nn.parameters import Buffer

__all__ = ["BatchNorm"]


@final
class BatchNorm(Layer):
    """y = scale (x - mean) / sqrt(variance + epsilon) + shift, feature by feature.

    The features are the last axis; where rows have cells, as images have, each cell counts as a row would.

    In training, mean and variance are the batch's: with row weights w (the context's mask; padding has 0)::

        n = Σ w    mean = Σ w x / n    variance = Σ w (x - mean)² / n

    and the running statistics move towards them, the variance in its unbiased form::

        running mean     <- (1 - momentum) running mean     + momentum mean
        running variance <- (1 - momentum) running variance + momentum variance n / (n - 1)

    At inference, the running statistics stand in, so a row's output depends on that row alone.

    One row has no variance: it leaves the running variance as it was, and its output is ``shift``.
    A batch of padding alone changes nothing.

    Args:
        scale: Factor of each feature; learnt.
        shift: Summand of each feature; learnt.
        mean: Running mean; starts at 0.
        variance: Running variance; starts at 1.
        momentum: Weight of the newest batch in the running statistics.
        epsilon: Added to the variance, so that a constant feature is divided by something.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import Context
        >>> x = jnp.array([[1.0], [3.0]])
        >>> outputs, layer = BatchNorm.create(1)(x, Context(None, training=True))
        >>> outputs.round(4).tolist()
        [[-1.0], [1.0]]
        >>> round(float(layer.mean.value[0]), 4)  # 0.9 * 0 + 0.1 * 2
        0.2

    References:
        Ioffe and Szegedy 2015, "Batch normalization", algorithms 1 and 2.
    """

    scale: Float[Array, " features"]
    shift: Float[Array, " features"]
    mean: Buffer
    variance: Buffer
    momentum: float = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    @classmethod
    def create(cls, features: int, *, momentum: float = 0.1, epsilon: float = 1e-5) -> "BatchNorm":
        """Make the layer, which at first changes nothing at inference but for epsilon.

        Args:
            features: Features of a row.
            momentum: Weight of the newest batch in the running statistics, in (0, 1].
            epsilon: Added to the variance; above 0.

        Raises:
            ParameterError: If a value is out of its range.
        """
        features = positive_integer("features", features)
        if not 0 < momentum <= 1:
            raise ParameterError(f"momentum must be above 0 and at most 1, got {momentum!r}.")
        if not epsilon > 0:
            raise ParameterError(f"epsilon must be above 0, got {epsilon!r}.")
        ones, none = jnp.ones(features, jnp.float32), jnp.zeros(features, jnp.float32)
        return cls(ones, none, Buffer(none), Buffer(ones), float(momentum), float(epsilon))

    def __call__(
        self, x: Float[Array, "batch *cells features"], context: Context
    ) -> tuple[Float[Array, "batch *cells features"], "BatchNorm"]:
        """Standardise a batch; in training also return the layer with its running statistics moved.

        Raises:
            InputError: If the batch has another number of features than the layer.
        """
        require_last_axis("BatchNorm", x, self.scale.shape[0])
        if not context.training:
            return self._standardise(x, self.mean.value, self.variance.value), self
        rows, weight = _without_padding(x, context.mask)
        mean, variance, count = _batch_statistics(rows, weight)
        return self._standardise(rows, mean, variance), self._moved(mean, variance, count)

    def _standardise(
        self,
        x: Float[Array, "batch *cells features"],
        mean: Float[Array, " features"],
        variance: Float[Array, " features"],
    ) -> Float[Array, "batch *cells features"]:
        return (x - mean) * (jax.lax.rsqrt(variance + self.epsilon) * self.scale) + self.shift

    def _moved(
        self, mean: Float[Array, " features"], variance: Float[Array, " features"], count: Float[Array, ""]
    ) -> "BatchNorm":
        unbiased = variance * (count / jnp.where(count > 1, count - 1, 1))
        mean_rate = jnp.where(count > 0, self.momentum, 0)
        variance_rate = jnp.where(count > 1, self.momentum, 0)
        return BatchNorm(
            self.scale,
            self.shift,
            _step_towards(self.mean, mean, mean_rate),
            _step_towards(self.variance, unbiased, variance_rate),
            self.momentum,
            self.epsilon,
        )


def _without_padding(
    x: Float[Array, "batch *cells features"], mask: Float[Array, " batch"] | Bool[Array, " batch"] | None
) -> tuple[Float[Array, "batch *cells features"], Array | None]:
    """Put 0 where padding may hold anything, as 0 * inf is NaN; the mask becomes a weight for each row."""
    if mask is None:
        return x, None
    weight = mask.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - 1))
    return jnp.where(weight > 0, x, 0), weight


def _batch_statistics(
    x: Float[Array, "batch *cells features"], weight: Array | None
) -> tuple[Float[Array, " features"], Float[Array, " features"], Float[Array, ""]]:
    """Mean and biased variance over all cells of the rows that count, and how many these are.

    Multiplied by one over the count: compilers divide by a scalar in their own way, alone and in a stack.
    """
    axes, cells = tuple(range(x.ndim - 1)), math.prod(x.shape[1:-1])
    if weight is None:
        return x.mean(axis=axes), x.var(axis=axes), jnp.asarray(len(x) * cells, x.dtype)
    count = weight.sum() * cells
    divisor = jnp.where(count > 0, count, 1)
    share = weight * (1 / divisor)
    mean = (share * x).sum(axis=axes)
    variance = (share * (x - mean) ** 2).sum(axis=axes)
    return mean, variance, count


def _step_towards(buffer: Buffer, target: Float[Array, " features"], rate: Float[Array, ""]) -> Buffer:
    target = jax.lax.stop_gradient(target).astype(buffer.value.dtype)
    return Buffer((1 - rate) * buffer.value + rate * target)
