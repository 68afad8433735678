r"""Sequence tagger: a tag for every token, from its word, its characters and its neighbours.

A token becomes the vector of its word beside the features of its spelling; recurrent layers read a sentence
in both directions; a dense layer scores the tags of each token, and a chain (conditional random field) those
of neighbours, if there is one.

Letters: rows of T places (several sentences one after the other, see `gorae.data.sentence_rows`), each
``channels`` numbers: whether a sentence begins, the word's code, the characters' codes. K tags.

References:
    Huang, Xu & Yu 2015, "Bidirectional LSTM-CRF models for sequence tagging", section 2.
    Ma & Hovy 2016, "End-to-end sequence labeling via bi-directional LSTM-CNNs-CRF", sections 2 and 3.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from gorae import nn
from gorae.data.sentence_rows import CHANNELS
from gorae.data.vocabulary import UNKNOWN
from gorae.errors import InputError
from gorae.models.network import Network
from gorae.nn.cells import CELLS
from gorae.nn.checks import known_name, positive_integer, proper_fraction

__all__ = ["Tagger", "TaggerShape", "build_tagger"]

_REACH = 3
"""Characters that a filter sees at once."""

_PLACES = 64
"""Places of a row, about, by which its work and memory are estimated; a network reads any number of them."""


@dataclass(frozen=True)
class TaggerShape:
    """What determines a tagger's structure; hashable, so that it may be a static argument.

    Args:
        inputs: Numbers of a token, the channels.
        outputs: Tags.
        words: Codes of words.
        characters: Codes of characters.
        word_width: Numbers of a word's vector.
        character_width: Numbers of a character's vector.
        filters: Features of a word's spelling; 0 for none, so that words alone count.
        hidden: Features of the hidden state, of each direction.
        layers: Recurrent layers that stand on one another.
        cell: One of `gorae.nn.RECURRENT_CELLS`.
        decoder: "softmax" scores each token's tags alone; "crf" those of neighbours too.
        word_dropout: Probability in [0, 1) that a word is taken for an unknown one, in training.
        frozen: Whether some words' vectors are given, and stay as they are.

    Raises:
        ParameterError: If a value is out of its range or a name is unknown.

    Example:
        >>> TaggerShape(inputs=18, outputs=17, words=100, characters=30).hidden
        128
    """

    inputs: int
    outputs: int
    words: int
    characters: int
    word_width: int = 64
    character_width: int = 24
    filters: int = 128
    hidden: int = 128
    layers: int = 1
    cell: str = "lstm"
    decoder: Literal["softmax", "crf"] = "softmax"
    word_dropout: float = 0.1
    frozen: bool = False

    def __post_init__(self):
        least = {"inputs": CHANNELS + 1, "words": 2, "characters": 2, "filters": 0}
        for name in (
            *("inputs", "outputs", "words", "characters", "word_width"),
            *("character_width", "filters", "hidden", "layers"),
        ):
            number = positive_integer(name, getattr(self, name), least=least.get(name, 1))
            object.__setattr__(self, name, number)
        known_name("cell", self.cell, nn.RECURRENT_CELLS)
        known_name("decoder", self.decoder, ("softmax", "crf"))
        object.__setattr__(self, "word_dropout", float(proper_fraction("word_dropout", self.word_dropout)))

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Nothing: what a layer answers for a row depends on how long the row is."""
        return ()

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """Nothing, as of widths."""
        return ()

    @property
    def hidden_activations(self) -> tuple[str, ...]:
        """Nothing, as of widths."""
        return ()

    @property
    def row_work(self) -> int:
        """Multiplications of the places of a row."""
        spelling = (self.inputs - CHANNELS) * _REACH * self.character_width * self.filters
        gates = 2 * CELLS[self.cell].gates * self.hidden
        below = [self.word_width + self.filters, *[2 * self.hidden] * (self.layers - 1)]
        recurrent = sum(gates * (width + self.hidden) for width in below)
        return _PLACES * (spelling + recurrent + 2 * self.hidden * self.outputs)

    @property
    def row_numbers(self) -> int:
        """Numbers that the gradient of a row's places keeps, most of them of characters."""
        spelling = (self.inputs - CHANNELS) * (_REACH * self.character_width + self.filters)
        kept = 2 * self.layers * self.hidden * (CELLS[self.cell].gates + 3)
        return _PLACES * (spelling + kept + 2 * (self.word_width + self.filters) + self.outputs)

    def build(self, key: PRNGKeyArray, hyper: Mapping[str, Array]) -> "Tagger":
        """Make a tagger of a member's numbers, which may be traced."""
        return build_tagger(key, self, dropout_rate=hyper["dropout"])

    def to_meta(self) -> dict[str, Any]:
        """Return the shape as JSON."""
        return asdict(self)


