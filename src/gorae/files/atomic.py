"""Writing a file so that at every instant the path holds the old content or the new, never a part.

The content goes to a temporary file in the same folder and is flushed and fsynced; one rename puts it in
place; the folder is fsynced, so that the rename survives a power loss too.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from gorae.errors import FileExistsRefusal, InputTypeError, WriteError, as_input_error

__all__ = ["atomic_write", "make_folder"]

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than this system allows",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "the folder may not be written to",
    errno.EPERM: "the folder may not be written to",
    errno.ENOENT: "the folder does not exist; make it first",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.ENAMETOOLONG: "the name is too long",
}
# What a file system answers that has no hard links (FAT, some network folders) or whose folders
# cannot be fsynced.
_NOT_OFFERED = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK}


def atomic_write(
    path: str | os.PathLike[str],
    content: bytes | str | Callable[[IO[bytes]], object],
    *,
    force: bool = True,
) -> None:
    """Write a file whole or not at all.

    A reader, a crash or a power loss at any instant finds the old file or the new one. On any failure,
    an interrupt included, the temporary file is removed and the old file is as it was; only a process
    killed outright leaves its temporary file (``.gorae-*.tmp``) behind. The file is readable and
    writable by its owner alone (mode 0600). Where the path is a symbolic link, the file that it
    points to is replaced.

    Args:
        path: Where to write; its folder must exist.
        content: The bytes, a text (stored as UTF-8), or a function that is called with a binary
            file open for writing, which may seek in it.
        force: Whether an existing file may be replaced. If not, it is safe against another
            process that creates the file at the same time.

    Raises:
        FileExistsRefusal: If the file exists and ``force`` is False.
        WriteError: If it cannot be written; the message names the path and the reason.
        InputError: If a text holds code points that UTF-8 cannot store.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> atomic_write(folder / "note.txt", "하나")
        >>> (folder / "note.txt").read_text(encoding="utf-8")
        '하나'
    """
    write = _writer(content)
    shown = _shown(path)
    # The file behind a link is what the user means; the link itself stays.
    target = os.path.realpath(_text(path))
    _check_target(target, shown, force)
    try:
        handle, temporary = tempfile.mkstemp(prefix=".gorae-", suffix=".tmp", dir=os.path.dirname(target))
    except OSError as error:
        raise _write_error(shown, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if force:
            os.replace(temporary, target)
        else:
            _place_new(temporary, target, shown)
    except OSError as error:
        if error.filename not in {None, temporary, target}:
            raise  # the caller's function failed at a file of its own
        raise _write_error(shown, error) from error
    finally:
        # After a rename the name is gone; in every other case, Ctrl-C included, this removes it.
        with suppress(OSError):
            os.unlink(temporary)
    _confirm_folder(os.path.dirname(target), shown)


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder, and those above it, for its owner alone (mode 0700).

    A folder that exists already is left as it is, its mode included.

    Args:
        path: The folder.

    Returns:
        The folder.

    Raises:
        WriteError: If it cannot be made, or something that is no folder is in its place.

    Example:
        >>> make_folder(getfixture("tmp_path") / "a" / "b").is_dir()
        True
    """
    folder = Path(_text(path))
    missing = []
    for step in (folder, *folder.parents):
        if os.path.lexists(step):
            break
        missing.append(step)
    try:
        for step in reversed(missing):
            with suppress(FileExistsError):  # another process was faster; is_dir below judges it
                os.mkdir(step, 0o700)
        is_folder = folder.is_dir()
    except OSError as error:
        raise WriteError(f"Cannot make the folder {_shown(path)}: {_reason(error)}.") from error
    if not is_folder:
        raise WriteError(f"Cannot make the folder {_shown(path)}: a file is in its place.")
    return folder


def _writer(content: bytes | str | Callable[[IO[bytes]], object]) -> Callable[[IO[bytes]], object]:
    """Return the function that writes the content to an open file."""
    if isinstance(content, str):
        with as_input_error():
            content = content.encode("utf-8")
    if isinstance(content, bytes | bytearray | memoryview):
        data = content
        return lambda file: file.write(data)
    if callable(content):
        return content
    raise InputTypeError(
        f"content must be bytes, a str or a function that takes a file, got {type(content).__name__}."
    )


def _text(path: str | os.PathLike[str]) -> str:
    """Return the path as a str, or refuse what is no path."""
    try:
        text = os.fsdecode(path)
    except TypeError as error:
        raise InputTypeError(f"A path must be a str or a Path, got {path!r}.") from error
    if "\0" in text:
        raise WriteError(f"Cannot write {text!r}: a path cannot hold a null character.")
    return text


def _shown(path: str | os.PathLike[str]) -> str:
    """Return the path for a message: as the user gave it, control characters escaped."""
    return repr(_text(path))


def _check_target(target: str, shown: str, force: bool) -> None:
    """Refuse, before any work, a target that may not be replaced."""
    try:
        mode = os.stat(target).st_mode
    except OSError:
        return  # it is not there, or making the temporary file will say what is wrong
    if stat.S_ISDIR(mode):
        raise WriteError(f"Cannot write {shown}: it is a folder; give the path of a file in it.")
    if not stat.S_ISREG(mode):
        # A rename would put a plain file where the device or pipe was.
        raise WriteError(f"Cannot write {shown}: it is a device or a pipe, not a file.")
    if not force:
        raise _exists(shown)


def _place_new(temporary: str, target: str, shown: str) -> None:
    """Give the temporary file its name unless something has that name: one step, no race."""
    try:
        try:
            os.link(temporary, target)
        except OSError as error:
            if error.errno not in _NOT_OFFERED:
                raise
            _claim(temporary, target)
    except FileExistsError as error:
        raise _exists(shown) from error


def _claim(temporary: str, target: str) -> None:
    """Take a free name with an empty file, then replace what is now ours: for want of hard links."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        os.replace(temporary, target)
    except BaseException:
        os.unlink(target)
        raise


def _confirm_folder(folder: str, shown: str) -> None:
    """Make the rename itself durable."""
    if os.name == "nt":
        return  # Windows opens no folders; its file system journals the rename
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno in _NOT_OFFERED | {errno.EACCES}:
            return  # a folder one may write to but not read, or a file system without this
        raise WriteError(
            f"{shown} was written whole, but the disk did not confirm its name ({_reason(error)}); "
            "a power loss now could bring back the old file."
        ) from error


def _exists(shown: str) -> FileExistsRefusal:
    return FileExistsRefusal(f"{shown} exists already and was left as it is; use force to replace it.")


def _write_error(shown: str, error: OSError) -> WriteError:
    return WriteError(f"Cannot write {shown}: {_reason(error)}. What was there before is unchanged.")


def _reason(error: OSError) -> str:
    """Return why the system refused, in words."""
    known = _REASONS.get(error.errno or 0)
    return known or error.strerror or str(error)
