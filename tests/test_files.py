"""The safe container: what is written comes back, and every file that is not whole is refused."""

import hashlib
import json
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gorae.errors import DamagedFileError, FileError, FileExistsRefusal, InputError, InputTypeError
from gorae.files import read_container, read_meta, write_container
from gorae.files.limits import MAX_HEADER_BYTES, MAX_TENSORS, parse_json

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
ARRAYS = hnp.arrays(
    dtype=st.sampled_from(DTYPES).map(np.dtype),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7),
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=5), inside, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Return the path of a small whole container."""
    path = tmp_path / "whole.gorae"
    arrays = {"weight": np.arange(21, dtype=np.float32).reshape(3, 7), "flag": np.array([True, False, True])}
    write_container(path, arrays, {"classes": ["a", "고래"]}, kind="model")
    return path


@settings(max_examples=40, deadline=None)
@given(arrays=st.dictionaries(NAMES, ARRAYS, max_size=4), meta=st.dictionaries(st.text(), VALUES, max_size=4))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, arrays: dict, meta: dict) -> None:
    """Arrays of every dtype and shape come back bit for bit, and meta comes back equal, NaN included."""
    path = tmp_path_factory.mktemp("trip") / "trip.gorae"

    write_container(path, arrays, meta, kind="model")
    back = read_container(path, kind="model")

    assert {name: describe(array) for name, array in back.arrays.items()} == {
        name: describe(array) for name, array in arrays.items()
    }
    assert repr(back.meta) == repr(meta)  # repr, as NaN is not equal to itself
    assert read_meta(path).meta.keys() == meta.keys()


def describe(array: np.ndarray) -> tuple[np.dtype, tuple[int, ...], bytes]:
    """Return all that makes an array what it is."""
    return array.dtype, array.shape, array.tobytes()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.arange(24, dtype=np.int16).reshape(2, 3, 4)[:, ::-1, ::2],
        np.arange(5, dtype=">i4"),
        np.array(7, dtype=">f8"),
        np.broadcast_to(np.float32(3), (7, 1)),
    ],
    ids=["transposed", "strided", "big-endian", "big-endian 0-d", "broadcast"],
)
def test_memory_order(tmp_path: Path, array: np.ndarray) -> None:
    """How an array lies in memory does not matter: the same values come back, in the machine's own order."""
    write_container(tmp_path / "a", {"x": array}, {}, kind="model")

    back = read_container(tmp_path / "a").arrays["x"]

    np.testing.assert_array_equal(back, array)
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=")


def test_arrays_are_aligned(tmp_path: Path) -> None:
    """Every array begins at a multiple of its element's size, whatever stands before it."""
    arrays = {f"{code}{size}": np.ones(size, code) for code in DTYPES for size in (1, 3, 7)}
    write_container(tmp_path / "a", arrays, {"odd": "x"}, kind="model")

    back = read_container(tmp_path / "a").arrays

    assert all(array.flags.aligned and not array.flags.writeable for array in back.values())


def test_safetensors_reads_it(whole: Path) -> None:
    """A container is a safetensors file: the library of that name reads the same arrays."""
    arrays = safetensors.numpy.load_file(whole)

    assert {name: describe(array) for name, array in arrays.items()} == {
        name: describe(array) for name, array in read_container(whole).arrays.items()
    }


def test_hash_by_hand(whole: Path) -> None:
    """The hash is the SHA-256 of the whole file with zeros in the place of the hash."""
    with safetensors.safe_open(whole, "numpy") as file:
        stated = file.metadata()["sha256"]

    data = whole.read_bytes()

    assert data.count(stated.encode()) == 1
    assert hashlib.sha256(data.replace(stated.encode(), b"0" * 64)).hexdigest() == stated


def test_equal_content_equal_bytes(tmp_path: Path) -> None:
    """Equal content gives equal bytes, whatever the order of the arrays and the name of the file."""
    arrays = {"b": np.ones(3, np.float32), "a": np.ones(1, np.uint8), "c": np.ones((2, 2))}
    write_container(tmp_path / "one", arrays, {"x": 1}, kind="model")
    write_container(tmp_path / "two", dict(reversed(arrays.items())), {"x": 1}, kind="model")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_says_nothing_of_the_machine(whole: Path) -> None:
    """No path, no user name and no time stands in the file (S13)."""
    data = whole.read_bytes()

    assert str(whole.parent).encode() not in data
    assert whole.name.encode() not in data
    assert set(json.loads(data[8:].split(b"}}", 1)[0].split(b',"weight"')[0] + b"}")["__metadata__"]) == {
        "gorae",
        "sha256",
        "kind",
        "meta",
    }


