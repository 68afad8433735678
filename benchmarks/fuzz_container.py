"""Hand `read_container` damaged and hostile files and see that it only ever refuses or reads them.

    python benchmarks/fuzz_container.py --count 100000

Bars (RELIABILITY S1): nothing but gorae's own FileError leaves the reader; without a recomputed hash nothing
loads; each file takes under 2 s and under five times its size in memory, or 64 MB where that is more (what a
header of 4 MB, the largest that is parsed, can cost).

A mutation whose name ends in "hashed" recomputes the SHA-256 afterwards, so it reaches the parser and the
checks of the layout; those files may load when what is left is a whole container, and then must be
writable again as one.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import random
import struct
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gorae.errors import FileError
from gorae.files import read_container, read_meta, write_container
from gorae.files.layout import HASH_AT, NO_HASH

RESULT = Path(__file__).parent / "results" / "fuzz_container.json"
ODD_NUMBERS = [0, 1, 7, 8, 2**31, 2**32, 2**62, 2**63, 2**64, 10**30, -1, 0.5, 1e308, True, None, "8", [], {}]
ODD_STRINGS = ["", "F32", "F64", "BOOL", "BF16", "__metadata__", "\ud800", "$float", "x" * 300, "\0", "../a"]
ODD_META = [
    "",
    "[]",
    "{",
    "NaN",
    "é",
    "9" * 5000,
    '{"a":1e999}',
    '{"a":1,"a":2}',
    '{"$float":"x"}',
    '{"$x":1}',
]


def base_files(folder: Path) -> list[bytes]:
    """Return whole containers of different make: plain, mixed, empty, many small arrays."""
    grid = np.arange(12, dtype=np.float32).reshape(3, 4)
    mixed = {
        "flag": np.array([True, False, True]),
        "half": np.ones((1, 1, 7), np.float16),
        "nothing": np.zeros((0, 5), np.int64),
        "one": np.array(3.5),
        "bytes": np.arange(9, dtype=np.uint8),
    }
    meta = {"classes": ["a", "고래"], "score": math.nan, "nested": {"x": [1, 2.5, None, {"$y": True}]}}
    wholes: list[tuple[dict[str, np.ndarray], dict[str, Any]]] = [
        ({"weight": grid}, {}),
        (mixed, meta),
        ({}, {"only": "meta"}),
        ({f"a{place}": np.full(3, place, np.int16) for place in range(40)}, meta),
    ]
    files = []
    for arrays, described in wholes:
        write_container(folder / "base", arrays, described, kind="model")
        files.append((folder / "base").read_bytes())
    return files


def rehash(data: bytes) -> bytes:
    """Return the file with the hash that its content has, wherever the mutation moved the place."""
    end = HASH_AT + len(NO_HASH)
    if len(data) < end:
        return data
    digest = hashlib.sha256(data[:HASH_AT] + NO_HASH.encode() + data[end:]).hexdigest()
    return data[:HASH_AT] + digest.encode() + data[end:]


def split(data: bytes) -> tuple[bytes, bytes]:
    """Return the header's text and the data of a whole file."""
    (length,) = struct.unpack_from("<Q", data)
    return data[8 : 8 + length], data[8 + length :]


def join(text: bytes, body: bytes) -> bytes:
    """Put a header's text and data together."""
    return struct.pack("<Q", len(text)) + text + body


