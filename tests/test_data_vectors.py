"""Vectors of tokens that were learned elsewhere: the forms of their files, what is refused, and looking up."""

import copy
import gzip
import lzma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae.data import Vectors, read_vectors
from gorae.data.vectors import find_vectors
from gorae.errors import DamagedFileError, DataError, FileError, InputTypeError, ParameterError
from gorae.search.identity import described

TEXT = "whale 0.5 1 -2e-1\npod 0.25 -1 3\n. . . 1 2 3\n"
VALUES = [[0.5, 1, -0.2], [0.25, -1, 3], [1, 2, 3]]


def binary(tokens, values, between=b"\n"):
    """Return vectors in word2vec's binary form."""
    lines = [
        token.encode() + b" " + np.asarray(row, "<f4").tobytes() + between
        for token, row in zip(tokens, values, strict=True)
    ]
    return f"{len(tokens)} {len(values[0])}\n".encode() + b"".join(lines)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        b"3 3\n" + TEXT.encode(),
        b"3 3\n" + TEXT.replace("\n", " \r\n").encode(),
        gzip.compress(TEXT.encode()),
        binary(["whale", "pod", ". . ."[:1]], VALUES),
        binary(["whale", "pod", "."], VALUES, b""),
        gzip.compress(binary(["whale", "pod", "."], VALUES)),
    ],
    ids=[
        "GloVe",
        "word2vec",
        "spaces and returns",
        "packed",
        "binary",
        "binary without ends",
        "packed binary",
    ],
)
def test_every_form_of_file_is_read(content, tmp_path):
    """The same vectors come out of text with and without a first line, and out of the binary form."""
    (tmp_path / "v").write_bytes(content)

    vectors = read_vectors(tmp_path / "v")

    assert vectors.tokens[:2] == ("whale", "pod")
    assert vectors.tokens[2] in (". . .", ".")
    np.testing.assert_allclose(vectors.values, np.float32(VALUES))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_binary_vectors_come_back_bit_by_bit(tmp_path_factory, count, width, seed):
    """Whatever bytes the numbers have, those of line ends and spaces among them, they are read as they are."""
    path = tmp_path_factory.mktemp("vectors") / "v.bin"
    values = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    path.write_bytes(binary([f"고래{n}" for n in range(count)], values))

    np.testing.assert_array_equal(read_vectors(path).values, values)


def test_a_line_end_among_the_first_bytes_is_part_of_a_number(tmp_path):
    """A number whose first byte is that of a line end does not make text of a binary file."""
    path = tmp_path / "v.bin"
    values = np.frombuffer(b"\n\x00\x80\x3f" * 3, "<f4").reshape(3, 1)
    path.write_bytes(binary(["a", "b", "c"], values))

    np.testing.assert_array_equal(read_vectors(path).values, values)


def test_only_what_is_wanted_is_kept(tmp_path):
    """Of a large file the tokens that are asked for stay, capitals aside; a second vector of one does not."""
    (tmp_path / "v").write_text("whale 1\nPod 2\nshark 3\nwhale 4\n")

    vectors = read_vectors(tmp_path / "v", tokens=["pod", "whale", "eel"])

    assert (vectors.tokens, vectors.values.tolist()) == (("whale", "Pod"), [[1.0], [2.0]])


def test_a_mark_of_the_byte_order_is_no_token(tmp_path):
    """With a header and without, a file saved with one reads as without; tokens may have spaces in them."""
    for header in ("", "2 2\n"):
        (tmp_path / "v").write_text(f"\ufeff{header}whale 1 2\n. . 3 4\n", encoding="utf-8")

        assert read_vectors(tmp_path / "v").tokens == ("whale", ". .")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1 has 0 numbers"),
        (b"whale\n", "line 1 has 0 numbers"),
        (b"2 2\na 1 2 3\nb 1 2 3\n", "line 2 has more than the 2 numbers of the others"),
        (b"a 1 2\nb 1 2 3\n", "line 2 has more than the 2 numbers of the others"),
        (b"a 1 2\nb 3\n", "line 2 has 1 numbers behind its token, 2 were wanted: 'b 3'"),
        (b"2 3\na 1 2 3\nb 1 2\n", "line 3 has 2 numbers behind its token, 3 were wanted"),
        (b"a 1 2\nb 3 x\n", "line 2, the vector of 'b' holds what is no finite number"),
        (b"a 1 2\nb 3 nan\n", "line 2, the vector of 'b' holds what is no finite number"),
        (b"a 1 1e39\n", "line 1, the vector of 'a' holds what is no finite number"),
        (b"a 1 2\n\xff 3 4\n", "line 2 is not UTF-8 text: byte 0xff"),
        (b"3 2\na 1 2\n", "line 1 promises 3 vectors, but there are 1"),
        (b"3 99999\na 1 2\n", "line 1 promises vectors of 99,999 numbers"),
        (binary("ab", [[1, 2], [3, 4]])[:-3], "binary form were promised, but the file ends in number 2"),
        (binary("ab", [[1, np.nan], [3, 4]]), "vector 1, the vector of 'a' holds what is no finite number"),
        (b"9 2\n" + b"\x01" * 10_000, "line 2 has 0 numbers behind its token"),
        (b"9 2\n\x01" + b" " * 5 + b"\x01" * 9_000, "the file ends in number 2"),
    ],
)
def test_what_is_no_file_of_vectors_is_told(content, told, tmp_path):
    """A line that is too short, a number that is none, a file cut off: each is one sentence with its place."""
    (tmp_path / "v").write_bytes(content)

    with pytest.raises(DamagedFileError, match=told):
        read_vectors(tmp_path / "v")


