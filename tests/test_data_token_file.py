import gzip
import lzma
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae.data import (
    Vocabulary,
    fit_vocabulary,
    hash_tokens,
    hashed_ngrams,
    open_tokens,
    pack_sequences,
    text_lines,
    token_lines,
    write_tokens,
)
from gorae.errors import DamagedFileError, DataError, FileError, FileExistsRefusal, ParameterError

DATA = Path(__file__).parents[2] / "shared" / "data" / "mal-api-2019"
ROWS = ["82,240,82", "1", "7,82"]


@pytest.fixture
def calls(tmp_path):
    """Return a token file of three traces; call 7 is unknown."""
    return write_tokens(tmp_path / "calls.tokens", ROWS, fit_vocabulary([["82", "240", "1"]]))


def test_a_token_file_holds_the_codes_of_its_rows(calls):
    """Rows come back as codes, equally frequent tokens in the order of their characters, unknown ones as 1."""
    assert [row.tolist() for row in calls] == [[4, 3, 4], [2], [1, 4]]
    assert calls[-1].tolist() == [1, 4]
    assert calls.lengths.tolist() == [3, 1, 2]
    assert open_tokens(calls.path) == calls
    calls.verify()
    with pytest.raises(IndexError, match="no sequence 3"):
        calls[3]


@pytest.mark.parametrize(
    ("tokens", "name"), [(254, "uint8"), (255, "uint16"), (65_534, "uint16"), (65_535, "uint32")]
)
def test_a_code_takes_the_bytes_it_needs(tmp_path, tokens, name):
    """The last code of a vocabulary comes back, in the smallest type that holds it."""
    words = Vocabulary(tuple(map(str, range(tokens))), (1,) * tokens)

    file = write_tokens(tmp_path / "a", [[str(tokens - 1)], ["0", "1"]], words)

    assert file.codes.dtype.name == name
    assert [row.tolist() for row in file] == [[tokens + 1], [2, 3]]


def test_packing_and_counting_take_a_token_file(calls):
    """A token file is a sequence of sequences."""
    rows = [row.tolist() for row in calls]

    np.testing.assert_array_equal(pack_sequences(calls).codes, pack_sequences(rows).codes)
    np.testing.assert_array_equal(hashed_ngrams(calls, bins=16), hashed_ngrams(rows, bins=16))


def test_every_flipped_bit_is_found(calls):
    """A changed bit in header or places is refused when the file is opened, one in the codes by `verify`."""
    whole = calls.path.read_bytes()
    for place in range(len(whole)):
        for bit in (0, 7):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            calls.path.write_bytes(damaged)
            is_padding = 96 + 6 <= place < 96 + 8
            if is_padding:
                continue
            with pytest.raises(DamagedFileError):
                open_tokens(calls.path).verify()


def test_every_cut_is_found(calls):
    """A file that is cut off anywhere, or goes on, is refused."""
    whole = calls.path.read_bytes()
    for end in range(len(whole)):
        calls.path.write_bytes(whole[:end])
        with pytest.raises(DamagedFileError):
            open_tokens(calls.path)
    calls.path.write_bytes(whole + b"\0")
    with pytest.raises(DamagedFileError, match="cut off or damaged"):
        open_tokens(calls.path)


def test_a_failed_write_leaves_the_old_file(calls):
    """A row without tokens is named, and the file is what it was; so it is where it may not be replaced."""
    before = calls.path.read_bytes()
    words = fit_vocabulary([["a"]])

    with pytest.raises(DataError, match=r"row 1 \(from 0\) holds no token"):
        write_tokens(calls.path, ["a", ","], words)
    with pytest.raises(DataError, match="at least one row"):
        write_tokens(calls.path, [], words)
    with pytest.raises(FileExistsRefusal):
        write_tokens(calls.path, ["a"], words, force=False)
    assert calls.path.read_bytes() == before
    assert list(calls.path.parent.iterdir()) == [calls.path]
    with pytest.raises(FileError, match="no such file"):
        open_tokens(calls.path.parent / "none")


