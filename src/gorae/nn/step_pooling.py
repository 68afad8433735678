"""Pooling over time: the real steps of a sequence become one vector."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from gorae.errors import ParameterError
from gorae.nn.checks import known_name, positive_integer, require_channels
from gorae.nn.dense import Dense
from gorae.nn.layer import Context, Layer

__all__ = ["STEP_POOLINGS", "StepPool"]

STEP_POOLINGS: tuple[str, ...] = ("mean", "max", "last", "attention")
"""What a sequence may become."""


@final
class StepPool(Layer):
    r"""All real steps (`Context.lengths`) become one, feature by feature.

    ============== =========================================================================================
    mean           the mean
    max            the largest
    last           the last; of two directions, the second half of the features is that of the first step,
                   which is the last one that the reversed cell has read
    attention      $\sum_t a_t x_t$ with $a = \mathrm{softmax}_t(v^T \tanh(W x_t + b))$, learnt
    ============== =========================================================================================

    A row without any real step becomes zeros.

    Args:
        kind: One of `STEP_POOLINGS`.
        directions: 2 where the second half of the features was read from the end.
        hidden: W and b, for attention.
        score: v, for attention.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import Context
        >>> context = Context(None, training=False, lengths=jnp.array([2]))
        >>> x = jnp.array([[[1.0], [5.0], [9.0]]])
        >>> {kind: StepPool.create(kind)(x, context)[0].item() for kind in ("mean", "max", "last")}
        {'mean': 3.0, 'max': 5.0, 'last': 5.0}

    References:
        Lin et al. 2017, "A structured self-attentive sentence embedding", section 2.1, equation 5 (one row).
    """

    kind: str = eqx.field(static=True)
    directions: int = eqx.field(static=True, default=1)
    hidden: Dense | None = None
    score: Float[Array, " hidden"] | None = None

    @classmethod
    def create(
        cls,
        kind: str,
        *,
        directions: int = 1,
        features: int | None = None,
        key: PRNGKeyArray | None = None,
        hidden: int = 32,
    ) -> "StepPool":
        """Make the layer.

        Args:
            kind: One of `STEP_POOLINGS`.
            directions: 1, or 2 where the second half of the features was read from the end.
            features: Of a step; needed for attention.
            key: Source of randomness; needed for attention.
            hidden: Numbers that attention's score is made of.

        Raises:
            ParameterError: If there is no such pooling, or attention lacks what it needs.
        """
        known_name("pooling over time", kind, STEP_POOLINGS)
        if positive_integer("directions", directions) > 2:
            raise ParameterError(f"directions must be 1 or 2, got {directions}.")
        if kind != "attention":
            return cls(kind, directions)
        if features is None or key is None:
            raise ParameterError("attention is learnt: give it the features of a step, and a key.")
        first, second = jax.random.split(key)
        score = Dense.create(second, positive_integer("hidden", hidden), 1).weight[:, 0]
        return cls(kind, directions, Dense.create(first, features, hidden), score)

    def __call__(
        self, x: Float[Array, "batch time features"], context: Context
    ) -> tuple[Float[Array, "batch features"], "StepPool"]:
        """Return one vector a row.

        Raises:
            InputError: If the batch has no axis of steps.
        """
        require_channels("StepPool", x, 1)
        lengths, time = context.lengths, x.shape[1]
        if lengths is None:
            lengths = jnp.full(x.shape[0], time, jnp.int32)
        live = (jnp.arange(time) < lengths[:, None])[..., None]
        if self.kind == "last":
            return self._last(x, lengths), self
        if self.kind == "max":
            least = jnp.asarray(-jnp.inf, x.dtype)
            found = jnp.max(jnp.where(live, x, least), axis=1, initial=-jnp.inf)
            return jnp.where(lengths[:, None] > 0, found, 0), self
        x = jnp.where(live, x, 0)
        if self.kind == "mean":
            return jnp.sum(x, axis=1) * (1 / jnp.maximum(lengths, 1).astype(x.dtype))[:, None], self
        return jnp.sum(self._attention(x, live, context) * x, axis=1), self

    def _last(self, x: Array, lengths: Array) -> Array:
        """Return each row's last real step; of a second direction the first."""
        place = jnp.maximum(lengths - 1, 0)[:, None, None]
        last = jnp.take_along_axis(x, place, axis=1)[:, 0]
        if self.directions == 2:
            half = x.shape[-1] // 2
            last = jnp.concatenate([last[:, :half], x[:, 0, half:]], axis=-1)
        return jnp.where(lengths[:, None] > 0, last, 0)

    def _attention(self, x: Array, live: Array, context: Context) -> Array:
        """Return how much each step counts, `(batch, time, 1)`: they sum to 1 over the real steps."""
        assert self.hidden is not None
        assert self.score is not None
        hidden, _ = self.hidden(x.reshape(-1, x.shape[-1]), context)
        scores = (jnp.tanh(hidden) @ self.score).reshape(live.shape)
        scores = jnp.where(live, scores, jnp.finfo(x.dtype).min)
        share = jnp.where(live, jnp.exp(scores - jnp.max(scores, axis=1, keepdims=True)), 0)
        total = jnp.sum(share, axis=1, keepdims=True)
        return share * (1 / jnp.where(total > 0, total, 1))
