"""A file is replaced whole or not at all, and a write that did not happen is never reported as done (R6)."""

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

import pytest

from gorae.errors import FileExistsRefusal, InputError, InputTypeError, WriteError
from gorae.files import atomic as atomic_module
from gorae.files import atomic_write, make_folder


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a file with content that a failing write must leave alone."""
    path = tmp_path / "file.gorae"
    path.write_bytes(b"old")
    return path


def fail_with(code: int) -> Any:
    """Return a function that fails as the system does with that code."""

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(
    ("content", "stored"),
    [
        (b"\x00new", b"\x00new"),
        ("새 글", "새 글".encode()),
        (lambda file: file.write(b"new"), b"new"),
        (b"", b""),
    ],
)
def test_replaces(old: Path, content: Any, stored: bytes) -> None:
    """Bytes, text and what a function writes take the place of the old file, and nothing else is left."""
    atomic_write(old, content)

    assert old.read_bytes() == stored
    assert list(old.parent.iterdir()) == [old]


def test_modes(tmp_path: Path) -> None:
    """Files are their owner's alone, folders too, those above them included (S13)."""
    folder = make_folder(tmp_path / "a" / "b")
    atomic_write(folder / "file", b"x")

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder / "file", folder, folder.parent)]

    assert modes == [0o600, 0o700, 0o700]


def test_existing_folder(tmp_path: Path) -> None:
    """A folder that exists is taken as it is."""
    tmp_path.chmod(0o755)

    make_folder(tmp_path)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_folder_cannot_be_made(old: Path) -> None:
    """A file where a folder is wanted is told by path."""
    for path, message in [(old, "a file is in its place"), (old / "below", "is a file, not a folder")]:
        with pytest.raises(WriteError, match=message):
            make_folder(path)


def test_order_of_steps(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is on the disk before the name changes, and the folder is confirmed after it."""
    steps = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, n=name, r=real: (steps.append(n), r(*a))[1])

    atomic_write(old, b"new")

    assert steps == ["fsync", "replace", "fsync"]


@pytest.mark.parametrize(
    ("step", "code", "reason"),
    [
        ("fsync", errno.ENOSPC, "the disk is full"),
        ("fsync", errno.EIO, "Input/output error"),
        ("replace", errno.EROFS, "the file system is read-only"),
        ("replace", errno.EACCES, "may not be written to"),
        ("fdopen", errno.EDQUOT, "quota"),
    ],
)
def test_failing_step(old: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int, reason: str) -> None:
    """Whatever step fails: the error names path and reason, the old file is intact, nothing is left over."""
    monkeypatch.setattr(os, step, fail_with(code))

    with pytest.raises(WriteError, match=rf"Cannot write '.*file\.gorae': .*{reason}.* unchanged"):
        atomic_write(old, b"new")

    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


def test_read_only_folder(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that takes no new file is told; root is not stopped by modes, so the refusal is simulated."""
    monkeypatch.setattr(atomic_module.tempfile, "mkstemp", fail_with(errno.EACCES))

    with pytest.raises(WriteError, match="the folder may not be written to"):
        atomic_write(old, b"new")

    assert old.read_bytes() == b"old"


def test_folder_not_confirmed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that does not confirm the new name is told, and that the file is there."""
    answers = iter([os.fsync, fail_with(errno.EIO)])
    monkeypatch.setattr(os, "fsync", lambda handle: next(answers)(handle))

    with pytest.raises(WriteError, match="was written whole, but the disk did not confirm its name"):
        atomic_write(old, b"new")

    assert old.read_bytes() == b"new"


def test_folder_without_fsync(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that cannot fsync a folder is no failure."""
    answers = iter([os.fsync, fail_with(errno.EINVAL)])
    monkeypatch.setattr(os, "fsync", lambda handle: next(answers)(handle))

    atomic_write(old, b"new")

    assert old.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("none/file", "the folder does not exist"),
        ("file.gorae/below", "is a file, not a folder"),
        ("n" * 300, "the name is too long"),
        (".", "it is a folder"),
        ("a\0b", "null character"),
    ],
)
def test_impossible_path(old: Path, path: str, reason: str) -> None:
    """A path that cannot be written is told by name and reason."""
    with pytest.raises(WriteError, match=reason):
        atomic_write(f"{old.parent}/{path}", b"new")

    assert list(old.parent.iterdir()) == [old]