def test_a_file_has_a_size(tmp_path):
    """A missing file, and one larger than allowed after unpacking, are errors that name it."""
    (tmp_path / "v").write_bytes(gzip.compress(b"a 1 2\n" * 10_000))

    with pytest.raises(FileError, match="more than 1,000 bytes after unpacking"):
        read_vectors(tmp_path / "v", max_bytes=1000)
    with pytest.raises(FileError, match="there is no such file"):
        read_vectors(tmp_path / "none")


def test_a_token_is_found_as_it_is_or_but_for_capitals():
    """The token's own vector comes first, then the first that equals it in small letters; others have none."""
    vectors = {"May": [1.0], "may": [2.0], "ROSE": [3.0], "Rose": [4.0], 7: [5.0]}

    found = find_vectors(vectors, ["may", "rose", "eel", 7])

    assert found.values[:, 0].tolist() == [2.0, 3.0, 0.0, 5.0]
    assert found.known.tolist() == [True, True, False, True]


def test_copies_are_the_vectors_themselves():
    """A search may clone its estimator often: the vectors are shared, and shown in a few words."""
    vectors = Vectors(("a",), np.zeros((1, 3), np.float32))

    assert copy.deepcopy(vectors) is vectors
    assert copy.copy(vectors) is vectors
    assert repr(vectors) == "Vectors(1 tokens, 3 numbers each)"


def test_a_bomb_is_refused(tmp_path):
    """A small packed file that becomes a huge one is refused long before it has."""
    (tmp_path / "v.xz").write_bytes(lzma.compress(b"a 1 2\n" * 2_000_000))

    with pytest.raises(DamagedFileError, match="expands more than 200 times"):
        read_vectors(tmp_path / "v.xz", tokens=["a"])


@pytest.mark.parametrize(
    ("vectors", "error", "told"),
    [
        (3, InputTypeError, "must be a mapping from tokens to vectors, .* got int"),
        (["a"], InputTypeError, "got list"),
        ({"z": [1.0]}, DataError, "none of the 2 tokens of X"),
        ({"a": [1.0], "b": [1.0, 2.0]}, DataError, "'a' has 1 numbers and 'b' has 2"),
        ({"a": [np.nan]}, DataError, "the vector of 'a' must be a list of finite numbers"),
        ({"a": "whale"}, DataError, "the vector of 'a' must be a list"),
        ({"a": []}, DataError, "the vector of 'a' must be a list"),
    ],
)
def test_what_are_no_vectors_is_told(vectors, error, told):
    """Each mistake is one sentence."""
    with pytest.raises(error, match=told):
        find_vectors(vectors, ["a", "b"])