@final
class Tagger(Network):
    """Words and spelling, recurrent layers in both directions, scores of tags.

    Args:
        word: A vector a word.
        spelling: Features of characters; None where words alone count.
        recurrent: Reads a sentence in both directions.
        head: Scores of the tags.
        chain: Scores of neighbouring tags; None for a softmax a token.
        dropout: Before and behind the recurrent layers.
        word_dropout: Probability that a word is taken for an unknown one, in training.
    """

    word: nn.Embedding
    spelling: nn.Spelling | None
    recurrent: nn.Recurrent
    head: nn.Dense
    chain: nn.ChainTags | None
    dropout: nn.Dropout
    word_dropout: float = eqx.field(static=True)

    def __call__(
        self, x: Float[Array, "batch T channels"], context: nn.Context
    ) -> tuple[Float[Array, "batch places K"], "Tagger"]:
        """Return the scores of each place's tags, with the chain's own below them where there is one.

        Raises:
            InputError: If the batch is not of places with channels.
        """
        hidden = self.features(x, context)
        scores, _ = self.head(hidden.reshape(-1, hidden.shape[-1]), context)
        scores = scores.reshape(*hidden.shape[:2], -1)
        return (scores if self.chain is None else self.chain(scores, context)[0]), self

    def features(
        self, x: Float[Array, "batch T channels"], context: nn.Context
    ) -> Float[Array, "batch T width"]:
        """Return the hidden states of both directions at each place."""
        if x.ndim != 3 or x.shape[-1] <= CHANNELS:
            raise InputError(f"a tagger expects a batch of shape (batch, places, channels), got {x.shape}.")
        codes = x.astype(jnp.int32)
        begins, words = codes[..., 0] > 0, codes[..., 1]
        real = words > 0
        if context.training and self.word_dropout > 0:
            key = context.fold(0).key
            assert key is not None
            missed = context.drawn(partial(jax.random.bernoulli, key, self.word_dropout), words.shape)
            words = jnp.where(missed & real, UNKNOWN, words)
        parts = [self.word(words, context)[0]]
        if self.spelling is not None:
            parts.append(self.spelling(codes[..., CHANNELS:], context)[0])
        seen, _ = self.dropout(jnp.concatenate(parts, axis=-1), context.fold(1))
        # what is no token begins anew too, so that nothing of it comes back to the last token of a row
        inner = replace(context.fold(2), begins=begins | ~real)
        hidden, _ = self.recurrent(seen, inner)
        return self.dropout(hidden, context.fold(3))[0]

    def hidden_layers(
        self, x: Float[Array, "batch T channels"], context: nn.Context
    ) -> tuple[Float[Array, "batch width"], ...]:
        """Return nothing: a row's hidden states are as many as its places."""
        return ()

    @property
    def embedding(self) -> nn.Embedding:
        """What turns words into vectors."""
        return self.word

    def named_layers(self) -> tuple[tuple[str, nn.Layer], ...]:
        """Return "words", "spelling", "recurrent", "output" and "chain", those that there are."""
        layers = {
            "words": self.word,
            "spelling": self.spelling,
            "recurrent": self.recurrent,
            "output": self.head,
            "chain": self.chain,
        }
        return tuple((name, layer) for name, layer in layers.items() if layer is not None)


def build_tagger(
    key: PRNGKeyArray, shape: TaggerShape, *, dropout_rate: float | Float[Array, ""] = 0.0
) -> Tagger:
    """Make a tagger with random weights.

    Args:
        key: Source of the initial weights.
        shape: The structure.
        dropout_rate: Probability in [0, 1) that a feature of a token is silenced in training, before and
            behind the recurrent layers, and between them at all places of a row; a number or a traced scalar.

    Returns:
        A model of float32 arrays.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae import nn
        >>> shape = TaggerShape(inputs=5, outputs=3, words=10, characters=8, filters=4, hidden=6)
        >>> model = build_tagger(jax.random.key(0), shape)
        >>> rows = jnp.array([[[1, 2, 3, 4, 0], [0, 5, 2, 0, 0], [1, 1, 7, 7, 7]]])  # two words, then one
        >>> model(rows, nn.inference())[0].shape
        (1, 3, 3)
    """
    keys = jax.random.split(key, 4)
    width = shape.word_width + shape.filters
    spelling = None
    if shape.filters:
        spelling = nn.Spelling.create(
            keys[1], shape.characters, shape.character_width, shape.filters, reach=_REACH
        )
    return Tagger(
        word=nn.Embedding.create(keys[0], shape.words, shape.word_width, partly=shape.frozen),
        spelling=spelling,
        recurrent=nn.Recurrent.create(
            keys[2],
            width,
            shape.hidden,
            cell=shape.cell,
            layers=shape.layers,
            bidirectional=True,
            dropout=dropout_rate if shape.layers > 1 else None,
        ),
        head=nn.Dense.create(keys[3], 2 * shape.hidden, shape.outputs),
        chain=nn.ChainTags.create(shape.outputs) if shape.decoder == "crf" else None,
        dropout=nn.Dropout.create(dropout_rate),
        word_dropout=shape.word_dropout,
    )