def test_device_is_not_replaced(tmp_path: Path) -> None:
    """A device or a pipe is refused, not renamed over."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for path in (pipe, Path("/dev/full")):
        with pytest.raises(WriteError, match="it is a device or a pipe"):
            atomic_write(path, b"new")

    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_full_device(old: Path) -> None:
    """A real "no space left", from /dev/full, while the content is written, is a WriteError."""

    def write(file: IO[bytes]) -> None:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, file.fileno())
        os.close(full)
        file.write(b"new")

    with pytest.raises(WriteError, match=r"file\.gorae': the disk is full"):
        atomic_write(old, write)

    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


def test_file_size_limit(old: Path) -> None:
    """A process that may not write so large a file says so, keeps the old one and leaves no part."""
    code = (
        "import resource, sys, numpy as np; from gorae.files import write_container\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "write_container(sys.argv[1], {'x': np.zeros(10**6)}, {}, kind='model')"
    )

    done = subprocess.run([sys.executable, "-c", code, old], capture_output=True, text=True)

    assert done.returncode == 1
    assert "WriteError: Cannot write" in done.stderr
    assert "file.gorae': the file is larger than this system allows" in done.stderr
    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, MemoryError])
def test_interrupted(old: Path, error: type[BaseException]) -> None:
    """Ctrl-C, or an error of the function that writes, passes unchanged; the old file is intact."""

    def write(file: IO[bytes]) -> None:
        file.write(b"part")
        raise error

    with pytest.raises(error):
        atomic_write(old, write)

    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


def test_error_at_another_file(old: Path) -> None:
    """A function that fails to open a file of its own is not told as a failure of this one."""
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        atomic_write(old, lambda file: (old.parent / "elsewhere").read_bytes())

    assert list(old.parent.iterdir()) == [old]


def test_symbolic_link(old: Path) -> None:
    """A link stays a link; the file that it points to is replaced."""
    link = old.parent / "link"
    link.symlink_to(old)

    atomic_write(link, b"new")

    assert link.is_symlink()
    assert old.read_bytes() == b"new"


def test_wrong_content(old: Path) -> None:
    """Content that cannot be bytes is refused before anything is touched."""
    with pytest.raises(InputTypeError, match="content must be bytes, a str or a function"):
        atomic_write(old, 3)  # pyright: ignore[reportArgumentType]  the wrong type is what is tested
    with pytest.raises(InputError, match="surrogates not allowed"):
        atomic_write(old, "\ud800")
    with pytest.raises(InputTypeError, match="A path must be a str or a Path, got None"):
        atomic_write(None, b"")  # pyright: ignore[reportArgumentType]  the wrong type is what is tested


def test_refusal(old: Path) -> None:
    """Without force an existing file is refused before the content is even made."""
    with pytest.raises(FileExistsRefusal, match=r"file\.gorae' exists already and was left as it is"):
        atomic_write(old, lambda file: pytest.fail("the content was made"), force=False)

    assert old.read_bytes() == b"old"


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_refusal_when_made_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """A file that another process makes while the content is written is not replaced without force."""
    path = tmp_path / "file"
    if not links:
        monkeypatch.setattr(os, "link", fail_with(errno.EPERM))

    with pytest.raises(FileExistsRefusal):
        atomic_write(path, lambda file: path.write_bytes(b"theirs"), force=False)

    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_race_without_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """Of eight writers without force at the same time one wins, and the file is the winner's."""
    if not links:
        monkeypatch.setattr(os, "link", fail_with(errno.ENOTSUP))
    gate = threading.Barrier(8)
    won: list[int] = []

    def write(place: int) -> None:
        def content(file: IO[bytes]) -> None:
            file.write(b"%d" % place)
            gate.wait()  # all have passed the first look at the name by now

        try:
            atomic_write(tmp_path / "file", content, force=False)
            won.append(place)
        except FileExistsRefusal:
            pass

    threads = [threading.Thread(target=write, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [(tmp_path / "file").read_bytes()] == [b"%d" % place for place in won]


def test_failed_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no hard links and the rename fails, the claimed name is given up again."""
    monkeypatch.setattr(os, "link", fail_with(errno.EPERM))
    monkeypatch.setattr(os, "replace", fail_with(errno.EIO))

    with pytest.raises(WriteError):
        atomic_write(tmp_path / "file", b"new", force=False)

    assert list(tmp_path.iterdir()) == []


KILLER = """
import json, os, random, signal, sys, time
import numpy as np
from gorae.files import read_container, write_container

path, instants = sys.argv[1], random.Random(7)
seen, slower = [0], 1
write_container(path, {"x": np.zeros(20_000)}, {"turn": 0}, kind="checkpoint")
for _ in range(60):
    child = os.fork()
    if not child:
        turn = seen[-1]
        while True:
            turn += 1
            write_container(path, {"x": np.full(20_000, turn, float)}, {"turn": turn}, kind="checkpoint")
    time.sleep(instants.uniform(0.001, 0.05) * slower)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    back = read_container(path, kind="checkpoint")
    assert (back.arrays["x"] == back.meta["turn"]).all()
    seen.append(back.meta["turn"])
    slower = 1 if seen[-1] >= len(seen) // 4 else 2 * slower  # on a busy machine a write takes longer
print(json.dumps(seen))
"""


def test_killed_at_any_instant(tmp_path: Path) -> None:
    """After kill -9 at 60 instants of repeated writes the file loads each time, whole and never older."""
    # Python 3.12 warns of a fork beside numpy's threads; they do nothing here.
    command = [sys.executable, "-Wignore::DeprecationWarning", "-c", KILLER, tmp_path / "file"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert done.stderr == ""
    seen = json.loads(done.stdout)
    assert seen == sorted(seen)
    assert len(seen) == 61
    assert seen[-1] > 10
