"""Run by test_train_processes.py in processes of their own: what a run of several processes comes to.

`python several_processes.py WHAT FOLDER PORT INDEX` puts itself together with one other process by
`jax.distributed`, does what a function of this file does, and writes its answer as one JSON object into the folder.
"""

import json
import os
import signal
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path

import jax
import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold

from gorae import LinearClassifier, MLPClassifier, SearchCV, Study
from gorae.backend import diagnose
from gorae.backend.processes import gather_bytes
from gorae.errors import MemoryPlanError
from gorae.estimators import fitting
from gorae.search.journal import Journal
from gorae.train import loop, planner, workers

X, Y = (part[::2] for part in load_iris(return_X_y=True))
SPACE = {"learning_rate": np.geomspace(1e-3, 1, 16).tolist(), "weight_decay": [0.0, 1e-3]}


def linear(**changes):
    """A small network."""
    return LinearClassifier(batch_size=16, **({"epochs": 8} | changes))


def searches(folder):
    """The searches whose tables are compared: members in stacks, members one by one, rungs in a journal."""
    deep = MLPClassifier(hidden=(8,), epochs=4, members=2, early_stopping=True, batch_size=16)
    rates = {"learning_rate": [1e-3, 1e-2, 0.1]}
    halved = {"halving": 2, "n_settings": 6, "cv": 2, "resume": folder / "search.db"}
    return {
        "stacked": SearchCV(linear(), SPACE, sampler="grid", cv=3, random_state=3),
        "alone": SearchCV(deep, rates, sampler="grid", cv=2, random_state=3),
        "halved": SearchCV(linear(), SPACE, random_state=3, **halved),
    }


def table(search):
    """All that came of a search but times."""
    results = {
        name: np.asarray(values).tolist()
        for name, values in search.cv_results_.items()
        if not name.endswith("_time")
    }
    best = search.best_estimator_
    return {
        "results": results,
        "best": [best.member_proba_(X).tolist(), [one.train_loss.tolist() for one in best.history_]],
        "coef": best.coef_.tolist() if hasattr(best, "coef_") else None,
        "out_of_fold": {str(place): rows.tolist() for place, rows in search.out_of_fold_.items()},
    }


def refused(act):
    """The class and the sentence of the error that something raises."""
    try:
        act()
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


def fails_here(*_):
    """Stand for a task whose memory runs out."""
    raise MemoryPlanError("memory ran out with 1 member a program.")


def error_in_one():
    """What a fit raises when training fails in process 1."""
    train_task = workers.train_task
    if jax.process_index() == 1:
        workers.train_task = fails_here
    found = refused(lambda: linear(members=4, random_state=0).fit(X, Y))
    workers.train_task = train_task
    return found


def interrupted_in_one():
    """What a long fit comes to when Ctrl-C is heard in process 1 once every member has done an epoch."""
    counts, progress, pressed = loop._own_counts, loop._progress, []

    def counts_of_all(run):  # none, until each member of this process has an epoch
        found = counts(run)
        return found if run.epochs[run.own].all() else found._replace(epochs=0)

    def press(run, began):
        begun = all(each.epochs for each in (loop._own_counts(run), *run.spread.others))
        if jax.process_index() == 1 and begun and not pressed:
            pressed.append(os.kill(os.getpid(), signal.SIGINT))
        return progress(run, began)

    loop._own_counts, loop._progress, bar = counts_of_all, press, fitting.training_bar
    fitting.training_bar = lambda *_: nullcontext(lambda told: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = linear(members=3, epochs=10**7, patience=10**7, random_state=0).fit(X, Y)
    loop._own_counts, loop._progress, fitting.training_bar = counts, progress, bar
    told = [str(warning.message) for warning in caught if "interrupted" in str(warning.message)]
    return {"told": told, "epochs": [len(one.train_loss) for one in fitted.history_]}


def everything(folder):
    """All that two processes can do together."""
    own = jax.process_index()
    opened, begin = [], Journal.__init__
    Journal.__init__ = lambda self, *arguments: opened.append(1) or begin(self, *arguments)
    found = {name: table(search.fit(X, Y)) for name, search in searches(folder).items()}
    found["opened"] = len(opened)
    drawn = SearchCV(linear(), SPACE, n_settings=2, cv=2).fit(X, Y)
    found["drawn"] = table(drawn)
    messages = [bytes([65 + each]) * (2_500_000 + each) for each in range(2)]
    found["bytes"] = gather_bytes(messages[own]) == messages and gather_bytes(messages[own][:own]) == [
        b"",
        b"B",
    ]
    found["processes"] = diagnose()["processes"]
    found["error"] = error_in_one()
    found["interrupted"] = interrupted_in_one()
    found["data"] = refused(lambda: linear(random_state=0).fit(X + own, Y))
    shuffled = StratifiedKFold(2, shuffle=True)
    found["splits"] = refused(
        lambda: SearchCV(linear(), SPACE, n_settings=2, cv=shuffled, random_state=0).fit(X, Y)
    )
    found["seconds"] = refused(lambda: SearchCV(linear(), SPACE, budget="9s", random_state=0).fit(X, Y))
    found["study"] = refused(lambda: Study().fit(X, Y))
    found["after"] = linear(random_state=0).fit(X, Y).coef_.tolist()
    if own == 0:  # process 1 has nothing more to do, and ends
        found["gone"] = refused(lambda: linear(random_state=0).fit(X, Y))
    return found


def killed(folder):
    """A search whose first process is killed when the first rung has been written."""
    write, written = Journal.keep, []

    def dying(self, *arguments):
        if written:
            os.kill(os.getpid(), signal.SIGKILL)
        written.append(write(self, *arguments))

    Journal.keep = dying
    searches(folder)["halved"].fit(X, Y)


def main():
    """Join the other process, and answer."""
    what, folder, port, index = sys.argv[1:]
    jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=int(index))
    warnings.simplefilter("ignore")
    planner._STACKED_STEPS = 0  # few steps are stacked too
    answer = globals()[what](Path(folder))
    Path(folder, f"{what}-{index}.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
