import gzip
import hashlib
import io
import socket
import stat
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from gorae.data import NAMES, download, load_named, pictures, read_idx
from gorae.errors import DamagedFileError, FileError, ParameterError, WriteError

DATA = Path(__file__).parents[2] / "shared" / "data"
PARTS = pictures._PARTS
SMALL = [name for name in NAMES if "mnist" not in name]
real = pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not beside the repository")


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Take away the network, the user's folders and the user's cache."""
    monkeypatch.delenv("GORAE_DATA", raising=False)
    monkeypatch.setenv("GORAE_CACHE", str(tmp_path / "cache"))

    def refuse(*_, **__):
        raise AssertionError("a test opened a connection")

    monkeypatch.setattr(socket, "create_connection", refuse)


def idx(array):
    """Return the idx file of a byte array."""
    shape = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + shape + array.astype(np.uint8).tobytes()


def four_files(rows=3, seed=0):
    """Return the four files of a small set of pictures."""
    rng = np.random.default_rng(seed)
    images = [idx(rng.integers(0, 256, (n, 4, 5))) for n in (rows, 2)]
    marks = [idx(rng.integers(0, 10, n)) for n in (rows, 2)]
    return [images[0], marks[0], images[1], marks[1]]


def write_four(folder, files, suffix=".gz"):
    """Write the four files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, content in zip(PARTS, files, strict=True):
        (folder / f"{part}{suffix}").write_bytes(gzip.compress(content) if suffix else content)


# --- idx files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_bytes_stay_bytes(tmp_path, pack):
    """An idx file of bytes, plain or packed, reads as bytes in its shape."""
    array = np.arange(24).reshape(2, 3, 4)
    (tmp_path / "x").write_bytes(pack(idx(array)))
    found = read_idx(tmp_path / "x")

    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("code", "dtype"), [(0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]
)
def test_other_types_come_in_the_machines_byte_order(tmp_path, code, dtype):
    """Numbers stored with the high byte first read as the numbers they are."""
    values = np.array([-2, 1, 100], dtype)
    (tmp_path / "x").write_bytes(bytes([0, 0, code, 1, 0, 0, 0, 3]) + values.tobytes())
    found = read_idx(tmp_path / "x")

    assert (found.tolist(), found.dtype.isnative) == ([-2, 1, 100], True)


@pytest.mark.parametrize("cut", range(0, 20, 3))
def test_a_file_cut_anywhere_is_refused(tmp_path, cut):
    """No truncation reads as a shorter array."""
    (tmp_path / "x").write_bytes(idx(np.arange(12))[:cut])

    with pytest.raises(DamagedFileError):
        read_idx(tmp_path / "x")


def test_a_missing_file_is_named(tmp_path):
    """The message has the path."""
    with pytest.raises(FileError, match="absent: there is no such file"):
        read_idx(tmp_path / "absent")


# --- sets that need no file --------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_every_small_set_is_complete(name):
    """X is a finite float32 matrix with a name per column and a target per row."""
    found = load_named(name)

    assert found.X.dtype == np.float32
    assert np.isfinite(found.X).all()
    assert (len(found.y), len(found.feature_names)) == found.X.shape
    assert (found.name, bool(found.about), found.test_X) == (name, True, None)


def test_digits_are_pictures():
    """The digits are 8 by 8, with numbers as labels; flowers have names and no shape."""
    digits, iris = load_named("digits"), load_named("iris")

    assert (digits.image_shape, digits.y[:3].tolist()) == ((8, 8), [0, 1, 2])
    assert (iris.image_shape, set(iris.y)) == (None, {"setosa", "versicolor", "virginica"})


def test_diabetes_is_a_regression():
    """The one embedded set of quantities says so."""
    assert [name for name in SMALL if load_named(name).task == "regression"] == ["diabetes"]


