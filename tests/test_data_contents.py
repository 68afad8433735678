"""What a text file holds is told by its first lines: a treebank, a table, running text."""

import gzip
import lzma
from pathlib import Path

import pytest

from gorae.data import contents_of

DATA = Path(__file__).parents[2] / "shared" / "data"
real = pytest.mark.skipif(not (DATA / "ud-english-ewt").is_dir(), reason="the treebanks are not at hand")


def word(number, form="a", tag="NOUN"):
    """Return the line of a word."""
    return f"{number}\t{form}\t_\t{tag}" + "\t_" * 6


def kind(folder, *lines, name="a.txt", end="\n"):
    """Write lines to a file and return what it holds."""
    path = folder / name
    path.write_bytes(("\n".join(lines) + end).encode())
    return contents_of(path).kind


@pytest.mark.parametrize(
    "lines",
    [
        (word(1),),
        (word(1, tag="N"), word(2, tag="V"), "", word(1, tag="N")),
        ("# sent_id = 1", word(1, tag="N")),
        ("\ufeff# text", word("1-2", "don't", "_"), word(1), word(2), word("2.1", "you"), "# so", word(3)),
        ("", "", word("0.1"), word(1), "", "# text", word(1)),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.tsv", "a"])
def test_treebanks_under_any_name(tmp_path, lines, name):
    """Ten columns and numbers of words are enough with universal tags, blank lines or comments."""
    assert kind(tmp_path, *lines, name=name) == "treebank"
    assert kind(tmp_path, *(f"{line}\r" for line in lines), name=name) in ("treebank", "unclear")


def test_windows_and_packed_treebanks(tmp_path):
    """Line ends of Windows, gzip and xz do not matter."""
    text = f"# text\n{word(1)}\n{word(2)}\n\n".encode()
    for name, data in (
        ("a", text.replace(b"\n", b"\r\n")),
        ("b", gzip.compress(text)),
        ("c", lzma.compress(text)),
    ):
        (tmp_path / name).write_bytes(data)
        assert contents_of(tmp_path / name).kind == "treebank"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((word(1), "a sentence"), "but line 2 is none"),
        ((word(1), word(1)), "but line 2 has the word number 1 for 2"),
        ((word(5),), "but line 1 has the word number 5 for 1"),
        ((word("9" * 5000),), f"but line 1 has the word number {'9' * 20} for 1"),
        ((word("\u0661"),), "but line 1 has the word number \u0661 for 1"),
        (
            (word(1, tag="red"), word(2, tag="blue")),
            "no blank line ends a sentence, and column 4 holds other",
        ),
    ],
)
def test_what_begins_like_a_treebank(tmp_path, lines, told):
    """A file that goes on otherwise, or could be a table with a running number, is unclear."""
    assert kind(tmp_path, *lines) == "unclear"
    assert told in contents_of(tmp_path / "a.txt").why


@pytest.mark.parametrize(
    ("lines", "name", "expected"),
    [
        (("id,said", "1,fine", "2,bad"), "a.txt", "table"),
        (("said", "a whale"), "a.csv", "table"),
        (("said", "a whale"), "a.CSV.gz", "table"),
        (("id\tsaid\ta", "1\tfine\tb"), "a.txt", "table"),
        (("said;label;n", "no, never;0;1", "fine;1;2"), "a.txt", "table"),
        (('label,said', '0,"no, never"', '1,"fine, so"'), "a.txt", "table"),
        (("A whale, it was.", "No, no whale.", "So, a pod."), "a.txt", "text"),
        (("1,000 whales came", "2,000 whales went", "3,000 stayed"), "a.txt", "text"),
        (("the mara tolis", "", "The veno, the zora"), "a.txt", "text"),
        (("whale\tpod",), "a.txt", "text"),
        (("x", "\t\t", "a\tb"), "a.txt", "text"),
        ((" 1\ta",), "a", "text"),
        ((), "a.txt", "text"),
    ],
)  # fmt: skip
def test_tables_and_texts(tmp_path, lines, name, expected):
    """As many columns in every line are a table's; commas of sentences have a space behind them."""
    assert kind(tmp_path, *lines, name=name) == expected


def test_what_is_no_file(tmp_path):
    """A folder, a missing file and damaged packing are told by whoever reads them."""
    (tmp_path / "broken.gz").write_bytes(b"\x1f\x8bxxxxxxxxxx")

    assert {contents_of(tmp_path / name).kind for name in (".", "none.csv", "broken.gz")} == {"text"}
    assert contents_of(tmp_path / ("a" * 5000)).kind == "text"


def test_a_head_that_is_cut_off(tmp_path):
    """The last line of what is looked at may be cut in the middle: it does not count."""
    assert kind(tmp_path, *(word(number, "x" * 40) for number in range(1, 3000)), "") == "treebank"
    assert kind(tmp_path, *["a,b"] * 40_000) == "table"


@real
@pytest.mark.parametrize("name", ["ud-english-ewt/en_ewt-ud-dev", "ud-korean-gsd/ko_gsd-ud-test"])
def test_real_treebanks(tmp_path, name):
    """The published files are told without their ending."""
    (tmp_path / "a").write_bytes((DATA / f"{name}.conllu.gz").read_bytes())

    assert contents_of(tmp_path / "a").kind == "treebank"
