"""Damaged, foreign and hostile files: refused with gorae's own error, at little cost, and nothing runs."""

import gzip
import importlib.util
import json
import os
import pickle
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import pytest
import safetensors.numpy

from gorae.errors import DamagedFileError, FileError
from gorae.files import container, read_container, read_meta, write_container

FUZZER = Path(__file__).parents[1] / "benchmarks" / "fuzz_container.py"


@pytest.fixture(scope="module")
def fuzzer() -> ModuleType:
    """Return the benchmark that makes mutated and hostile files."""
    spec = importlib.util.spec_from_file_location("fuzz_container", FUZZER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Return the path of a whole container of some 600 bytes."""
    path = tmp_path / "whole.gorae"
    arrays = {"weight": np.arange(21, dtype=np.float32).reshape(3, 7), "flag": np.array([True, False, True])}
    write_container(path, arrays, {"classes": ["a", "b"], "note": "x" * 150}, kind="model")
    return path


def refused(path: Path, data: bytes, read: Callable[[Path], Any]) -> bool:
    """Return whether the file with that content is refused as damaged."""
    path.unlink(missing_ok=True)  # rewriting in place is slow on ext4
    path.write_bytes(data)
    try:
        read(path)
    except DamagedFileError:
        return True
    return False


def test_every_bit_flip(whole: Path) -> None:
    """Each of the file's bits, flipped alone, makes it refused (R9: at least 2,000 of them)."""
    data = whole.read_bytes()
    loaded = []
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        if not refused(whole, bytes(changed), read_container if bit % 5 else read_meta):
            loaded.append(bit)

    assert 8 * len(data) >= 2_000
    assert loaded == []


def test_every_truncation(whole: Path) -> None:
    """The file cut to any shorter length is refused (R9: at least 500 lengths)."""
    data = whole.read_bytes()

    loaded = [size for size in range(len(data)) if not refused(whole, data[:size], read_container)]

    assert len(data) >= 500
    assert loaded == []


def test_appended_bytes(whole: Path) -> None:
    """The file with bytes after its end is refused."""
    data = whole.read_bytes()

    assert all(refused(whole, data + b"\0" * more, read_container) for more in (1, 8, 4096))


def test_mutated_files(
    fuzzer: ModuleType, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Of 3,000 mutated files each is refused with a FileError or is whole, under 2 s of computing, in 1 MB (S1)."""
    result = fuzzer.fuzz(3_000, 1, tmp_path, clock=time.thread_time)

    record_property("slowest_seconds", result["slowest_seconds"])
    assert result["failures"] == []
    assert result["slowest_seconds"] < 2
    assert result["largest_peak_bytes"] < 2**20


def test_mutations_reach_every_check(fuzzer: ModuleType, tmp_path: Path) -> None:
    """The mutations are no easy ones: with the hash made right, some files load and most still do not."""
    outcomes = fuzzer.fuzz(400, 2, tmp_path)["outcomes"]

    hashed = {name: count for name, count in outcomes.items() if ", hashed" in name}

    assert any(name.endswith("loaded") for name in hashed)
    assert len({name.split(",")[0] for name in hashed if name.endswith("refused")}) == len(fuzzer.PLAIN)


@pytest.fixture(scope="module")
def bombs(fuzzer: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files made to cost as much as possible."""
    return fuzzer.bombs(tmp_path_factory.mktemp("bombs"))


def test_bombs(fuzzer: ModuleType, bombs: dict[str, bytes], tmp_path: Path) -> None:
    """Files made to cost as much as possible end in under 2 s of computing, those over a cap with a FileError."""
    path = tmp_path / "bomb.gorae"
    for name, data in bombs.items():
        fuzzer.put(path, data)

        for _ in range(
            3
        ):  # the thread's own time, the best of three: what else the machine does is no cost of ours
            outcome, seconds, _ = fuzzer.read_once(path, tmp_path / "again", False, time.thread_time)
            if seconds < 2:
                break

        within_caps = name in {"lists in meta, under the limit of values", "19,999 empty arrays"}
        assert (name, outcome) == (name, "loaded" if within_caps else "refused")
        assert seconds < 2


def test_memory_of_a_bomb(fuzzer: ModuleType, bombs: dict[str, bytes], tmp_path: Path) -> None:
    """The dearest header that is parsed costs under 64 MB, and one that is too long next to nothing."""
    peaks = {}
    for name in ("19,999 empty arrays", "header of 67 MB"):
        (tmp_path / name).write_bytes(bombs[name])
        peaks[name] = fuzzer.read_once(tmp_path / name, tmp_path / "again", measured=True)[2]

    assert peaks["19,999 empty arrays"] < 64 * 2**20
    assert peaks["header of 67 MB"] < 2**20


def test_sparse_file(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file of 8 GB that is nothing but a length and zeros, under a kilobyte is read before it is refused."""
    with whole.open("r+b") as file:
        file.truncate(8)
        file.truncate(8 * 2**30)
    fill, read = container._fill, []
    monkeypatch.setattr(container, "_fill", lambda file, to: read.append(len(to)) or fill(file, to))

    with pytest.raises(FileError):
        read_container(whole)

    assert 0 < sum(read) < 1000


class Payload:
    """Something whose unpickling makes a folder."""

    def __init__(self, marker: Path) -> None:
        """Keep where the folder would be."""
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        """Tell pickle to make the folder."""
        return os.mkdir, (str(self.marker),)


def zipped(data: bytes, path: Path) -> None:
    """Write a zip archive as PyTorch does, with a pickle in it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)


def pickled(version: int, path: Path, load: Payload) -> None:
    """Write a pickle."""
    path.write_bytes(pickle.dumps(load, version))


def saved(save: Callable[..., None], load: Payload, path: Path) -> None:
    """Write an array of objects as numpy does, which pickles it."""
    with path.open("wb") as file:
        save(file, np.array([load], object))


FOREIGN = {
    **{f"pickle {version}": (partial(pickled, version), "pickle") for version in range(2, 6)},
    **{f"pickle {version}": (partial(pickled, version), "") for version in range(2)},  # no sign of their own
    "joblib": (lambda path, load: joblib.dump(load, path), "pickle"),
    "zip": (lambda path, load: zipped(pickle.dumps(load), path), "zip archive"),
    "npz": (lambda path, load: saved(np.savez, load, path), "zip archive"),
    "npy": (lambda path, load: saved(np.save, load, path), "numpy array file"),
    "gzip": (lambda path, load: path.write_bytes(gzip.compress(pickle.dumps(load))), "gzip"),
    "safetensors": (lambda path, load: safetensors.numpy.save_file({"x": np.ones(3)}, path), "did not write"),
    "text": (lambda path, load: path.write_text("age,income\n1,2\n"), ""),
    "noise": (lambda path, load: path.write_bytes(np.random.default_rng(0).bytes(5_000)), ""),
    "zeros": (lambda path, load: path.write_bytes(bytes(5_000)), ""),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_file(tmp_path: Path, name: str) -> None:
    """A foreign file with gorae's extension is refused as such, and a pickle's payload never runs (S4)."""
    write, looks = FOREIGN[name]
    path = tmp_path / "model.gorae"
    write(path, Payload(tmp_path / "ran"))

    with pytest.raises(DamagedFileError, match=rf"model\.gorae' is refused: it is not a gorae file.*{looks}"):
        read_container(path)

    assert list(tmp_path.iterdir()) == [path]


def test_empty_file(tmp_path: Path) -> None:
    """An empty file says that it is empty."""
    (tmp_path / "a").touch()

    with pytest.raises(DamagedFileError, match="it is empty"):
        read_container(tmp_path / "a")


WATCHER = """
import json, sys
from gorae.errors import FileError
from gorae.files import read_container, read_meta

events, watching = [], False

def watch(event, args):
    if watching:
        events.append([event, str(args[0]) if args else ""])

sys.addaudithook(watch)
outcomes = []
for path in sys.argv[1:]:
    for read in (read_container, read_meta):
        watching = True
        try:
            read(path)
            outcome = "loaded"
        except FileError:
            outcome = "refused"
        watching = False
        outcomes.append(outcome)
print(json.dumps([outcomes, events]))
"""


def test_audit(whole: Path, tmp_path: Path) -> None:
    """The first reading in a process opens the file and does nothing else that an audit hook sees (S2)."""
    damaged, foreign = tmp_path / "damaged", tmp_path / "foreign"
    damaged.write_bytes(whole.read_bytes()[:-1])
    pickled(4, foreign, Payload(tmp_path / "ran"))
    paths = [str(whole), str(damaged), str(foreign)]

    done = subprocess.run([sys.executable, "-c", WATCHER, *paths], capture_output=True, text=True, check=True)
    outcomes, events = json.loads(done.stdout)

    assert outcomes == ["loaded"] * 2 + ["refused"] * 4
    assert {event for event, _ in events} == {"open"}
    assert {path for _, path in events} == set(paths)
