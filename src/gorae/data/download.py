"""Fetches one file of a known hash over HTTPS; what arrives is used only if it is that file."""

import hashlib
import logging
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

from gorae.errors import DamagedFileError, FileError
from gorae.files import atomic_write, make_folder

__all__ = ["Remote", "fetch"]

_log = logging.getLogger("gorae.data")

_BLOCK = 2**18
_SILENCE = 30.0  # seconds without a byte
_DEADLINE = 900.0  # seconds for a whole file


@dataclass(frozen=True)
class Remote:
    """A file elsewhere.

    Attributes:
        url: Where it is, over HTTPS.
        size: How many bytes it has.
        sha256: The SHA-256 of these bytes, in hexadecimal.
    """

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.url.rsplit("/", 1)[-1]


def fetch(remote: Remote, folder: Path) -> Path:
    """Return a file from a folder, fetching it first if it is not there.

    Nothing but the bytes of the pinned hash is ever written: they are gathered in memory up to the
    pinned size, hashed, and written atomically. A file that is there already is hashed too, and
    replaced if it is another one.

    Args:
        remote: The file.
        folder: Where it is kept; made if it is missing.

    Returns:
        Its path.

    Raises:
        FileError: It cannot be fetched: no network, refused, too slow, or redirected away from HTTPS.
        DamagedFileError: Something else than the pinned file came.
        WriteError: It cannot be written.
    """
    path = folder / remote.name
    if path.is_file() and path.stat().st_size == remote.size and _sha256(path.read_bytes()) == remote.sha256:
        return path
    _log.info("fetching %s (%d bytes)", remote.url, remote.size)
    data = _receive(remote)
    found = _sha256(data)
    if found != remote.sha256:
        raise DamagedFileError(
            f"{remote.url}: the file that came is another one ({len(data):,} bytes, SHA-256 {found[:16]}...; "
            f"wanted {remote.size:,} bytes, {remote.sha256[:16]}...); nothing was kept. Try again, or give a "
            "folder that has the file."
        )
    make_folder(folder)
    atomic_write(path, data)
    return path


class _OnlyHTTPS(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to HTTPS."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(url: str) -> IO[bytes]:
    """Open a connection."""
    _require_https(url)
    return urllib.request.build_opener(_OnlyHTTPS).open(url, timeout=_SILENCE)


def _require_https(url: str) -> None:
    """Refuse an address of another scheme."""
    if not url.startswith("https://"):
        raise FileError(f"{url}: data sets are fetched over HTTPS only.")


def _receive(remote: Remote) -> bytes:
    """Read what the address gives, no longer and no more than allowed."""
    end = time.monotonic() + _DEADLINE
    received = bytearray()
    try:
        with _open(remote.url) as answer:
            # one byte more than the pinned size is enough to know that it is another file
            while len(received) <= remote.size and (block := answer.read(_BLOCK)):
                received += block
                if time.monotonic() > end:
                    raise FileError(f"{remote.url}: the file did not arrive within {_DEADLINE:.0f} seconds.")
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
        raise FileError(
            f"{remote.url}: the file cannot be fetched ({error}); check the network, or give a folder that "
            "has it."
        ) from error
    return bytes(received)


def _sha256(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