@pytest.mark.parametrize("name", ["moons", "circles", "blobs", "spirals"])
def test_drawn_sets_follow_the_seed(name):
    """The same seed draws the same points, another seed others; the classes are balanced."""
    first, again, other = (load_named(name, seed=seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(first.X, again.X)
    assert (first.X != other.X).any()
    assert np.ptp(np.bincount(first.y)) <= 1


def test_drawn_sets_are_as_hard_as_they_say():
    """Circles and spirals defeat a line; the blobs reach the Bayes rate of .955 with Gaussian Bayes."""
    scores = {}
    for name, model in (
        ("circles", LogisticRegression()),
        ("spirals", LogisticRegression()),
        ("blobs", GaussianNB()),
    ):
        train, test = load_named(name, seed=0), load_named(name, seed=1)
        scores[name] = model.fit(train.X, train.y).score(test.X, test.y)

    assert scores["circles"] < 0.6
    assert scores["spirals"] < 0.65
    assert scores["blobs"] == pytest.approx(0.955, abs=0.02)


def test_an_unknown_name_is_answered_with_the_near_one():
    """The message lists the names and suggests one."""
    with pytest.raises(ParameterError, match=r"iris, wine.*did you mean 'breast-cancer'"):
        load_named("brest-cancer")


# --- pictures from a folder --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("inside", ["", "mnist"])
def test_pictures_are_read_from_the_folder_or_one_inside(tmp_path, suffix, inside):
    """The folder itself and a folder of the set's name inside it both do, packed or plain."""
    write_four(tmp_path / inside, four_files(), suffix)
    found = load_named("mnist", data_dir=tmp_path)

    assert (found.X.shape, found.X.dtype, found.image_shape) == ((3, 20), np.uint8, (4, 5))
    assert (found.test_X.shape, len(found.test_y), len(found.feature_names)) == ((2, 20), 2, 20)


def test_the_variable_names_the_folder(tmp_path, monkeypatch):
    """GORAE_DATA stands in for the argument."""
    write_four(tmp_path / "d", four_files())
    monkeypatch.setenv("GORAE_DATA", str(tmp_path / "d"))

    assert load_named("mnist").X.shape == (3, 20)


def test_the_other_set_is_never_taken(tmp_path):
    """Both sets have files of the same names; the folder's own name decides."""
    write_four(tmp_path / "mnist", four_files(3))
    write_four(tmp_path / "fashion-mnist", four_files(7, seed=1))

    assert len(load_named("fashion-mnist", data_dir=tmp_path).X) == 7
    assert len(load_named("mnist", data_dir=tmp_path / "mnist").X) == 3
    with pytest.raises(FileError, match="does not have the four idx files of fashion-mnist"):
        load_named("fashion-mnist", data_dir=tmp_path / "mnist")


def test_clothes_have_names(tmp_path):
    """The labels of Fashion-MNIST are words."""
    files = four_files()
    files[1] = idx(np.array([9, 0, 5]))
    write_four(tmp_path, files)

    assert load_named("fashion-mnist", data_dir=tmp_path).y.tolist() == [
        "Ankle boot",
        "T-shirt/top",
        "Sandal",
    ]


@pytest.mark.parametrize(
    ("place", "content"),
    [
        (1, idx(np.zeros(5))),
        (1, idx(np.array([1, 2, 77]))),
        (2, idx(np.zeros((2, 9, 9)))),
        (0, idx(np.zeros(3))),
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path, place, content):
    """Other counts, labels above 9, other sizes and other dimensions are damage."""
    files = four_files()
    files[place] = content
    write_four(tmp_path, files)

    with pytest.raises(DamagedFileError, match="were wanted"):
        load_named("mnist", data_dir=tmp_path)


def test_a_missing_set_says_how_to_get_it(tmp_path):
    """Without folder and cache, both ways are told, with the size of the download; nothing is fetched."""
    with pytest.raises(FileError, match=r"--data-dir.*GORAE_DATA.*download of 12 MB.*download=True"):
        load_named("mnist")
    with pytest.raises(FileError, match=f"{tmp_path}: the folder does not have"):
        load_named("mnist", data_dir=tmp_path)


@real
@pytest.mark.parametrize(
    ("name", "first"), [("mnist", [5, 0, 4]), ("fashion-mnist", ["Ankle boot", "T-shirt/top", "T-shirt/top"])]
)
def test_the_real_pictures_are_read(name, first):
    """60,000 and 10,000 pictures of 28 by 28 bytes, with the known first labels."""
    found = load_named(name, data_dir=DATA)

    assert (found.X.shape, found.test_X.shape, found.image_shape) == ((60_000, 784), (10_000, 784), (28, 28))
    assert (found.X.dtype, found.y[:3].tolist()) == (np.uint8, first)


@real
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_pinned_hashes_are_those_of_the_real_files(name):
    """Size and SHA-256 pinned for the download are those of the files themselves."""
    for part, (size, sha256) in zip(PARTS, pictures._PINNED[name], strict=True):
        content = (DATA / name / f"{part}.gz").read_bytes()

        assert (len(content), hashlib.sha256(content).hexdigest()) == (size, sha256)


# --- download ----------------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch):
    """Serve four small files in place of the network, with their hashes pinned; return what was asked for."""
    packed = [gzip.compress(content) for content in four_files()]
    pins = tuple((len(content), hashlib.sha256(content).hexdigest()) for content in packed)
    answers = {f"{part}.gz": content for part, content in zip(PARTS, packed, strict=True)}
    asked = []

    def serve(url):
        asked.append(url)
        return io.BytesIO(answers[url.rsplit("/", 1)[-1]])

    monkeypatch.setitem(pictures._PINNED, "mnist", pins)
    monkeypatch.setattr(download, "_open", serve)
    serve.answers, serve.asked = answers, asked
    return serve


def test_a_download_is_kept_and_used_again(served, tmp_path):
    """The four files are fetched once over HTTPS, kept in the cache with private rights, and found there."""
    first = load_named("mnist", download=True)
    again = load_named("mnist")
    kept = sorted((tmp_path / "cache" / "data" / "mnist").iterdir())

    np.testing.assert_array_equal(first.X, again.X)
    assert len(served.asked) == 4
    assert all(url.startswith("https://") for url in served.asked)
    assert [path.name for path in kept] == sorted(served.answers)
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:20] + b"?" + data[21:],
        lambda data: b"",
    ],
)
def test_another_file_is_refused_and_nothing_kept(served, tmp_path, change):
    """A shorter, longer, changed or empty answer is refused by its hash, and nothing is written."""
    served.answers[f"{PARTS[0]}.gz"] = change(served.answers[f"{PARTS[0]}.gz"])

    with pytest.raises(DamagedFileError, match=r"another one.*nothing was kept"):
        load_named("mnist", download=True)
    assert not list(tmp_path.rglob("*.gz*"))


