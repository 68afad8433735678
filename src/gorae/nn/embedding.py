"""Embedding: a vector for every token, looked up."""

from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Real

from gorae.errors import InputError, ParameterError
from gorae.nn.checks import positive_integer
from gorae.nn.layer import Context, Layer
from gorae.nn.parameters import Buffer

__all__ = ["Embedding"]

_STANDARD_DEVIATION = 0.1
"""Of newly drawn vectors: small, so that a token that is seen once does not shout down the others."""


@final
class Embedding(Layer):
    """y_t = E[x_t]: each token's code becomes its row of a table.

    Args:
        table: E, learnt; or inside a `Buffer`, and then left as it was given.
        given: Rows that stand instead of those of E and are not learnt; None for none.
        is_given: Of which codes they do.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> layer = Embedding.create(jax.random.key(0), 100, 16)
        >>> layer(jnp.array([[5, 7, 7]]), inference())[0].shape
        (1, 3, 16)

    References:
        Bengio, Ducharme, Vincent, Jauvin 2003, "A neural probabilistic language model", section 2.
    """

    table: Float[Array, "tokens width"] | Buffer
    given: Buffer | None = None
    is_given: Bool[Array, " tokens"] | None = None

    @classmethod
    def create(
        cls,
        key: PRNGKeyArray,
        tokens: int,
        width: int,
        *,
        vectors: Any = None,
        frozen: bool = False,
        partly: bool = False,
    ) -> "Embedding":
        """Make the layer with random vectors, or with those given.

        Args:
            key: Source of the vectors' randomness.
            tokens: How many codes there are, 0 among them.
            width: Numbers of a vector.
            vectors: `(tokens, width)`, finite: where learning starts; None for small normal ones.
            frozen: Whether the vectors stay as they are.
            partly: Whether some rows may be given later, to stay as they are; until then none is.

        Raises:
            ParameterError: If a size is no positive integer, or the vectors have another shape.
        """
        tokens, width = positive_integer("tokens", tokens), positive_integer("width", width)
        if vectors is None:
            table = _STANDARD_DEVIATION * jax.random.normal(key, (tokens, width), jnp.float32)
        else:
            known = np.asarray(vectors, np.float32)
            if known.shape != (tokens, width) or not np.isfinite(known).all():
                raise ParameterError(
                    f"vectors must be finite numbers of shape ({tokens}, {width}), one row a token, got "
                    f"shape {known.shape}."
                )
            table = jnp.asarray(known)
        if partly:
            return cls(table, Buffer(jnp.zeros_like(table)), jnp.zeros(tokens, bool))
        return cls(Buffer(table) if frozen else table)

    @property
    def vectors(self) -> Float[Array, "tokens width"]:
        """The row of each code: that of E, or that which stands in its place."""
        table = self.table.value if isinstance(self.table, Buffer) else self.table
        if self.given is None or self.is_given is None:
            return table
        return jnp.where(self.is_given[:, None], self.given.value, table)

    def __call__(
        self, x: Real[Array, " batch *steps"], context: Context
    ) -> tuple[Float[Array, "batch *steps width"], "Embedding"]:
        """Return a vector a token; a code out of range is read as the nearest in range.

        Raises:
            InputError: If the batch has no axis of rows.
        """
        if x.ndim < 1:
            raise InputError("Embedding expects (batch, steps), got a single number.")
        table = self.table.value if isinstance(self.table, Buffer) else self.table
        codes = x.astype(jnp.int32)
        found = jnp.take(table, codes, axis=0, mode="clip")
        if self.given is not None and self.is_given is not None:
            kept = jnp.take(self.is_given, codes, mode="clip")[..., None]
            found = jnp.where(kept, jnp.take(self.given.value, codes, axis=0, mode="clip"), found)
        return found, self
