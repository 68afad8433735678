"""Texts of a folder: their classes and order, and what is refused in one sentence."""

import pytest

from gorae.data import holds_texts, lacking_in_folder, read_text_folder
from gorae.errors import DamagedFileError, DataError, DataWarning, FileError


@pytest.fixture
def folder(tmp_path):
    """A folder with two classes and a hidden file."""
    for name, said in (("good/b.txt", "a lovely whale"), ("good/a.TXT", "a whale"), ("bad/c.log", "none")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(said)
    (tmp_path / "bad" / ".hidden.txt").write_text("hidden")
    return tmp_path


def test_classes_are_folders(folder):
    """Texts come in the order of their classes and names; hidden files are passed over."""
    texts, labels = read_text_folder(folder)

    assert texts["text"].to_list() == ["none", "a whale", "a lovely whale"]
    assert labels == ["bad", "good", "good"]


def test_files_without_classes(folder):
    """A folder of files has texts and no labels."""
    texts, labels = read_text_folder(folder / "good")

    assert texts["text"].to_list() == ["a whale", "a lovely whale"]
    assert labels is None


def test_what_holds_texts(folder):
    """A folder holds texts where it, or one of its folders, has one; a file and an empty folder do not."""
    (folder / "empty").mkdir()

    assert holds_texts(folder)
    assert holds_texts(folder / "bad")
    assert not holds_texts(folder / "empty")
    assert not holds_texts(folder / "good" / "b.txt")
    assert not holds_texts(folder / "nowhere")


def test_what_is_refused(folder):
    """Texts beside their folders, none at all, too many bytes, another encoding: each has its sentence."""
    (folder / "good" / "c.txt").write_bytes(b"na\xefve")
    with pytest.raises(DamagedFileError, match="is not utf-8 text: it has the byte 0xef at 2"):
        read_text_folder(folder)
    assert read_text_folder(folder, encoding="latin-1")[0]["text"].to_list()[-1] == "naïve"
    with pytest.raises(DataError, match="there is no encoding 'latin-99'"):
        read_text_folder(folder, encoding="latin-99")
    with pytest.raises(FileError):
        read_text_folder(folder / "good", max_bytes=10)
    (folder / "beside.txt").write_text("beside")
    with pytest.raises(DataError, match="and beside them \\('beside.txt'"):
        read_text_folder(folder)
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="but the folder is empty; put a folder of files for each class"):
        read_text_folder(folder / "empty")


def test_what_is_left_out_is_told(folder):
    """Files with other endings and folders without a text are named; a mark of the byte order is no text."""
    (folder / "bad" / "notes.doc").write_text("a document")
    (folder / "web").mkdir()
    (folder / "web" / "page.html").write_text("a page")
    (folder / "bad" / "c.log").write_text("\ufeffnone", encoding="utf-8")
    with pytest.warns(DataWarning) as told:
        texts, labels = read_text_folder(folder)

    assert texts["text"].to_list() == ["none", "a whale", "a lovely whale"]
    assert labels == ["bad", "good", "good"]
    found = sorted(str(one.message) for one in told)
    assert "left out folders without a text (1): 'web'." in found[1]
    assert "left out files that do not end in .txt, .text, .log, .trace (2): 'bad/notes.doc'" in found[0]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            ["good/a.md", "good/b.md", "bad/c.asm", "bad/README"],
            "but 2 files in .md, 1 file without an ending, 1 file in .asm came ('bad/README', 'bad/c.asm', "
            "'good/a.md', 'good/b.md'); rename texts so that they end in .txt, or give them as a table",
        ),
        (["good/a.md", "bad/"], "came ('good/a.md'), and of its folders 'bad' is empty; rename"),
        (["a.md"], "1 file in .md came ('a.md'); rename"),
        (["good/", "bad/"], "but its folders are empty: 'bad', 'good'; put the files of each class"),
        (["train/good/a.txt", "test/"], "its folders hold folders only ('train/good'); perhaps "),
        ([], "but the folder is empty; put a folder of files for each class into it."),
    ],
)
def test_a_folder_of_neither_texts_nor_images(tmp_path, names, told):
    """What was wanted, which endings came or which folders are empty, and what to do."""
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            (tmp_path / name).mkdir(exist_ok=True)
        else:
            (tmp_path / name).write_text("x")
    found = lacking_in_folder(tmp_path)

    assert told in found
    assert "texts (files that end in .txt, .text, .log, .trace) or images (.png, .jpg, .jpeg) were" in found


def test_nothing_is_lacking(folder):
    """Texts, images, files and what is not there are left to those who read them."""
    (folder / "good" / "1.png").write_bytes(b"")
    paths = (folder, folder / "bad", folder / "good", folder / "good" / "b.txt", folder / "nowhere")

    assert [lacking_in_folder(path) for path in paths] == [None] * 5


def test_notes_beside_images_are_no_texts(folder):
    """A folder that holds an image is one of images, whatever is written beside them."""
    (folder / "good" / "1.png").write_bytes(b"")

    assert not holds_texts(folder)
    assert holds_texts(folder / "bad")


def test_links_are_not_followed(folder, tmp_path_factory):
    """A link out of the folder is passed over."""
    outside = tmp_path_factory.mktemp("outside") / "secret.txt"
    outside.write_text("secret")
    (folder / "good" / "z.txt").symlink_to(outside)

    assert "secret" not in read_text_folder(folder)[0]["text"].to_list()
