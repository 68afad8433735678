"""Images from arrays, idx and CIFAR files, and folders: what they become, and what is refused."""

import gzip
import json
import lzma
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

import gorae
from gorae.data import Images, as_images
from gorae.data.images.cifar import COARSE, FINE, OBJECTS, read_cifar
from gorae.errors import DamagedFileError, DataError, DataWarning, FileError, ParameterError

PIL = pytest.importorskip("PIL.Image", reason="the extra `images`")
DATA = Path(__file__).parents[2] / "shared" / "data"


def pixels(seed=0, *shape):
    """Random bytes."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def write(path, array=None, **options):
    """Write an array as the image that the name says, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.fromarray(pixels(0, 6, 7) if array is None else array).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """Two classes, three grey images of 6 x 7."""
    for seed, name in enumerate(["cat/b.png", "cat/a.png", "dog/a.png"]):
        write(tmp_path / name, pixels(seed, 6, 7))
    return tmp_path


# --- arrays ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "layout", "wanted"),
    [
        ((2, 5, 6), None, (5, 6, 1)),
        ((2, 5, 6, 3), None, (5, 6, 3)),
        ((2, 3, 5, 6), None, (5, 6, 3)),
        ((2, 4, 4, 3), "last", (4, 4, 3)),
        ((2, 7, 5, 6), "first", (5, 6, 7)),
    ],
)
def test_channels_come_last(shape, layout, wanted):
    """Channels are found by their small number, or where they are said to be; the values stay."""
    array = pixels(0, *shape)
    images = as_images(array, layout=layout)
    moved = np.moveaxis(array, 1, -1) if images.shape != shape[1:] and len(shape) == 4 else array

    assert images.shape == wanted
    np.testing.assert_array_equal(images.pixels, moved.reshape(images.pixels.shape))


@pytest.mark.parametrize("shape", [(2, 3, 32, 3), (2, 5, 6, 7)])
def test_channels_that_cannot_be_told_are_asked_for(shape):
    """With few cells at both ends, or at none, the error says what to give."""
    with pytest.raises(ParameterError, match='cannot be told .* Give layout="last"'):
        as_images(np.zeros(shape, np.uint8))


def test_bytes_stay_and_all_else_is_float32():
    """Bytes stay bytes; whole numbers and float64 become float32."""
    kinds = [as_images(np.ones((1, 2, 6), kind)).pixels.dtype.name for kind in ("u1", "i8", "f8", "u2")]

    assert kinds == ["uint8", "float32", "float32", "float32"]


def test_pixels_cannot_be_written_to():
    """The value is immutable; the array that was given stays as free as it was."""
    given = pixels(0, 2, 5, 6)
    images = as_images(given)

    with pytest.raises(ValueError, match="read-only"):
        images.pixels[0] = 0
    given[0] = 0


@pytest.mark.parametrize("asked", [{"size": 9}, {"size": (6, 5)}, {"channels": 3}])
def test_an_array_is_neither_scaled_nor_converted(asked):
    """What only files of their own can be asked for is refused, and not overlooked; the same is no change."""
    with pytest.raises(
        DataError, match=r"the images are 5 x 6 with 1 channel\(s\), but .* were asked for; only PNG"
    ):
        gorae.load_images(pixels(0, 2, 5, 6), **asked)

    assert gorae.load_images(pixels(0, 2, 5, 6), size=(5, 6), channels=1).shape == (5, 6, 1)


def test_a_row_of_the_matrix_is_an_image():
    """Row i of the matrix holds the pixels of image i, in their order, without a copy."""
    images = as_images(pixels(0, 3, 5, 6, 3))

    np.testing.assert_array_equal(images.matrix[2].reshape(images.shape), images.pixels[2])
    assert np.shares_memory(images.matrix, images.pixels)


@pytest.mark.parametrize(
    ("X", "labels", "message"),
    [
        (np.zeros((3, 64)), None, "images must be of shape .* got 3 rows of 64 columns"),
        (np.zeros((3, 4, 4)), [0, 1], "3 images need as many labels, got 2"),
        (np.full((1, 2, 2), np.nan), None, "X contains NaN"),
        (np.zeros((0, 4, 4)), None, "X has 0 sample"),
    ],
)
def test_what_is_no_image_is_refused(X, labels, message):
    """The message says what was wanted and what came."""
    with pytest.raises(DataError, match=message):
        as_images(X, labels)


# --- idx and .npy ------------------------------------------------------------------------------------


def idx(array):
    """Return the idx file of a byte array."""
    shape = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + shape + array.astype(np.uint8).tobytes()