def test_looking_a_token_up_makes_no_other_vectors():
    """A search that goes on knows its vectors again, whether or not a token was looked up meanwhile."""
    vectors = Vectors(("whale", "pod"), np.eye(2, dtype=np.float32))
    before = described(vectors)

    assert "pod" in vectors
    assert described(vectors) == before
    assert described(Vectors(("whale", "pod"), 2 * np.eye(2, dtype=np.float32))) != before


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        (
            {"tokens": "whale"},
            InputTypeError,
            r"tokens must be None for all, .* got 'whale'; give \['whale'\]",
        ),
        ({"tokens": b"whale"}, InputTypeError, "got b'whale'; give a list of one"),
        ({"tokens": 3}, InputTypeError, "a list of those that are wanted, got int"),
        ({"tokens": ["whale", None]}, InputTypeError, r"but number 1 \(from 0\) is None"),
        ({"tokens": [["whale"]]}, InputTypeError, r"but number 0 \(from 0\) is list"),
        ({"tokens": [float("nan")]}, InputTypeError, "is nan"),
        ({"tokens": [True]}, InputTypeError, "is bool"),
        ({"path": 3}, InputTypeError, "path must be that of a file, as a text or a Path, got int"),
        ({"max_bytes": 0}, ParameterError, "max_bytes must be None or a whole number of at least 1, got 0"),
        ({"max_bytes": "1k"}, ParameterError, "got '1k'"),
    ],
)
def test_what_cannot_be_asked_of_a_file_is_told(options, error, told, tmp_path):
    """A text for a list of tokens, and what is no token, no path or no size: each is one sentence."""
    (tmp_path / "v").write_text("whale 1\n")
    with pytest.raises(error, match=told):
        read_vectors(**{"path": tmp_path / "v", **options})


@pytest.mark.parametrize("tokens", [["whale"], {"whale"}, ("Whale",), np.array(["whale"]), iter(["WHALE"])])
def test_tokens_come_in_any_collection(tokens, tmp_path):
    """Lists, sets, tuples, arrays and what is read once."""
    (tmp_path / "v").write_text("whale 1\npod 2\n7 3\n")

    assert read_vectors(tmp_path / "v", tokens=tokens).tokens == ("whale",)
    assert read_vectors(tmp_path / "v", tokens=[7]).tokens == ("7",)
    assert read_vectors(tmp_path / "v", tokens=None).tokens == ("whale", "pod", "7")
    assert read_vectors(tmp_path / "v", tokens=["eel"]).tokens == ()


@pytest.mark.parametrize(
    ("tokens", "values", "error", "told"),
    [
        (
            "whale",
            np.ones((5, 2)),
            InputTypeError,
            "tokens must be a list or a tuple of texts, .* got 'whale'",
        ),
        (None, np.ones((1, 2)), InputTypeError, "one a row of values, got None"),
        ({"whale": 1}, np.ones((1, 2)), InputTypeError, "got dict"),
        ({"whale"}, np.ones((1, 2)), InputTypeError, "got set"),
        (
            ["whale", 7],
            np.ones((2, 2)),
            InputTypeError,
            r"tokens must be texts, but number 1 \(from 0\) is int",
        ),
        (["a", "b", "a"], np.ones((3, 2)), DataError, r"but 'a' is number 0 and number 2 \(from 0\)"),
        (["a", "b"], np.ones(2), DataError, r"values must be a matrix, .* got an array of shape \(2,\)"),
        (["a"], np.ones((1, 2, 2)), DataError, r"got an array of shape \(1, 2, 2\)"),
        (["a"], np.ones((1, 0)), DataError, r"got an array of shape \(1, 0\)"),
        (["a", "b"], np.ones((3, 2)), DataError, "a row for each of the 2 tokens, got 3 rows"),
        (
            ["a"],
            np.array([["x"]]),
            InputTypeError,
            "values must be a matrix of numbers, .* got ndarray of <U1",
        ),
        (["a"], np.array([[1j]]), InputTypeError, "got ndarray of complex128"),
        (["a"], np.array([[True]]), InputTypeError, "got ndarray of bool"),
        (["a"], None, InputTypeError, "a row a token, got None"),
        (["a", "b"], [[1.0], [1.0, 2.0]], InputTypeError, "a row a token, got list"),
        (["a", "b"], [[1, 2], [3, np.nan]], DataError, r"vector of 'b' \(row 1, from 0\) has nan at place 1"),
        (["a"], [[1e39, 0]], DataError, "vector of 'a' .* has 1e.39 at place 0"),
    ],
)
def test_what_makes_no_vectors_is_told(tokens, values, error, told):
    """Tokens and values that do not fit together, or are none, are one sentence with the place."""
    with pytest.raises(error, match=told):
        Vectors(tokens, values)


@pytest.mark.parametrize("values", [[[1, 2]], np.array([[1, 2]], np.uint8), np.array([[1.0, 2.0]])])
def test_vectors_are_kept_in_single_precision(values):
    """Whatever numbers come, and in whatever list the tokens do."""
    vectors = Vectors(["whale"], values)

    assert vectors.tokens == ("whale",)
    assert (vectors.values.dtype, vectors["whale"].tolist()) == (np.float32, [1.0, 2.0])


def test_large_vectors_are_not_copied():
    """What is float32 already stays where it is in memory, sums that overflow or not."""
    values = np.full((2, 3), 3e38, np.float32)

    assert Vectors(("a", "b"), values).values is values
