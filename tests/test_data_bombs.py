import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gorae.data import read_idx, read_table
from gorae.data.npy import read_npy
from gorae.errors import DamagedFileError

MEGABYTE = 2**20
WATCHED = """
import json, sys, time
from gorae.data import read_idx, read_table, unpack
from gorae.errors import FileError
told, unpacked, inflate = {}, 0, unpack._inflate
def counted(*given):
    global unpacked
    for block in inflate(*given):
        unpacked += len(block)
        yield block
unpack._inflate = counted
for path in sys.argv[1:]:
    start, unpacked = time.process_time(), 0
    try:
        (read_idx if "idx" in path else read_table)(path)
        told[path] = ["read", 0.0, unpacked]
    except FileError as error:
        told[path] = [str(error), time.process_time() - start, unpacked]
with open("/proc/self/status") as status:
    peak = [line for line in status if line.startswith("VmHWM")]
print(json.dumps([told, int(peak[0].split()[1]) // 1024]))
"""


def npy_header(shape, dtype="<f8"):
    """Return the header of a .npy file that states a shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


def make_bombs(folder):
    """Write the input bombs of tables, idx and .npy files, each with a word that its refusal must hold."""
    member = gzip.compress(b"a,b\n" + b"0" * (64 * MEGABYTE), 6)
    stream = lzma.compress(b"0" * (96 * MEGABYTE), preset=0)
    idx = b"\0\0\x08\x03" + b"\0\0\xff\xff" * 3
    zeros, wide, zipped = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pl.DataFrame({"x": np.zeros(10_000_000)}).write_parquet(zeros)
    pl.DataFrame({f"c{i}": [1] for i in range(30_000)}).write_parquet(wide)
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy_header((2**23,)) + bytes(64 * MEGABYTE))
    commas = b"a" + b",a" * 19_999 + b"\n" + (b"," * 19_999 + b"\n") * 3_000
    header = ",".join(f"c{i}" for i in range(300_000)).encode()
    bombs = {
        "3.6-GB.csv.gz": (member * 56, "bomb"),
        "hidden.csv.gz": (gzip.compress(os.urandom(2 * MEGABYTE)) + member * 8, "bomb"),
        "1.7-GB.csv.xz": (stream * 18, "bomb"),
        "60-million-cells.csv.gz": (gzip.compress(commas), "cells"),
        "300000-columns.csv": (header + b"\n" + b"1," * 299_999 + b"1\n", "300,000 fields"),
        "one-line.csv": (b"x" * (40 * MEGABYTE), "no record of a table"),
        "373-GiB.npy": (npy_header((100_000, 500_000)) + bytes(64), "400,000,000,000 bytes"),
        "2-GB.npz": (zipped.getvalue(), "zip archive"),
        "10-million-rows.parquet": (zeros.getvalue(), "10,000,000 rows"),
        "30000-columns.parquet": (wide.getvalue(), "columns"),
        "large-footer.parquet": (
            b"PAR1" + bytes(9 * MEGABYTE) + (9 * MEGABYTE).to_bytes(4, "little") + b"PAR1",
            "footer",
        ),
        "stated.idx": (idx, "bytes"),
        "packed.idx.gz": (gzip.compress(idx + bytes(128 * MEGABYTE)), "bomb"),
    }
    for name, (content, _) in bombs.items():
        (folder / name).write_bytes(content)
    return {str(folder / name): word for name, (_, word) in bombs.items()}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_input_bombs_are_refused_at_little_cost(tmp_path):
    """Each bomb is refused for what it is after 140 MB unpacked at most, in 5 s of computing, all within 500 MB."""
    bombs = make_bombs(tmp_path)
    run = subprocess.run([sys.executable, "-c", WATCHED, *bombs], capture_output=True, text=True, check=True)
    told, peak = json.loads(run.stdout)

    assert {Path(path).name: told[path][0] for path, word in bombs.items() if word not in told[path][0]} == {}
    assert max(unpacked for *_, unpacked in told.values()) < 140 * MEGABYTE
    assert max(seconds for _, seconds, _ in told.values()) < 5.0
    assert peak < 500


def test_an_honest_file_that_packs_well_is_read(tmp_path):
    """The limits leave alone what any column of zeros packs to."""
    (tmp_path / "zeros.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"0,0\n" * 200_000))

    assert read_table(tmp_path / "zeros.csv.gz").shape == (200_000, 2)


@pytest.mark.parametrize("place", range(16))
def test_a_damaged_idx_header_is_refused(tmp_path, place):
    """A header with any byte changed no longer matches its data, or reads as the same shape."""
    sound = b"\0\0\x08\x03" + b"\0\0\0\x02\0\0\0\x03\0\0\0\x04" + bytes(range(24))
    damaged = bytearray(sound)
    damaged[place] ^= 0x40
    (tmp_path / "x.idx").write_bytes(bytes(damaged))

    with pytest.raises(DamagedFileError, match=r"x\.idx"):
        read_idx(tmp_path / "x.idx")


def test_a_deep_npy_header_is_refused():
    """A header of brackets 60,000 deep ends as damage, not as an overflow of the stack."""
    header = b"(" * 60_000
    data = b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header

    with pytest.raises(DamagedFileError, match="header cannot be read"):
        read_npy(data, "deep.npy")


@pytest.mark.parametrize(
    ("shape", "dtype"), [((2,), "|O"), ((2, -1), "<f8"), ((2**62, 0, 4), "|V0"), ((3,), "<f4")]
)
def test_a_npy_header_that_is_not_its_data_is_refused(shape, dtype):
    """Objects, negative sizes, values without size and other counts are refused."""
    with pytest.raises(DamagedFileError):
        read_npy(npy_header(shape, dtype) + bytes(8), "x.npy")