@pytest.mark.parametrize("end", ["", ".gz"])
def test_idx_images_find_their_labels(tmp_path, end):
    """The labels of train-images-idx3-ubyte are in train-labels-idx1-ubyte, plain or packed."""
    array = pixels(0, 3, 6, 7)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(array)))
    beside = idx(np.array([2, 0, 1]))
    (tmp_path / f"train-labels-idx1-ubyte{end}").write_bytes(gzip.compress(beside) if end else beside)
    images = gorae.load_images(tmp_path / "train-images-idx3-ubyte.gz")

    np.testing.assert_array_equal(images.pixels[..., 0], array)
    assert images.labels.tolist() == [2, 0, 1]


def test_a_npy_file_is_read(tmp_path):
    """Images saved by numpy come with channels last and the labels that are given."""
    np.save(tmp_path / "x.npy", pixels(0, 2, 3, 8, 9))
    images = gorae.load_images(tmp_path / "x.npy", labels=["a", "b"])

    assert (images.shape, images.labels.tolist()) == ((8, 9, 3), ["a", "b"])


def test_labels_are_no_images(tmp_path):
    """An idx file of one axis, and a file of text, are refused for what they are."""
    (tmp_path / "labels").write_bytes(idx(np.arange(3)))
    (tmp_path / "text.csv").write_text("a,b\n")

    with pytest.raises(DataError, match=r"labels: images were wanted, .* shape \(3,\)"):
        gorae.load_images(tmp_path / "labels")
    with pytest.raises(DamagedFileError, match="the file is none of them"):
        gorae.load_images(tmp_path / "text.csv")
    with pytest.raises(FileError, match="no such file"):
        gorae.load_images(tmp_path / "absent")


# --- CIFAR -------------------------------------------------------------------------------------------


def records(labels, planes):
    """Return the bytes of a CIFAR file."""
    return b"".join(bytes(codes) + plane.tobytes() for codes, plane in zip(labels, planes, strict=True))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_cifar_10_is_read(tmp_path, pack):
    """Red, green and blue planes become channels; the label is the name of the class."""
    planes = pixels(0, 2, 3, 32, 32)
    (tmp_path / "x.bin").write_bytes(pack(records([[9], [0]], planes)))
    images = gorae.load_images(tmp_path / "x.bin")

    assert images.labels.tolist() == ["truck", "airplane"]
    np.testing.assert_array_equal(images.pixels[1, :, :, 2], planes[1, 2])


def test_cifar_100_has_two_labels(tmp_path):
    """The first byte is the coarse class, the second the fine one; 10 records more come from a second file."""
    planes = pixels(0, 1, 3, 32, 32)
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_bytes(records([[14, 2]], planes))
    fine, coarse = (
        gorae.load_images([tmp_path / "a.bin", tmp_path / "b.bin"], labels=kind) for kind in (None, "coarse")
    )

    assert (fine.labels.tolist(), coarse.labels.tolist()) == (["baby"] * 2, ["people"] * 2)
    assert [len(set(names)) for names in (OBJECTS, COARSE, FINE)] == [10, 20, 100]


@pytest.mark.parametrize(
    "content",
    [b"", bytes(3072), bytes([10]) + bytes(3072), bytes([1]) + bytes(3000), bytes([20, 1]) + bytes(3072)],
)
def test_a_cifar_file_of_other_records_is_refused(tmp_path, content):
    """Cut records, and labels that no class has, are damage."""
    (tmp_path / "x.bin").write_bytes(content)

    with pytest.raises(DamagedFileError, match=r"x\.bin: a binary file of CIFAR-10"):
        read_cifar(tmp_path / "x.bin")


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not beside the repository")
def test_the_real_cifar_is_read():
    """The test file holds 200 images or so of each of the ten classes, in all brightnesses."""
    images = gorae.load_images(DATA / "cifar10" / "test_jpeg_2000.bin.xz")
    counts = np.unique(images.labels, return_counts=True)

    assert (images.pixels.shape, tuple(counts[0])) == ((2000, 32, 32, 3), tuple(sorted(OBJECTS)))
    assert counts[1].min() > 150
    assert (images.pixels.min(), images.pixels.max()) == (0, 255)


# --- folders -----------------------------------------------------------------------------------------


def test_a_folder_of_folders_is_classes(folder):
    """Images come in the order of their names, labelled with their folders; the bytes are the file's."""
    images = gorae.load_images(folder)

    assert images.names == ("cat/a.png", "cat/b.png", "dog/a.png")
    assert (images.labels.tolist(), images.classes) == (["cat", "cat", "dog"], ("cat", "dog"))
    np.testing.assert_array_equal(images.pixels[0, :, :, 0], pixels(1, 6, 7))


def test_a_folder_of_images_has_no_labels(folder):
    """The folder of one class, given itself, is images without labels; so is a single file."""
    images, one = gorae.load_images(folder / "cat"), gorae.load_images(folder / "dog" / "a.png")

    assert (images.labels, images.names) == (None, ("a.png", "b.png"))
    assert (len(one), one.names) == (1, ("a.png",))


