"""Features of words by their characters, so that a word that was never seen is not a stranger."""

from typing import final

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Real

from gorae.errors import InputError
from gorae.nn.checks import positive_integer
from gorae.nn.initialization import glorot_uniform
from gorae.nn.layer import Context, Layer
from gorae.nn.product import trained_product

__all__ = ["Spelling"]

_STANDARD_DEVIATION = 0.3
_ROWS_AT_ONCE = 8
"""Rows of a batch whose characters are looked at together, where nothing is trained: with 64 words a row, 16
characters a word and 128 filters they take 4 MB."""


@final
class Spelling(Layer):
    r"""The strongest answer of filters that slide over the characters of a word.

    $y_f = \max(0, b_f + \max_l \sum_{d} e_{c_{l+d}} \cdot W_{d,f})$, where $e_c$ is the vector of character c
    and d runs over the `reach` characters around place l; beyond the word's ends $e$ is 0, so that filters
    see where a word begins and ends. Code 0 is no character.

    Args:
        table: e, a vector a character.
        weight: W, all places and numbers of a filter's window below each other.
        bias: b.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> layer = Spelling.create(jax.random.key(0), characters=30, width=8, filters=16)
        >>> words = jnp.array([[[3, 4, 0, 0], [5, 6, 7, 2]]])  # a row of two words
        >>> layer(words, inference())[0].shape
        (1, 2, 16)

    References:
        dos Santos & Zadrozny 2014, "Learning character-level representations for part-of-speech tagging",
        section 2.2.
    """

    table: Float[Array, "characters width"]
    weight: Float[Array, "window filters"]
    bias: Float[Array, " filters"]

    @classmethod
    def create(
        cls, key: PRNGKeyArray, characters: int, width: int, filters: int, *, reach: int = 3
    ) -> "Spelling":
        """Make the layer with random weights.

        Args:
            key: Source of their randomness.
            characters: How many codes there are, 0 among them.
            width: Numbers of a character's vector.
            filters: Features of a word.
            reach: Characters that a filter sees at once.

        Raises:
            ParameterError: If a number is no integer of at least 1.
        """
        characters, width = positive_integer("characters", characters), positive_integer("width", width)
        filters, reach = positive_integer("filters", filters), positive_integer("reach", reach)
        of_table, of_weight = jax.random.split(key)
        table = _STANDARD_DEVIATION * jax.random.normal(of_table, (characters, width), jnp.float32)
        weight = glorot_uniform(of_weight, (reach * width, filters), reach * width, filters)
        return cls(table, weight, jnp.zeros(filters, jnp.float32))

    def __call__(
        self, x: Real[Array, "batch words letters"], context: Context
    ) -> tuple[Float[Array, "batch words filters"], "Spelling"]:
        """Return the features of each word.

        Raises:
            InputError: If the batch is not of words of characters.
        """
        if x.ndim != 3:
            raise InputError(f"Spelling expects a batch of shape (batch, words, letters), got {x.shape}.")
        if context.training or x.shape[0] <= _ROWS_AT_ONCE:
            return self._features(x), self
        return jax.lax.map(lambda row: self._features(row[None])[0], x, batch_size=_ROWS_AT_ONCE), self

    def _features(self, x: Real[Array, "batch words letters"]) -> Float[Array, "batch words filters"]:
        """Return the features of each word, all of them at once."""
        batch, words, letters = x.shape
        codes = jnp.clip(x.astype(jnp.int32), 0, self.table.shape[0] - 1)
        reach = self.weight.shape[0] // self.table.shape[1]
        vectors = self.table[codes] * (codes > 0)[..., None]
        before = (reach - 1) // 2
        wide = jnp.pad(vectors, ((0, 0), (0, 0), (before, reach - 1 - before), (0, 0)))
        seen = jnp.concatenate([wide[:, :, d : d + letters] for d in range(reach)], axis=-1)
        answers = trained_product(seen.reshape(-1, seen.shape[-1]), self.weight)
        strongest = jnp.max(answers.reshape(batch, words, letters, -1), axis=2)
        return jax.nn.relu(strongest + self.bias)
