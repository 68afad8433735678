"""Run by test_search_memory.py: a search in a process that may not have much more memory than it has already.

`python searching_in_little_memory.py BYTES` searches once for a single setting, so that everything is loaded and
compiled, then limits its data to BYTES more than it has, searches, and prints what came of it as JSON.
"""

import json
import resource
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits

from gorae import MLPClassifier, SearchCV
from gorae.search import populations

X, Y = (part[:128] for part in load_digits(return_X_y=True))
RATES = np.geomspace(1e-4, 1e-2, 24).tolist()
SEARCH = SearchCV(
    MLPClassifier((512, 512), epochs=2, batch_size=64, random_state=0),
    {"learning_rate": RATES},
    sampler="grid",
    cv=2,
)


def table(search):
    """Return the scores, and what the best model says."""
    return [search.cv_results_["mean_test_score"].tolist(), search.predict_proba(X).tolist()]


def used():
    """Return the bytes of data that this process has."""
    (line,) = [
        each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmData")
    ]
    return int(line.split()[1]) * 1024


def main():
    """Search with little memory."""
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
    clone(SEARCH).set_params(space={"learning_rate": RATES[:2]}).fit(X, Y)
    batches, run_batch = [], populations.NetworkRace._run_batch

    def counted(self, which, *rest):
        batches.append(len(which))
        return run_batch(self, which, *rest)

    populations.NetworkRace._run_batch = counted
    resource.setrlimit(resource.RLIMIT_DATA, (used() + int(sys.argv[1]), resource.RLIM_INFINITY))
    print(json.dumps({"table": table(SEARCH.fit(X, Y)), "batches": batches}))


if __name__ == "__main__":
    main()