def test_grey_beside_colour_becomes_colour(folder):
    """Where one image has colours all have three channels; with channels=1 all are brightness."""
    write(folder / "dog" / "z.png", np.full((6, 7, 3), (255, 0, 0), np.uint8))
    images = gorae.load_images(folder)

    assert images.shape == (6, 7, 3)
    np.testing.assert_array_equal(images.pixels[0, :, :, 2], pixels(1, 6, 7))
    assert gorae.load_images(folder, channels=1).pixels[-1, 0, 0, 0] == 76  # 0.299 of 255


@pytest.mark.parametrize(
    ("made", "channels", "wanted"),
    [
        (PIL.new("1", (2, 2), 1), None, [255]),
        (PIL.new("RGBA", (2, 2), (200, 100, 0, 0)), None, [0, 0, 0]),
        (PIL.new("RGBA", (2, 2), (200, 100, 0, 255)), None, [200, 100, 0]),
        (PIL.new("RGBA", (2, 2), (200, 100, 0, 51)), 4, [200, 100, 0, 51]),
        (PIL.new("LA", (2, 2), (200, 0)), None, [0]),
        (PIL.new("P", (2, 2), 1), None, [0, 0, 128]),
        (PIL.new("I;16", (2, 2), 257 * 9 + 128), None, [9 + 128 / 257]),
        (PIL.new("I;16", (2, 2), 257 * 9), 3, [9, 9, 9]),
    ],
    ids=["1 bit", "clear", "opaque", "opacity kept", "clear grey", "palette", "16 bits", "16 bits as colour"],
)
def test_kinds_of_pixels(tmp_path, made, channels, wanted):
    """Bits become 0 and 255, palettes colours, clear pixels black, 16 bits of grey parts of 255."""
    if made.mode == "P":
        made.putpalette([9, 9, 9, 0, 0, 128])
    made.save(tmp_path / "x.png")
    images = gorae.load_images(tmp_path / "x.png", channels=channels)

    np.testing.assert_allclose(images.pixels[0, 1, 1], wanted, rtol=1e-6)


def test_a_camera_s_turn_is_applied(tmp_path):
    """A JPEG of 8 x 16 pixels marked as lying on its side (6) is one of 16 x 8, its left side on top."""
    lying = np.zeros((8, 16), np.uint8)
    lying[:, :8] = 255
    exif = PIL.Exif()
    exif[274] = 6
    write(tmp_path / "x.jpg", lying, exif=exif)
    images = gorae.load_images(tmp_path / "x.jpg")

    assert images.shape == (16, 8, 1)
    assert images.pixels[0, :6].min() > 200
    assert images.pixels[0, 10:].max() < 50


def test_images_of_several_sizes_are_named(folder):
    """The error tells the usual size, who differs and how, and what to do; size= does it."""
    write(folder / "dog" / "tall.png", pixels(0, 9, 7))
    write(folder / "dog" / "wide.png", pixels(0, 6, 8))

    with pytest.raises(DataError) as refusal:
        gorae.load_images(folder)
    assert "3 of 5 are 6 x 7, but 'dog/tall.png' is 9 x 7, 'dog/wide.png' is 6 x 8. Give size=" in str(
        refusal.value
    )
    assert gorae.load_images(folder, size=(4, 5)).shape == (4, 5, 1)


def test_scaling_averages(tmp_path):
    """A checkerboard scaled to an eighth is grey: no pixel is picked."""
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    write(tmp_path / "x.png", board)

    assert abs(gorae.load_images(tmp_path / "x.png", size=8).pixels.astype(int) - 127).max() < 20


def test_what_is_no_image_is_left_out_and_told(folder):
    """Hidden files are passed over; other files and deeper folders are named in one warning."""
    write(folder / "cat" / "deeper" / "x.png")
    for name in ("cat/.DS_Store", "cat/Thumbs.db", "cat/notes.txt", "read.me", ".hidden"):
        (folder / name).write_text("no image")

    with pytest.warns(DataWarning, match=r"3 entries .* left out: 'read.me', 'cat/notes.txt', 'cat/deeper'"):
        images = gorae.load_images(folder)
    assert len(images) == 3


