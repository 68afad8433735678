"""A source that makes one wait: how much of a fit's time is spent waiting, and what the process holds.

Rows come from an array that sleeps for each row that it is asked for, as a disk or a network would, so long
that one reader alone would take a given share of the time that training on those rows takes. Told is the
share of the training time in which no block was there to be trained on (`waiting_.share`), and beside it what
a loop would wait that reads a block, trains on it, and reads the next. The second part fits a memory-mapped
file of 1 GB in a process of its own and tells how far its own memory (not the file's pages) grew meanwhile.

    python benchmarks/stream.py
"""

import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import machine
import numpy as np

import gorae
from gorae.data import Stream

WIDTH, BATCH = 256, 128


class Slow:
    """Random rows, each of which takes a while."""

    def __init__(self, rows: int, seconds: float):
        self.shape, self.seconds = (rows, WIDTH), seconds
        self.base = np.random.default_rng(0).normal(size=(4096, WIDTH)).astype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice) -> np.ndarray:
        places = np.arange(len(self))[part]
        time.sleep(self.seconds * len(places))
        return self.base[places % len(self.base)]


def network(epochs: int) -> Any:
    """Return what is trained: two members, one a core."""
    return gorae.MLPClassifier((256, 256), batch_size=BATCH, epochs=epochs, members=2, random_state=0)


def waited(rows: int, block: int, share: float, threads: int) -> dict[str, Any]:
    """Return the share of the time that is waited for a source of this slowness."""
    y = np.arange(rows) % 2
    quick = network(3).fit(Stream(Slow(rows, 0.0), block_rows=block), y).waiting_
    a_row = (quick.seconds - quick.waited) / (3 * rows)
    model = network(3).fit(Stream(Slow(rows, share * a_row), block_rows=block, threads=threads), y)
    return {
        "reading_over_training": share,
        "threads": threads,
        "seconds": model.waiting_.seconds,
        "waited_share": model.waiting_.share,
        "loop_would_wait": share / (1 + share),
    }


def own_bytes() -> int:
    """Return what the process holds of its own: no pages of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def child(path: str) -> None:
    """Fit the file and print how far memory grew, and how large the file is."""
    warm = np.random.default_rng(0).normal(size=(5000, WIDTH)).astype(np.float32)
    network(1).fit(Stream(warm, block_rows=2500), np.arange(5000) % 2)
    rows = np.load(path, mmap_mode="r")
    before, most, done = own_bytes(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            most[0] = max(most[0], own_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    network(1).fit(rows, np.arange(len(rows)) % 2)
    done.set()
    watcher.join()
    print(json.dumps({"file_bytes": int(rows.nbytes), "grown_bytes": most[0] - before}))


def main() -> None:
    """Measure both and write the figures."""
    if machine.ran_child(child):
        return
    given = machine.pairs_given(machine.pairs_parser(__doc__ or "", pairs=3))
    rows, block = (4000, 1000) if given.quick else (80_000, 8_000)
    found = []
    for share, threads in ((0.5, 2), (0.9, 2), (1.5, 2), (3.0, 4)):
        runs = [waited(rows, block, share, threads) for _ in range(given.pairs)]
        shares = machine.spread([run["waited_share"] for run in runs])
        found.append({**runs[0], "waited_share": shares, "seconds": [run["seconds"] for run in runs]})
        print(found[-1], flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        many = 400_000 if given.quick else 1_000_000
        array = np.lib.format.open_memmap(path, "w+", np.float32, (many, WIDTH))
        for low in range(0, many, 50_000):
            array[low : low + 50_000] = np.random.default_rng(low).normal(size=(50_000, WIDTH))
        array.flush()
        del array
        memory = machine.in_new_process(__file__, path)
    print(memory)
    machine.record("stream", {"rows": found, "memory": memory}, given)


if __name__ == "__main__":
    main()