def flip(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Flip one to eight bits."""
    changed = bytearray(data)
    for place in rng.sample(range(8 * len(data)), rng.choice([1, 1, 1, 2, 8])):
        changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def cut(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Cut the file short."""
    return data[: rng.randrange(len(data))]


def extend(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Append bytes."""
    return data + rng.randbytes(rng.randint(1, 64))


def splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Put a piece of another file in the place of a piece of this one."""
    start, stop = sorted(rng.choices(range(len(data) + 1), k=2))
    low, high = sorted(rng.choices(range(len(other) + 1), k=2))
    return data[:start] + other[low:high] + data[stop:]


def relength(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Change the length field."""
    (length,) = struct.unpack_from("<Q", data)
    near = [length - 8, length - 1, length + 1, length + 8, len(data)]
    odd = [0, 1, 2**22, 2**22 + 1, 2**63, 2**64 - 1, rng.getrandbits(64)]
    return struct.pack("<Q", rng.choice(near + odd)) + data[8:]


def noise(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Random bytes, some behind the right first ones."""
    keep = rng.choice([0, 8, HASH_AT, HASH_AT + len(NO_HASH)])
    return data[:keep] + rng.randbytes(rng.randint(0, 400))


def edit_text(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Change, drop or double bytes of the header's text."""
    text, body = split(data)
    changed = bytearray(text)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(HASH_AT + len(NO_HASH) - 8, len(changed))
        action = rng.randrange(3)
        if action == 0:
            changed[place] = rng.choice(b'0123456789{}[]",:\\ eE-u\x00\xff')
        elif action == 1:
            del changed[place]
        else:
            changed[place:place] = changed[place : place + rng.randint(1, 30)]
    return join(bytes(changed), body)


def edit_json(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Change one value of the header, keeping it JSON."""
    text, body = split(data)
    header = json.loads(text)
    owner, key = rng.choice(list(_places(header)))
    action = rng.randrange(5)
    if action == 0:
        owner[key] = rng.choice(ODD_NUMBERS)
    elif action == 1:
        owner[key] = rng.choice(ODD_STRINGS)
    elif action == 2:
        del owner[key]
    elif action == 3:
        owner[key] = _deep(rng.randint(1, 90))
    else:
        twin = rng.choice(list(_places(header)))
        owner[key] = twin[0][twin[1]] if not isinstance(twin[0][twin[1]], dict | list) else 3
    changed = json.dumps(header, separators=(",", ":")).encode()
    return join(changed + b" " * (-len(changed) % 8), body)


def edit_meta(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Put odd JSON text, or what is none, where the meta is."""
    text, body = split(data)
    header = json.loads(text)
    deep = "[" * rng.randint(1, 3000)
    header["__metadata__"]["meta"] = rng.choice([*ODD_META, deep, '{"a":' + deep + "]" * len(deep) + "}"])
    return join(json.dumps(header, separators=(",", ":")).encode(), body)


def _deep(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def _places(value: Any):
    """Yield every (owner, key) inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)


Mutation = Callable[[random.Random, bytes, bytes], bytes]
Clock = Callable[[], float]
PLAIN: list[Mutation] = [flip, cut, extend, splice, relength, noise, edit_text, edit_json, edit_meta]


def mutate(rng: random.Random, bases: list[bytes]) -> tuple[str, bytes, bool]:
    """Return a mutation's name, a mutated file, and whether its hash was recomputed."""
    mutation = rng.choice(PLAIN)
    changed = bases[0]
    while changed in bases:  # an edit may put back what was there
        changed = mutation(rng, rng.choice(bases), rng.choice(bases))
    if rng.random() < 0.5:
        return f"{mutation.__name__}, hashed", rehash(changed), True
    return mutation.__name__, changed, False


def fuzz(
    count: int, seed: int, folder: Path, *, measure_every: int = 20, clock: Clock = time.perf_counter
) -> dict[str, Any]:
    """Read so many mutated files.

    Returns:
        Counts of refused and loaded files by mutation, the failures of the bars (none is right), the
        slowest read in seconds and the largest peak of memory over the file's size and in bytes.
    """
    rng = random.Random(seed)
    bases = base_files(folder)
    path, again = folder / "mutated.gorae", folder / "again.gorae"
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    slowest = 0.0
    largest = 0
    for turn in range(count):
        name, data, may_load = mutate(rng, bases)
        put(path, data)
        measured = turn % measure_every == 0
        outcome, seconds, peak = read_once(path, again, measured, clock)
        outcomes[f"{name}: {outcome}"] += 1
        slowest = max(slowest, seconds)
        largest = max(largest, peak)
        if outcome not in {"refused", "loaded"} or (outcome == "loaded" and not may_load):
            failures.append(f"turn {turn}, {name}: {outcome}")
    return {
        "count": count,
        "outcomes": dict(sorted(outcomes.items())),
        "failures": failures,
        "slowest_seconds": slowest,
        "largest_peak_bytes": largest,
    }


def put(path: Path, data: bytes) -> None:
    """Write a file anew: ext4 answers rewriting an old one in place with a flush to the disk, 4 ms each."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def read_once(
    path: Path, again: Path, measured: bool, clock: Clock = time.perf_counter
) -> tuple[str, float, int]:
    """Read one file both ways; return what happened, the seconds it took and the peak of memory in bytes."""
    if measured:
        tracemalloc.start()
    began = clock()
    try:
        loaded = read_container(path)
        outcome = "loaded"
    except FileError:
        outcome = "refused"
    except Exception as error:
        outcome = f"{type(error).__name__} {error}"
    seconds = clock() - began
    peak = tracemalloc.get_traced_memory()[1] if measured else 0
    tracemalloc.stop()
    if outcome == "loaded":
        read_meta(path)
        write_container(again, loaded.arrays, loaded.meta, kind=loaded.kind)
    return outcome, seconds, peak


def bombs(folder: Path) -> dict[str, bytes]:
    """Return files made to cost as much as possible, each with a right hash where it can have one."""
    base = base_files(folder)[0]
    text, body = split(base)

    def with_meta(meta: str) -> bytes:
        header = json.loads(text)
        header["__metadata__"]["meta"] = meta
        return rehash(join(json.dumps(header, separators=(",", ":")).encode(), body))

    def with_text(extra: bytes) -> bytes:
        return rehash(join(text.rstrip()[:-1] + extra, body))

    limit = 2**22 - 1000
    empty = b',"a%d":{"dtype":"F32","shape":[0],"data_offsets":[48,48]}'
    return {
        "lists in meta, under the limit of values": with_meta('{"a":[' + "[]," * 249_000 + "0]}"),
        "lists in meta, 4 MB": with_meta('{"a":[' + "[]," * (limit // 3 - 9) + "0]}"),
        "depth of 2 million": with_meta("[" * (limit - 400)),
        "depth of the header": with_text(b',"a":' + b"[" * (limit - 400)),
        "escaped quotes": with_text(b',"' + b'\\"' * (limit // 2 - 200)),
        "unterminated strings": with_text(b',"a":"' + b"\\" * (limit - 400)),
        "a number of 4 million digits": with_text(b',"a":' + b"9" * (limit - 400) + b"}"),
        "19,999 empty arrays": with_text(b"".join(empty % place for place in range(19_999)) + b"}"),
        "60,000 empty arrays": with_text(b"".join(empty % place for place in range(60_000)) + b"}"),
        "header of 67 MB": with_text(b',"a":"' + b"x" * 67_000_000 + b'"}'),
        "header said to be 2**63 bytes": struct.pack("<Q", 2**63) + base[8:],
    }


def explode(folder: Path) -> list[dict[str, Any]]:
    """Read every bomb, timing one read and measuring the memory of another."""
    rows = []
    path, again = folder / "bomb.gorae", folder / "again.gorae"
    for name, data in bombs(folder).items():
        put(path, data)
        outcome, seconds, _ = read_once(path, again, measured=False)
        peak = read_once(path, again, measured=True)[2]
        rows.append(
            {
                "bomb": name,
                "file_bytes": len(data),
                "outcome": outcome,
                "seconds": round(seconds, 3),
                "peak_bytes": peak,
                "within_bars": seconds < 2 and peak < max(5 * len(data), 64 * 2**20),
            }
        )
    return rows


def main() -> None:
    """Run both parts, print the figures and write them down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        result = fuzz(arguments.count, arguments.seed, Path(name))
        seconds = time.perf_counter() - began
        exploded = explode(Path(name))
    record = {
        "command": f"python benchmarks/fuzz_container.py --count {arguments.count} --seed {arguments.seed}",
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "system": platform.system()},
        "versions": {"python": platform.python_version(), "numpy": version("numpy")},
        "seconds": round(seconds, 1),
        **result,
        "bombs": exploded,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for outcome, count in record["outcomes"].items():
        print(f"{count:8,}  {outcome}")
    for row in exploded:
        sizes = f"{row['peak_bytes'] / 2**20:6.1f} MiB of {row['file_bytes'] / 2**20:5.1f}"
        print(f"{row['seconds']:8.3f} s {sizes} {row['outcome']:8} {row['bomb']}")
    print(
        f"{arguments.count:,} files in {seconds:.0f} s, {len(record['failures'])} failures, slowest read "
        f"{1000 * record['slowest_seconds']:.1f} ms, largest peak {record['largest_peak_bytes']:,} bytes"
    )
    if record["failures"] or not all(row["within_bars"] for row in exploded):
        raise SystemExit("\n".join(record["failures"]) or "a bomb went over the bars")


if __name__ == "__main__":
    main()
