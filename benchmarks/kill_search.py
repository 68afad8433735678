"""kill -9 at random instants of a search; wanted: nothing finished lost, nothing half done, the budget met.

A search that keeps itself in a file is killed, resumed, killed again, and so on; when it has ended it must
have bitwise the table of one that nothing interrupted, and have spent exactly its budget of fits. After every
kill the file must hold whole settings only, all that it held before among them.

    python benchmarks/kill_search.py --kills 20
"""

import hashlib
import random
import sqlite3
import tempfile
import time
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from killing import arguments, killed, record, result_of, start
from scipy.stats import loguniform
from sklearn.datasets import load_digits

from gorae import LinearClassifier, SearchCV

SETTINGS, SPLITS, FITS = 60, 3, 150
WAYS: dict[str, dict[str, Any]] = {
    "whole": {"budget": {"fits": FITS}},
    "halving": {"budget": {"fits": FITS}, "halving": 2},
    "pbt": {"sampler": "pbt", "n_settings": 12},
}


def search(journal: Path | None, way: str) -> str:
    """Search, kept in a file, and return a hash of the table and of the final fit."""
    X, y = load_digits(return_X_y=True)
    warnings.simplefilter("ignore")
    options = {"n_settings": SETTINGS, "cv": SPLITS, "random_state": 1, "resume": journal} | WAYS[way]
    space = {"learning_rate": loguniform(1e-4, 1e-1), "weight_decay": loguniform(1e-6, 1e-1)}
    found = SearchCV(LinearClassifier(epochs=40, batch_size=64), space, **options).fit(X, y)
    digest = hashlib.sha256(repr(found.cv_results_["params"]).encode())
    for name in ("mean_test_score", "low_test_score"):
        digest.update(np.ascontiguousarray(found.cv_results_[name]).tobytes())
    digest.update(np.ascontiguousarray(found.best_estimator_.coef_).tobytes())
    return digest.hexdigest()


def finished(journal: Path) -> tuple[dict[tuple[int, ...], str], int]:
    """Return the fits that the file holds, and how many settings are half done."""
    if not journal.exists():
        return {}, 0
    with closing(sqlite3.connect(journal)) as connection:
        if not connection.execute("SELECT name FROM sqlite_master WHERE name='fit'").fetchone():
            return {}, 0
        rows = connection.execute(
            "SELECT batch, bracket, rung, part, place, split, entry FROM fit"
        ).fetchall()
    settings: dict[tuple[int, ...], int] = {}
    for row in rows:
        settings[row[:5]] = settings.get(row[:5], 0) + 1
    return {row[:6]: row[6] for row in rows}, sum(count != SPLITS for count in settings.values())


def campaign(way: str, kills: int, seed: int) -> dict[str, Any]:
    """Kill that often; return what became of it."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as top:
        began = time.perf_counter()
        reference = result_of(*start(lambda: search(None, way)))
        whole = time.perf_counter() - began
        done = lost = half = number = 0
        results, fits = [], []
        while done < kills:
            journal = Path(top) / f"{number}.db"
            before, _ = finished(journal)
            ended = killed(*start(lambda to=journal: search(to, way)), draw.uniform(0.2, whole))
            after, broken = finished(journal)
            lost += sum(after.get(key) != entry for key, entry in before.items())
            half += broken
            if ended is None:
                done += 1
                continue
            results.append(ended)
            fits.append(sum(key[2] == 0 for key in after))
            number += 1
        journal = Path(top) / f"{number}.db"
        results.append(result_of(*start(lambda: search(journal, way))))
        fits.append(sum(key[2] == 0 for key in finished(journal)[0]))
    return {
        "kills": done,
        "seconds_of_a_search": whole,
        "finished_fits_lost_or_changed": lost,
        "settings_half_done": half,
        "searches_resumed_to_the_end": len(results),
        "results_that_differ": sum(result != reference for result in results),
        "budget_of_fits": WAYS[way].get("budget", {}).get("fits"),
        "fits_spent": sorted(set(fits)),
    }


def main() -> None:
    """Run the campaigns: settings trained whole, halved, and as a population."""
    given = arguments(__doc__ or "", kills=20, about="kills of each kind of search")
    content = {way: campaign(way, given.kills, given.seed + k) for k, way in enumerate(WAYS)}
    record("kill_search", content, given)


if __name__ == "__main__":
    main()
