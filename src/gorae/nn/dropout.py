"""Dropout: in training, each feature of each row is silenced with a probability."""

from typing import final

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int

from gorae.errors import ParameterError
from gorae.nn.checks import proper_fraction
from gorae.nn.layer import Context, Layer
from gorae.nn.parameters import Buffer

__all__ = ["Dropout"]


@final
class Dropout(Layer):
    """y = m x / (1 - rate) in training, m being 0 with probability ``rate`` and else 1; y = x at inference.

    Dividing by what is kept makes the expectation of y equal to x, so inference needs no scaling.
    The rate is an array, so that members of a population may differ in it: with a rate of 0 the
    outputs are exactly the inputs. A row's mask depends on the key and on the row's place in the
    batch, not on how many rows of padding follow; where features are padded, it is what the real ones have
    alone.

    Args:
        rate: Probability of silence, in [0, 1).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import Context
        >>> context = Context(jax.random.key(0), training=True)
        >>> outputs, _ = Dropout.create(0.5)(jnp.ones((1, 1000)), context)
        >>> sorted(set(outputs[0].tolist()))
        [0.0, 2.0]

    References:
        Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, "Dropout", section 4; the
        inverted scaling is in section 10.
    """

    rate: Buffer

    @classmethod
    def create(cls, rate: float | Float[Array, ""]) -> "Dropout":
        """Make the layer.

        Args:
            rate: Probability of silence, in [0, 1); inside a compiled program it may be a
                traced number, which is then trusted to be in its range.

        Raises:
            ParameterError: If the rate is a known number out of its range.
        """
        if not isinstance(rate, Tracer):
            rate = proper_fraction("dropout rate", rate)
        return cls(Buffer(jnp.asarray(rate, jnp.float32)))

    def __call__(
        self, x: Float[Array, " batch *features"], context: Context
    ) -> tuple[Float[Array, " batch *features"], "Dropout"]:
        """Silence features in training; return x itself at inference.

        Raises:
            ParameterError: If the context is one of training but has no key.
        """
        if not context.training:
            return x, self
        if context.key is None:
            raise ParameterError(
                "Dropout needs random numbers in training, got a context without a key; "
                "pass Context(jax.random.key(seed), training=True), or inference() to predict."
            )
        key, kept = context.key, 1 - self.rate.value.astype(x.dtype)

        def draw(shape: tuple[int, ...]) -> Bool[Array, " batch *features"]:
            mask = jax.random.bernoulli(key, kept, shape)
            return mask if context.units is None else _of_narrower(mask, context.units.astype(jnp.int32))

        mask = context.drawn(draw, x.shape)
        # A factor and no quotient: compilers divide by a scalar in their own way, alone and in a population.
        return jnp.where(mask, x * (1 / kept), 0), self


def _of_narrower(
    mask: Bool[Array, " batch *features"], units: Int[Array, ""]
) -> Bool[Array, " batch *features"]:
    """Return the mask that is drawn for rows of so many features, at the beginnings of wider ones.

    Random bits depend on a number's place alone, counted row after row: those of narrower rows are the first.
    """
    width = mask.shape[-1]
    rows = jnp.arange(mask.size // width)[:, None]
    places = rows * units + jnp.minimum(jnp.arange(width), units - 1)
    return mask.ravel()[places].reshape(mask.shape)
