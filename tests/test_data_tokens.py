import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae.data import (
    PADDING,
    UNKNOWN,
    WINDOWS,
    Bytes,
    Calls,
    Characters,
    Vocabulary,
    Words,
    as_tokenizer,
    byte_vocabulary,
    check_codes,
    fit_vocabulary,
    kept_places,
    pack_sequences,
    tokenizer_from_meta,
    tokenizer_to_meta,
)
from gorae.errors import DataError, InputError, InputTypeError, ParameterError

TOKENIZERS = [
    Words(),
    Words(lower=True),
    Words(clitics=True),
    Characters(),
    Characters(lower=True),
    Bytes(),
    Calls(),
    Calls("|"),
]
TEXTS = st.text() | st.text(alphabet="aB1.,'’@:/-_! 가나\u0301\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The whale, the pod.", ["The", "whale", ",", "the", "pod", "."]),
        ("고래는 바다에 산다.", ["고래는", "바다에", "산다", "."]),
        ("don’t rock'n'roll 'tis", ["don’t", "rock'n'roll", "'", "tis"]),
        ("3.14 1,000 7.", ["3.14", "1,000", "7", "."]),
        ("well-known... what?!", ["well", "-", "known", "...", "what", "?", "!"]),
        ("see https://a.org/x?y=1, or www.b.kr.", ["see", "https://a.org/x?y=1", ",", "or", "www.b.kr", "."]),
        ("mail kim.a+b@x.co.kr!", ["mail", "kim.a+b@x.co.kr", "!"]),
        ("CreateFile_A(0x1F)", ["CreateFile_A", "(", "0x1F", ")"]),
        ("हिन्दी ❤️❤️", ["हिन्दी", "❤️❤️"]),
        (" \t\n", []),
        ("", []),
    ],
)
def test_words_by_the_rule(text, words):
    """Words, numbers, addresses and punctuation are cut as the module's head says, in any script."""
    assert Words()(text) == words


def test_clitics_are_split_as_in_treebanks():
    """English clitics become tokens of their own; a Korean or French apostrophe stays."""
    assert Words(clitics=True)("I'd say Anna's can't; l'eau 'ㅋ'") == [
        *("I", "'d", "say", "Anna", "'s", "ca", "n't", ";", "l'eau", "'", "ㅋ", "'"),
    ]


def test_korean_letters_become_syllables():
    """A text in normal form D gives the same tokens as in normal form C."""
    text = "고래와 café"

    assert Words()(unicodedata.normalize("NFD", text)) == Words()(text) == ["고래와", "café"]
    assert Characters()(unicodedata.normalize("NFD", text)) == list(text)


@given(TEXTS)
def test_words_lose_nothing_but_white_space(text):
    """The words of a text side by side are the text without its white space."""
    text = unicodedata.normalize("NFC", text)

    assert "".join(Words()(text)) == "".join(Words(clitics=True)(text)) == "".join(text.split())


@pytest.mark.parametrize(
    "text", ["a." * 200_000, "1." * 200_000, "a'" * 200_000, "." * 400_000, "www.." * 80_000, "a+" * 200_000]
)
def test_words_take_linear_time(text):
    """Texts made to let a regular expression step back are cut all the same; the timeout is the test."""
    assert "".join(Words()(text)) == text


def test_bytes_are_hexadecimal():
    """Every byte is a token; a text is taken as UTF-8, and half a character is refused."""
    assert Bytes()(bytes(range(256))) == list(byte_vocabulary().tokens)
    assert Bytes()("한") == ["ed", "95", "9c"]
    with pytest.raises(InputError, match="storable as UTF-8"):
        Bytes()("\ud800")


def test_calls_from_texts_lists_and_arrays():
    """Names and numbers, in a text or in a list, become tokens; empty places are none."""
    assert Calls()("82, 240,,NtClose\n") == ["82", "240", "NtClose"]
    assert Calls(",")(" a b ,c") == ["a b", "c"]
    assert Calls()(np.array([82, 240], np.uint16)) == Calls()([82, 240]) == ["82", "240"]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_what_is_no_text_is_refused(tokenizer):
    """A number is no text; the message says what came."""
    with pytest.raises(InputTypeError, match="got float"):
        tokenizer(1.5)


def test_a_wrong_tokenizer_is_told():
    """An unknown name is told with the near one, and an empty separator is none."""
    with pytest.raises(ParameterError, match="Did you mean 'words'"):
        as_tokenizer("word")
    with pytest.raises(ParameterError, match="separator must be"):
        Calls("")


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_tokenizers_come_back_from_meta(tokenizer):
    """A tokenizer is what it was after a trip through plain values."""
    assert tokenizer_from_meta(tokenizer_to_meta(tokenizer)) == tokenizer


@pytest.mark.parametrize(
    "meta",
    [
        None,
        {},
        {"name": "eval"},
        {"name": []},
        {"name": "words"},
        {"name": "words", "lower": 1, "clitics": False},
        {"name": "calls", "separator": 3},
        {"name": "bytes", "lower": True},
        {1: 2, "name": "bytes"},
    ],
)
def test_foreign_meta_is_refused(meta):
    """Only what was written is read as a tokenizer."""
    with pytest.raises(InputError, match="tokenizer that gorae does not write"):
        tokenizer_from_meta(meta)