def test_lines_come_from_every_kind_of_file(tmp_path):
    """Plain, gzip, xz and a zip of one file give the same lines, the empty one too."""
    text = "1,2\r\n\n가\n3"
    paths = [tmp_path / name for name in "abcd"]
    paths[0].write_bytes(text.encode())
    paths[1].write_bytes(gzip.compress(text.encode()))
    paths[2].write_bytes(lzma.compress(text.encode()))
    with zipfile.ZipFile(paths[3], "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("calls.txt", text)

    assert [list(text_lines(path)) for path in paths] == [["1,2", "", "가", "3"]] * 4


def test_files_that_are_no_lines_are_told(tmp_path, monkeypatch):
    """Damage, other bytes than UTF-8, endless lines and zips of several files: one sentence each."""
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(b"1,2\n" * 1000)[:-20])
    with pytest.raises(DamagedFileError, match="damaged or cut off"):
        list(text_lines(path))
    path.write_bytes(b"1\n\xff\n")
    with pytest.raises(DamagedFileError, match="line 2 has the byte 0xff"):
        list(text_lines(path))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("b", "1")
    with pytest.raises(DamagedFileError, match="this one holds 2"):
        list(text_lines(path))
    path.write_bytes(b"1\n" + b"1," * 100)
    with pytest.raises(FileError, match="more than 50 bytes"):
        list(text_lines(path, max_bytes=50))
    monkeypatch.setattr(token_lines, "MAX_LINE_BYTES", 100)
    with pytest.raises(DamagedFileError, match="line 2 is longer than 100 bytes"):
        list(text_lines(path))


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=20), min_size=1, max_size=4))
def test_hashed_counts_are_counts(rows):
    """Where no two n-grams share a bin, the counts are those of a counter; a row sums to its n-grams."""
    counts = hashed_ngrams(rows, lengths=(1, 2, 3), bins=1 << 14)

    for row, found in zip(rows, counts, strict=True):
        grams = Counter(tuple(row[i : i + n]) for n in (1, 2, 3) for i in range(len(row) - n + 1))
        assert sorted(found[found > 0].tolist()) == sorted(grams.values())


def test_a_hash_is_the_same_everywhere():
    """SplitMix64 of seed 0 begins with the number that its authors give, and texts are hashed by CRC-32."""
    from gorae.data.ngrams import _mix

    assert int(_mix(np.zeros(1, np.uint64))[0]) == 0xE220A8397B1DCDAF
    assert hash_tokens(["123456789"]).tolist() == [0xCBF43926]  # the check value of CRC-32


def test_long_sequences_are_counted_in_blocks(monkeypatch):
    """The n-grams over the border of two blocks count once."""
    row = np.random.default_rng(0).integers(0, 3, 101)
    whole = hashed_ngrams([row], lengths=(1, 3), bins=64)

    monkeypatch.setattr("gorae.data.ngrams._BLOCK", 7)

    np.testing.assert_array_equal(hashed_ngrams([row], lengths=(1, 3), bins=64), whole)


def test_what_cannot_be_counted_is_told():
    """Wrong lengths, bins and sequences: one sentence each."""
    with pytest.raises(ParameterError, match="lengths must be different whole numbers"):
        hashed_ngrams([[1]], lengths=(1, 1))
    with pytest.raises(ParameterError, match="bins must be"):
        hashed_ngrams([[1]], bins=0)
    with pytest.raises(DataError, match="at least one sequence"):
        hashed_ngrams([])
    with pytest.raises(
        DataError, match=r"sequence 1 \(from 0\) must hold whole numbers or texts, got an array of float64"
    ):
        hashed_ngrams([[1], [0.5]])


@pytest.mark.skipif(not DATA.is_dir(), reason="the traces are not at hand")
def test_the_malware_traces_fit_into_a_file(tmp_path):
    """All 808 traces of the zip stream into a file of two bytes a call, as many calls as its description says."""
    cut = [[str(number) for number in range(342)]]

    file = write_tokens(tmp_path / "mal.tokens", text_lines(DATA / "100_calls.zip"), fit_vocabulary(cut))

    assert (len(file), len(file.codes)) == (808, 15_566_181)
    assert (file.lengths.min(), file.lengths.max()) == (12, 1_485_396)
    assert file.codes.dtype == np.uint16
    assert file.codes.min() >= 2