def test_summary(whole: Path) -> None:
    """The summary tells kind, meta, and dtype and shape of each array."""
    kind, meta, arrays = read_meta(whole)

    assert (kind, meta) == ("model", {"classes": ["a", "고래"]})
    assert {name: (info.dtype, info.shape) for name, info in arrays.items()} == {
        "weight": (np.dtype("f4"), (3, 7)),
        "flag": (np.dtype("?"), (3,)),
    }


def test_summary_checks_the_hash(whole: Path) -> None:
    """The summary of a file is refused too where a bit of an array is wrong."""
    data = bytearray(whole.read_bytes())
    data[-1] ^= 1
    whole.write_bytes(data)

    with pytest.raises(DamagedFileError, match="SHA-256"):
        read_meta(whole)


@pytest.mark.parametrize("read", [read_container, read_meta])
def test_another_kind(whole: Path, read: Any) -> None:
    """A file of another kind is refused with what it is and what was wanted."""
    with pytest.raises(FileError, match=r"whole\.gorae' holds a 'model'; a 'checkpoint' was wanted"):
        read(whole, kind="checkpoint")


def test_largest_file(whole: Path) -> None:
    """A file over max_bytes is refused before it is read; one of just that size is read."""
    size = whole.stat().st_size

    assert read_container(whole, max_bytes=size).kind == "model"
    with pytest.raises(FileError, match=f"has {size:,} bytes, over the limit of {size - 1:,}"):
        read_container(whole, max_bytes=size - 1)


@pytest.mark.parametrize("read", [read_container, read_meta])
def test_no_file(tmp_path: Path, read: Any) -> None:
    """What is missing, a folder, a pipe or a device, and what may not be read, are told by path."""
    os.mkfifo(tmp_path / "pipe")
    for path, message in [
        (tmp_path / "none.gorae", r"There is no file '.*none\.gorae'"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "pipe' is a device or a pipe"),
        (Path("/dev/zero"), "'/dev/zero' is a device"),
        (tmp_path / "pipe" / "x", "Cannot read '.*x': Not a directory"),
        ("a\0b", r"Cannot read 'a\\x00b'"),
    ]:
        with pytest.raises(FileError, match=message):
            read(path)


