import gzip
import warnings
from pathlib import Path

import pytest

from gorae.data import Sentences, read_conllu
from gorae.errors import DamagedFileError, DataWarning, FileError

DATA = Path(__file__).parents[2] / "shared" / "data"
real = pytest.mark.skipif(not (DATA / "ud-english-ewt").is_dir(), reason="the treebanks are not at hand")


def word(number, form, universal="NOUN", language="NN"):
    """Return the line of a word."""
    return f"{number}\t{form}\t_\t{universal}\t{language}" + "\t_" * 5


def read(folder, *lines, end="\n\n", name="a.conllu"):
    """Write lines to a file and read it."""
    path = folder / name
    path.write_bytes(("\n".join(lines) + end).encode())
    return read_conllu(path)


def test_ranges_and_empty_nodes_are_no_words(tmp_path):
    """Written words that are two, words that are not written, and comments are skipped."""
    found = read(
        tmp_path,
        "# text = don't go",
        word("1-2", "don't", "_", "_"),
        word(1, "do", "AUX", "VBP"),
        word(2, "n't", "PART", "RB"),
        word("2.1", "you"),
        "# in between",
        word(3, "go now", "VERB", "VB"),
        "",
        "",
        word("0.1", "x"),
        word(1, "가"),
    )

    assert found == Sentences(
        (("do", "n't", "go now"), ("가",)),
        (("AUX", "PART", "VERB"), ("NOUN",)),
        (("VBP", "RB", "VB"), ("NN",)),
    )
    assert (len(found), found.words) == (2, 4)


def test_line_ends_marks_and_packing_do_not_matter(tmp_path):
    """A file of Windows with a byte order mark, and one packed as gzip, read like the plain one."""
    lines = f"{word(1, 'a')}\n{word(2, 'b')}\n\n"
    plain = tmp_path / "a.conllu"
    plain.write_text(lines, newline="")
    windows = tmp_path / "b.conllu"
    windows.write_bytes(b"\xef\xbb\xbf" + lines.replace("\n", "\r\n").encode())
    packed = tmp_path / "c"
    packed.write_bytes(gzip.compress(lines.encode()))

    assert read_conllu(plain) == read_conllu(windows) == read_conllu(packed)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([word(1, "a"), "2\tb"], "line 2 has 2 columns between tabs, 10 were wanted"),
        ([word(1, "a"), word(1, "b")], "line 2 has the word number '1', 2 was wanted; a blank line"),
        ([word("x", "a")], "line 1 has the word number 'x', 1 was wanted"),
        ([word("1-", "a")], "line 1 has the word number '1-'"),
        ([word(1, "")], "line 1 has an empty column"),
        ([word(1, "a"), "", word("1-2", "b")], "sentence that begins in line 3 has no word"),
        (["# nothing"], "there is no sentence"),
    ],
)
def test_wrong_lines_are_told_with_their_number(tmp_path, lines, told):
    """What is no CoNLL-U is refused with the number of the line."""
    with pytest.raises(DamagedFileError, match=told):
        read(tmp_path, *lines)


def test_invalid_utf8_is_told_with_its_line(tmp_path):
    """A byte that is no UTF-8 is named with its line."""
    path = tmp_path / "a.conllu"
    path.write_bytes(word(1, "a").encode() + b"\n\n" + word(1, "b").encode("utf-8") + b"\xff\n\n")

    with pytest.raises(DamagedFileError, match="line 3 has the byte 0xff"):
        read_conllu(path)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_missing_blank_line_at_the_end_is_told(tmp_path, end):
    """The last sentence is read, with a warning that the file may be cut off."""
    with pytest.warns(DataWarning, match="line 2, the last, belongs to a sentence that no blank line ends"):
        found = read(tmp_path, word(1, "a"), word(2, "b"), end=end)

    assert found.forms == (("a", "b"),)


def test_a_missing_file_is_told(tmp_path):
    """A path that leads nowhere is one sentence."""
    with pytest.raises(FileError, match="there is no such file"):
        read_conllu(tmp_path / "none.conllu")


@real
@pytest.mark.parametrize(
    ("name", "sentences", "words", "tags"),
    [
        ("ud-english-ewt/en_ewt-ud-train", 12_544, 204_577, 17),
        ("ud-english-ewt/en_ewt-ud-test", 2_077, 25_094, 17),
        ("ud-korean-gsd/ko_gsd-ud-dev", 950, 11_958, 15),
    ],
)
def test_treebanks_have_their_published_counts(name, sentences, words, tags):
    """Sentences, words and universal tags are as many as the treebank's own description says."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_conllu(DATA / f"{name}.conllu.gz")

    assert (len(found), found.words) == (sentences, words)
    assert len({tag for row in found.universal for tag in row}) == tags