def test_an_endless_answer_is_cut_off(served, monkeypatch):
    """No more than the pinned size and one block is ever read."""
    read = []

    class Endless(io.RawIOBase):
        def read(self, size=-1):
            read.append(size)
            return b"0" * size

    monkeypatch.setattr(download, "_open", lambda url: Endless())

    with pytest.raises(DamagedFileError, match="another one"):
        load_named("mnist", download=True)
    assert len(read) == 1


def test_a_slow_answer_is_given_up(served, monkeypatch):
    """A whole file has a deadline."""
    monkeypatch.setattr(download, "_DEADLINE", -1.0)

    with pytest.raises(FileError, match="did not arrive"):
        load_named("mnist", download=True)


def test_no_network_is_told(monkeypatch):
    """A connection that fails is the library's own error, with the address and what to do."""

    def fail(url):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(download, "_open", fail)

    with pytest.raises(FileError, match=r"https://.*Network is unreachable.*give a folder"):
        load_named("mnist", download=True)


def test_only_https_is_opened():
    """Another scheme is refused, also as the target of a redirection."""
    with pytest.raises(FileError, match="over HTTPS only"):
        download._open("http://example.org/x")
    with pytest.raises(FileError, match="over HTTPS only"):
        download._OnlyHTTPS().redirect_request(None, None, 302, "", {}, "file:///etc/passwd")


def test_a_damaged_copy_is_fetched_again(served, tmp_path):
    """A file in the cache that is not the pinned one is replaced, when a download is allowed."""
    folder = tmp_path / "cache" / "data" / "mnist"
    load_named("mnist", download=True)
    (folder / f"{PARTS[1]}.gz").unlink()
    (folder / f"{PARTS[0]}.gz").write_bytes(b"damaged")
    load_named("mnist", download=True)

    assert served.asked[4:] == [served.asked[0], served.asked[1]]


def test_a_cache_that_cannot_be_written_is_named(served, tmp_path, monkeypatch):
    """Where the cache cannot be made, the message has its path."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GORAE_CACHE", str(tmp_path / "file"))

    with pytest.raises(WriteError, match="file"):
        load_named("mnist", download=True)