def test_no_permission(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read is told by path and reason."""

    def refuse(*_: Any) -> int:
        raise PermissionError(13, "Permission denied", str(whole))

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(FileError, match=r"Cannot read '.*whole\.gorae': Permission denied"):
        read_container(whole)


def test_no_path() -> None:
    """Something that is no path is a wrong type, not a wrong file."""
    with pytest.raises(InputTypeError, match="A path must be a str or a Path, got 3"):
        read_container(3)  # pyright: ignore[reportArgumentType]  the wrong type is what is tested


def test_not_replaced_without_force(whole: Path) -> None:
    """An existing file is left alone where force is not given."""
    before = whole.read_bytes()

    with pytest.raises(FileExistsRefusal, match=r"whole\.gorae' exists already"):
        write_container(whole, {}, {}, kind="model", force=False)

    assert whole.read_bytes() == before


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.array(["a"])}, "'x' has dtype <U1"),
        ({"x": np.array([1j])}, "'x' has dtype complex128"),
        ({"x": np.array([None])}, "'x' has dtype object"),
        ({"x": np.array(["2020"], "M8[D]")}, r"'x' has dtype datetime64\[D\]"),
        ({"x": np.zeros(2, [("a", "f4")])}, "'x' has dtype"),
        ({"x": [[1], [1, 2]]}, "inhomogeneous"),
        ({"": np.ones(1)}, "got ''"),
        ({"__metadata__": np.ones(1)}, "got '__metadata__'"),
        ({"\ud800": np.ones(1)}, "name must be a str"),
        ({1: np.ones(1)}, "got 1"),
        ([np.ones(1)], "arrays must be a mapping"),
    ],
)
def test_arrays_that_cannot_be_stored(tmp_path: Path, arrays: Any, message: str) -> None:
    """An array or name that the format has no place for is refused by name, and no file is left."""
    with pytest.raises(InputError, match=message):
        write_container(tmp_path / "a", arrays, {}, kind="model")

    assert list(tmp_path.iterdir()) == []


CIRCLE: list = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"a": {"b": [0, {1, 2}]}}, r"meta\['a'\]\['b'\]\[1\] is a set"),
        ({"a": np.ones(3)}, r"meta\['a'\] is a ndarray, which JSON cannot hold; give it in arrays"),
        ({"a": b"x"}, r"meta\['a'\] is a bytes"),
        ({"a": {1: 2}}, r"meta\['a'\] has the key 1, a int"),
        ({"a": CIRCLE}, "holds itself"),
        ({"a": 10**5000}, "digits"),
        ({"a": "\ud800"}, "surrogates not allowed"),
        ([1], "meta must be a mapping, got list"),
        ({"a": "x" * MAX_HEADER_BYTES}, "over the limit of 4,194,304. Store less meta"),
    ],
)
def test_meta_that_cannot_be_stored(tmp_path: Path, meta: Any, message: str) -> None:
    """What JSON cannot hold is refused with its place, and no file is left."""
    with pytest.raises(InputError, match=message):
        write_container(tmp_path / "a", {}, meta, kind="model")

    assert list(tmp_path.iterdir()) == []


def test_too_many_arrays(tmp_path: Path) -> None:
    """More arrays than a reader takes are not written in the first place."""
    arrays = {f"{place:x}": np.empty(0, np.uint8) for place in range(MAX_TENSORS + 1)}

    with pytest.raises(InputError, match="more than 20,000 arrays"):
        write_container(tmp_path / "a", arrays, {}, kind="model")


@pytest.mark.parametrize("kind", ["", "a b", "a\n", "고래", "x" * 65, None])
def test_malformed_kind(tmp_path: Path, kind: Any) -> None:
    """A kind is a short plain word."""
    with pytest.raises(InputError, match="kind must be"):
        write_container(tmp_path / "a", {}, {}, kind=kind)


def test_meta_by_hand(tmp_path: Path) -> None:
    """Tuples come back as lists, numpy scalars as numbers, infinities as floats, keys with $ unchanged."""
    meta = {"t": (1, np.float32(0.5), np.int64(3), np.bool_(True)), "$float": "nan", "$$": -math.inf}
    write_container(tmp_path / "a", {}, meta, kind="model")

    back = read_container(tmp_path / "a").meta

    assert back == {"t": [1, 0.5, 3, True], "$float": "nan", "$$": -math.inf}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a":1,"a":2}', "same name twice"),
        (b'{"a":"\\ud800"}', "surrogates not allowed"),
        (b'{"a":NaN}', "NaN is no JSON"),
        (b'{"a":-Infinity}', "-Infinity is no JSON"),
        (b'{"a":1e999}', "larger than a float"),
        (b"9" * 5000, "no JSON"),
        (b'"\xe9"', "no JSON"),
        (b"", "no JSON"),
        (b"[" * 65 + b"]" * 65, "nested 65 deep"),
        (b"[" * 200_000, "nested 200,000 deep"),
        (b"[" + b"0," * 500_000 + b"0]", "values is over the limit"),
        (b" " * (MAX_HEADER_BYTES + 1), "over the limit of 4,194,304"),
    ],
)
def test_json_over_its_caps(text: bytes, message: str) -> None:
    """JSON that is malformed, ambiguous, or too large or deep is refused before it can cost much."""
    with pytest.raises(InputError, match=message):
        parse_json(text)


@pytest.mark.parametrize("text", [b"[" * 64 + b"]" * 64, rb'{"[[\"[[[\\":"' + b"[" * 99 + b'"}'])
def test_json_within_its_caps(text: bytes) -> None:
    """Depth up to the cap is read, and brackets inside a string are no depth."""
    assert parse_json(text) == json.loads(text)


def test_newer_format(whole: Path) -> None:
    """A file of a later format says so and is not guessed at."""
    data = whole.read_bytes().replace(b'{"gorae":"1"', b'{"gorae":"2"')
    whole.write_bytes(data)

    with pytest.raises(DamagedFileError, match="its format is '2', '1' was expected"):
        read_container(whole)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 9]}, "does not fill its bytes"),
        ({"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}, "take 12 bytes and the file has 8"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}, "does not begin where"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "take 4 bytes and the file has 8"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [0, -8]}, "malformed"),
        ({"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}, "malformed shape"),
        ({"dtype": "F32", "shape": [True, 2], "data_offsets": [0, 8]}, "malformed shape"),
        ({"dtype": "F32", "shape": 2, "data_offsets": [0, 8]}, "malformed shape"),
        ({"dtype": "F32", "shape": [0, 2**62, 4], "data_offsets": [0, 0]}, "no array can have"),
        ({"dtype": "F32", "shape": [1] * 65 + [2], "data_offsets": [0, 8]}, "malformed shape"),
        ({"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}, "unknown dtype 'BF16'"),
        ({"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]}, "unknown dtype"),
        ({"dtype": "BOOL", "shape": [8], "data_offsets": [0, 8]}, "neither 0 nor 1"),
        ({"dtype": "F32", "shape": [2]}, "malformed"),
        ([], "malformed"),
    ],
)
def test_hostile_layout(tmp_path: Path, entry: Any, message: str) -> None:
    """An array whose entry does not fit its bytes is refused, though the hash is right."""
    own = {"gorae": "1", "sha256": "0" * 64, "kind": "model", "meta": "{}"}
    text = json.dumps({"__metadata__": own, "x": entry}, separators=(",", ":")).encode()
    data = struct.pack("<Q", len(text)) + text + struct.pack("<ff", 1, 2)
    data = data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode())
    (tmp_path / "a").write_bytes(data)

    with pytest.raises(DamagedFileError, match=message):
        read_container(tmp_path / "a")