@given(st.lists(st.lists(st.text(max_size=5)), min_size=1).filter(any), st.integers(1, 3))
def test_known_tokens_come_back(rows, least):
    """Encoding and decoding is exact for tokens that are known, and all others have the code of unknown."""
    words = fit_vocabulary(rows, min_count=least)
    tokens = [token for row in rows for token in row]

    codes = words.encode(tokens)

    assert ((codes == UNKNOWN) == [tokens.count(token) < least for token in tokens]).all()
    known = [token for token in tokens if token in words]
    assert words.decode(words.encode(known)) == known
    assert Vocabulary.from_meta(words.to_meta()) == Vocabulary.from_arrays(words.to_arrays()) == words


def test_a_vocabulary_does_not_depend_on_the_order_of_rows():
    """Frequent tokens come first, equally frequent ones in the order of their characters."""
    rows = [["b", "c"], ["a", "c"]]

    assert fit_vocabulary(rows).tokens == fit_vocabulary(rows[::-1]).tokens == ("c", "a", "b")
    assert fit_vocabulary(iter(rows), max_tokens=1).counts == (2,)


def test_what_cannot_be_a_vocabulary_is_refused():
    """No tokens, a token twice, a wrong count: one sentence each."""
    with pytest.raises(DataError, match="at least one token"):
        fit_vocabulary([[], []])
    with pytest.raises(ParameterError, match="'a' came twice"):
        Vocabulary(("a", "a"), (1, 1))
    with pytest.raises(ParameterError, match="min_count must be"):
        fit_vocabulary([["a"]], min_count=0)
    with pytest.raises(ParameterError, match="at most 200,000"):
        fit_vocabulary([["a"]], max_tokens=10**6)
    with pytest.raises(DataError, match=r"from 0 to 2, but at \(1,\) it holds 3"):
        fit_vocabulary([["a"]]).decode([2, 3])
    with pytest.raises(DataError, match="whole numbers"):
        check_codes(np.array([0.5]), 3, "X")


@pytest.mark.parametrize(
    "meta",
    [
        None,
        {"tokens": ["a"]},
        {"tokens": "a", "counts": [1]},
        {"tokens": ["a", "a"], "counts": [1, 1]},
        {"tokens": [1], "counts": [1]},
        {"tokens": [["a"]], "counts": [1]},
        {"tokens": ["a" * 1001], "counts": [1]},
        {"tokens": ["a"], "counts": [-1]},
        {"tokens": ["a"], "counts": [True]},
        {"tokens": ["a"], "counts": []},
    ],
)
def test_foreign_vocabularies_are_refused(meta):
    """Only what was written is read as a vocabulary."""
    with pytest.raises(InputError, match="vocabulary"):
        Vocabulary.from_meta(meta)


@pytest.mark.parametrize(
    "changed",
    [
        {"tokens": None},
        {"tokens": np.zeros(2, np.int64)},
        {"tokens": np.array([0xC3, 0x28], np.uint8)},
        {"ends": np.array([2, 1])},
        {"ends": np.array([1, 1])},
        {"ends": np.array([-1, 2])},
        {"ends": np.array([[1, 2]])},
        {"counts": np.array([1])},
        {"counts": np.array([1.0, 2.0])},
        {"counts": np.array(3)},
        {"tokens": np.array([97, 97], np.uint8)},
    ],
)
def test_foreign_arrays_of_vocabularies_are_refused(changed):
    """Arrays that are cut, mixed up or no text are no vocabulary."""
    arrays = Vocabulary(("a", "b"), (1, 1)).to_arrays()

    with pytest.raises(InputError, match="vocabulary"):
        Vocabulary.from_arrays({**arrays, **changed})


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(WINDOWS))
def test_kept_places_are_places_of_the_sequence(length, most, window):
    """As many places as are wanted, rising, and both ends where a window has two ends."""
    places = kept_places(length, most, window)

    assert len(places) == min(length, most)
    assert (np.diff(places) > 0).all()
    assert places[0] >= 0
    assert places[-1] < length
    if window in ("head_tail", "spaced") and most > 1:
        assert (places[0], places[-1]) == (0, length - 1)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(1, 30), st.sampled_from(WINDOWS))
def test_packing_keeps_the_places(lengths, most, window):
    """A packed row is the sequence at its kept places, and padding behind it."""
    sequences = [np.arange(2, 2 + length) for length in lengths]

    packed = pack_sequences(sequences, max_length=most, window=window, width=30)

    for sequence, codes, length in zip(sequences, packed.codes, packed.lengths, strict=True):
        assert codes[:length].tolist() == sequence[kept_places(len(sequence), most, window)].tolist()
        assert (codes[length:] == PADDING).all()


def test_sequences_that_cannot_be_packed_are_told():
    """An empty sequence is named by its row; a window that is none by the near one."""
    with pytest.raises(DataError, match=r"row 1 \(from 0\) \(and 1 more\) is empty"):
        pack_sequences([[1], [], [2], []])
    with pytest.raises(DataError, match="at least one sequence"):
        pack_sequences([])
    with pytest.raises(ParameterError, match="Did you mean 'head'"):
        pack_sequences([[1]], window="heads")
    with pytest.raises(ParameterError, match="max_length"):
        pack_sequences([[1]], max_length=0)
    with pytest.raises(ParameterError, match="at least the 2 codes"):
        pack_sequences([[1, 2]], width=1)


def test_the_last_mark_is_known():
    """No mark stands behind those that the rule of words looks up, the selectors of variants apart."""
    behind = [*range(0x1F000, 0xE0100), *range(0xE01F0, sys.maxunicode + 1)]

    assert not any(unicodedata.category(chr(place)).startswith("M") for place in behind)
