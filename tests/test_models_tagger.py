"""The tagger's network: spelling by hand, sentences of one row, padding, and what random words do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.errors import InputError, ParameterError
from gorae.models import TaggerShape, build_tagger, layer_names

SHAPE = TaggerShape(
    inputs=6, outputs=3, words=9, characters=7, word_width=4, character_width=3, filters=5, hidden=6
)
LENGTHS = (2, 1, 4)


@pytest.fixture(scope="module", params=["softmax", "crf"])
def tagger(request):
    """Return a tagger whose chain, if it has one, is not 0."""
    shape = TaggerShape(**{**SHAPE.to_meta(), "decoder": request.param})
    model = build_tagger(jax.random.key(0), shape, dropout_rate=0.5)
    return jax.tree.map(lambda leaf: leaf + 0.1 if leaf.ndim else leaf, model)


def rows(seed=0, width=9):
    """Return a row of three sentences of 2, 1 and 4 words and two places of padding."""
    rng = np.random.default_rng(seed)
    codes = np.zeros((1, width, SHAPE.inputs), np.int32)
    codes[0, : sum(LENGTHS), 1] = rng.integers(2, SHAPE.words, sum(LENGTHS))
    codes[0, : sum(LENGTHS), 2:] = rng.integers(1, SHAPE.characters, (sum(LENGTHS), 4))
    codes[0, np.cumsum([0, *LENGTHS[:-1]]), 0] = 1
    return codes


def test_spelling_by_hand():
    """The strongest answer of each filter is taken, and what is beyond a word counts 0.

    Vectors (1), (2), (3) of characters 1, 2, 3 and a filter (1, 10, 100): the word 1 2 3 gives the largest of
    10 + 200, 1 + 20 + 300 and 2 + 30; a filter of -1s never gives more than 0.
    """
    layer = nn.Spelling(
        jnp.array([[9.0], [1.0], [2.0], [3.0]]),
        jnp.array([[1.0, -1.0], [10.0, -1.0], [100.0, -1.0]]),
        jnp.array([0.5, 0.0]),
    )

    found, _ = layer(jnp.array([[[1, 2, 3], [3, 0, 0]]]), nn.inference())

    # the word 3 alone: 30, then 3 + 0, then 0 of what is all padding; of the second filter 0 is the largest
    assert found.tolist() == [[[321.5, 0.0], [30.5, 0.0]]]


def test_spelling_is_the_same_in_parts():
    """A large batch, of which a few rows are looked at at a time, gives what its rows give alone."""
    layer = nn.Spelling.create(jax.random.key(0), 9, 3, 4)
    words = np.random.default_rng(0).integers(0, 9, (19, 2, 5))

    whole, _ = layer(jnp.asarray(words), nn.inference())

    for row in (0, 8, 18):
        np.testing.assert_allclose(whole[row], layer(words[row : row + 1], nn.inference())[0][0], rtol=1e-6)


def test_sentences_of_one_row_are_what_they_are_alone(tagger):
    """The scores of each sentence do not depend on those before and behind it."""
    codes = rows()
    together = np.asarray(tagger(codes, nn.inference())[0])

    start = 0
    for length in LENGTHS:
        alone = np.asarray(tagger(codes[:, start : start + length], nn.inference())[0])
        np.testing.assert_allclose(
            together[0, start : start + length], alone[0, :length], rtol=1e-5, atol=1e-6
        )
        start += length
    if tagger.chain is not None:
        np.testing.assert_array_equal(together[0, codes.shape[1] :], alone[0, length:])


def test_padding_changes_nothing(tagger):
    """More places behind the last word change no score of a word."""
    short, long = (np.asarray(tagger(rows(width=width), nn.inference())[0]) for width in (7, 15))

    np.testing.assert_allclose(long[0, :7], short[0, :7], rtol=1e-5, atol=1e-6)


def test_characters_tell_unknown_words_apart():
    """Two unknown words of different spelling have different scores, unless characters are left out."""
    codes = rows()
    codes[..., 1] = np.where(codes[..., 1] > 0, 1, 0)
    other = codes.copy()
    other[0, 1, 2] = codes[0, 1, 2] % (SHAPE.characters - 1) + 1
    blind = build_tagger(jax.random.key(0), TaggerShape(**{**SHAPE.to_meta(), "filters": 0}))
    seeing = build_tagger(jax.random.key(0), SHAPE)

    differs = [
        bool((model(codes, nn.inference())[0] != model(other, nn.inference())[0]).any())
        for model in (blind, seeing)
    ]

    assert differs == [False, True]


def test_words_are_missed_in_training_only():
    """With word dropout near 1 every word is the unknown one in training, and none at inference."""
    shape = TaggerShape(**{**SHAPE.to_meta(), "word_dropout": 0.999, "filters": 0})
    model = build_tagger(jax.random.key(0), shape)
    unknown = rows()
    unknown[..., 1] = np.where(unknown[..., 1] > 0, 1, 0)
    training = nn.Context(jax.random.key(1), training=True)

    missed = model(rows(), training)[0]

    np.testing.assert_allclose(missed, model(unknown, nn.inference())[0], rtol=1e-5, atol=1e-6)
    assert (model(rows(), nn.inference())[0] != missed).any()


def test_every_parameter_has_one_name(tagger):
    """Each array is in exactly one named layer, in the order of the data."""
    parameters, _ = nn.partition(tagger)
    named = [leaf for _, layer in parameters.named_layers() for leaf in jax.tree.leaves(layer)]

    assert len(named) == len(jax.tree.leaves(parameters))
    chain = ["chain"] if tagger.chain is not None else []
    assert layer_names(tagger) == ["words", "spelling", "recurrent", "output", *chain]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"outputs": 0}, "outputs must be"),
        ({"inputs": 2}, "inputs must be an integer of at least 3"),
        ({"filters": -1}, "filters must be"),
        ({"cell": "ltsm"}, "Did you mean 'lstm'"),
        ({"decoder": "viterbi"}, "decoder must be one of crf, softmax"),
        ({"word_dropout": 1.0}, "word_dropout must be"),
    ],
)
def test_mistakes_are_told(changed, told):
    """A value out of range is told in one sentence."""
    with pytest.raises(ParameterError, match=told):
        TaggerShape(**{**SHAPE.to_meta(), **changed})


def test_a_batch_of_another_shape_is_refused():
    """A matrix is no batch of places."""
    with pytest.raises(InputError, match="expects a batch of shape"):
        build_tagger(jax.random.key(0), SHAPE)(jnp.ones((2, 6)), nn.inference())
    with pytest.raises(InputError, match="words, letters"):
        nn.Spelling.create(jax.random.key(0), 5, 2, 2)(jnp.ones((2, 6)), nn.inference())