def test_links_out_of_the_folder_are_not_followed(folder, tmp_path_factory):
    """A link to an image elsewhere is left out and told; one inside of the folder is read."""
    elsewhere = write(tmp_path_factory.mktemp("elsewhere") / "x.png")
    (folder / "dog" / "out.png").symlink_to(elsewhere)
    (folder / "fox").symlink_to(elsewhere.parent)
    (folder / "dog" / "in.png").symlink_to(folder / "cat" / "a.png")

    with pytest.warns(DataWarning, match="2 entries .* 'fox', 'dog/out.png'"):
        images = gorae.load_images(folder)
    assert images.names == ("cat/a.png", "cat/b.png", "dog/a.png", "dog/in.png")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "the folder has no PNG or JPEG files"),
        (["cat/a.png"], "one class only, 'cat'; add a folder for each other class"),
        (["cat/a.png", "dog/"], "no images are in the class folder 'dog'"),
        (["cat/", "dog/"], "none of its 2 folders has a PNG or JPEG file"),
        (["train/cat/a.png", "train/dog/a.png"], "'train' has no images, only folders .* was meant"),
    ],
)
def test_a_folder_without_classes_to_learn_is_refused(tmp_path, names, message):
    """Empty folders, one class, a class without images and a folder too high up are each told."""
    for name in names:
        if name.endswith("/"):
            (tmp_path / name).mkdir()
        else:
            write(tmp_path / name)

    with pytest.raises(DataError, match=message):
        gorae.load_images(tmp_path)


@pytest.mark.parametrize("end", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.95])
def test_a_file_cut_off_is_named(folder, end, share):
    """A PNG or JPEG cut anywhere is told with its path, and never half read."""
    path = write(folder / "cat" / f"cut{end}", pixels(0, 40, 30))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])

    with pytest.raises(DamagedFileError, match=rf"cut\{end}: "):
        gorae.load_images(folder, size=8)


def test_another_format_under_a_name_of_ours_is_refused(folder):
    """A GIF called .png is not tried; a JPEG called .png is read."""
    write(folder / "cat" / "x.jpg", pixels(0, 6, 7)).rename(folder / "cat" / "x.png")
    assert len(gorae.load_images(folder)) == 4
    write(folder / "cat" / "y.gif").rename(folder / "cat" / "y.png")

    with pytest.raises(DamagedFileError, match=r"y\.png: a PNG or JPEG was wanted, but the file is neither"):
        gorae.load_images(folder)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(folder):
    """The error has the path and the system's reason."""
    (folder / "cat" / "a.png").chmod(0)

    with pytest.raises(FileError, match=r"a\.png: the file cannot be read \(Permission denied\)"):
        gorae.load_images(folder)


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_is_our_own_error(tmp_path, seed):
    """A file with bytes changed at random is read as an image of some size, or refused as our own error."""
    rng = np.random.default_rng(seed)
    path = write(tmp_path / ("x.png" if seed % 2 else "x.jpg"), pixels(seed, 20, 20, 3))
    data = bytearray(path.read_bytes())
    for place in rng.integers(0, len(data), 4):
        data[place] = rng.integers(256)
    path.write_bytes(bytes(data))
    try:
        told = str(gorae.load_images(path).names)
    except FileError as error:
        told = str(error)

    assert path.name in told


def test_limits_are_told_before_anything_is_decoded(folder):
    """Too many files, and too many bytes, are refused with what to do."""
    with pytest.raises(FileError, match="more files than are allowed; read it in parts, or raise max_files"):
        gorae.load_images(folder, max_files=2)
    with pytest.raises(
        FileError, match="take 126 bytes, more than the 100 that are allowed; give a smaller size="
    ):
        gorae.load_images(folder, max_bytes=100)


def chunk(kind, body):
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(side):
    """Return a small PNG whose header states side x side pixels, and whose data are that many."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + -(-side // 8))
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


WATCHED = """
import json, sys, time
import gorae
from gorae.errors import FileError
gorae.load_images
told, start = [], time.process_time()
for path in sys.argv[1:]:
    try:
        gorae.load_images(path, size=28)
    except FileError as error:
        told.append(str(error))
with open("/proc/self/status") as status:
    peak = [line for line in status if line.startswith("VmHWM")]
print(json.dumps([told, time.process_time() - start, int(peak[0].split()[1]) // 1024]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_decompression_bomb_is_refused_in_time_and_memory(tmp_path):
    """A PNG of 18 KB with 12000 x 12000 pixels, and larger ones, in under 2 s of work and 500 MB."""
    paths = []
    for side in (12_000, 40_000):
        paths.append(tmp_path / f"{side}.png")
        paths[-1].write_bytes(bomb(side))
    run = subprocess.run([sys.executable, "-c", WATCHED, *paths], capture_output=True, text=True, check=True)
    told, seconds, peak = json.loads(run.stdout)

    assert paths[0].stat().st_size < 25_000
    assert ["was not decoded" in text for text in told] == [True, True]
    assert seconds < 2
    assert peak < 500


def test_parts_that_do_not_belong_together_are_refused():
    """Pixels of another type or shape are told."""
    with pytest.raises(
        DataError, match=r"must be uint8 or float32 of shape .* got float64 of shape \(2, 3\)"
    ):
        Images(np.zeros((2, 3)))
