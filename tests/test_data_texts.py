"""Columns of texts: known by their content, cut, counted and packed."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae.data import Calls, Characters, TextEncoding, Words, learn_texts, looks_like_texts
from gorae.data.ngrams import counted_ngrams, ngram_set, ngram_sketch
from gorae.data.texts import MOST_NGRAMS, MOST_STEPS
from gorae.errors import DamagedFileError, DataError
from text_cases import lengths, reviews


def told(texts):
    """The encoding of some texts, and their forms."""
    return learn_texts(pl.DataFrame({"said": texts}), "said")


def test_counts_of_ngrams_by_hand():
    """In "a b a b a" a comes 3 times, b twice, the pair "a b" twice and "b a" twice: 9 n-grams."""
    _, counts = counted_ngrams(["a", "b", "a", "b", "a"], (1, 2))

    assert sorted(counts.tolist()) == [2, 2, 2, 3]


@pytest.mark.parametrize(("times", "numbers"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (1000, 10)])
def test_a_count_is_told_by_its_doublings(times, numbers):
    """An n-gram that came c times stands in its set as 1 + floor(log2 c) numbers."""
    assert len(ngram_set(*counted_ngrams(["call"] * times, (1,)))) == numbers


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=40), st.randoms())
def test_words_in_another_order_have_the_same_single_counts(tokens, random):
    """Sets and sketches of single tokens do not depend on the order of the tokens."""
    other = list(tokens)
    random.shuffle(other)
    one, two = (counted_ngrams(each, (1,)) for each in (tokens, other))

    np.testing.assert_array_equal(ngram_set(*one), ngram_set(*two))
    np.testing.assert_array_equal(ngram_sketch(*one), ngram_sketch(*two))


def test_of_a_full_set_the_most_frequent_are_kept():
    """Where there is room for one number, it is that of the n-gram that came most often."""
    alone = ngram_set(*counted_ngrams(["often"], (1,)))
    kept = ngram_set(*counted_ngrams(["often"] * 3 + ["once", "seldom"], (1,)), most=1)

    np.testing.assert_array_equal(kept, alone)


def test_sketches_are_of_one_length():
    """The bytes of a sketch have the length 255, within rounding: distances tell angles."""
    for text in ("whale", "a pod of whales in the northern sea", "a a a a b"):
        sketch = ngram_sketch(*counted_ngrams(text.split())).astype(float)

        assert np.linalg.norm(sketch) == pytest.approx(255, abs=2)


@pytest.mark.parametrize(
    ("column", "is_texts"),
    [
        (reviews()["review"], True),
        (lengths()["trace"], True),
        (pl.Series([f"{row} {row * row} {row + 7} {row - 3} 17 4" for row in range(20)]), True),
        (pl.Series(["New York City, North"] * 30), False),
        (pl.Series([f"sample-{row}" for row in range(30)]), False),
        (pl.Series([f"1 {row:03d} 000 km" for row in range(30)]), False),
        (pl.Series(["one text of five words"]), False),
        (pl.Series(range(30)), False),
        (pl.Series([None] * 30, dtype=pl.String), False),
    ],
)
def test_what_looks_like_texts(column, is_texts):
    """Texts are mostly different and of several words; names, categories, quantities and numbers are not."""
    assert looks_like_texts(column) is is_texts


def test_how_texts_are_cut():
    """Sentences are cut into words, traces with commas into calls, single words into characters."""
    assert told(["a whale, in the sea", "no whale at all"])[0].tokenizer == Words(lower=True)
    assert told(["82,1,7,7", "7,7,7"])[0].tokenizer == Calls()
    assert told(["Kowalski", "Rossi"])[0].tokenizer == Characters(lower=True)


def test_texts_without_words_are_read_as_one_token():
    """An empty and a missing text have one and the same token, and the user is told."""
    encoding, forms = told(["a whale in the sea", "", None])

    assert np.asarray(forms.words)[1:, 0].tolist() == [1, 1]
    np.testing.assert_array_equal(forms.words[1], forms.words[2])
    assert encoding.notes[1] == (
        "2 of 3 texts of 'said' are empty or missing: they are read as one token that stands for no text."
    )


def test_no_text_at_all():
    """A column without any text is refused in one sentence."""
    with pytest.raises(DataError, match="the column 'said' has no text in any of its 2 rows"):
        told([None, ""])


def test_long_texts():
    """Of a long text the first and last words are read in order, its set holds a bounded number, both told."""
    words = [f"w{place}" for place in range(3 * MOST_NGRAMS)]
    encoding, forms = told([" ".join(words), "a short one of words"])

    assert forms.words.shape[1] == 1 + MOST_STEPS
    assert forms.ngrams.shape[1] <= 1 + MOST_NGRAMS
    kept = encoding.of_form("words").kinds["words"].table
    assert {"w0", f"w{3 * MOST_NGRAMS - 1}"} <= set(kept)
    assert f"w{MOST_NGRAMS}" not in kept
    assert encoding.notes[1].startswith("1 of 2 texts of 'said' has 256 words or more")
    assert encoding.notes[2].startswith("1 of 2 texts of 'said' has 1,024 different words and pairs or more")


def test_new_texts_are_read_as_the_learned_ones():
    """The same texts become the same rows in every form, and unknown words the code of unknown ones."""
    encoding, forms = told(["a whale in the sea", "no whale at all", "in the sea"])
    same = pl.DataFrame({"said": ["no whale at all"]})

    for form in ("sketch", "ngrams", "words"):
        np.testing.assert_array_equal(encoding.of_form(form).encode(same)[0], getattr(forms, form)[1])
    new = encoding.of_form("words").encode(pl.DataFrame({"said": ["a shark"]}))
    assert new[0, :3].tolist() == [2, encoding.kinds["words"].codes["a"], 1]


def test_meta_holds_an_encoding():
    """What `to_meta` tells, `from_meta` reads."""
    encoding, _ = told(["a whale in the sea", "no whale at all"])
    own = encoding.of_form("words")
    read = TextEncoding.from_meta(own.to_meta(), own.kinds["words"])

    assert (read.column, read.tokenizer, read.form) == ("said", Words(lower=True), "words")
    assert read.feature_names == own.feature_names


@pytest.mark.parametrize(
    "change",
    [
        {"form": "chapters"},
        {"column": 3},
        {"tokenizer": {"name": "words"}},
        {"more": 1},
        {"form": "words"},
    ],
)
def test_damaged_meta(change):
    """A stored encoding that is none, or that is not its estimator's, is refused."""
    meta = told(["a whale in the sea", "no whale at all"])[0].to_meta()

    with pytest.raises((DamagedFileError, ValueError)):
        TextEncoding.from_meta({"texts": {**meta["texts"], **change}}, None)


def test_the_middle_of_a_long_text_has_no_share():
    """Of a text longer than is read in order, values go to its first and last tokens, none to those between."""
    words = [f"w{place}" for place in range(MOST_STEPS + 40)]
    encoding, _ = told([" ".join(words), "a short one of words"])
    tokens, values = encoding.of_form("words").shares(" ".join(words), np.arange(MOST_STEPS) + 1.0)

    assert tokens == words
    assert np.flatnonzero(np.isnan(values)).tolist() == list(range(MOST_STEPS // 2, MOST_STEPS // 2 + 40))
    np.testing.assert_array_equal(values[~np.isnan(values)], np.arange(MOST_STEPS) + 1.0)


def test_shares_of_ngrams_go_to_all_tokens():
    """What the numbers of a set are worth is shared out among all tokens of its text."""
    encoding, forms = told(["a whale in the sea", "no whale at all"])
    worth = np.ones(int(forms.ngrams[1, 0]))
    tokens, values = encoding.of_form("ngrams").shares("no whale at all", worth)

    assert tokens == ["no", "whale", "at", "all"]
    assert values.sum() == pytest.approx(len(worth))
