import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae.data.sentence_rows import fit_word_codes, place_sentences, unpacked
from gorae.errors import DataError, ParameterError

LENGTHS = st.lists(st.integers(1, 25), min_size=1, max_size=30)


@given(LENGTHS, st.integers(1, 20))
def test_every_token_has_a_place_of_its_own(lengths, width):
    """Places are different, pieces stand side by side in one row, each begins once, no row is without a begin."""
    places = place_sentences(lengths, width)

    assert len(set(places.at.tolist())) == sum(lengths)
    assert places.at.max() < places.rows * width
    starts = np.flatnonzero(places.begins)
    pieces = [min(width, n - at) for n in lengths for at in range(0, n, width)]
    assert np.diff([*starts, sum(lengths)]).tolist() == pieces
    for start, size in zip(starts, pieces, strict=True):
        own = places.at[start : start + size]
        assert (np.diff(own) == 1).all()
        assert own[0] // width == own[-1] // width
    occupied = np.zeros(places.rows * width, bool)
    occupied[places.at] = True
    full = occupied.reshape(places.rows, width)
    assert (full[:, :-1] >= full[:, 1:]).all()  # padding stands at the end of a row
    assert full[:, 0].all()


@given(LENGTHS, st.integers(25, 60))
def test_rows_are_half_full_at_least(lengths, width):
    """Best fit leaves no two rows that would fit into one."""
    places = place_sentences(lengths, width)

    used = np.bincount(places.at // width, minlength=places.rows)
    assert places.rows == 1 or np.sort(used)[:2].sum() > width


@given(LENGTHS, st.integers(1, 20))
def test_what_is_packed_comes_back(lengths, width):
    """Values put at the places come back sentence by sentence."""
    places = place_sentences(lengths, width)
    rows = np.zeros((places.rows, width, 2), int)
    rows.reshape(-1, 2)[places.at] = np.arange(2 * sum(lengths)).reshape(-1, 2)

    back = list(unpacked(rows, places, lengths))

    assert [len(part) for part in back] == lengths
    np.testing.assert_array_equal(np.concatenate(back), np.arange(2 * sum(lengths)).reshape(-1, 2))


def test_words_are_looked_up_in_small_letters_and_characters_as_they_are():
    """Capitals and normal forms do not matter to the word's code; the characters tell them apart."""
    codes = fit_word_codes([["Café", "café", "Café", "café", "고래", "고래"]], letters=8)
    table = codes.table(
        ["CAFÉ", unicodedata.normalize("NFD", "café"), "고래", unicodedata.normalize("NFD", "고래")]
    )

    assert table[0, 0] == table[1, 0]
    assert table[0, 1] != table[1, 1]
    np.testing.assert_array_equal(table[2], table[3])
    assert (table[2] > 0).sum() == 1 + 4  # two syllables of two letters each


def test_rows_hold_begins_words_and_characters():
    """A begin flag, the word and its characters at each place of a token; zeros elsewhere."""
    sentences = [["ab", "c"], ["c"]]
    codes = fit_word_codes([*sentences, ["ab"]], letters=3)  # every character came twice
    places = place_sentences([2, 1], 4)

    rows = codes.rows(sentences, places)

    a, b, c = (int(codes.characters.encode(one)[0]) for one in "abc")
    ab, c_word = codes.words.encode(["ab", "c"]).tolist()
    assert rows.dtype == np.uint16
    assert rows.tolist() == [[[1, ab, a, b, 0], [0, c_word, c, 0, 0], [1, c_word, c, 0, 0], [0] * 5]]


def test_what_cannot_be_coded_is_told():
    """No words, no width, no letters: one sentence each."""
    with pytest.raises(DataError, match="at least one token"):
        fit_word_codes([[]])
    with pytest.raises(ParameterError, match="letters must be"):
        fit_word_codes([["a"]], letters=0)
    with pytest.raises(ParameterError, match="width must be"):
        place_sentences([1], 0)
