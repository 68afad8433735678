"""Mixup: two rows and their targets blended, so that a model is linear between what it has seen."""

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num, PRNGKeyArray
from scipy.stats import beta

from gorae.errors import ParameterError

__all__ = ["Mixed", "checked_strength", "mix"]

_QUANTILES = 4096


class Mixed(NamedTuple):
    """A batch of blended rows, and what their targets are.

    Attributes:
        x: the rows.
        partner: which row of the batch each was blended with.
        share: how much of a row is its own, from 1/2 to 1; the rest is its partner's.
    """

    x: Float[Array, "batch ..."]
    partner: Int[Array, " batch"]
    share: Float[Array, " batch"]


def mix(
    key: PRNGKeyArray,
    x: Num[Array, "batch ..."],
    strength: float,
    weight: Float[Array, " batch"] | None = None,
) -> Mixed:
    r"""Blend each row with another of the batch: $\tilde x_b = \lambda_b x_b + (1 - \lambda_b) x_{p(b)}$.

    The loss of the blend is $\lambda_b L(y_b) + (1 - \lambda_b) L(y_{p(b)})$, which is the cross-entropy to
    the blended target. λ is the larger of the two parts of a Beta(α, α) draw: as pairs are drawn at random,
    that changes no expectation, and leaves a row's own weight with the larger part of its loss.

    Args:
        key: of the draws.
        x: rows of any shape.
        strength: α; 0 blends nothing, 0.2 a little, 1 draws each blend equally often.
        weight: of each row: a partner is drawn in proportion to it, and never one of weight 0 (padding is
            one). None for equal weights.

    Returns:
        The blended rows as float32, and with what and how much.

    Raises:
        ParameterError: if the strength is no number from 0 to 100.

    Example:
        >>> x = jnp.array([[0.0], [10.0]])
        >>> mixed = mix(jax.random.key(2), x, 1.0)
        >>> print(mixed.partner, mixed.share.round(2), mixed.x[:, 0].round(1))
        [1 0] [0.63 0.95] [3.7 9.5]

    References:
        Zhang, Cisse, Dauphin, Lopez-Paz 2018, "mixup: beyond empirical risk minimization", section 2.
    """
    strength, rows = checked_strength(strength), x.astype(jnp.float32)
    own = jnp.arange(x.shape[0])
    if strength == 0:
        return Mixed(rows, own, jnp.ones(x.shape[0], jnp.float32))
    whom, how = jax.random.split(key)
    partner = _partners(whom, own, weight)
    drawn = jax.random.bits(how, (x.shape[0],), jnp.uint32) % _QUANTILES
    share = jax.lax.optimization_barrier(jnp.asarray(_shares(strength))[drawn])
    wide = share.reshape(-1, *(1,) * (x.ndim - 1))
    return Mixed(rows * wide + rows[partner] * (1 - wide), partner, share)


def checked_strength(strength: float) -> float:
    """Return a strength of mixup.

    Raises:
        ParameterError: if it is no number from 0 to 100.
    """
    if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength <= 100:
        raise ParameterError(f"mixup must be a number from 0 to 100, got {strength!r}.")
    return float(strength)


def _partners(key: PRNGKeyArray, own: Array, weight: Array | None) -> Array:
    """Draw a row for each row, in proportion to the weights."""
    if weight is None:
        return jax.random.randint(key, own.shape, 0, own.shape[0])
    sums = jnp.cumsum(weight)
    drawn = jax.random.uniform(key, own.shape) * sums[-1]
    found = jnp.minimum(jnp.sum(sums <= drawn[:, None], axis=1), own.shape[0] - 1)
    return jnp.where(weight[found] > 0, found, own)  # rounding could reach the end, where padding is


@lru_cache(maxsize=32)
def _shares(strength: float) -> np.ndarray:
    """Return the larger part of Beta(α, α) at evenly spaced quantiles: one of them drawn is a draw of it."""
    levels = 0.5 + (np.arange(_QUANTILES) + 0.5) / (2 * _QUANTILES)
    return np.asarray(beta(strength, strength).ppf(levels), np.float32)
