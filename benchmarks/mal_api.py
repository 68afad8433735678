"""Families of malware by their API calls (Mal-API-2019, 8 families of 101): nested cross-validation.

In each of five outer folds the settings of a model are chosen by inner folds of the outer training rows, and
it is fitted again on all of these; whatever is learned of the inputs (which calls and pairs are kept, ranks,
weights) is learned from the same rows. Models, on the same outer folds:

* a recurrent network over the sequences of calls, runs of one call made one call;
* networks on ranks: how often each call comes, as it is and with runs made one, each count replaced by its
  rank among the training rows (scikit-learn's `QuantileTransformer`, as suits heavy tails);
* a vote: a search over pipelines of inputs and models (those networks, networks on tf-idf weights of calls
  and pairs beside the ranks, a linear model and nearest neighbours on ranks), of which `ensemble_from_search`
  adds up those that answer the inner folds best together, by the logarithm of the right family's probability;
* the peer, a random forest on the logarithms of call counts, runs made one, and a second one on the counts as
  they are.

Which pipelines are tried, and by what they are added up, was settled on other outer folds of the same rows
(`--seed` 1, 2 and 3), not on those that are reported (0). Macro F1 of the pooled answers has an interval
from resampled rows, and so has its difference to the peers'. Then each family is held out once: a network
learns the others, and is asked how strange it finds the held out one beside rows of the known families that
it has not seen (area under the ROC curve; 0.5 is guessing).

    python benchmarks/mal_api.py --data-dir FOLDER
"""

import argparse
import json
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import SelectKBest
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import QuantileTransformer

import gorae

CALLS, RESAMPLED = 342, 2000
RANKED, WEIGHED, QUANTILES = 400, 3000, 200
FOREST, REPEATS = "random forest", "random forest, repeats counted"
RECURRENT = {
    "cell": "gru",
    "width": 64,
    "pooling": "max",
    "max_tokens": CALLS,
    "window": "head_tail",
    "epochs": 40,
    "learning_rate": 5e-3,
}
DENSE = {
    "hidden": (128, 128),
    "dropout": 0.5,
    "label_smoothing": 0.1,
    "batch_size": 32,
    "epochs": 40,
    "patience": 40,
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "scale": None,
    "members": 10,
    "random_state": 0,
}

Answer = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From training and test rows to the families of the latter."""


def traces(folder: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the calls of each sample and the families."""
    place = Path(folder) / "mal-api-2019"
    with zipfile.ZipFile(place / "100_calls.zip") as file:
        lines = file.read("100_calls.txt").decode("ascii").split()
    with zipfile.ZipFile(place / "100_types.zip") as file:
        families = np.array(file.read("100_types.txt").decode("ascii").split())
    return [np.array(line.split(","), np.int64) for line in lines], families


def one_a_run(whole: list[np.ndarray]) -> list[np.ndarray]:
    """Return sequences with runs of one call made one call."""
    return [calls[np.r_[True, calls[1:] != calls[:-1]]] for calls in whole]


def counted(X: list[np.ndarray], width: int = CALLS) -> np.ndarray:
    """Return the counts of each call, or of other numbers below a width."""
    return np.stack([np.bincount(calls, minlength=width) for calls in X])


def all_counts(whole: list[np.ndarray]) -> sparse.csr_matrix:
    """Return how often each call comes, with runs made one too, and then each pair; nothing is learned."""
    X = one_a_run(whole)
    pairs = []
    for calls in X:
        codes, counts = np.unique(calls[:-1] * CALLS + calls[1:], return_counts=True)
        pairs.append(sparse.csr_matrix((counts, (np.zeros_like(codes), codes)), shape=(1, CALLS**2)))
    found = sparse.hstack([counted(whole), counted(X), sparse.vstack(pairs)])
    return sparse.csr_matrix(found, dtype=np.float32)


def rows_with(X: Any, y: Any) -> np.ndarray:
    """Return in how many rows a column is not 0: the commonest are kept, families are not looked at."""
    return np.asarray((X != 0).sum(axis=0)).ravel()


def inputs() -> dict[str, ColumnTransformer]:
    """Return what is made of the counts: ranks alone, or with weights of calls and pairs before them."""
    ranks = make_pipeline(SelectKBest(rows_with, k=RANKED), QuantileTransformer(n_quantiles=QUANTILES))
    weights = make_pipeline(SelectKBest(rows_with, k=WEIGHED), TfidfTransformer(sublinear_tf=True))
    alone = ("ranks", ranks, slice(0, 2 * CALLS))
    calls_and_pairs = ("weights", weights, slice(CALLS, 2 * CALLS + CALLS**2))
    return {
        "ranks": ColumnTransformer([alone], sparse_threshold=0),
        "pairs": ColumnTransformer(
            [calls_and_pairs, alone], sparse_threshold=0, transformer_weights={"weights": 3.0}
        ),
    }


def network(small: dict[str, int], **own: Any) -> Any:
    """Return an ensemble of networks, unfitted."""
    return gorae.MLPClassifier(**{**DENSE, **own, **small})


def library(small: dict[str, int]) -> list[dict[str, Any]]:
    """Return the pipelines that the vote is selected from."""
    near = gorae.KNeighborsClassifier(7, metric="cosine", weights="distance")
    deeper, linear = network(small, hidden=(128, 128, 128)), network(small, hidden=(), dropout=0.0)
    made = inputs()
    return [
        {"inputs": [made["ranks"]], "model": [network(small), deeper, linear, near]},
        {"inputs": [made["pairs"]], "model": [network(small)]},
    ]


def models(whole: list[np.ndarray], y: np.ndarray, small: dict[str, int], length: int) -> dict[str, Answer]:
    """Return the models by name."""
    X = one_a_run(whole)
    counts = all_counts(whole)

    def recurrent(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        options = {**RECURRENT, "max_length": length, **small}
        model = gorae.SequenceClassifier(**options, tol=0.0, random_state=0)
        search = gorae.SearchCV(model, {"dropout": [0.2, 0.5]}, sampler="grid", cv=3)
        return search.fit([X[place] for place in train], y[train]).predict([X[place] for place in test])

    def ranks(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        model = make_pipeline(inputs()["ranks"], network(small))
        return model.fit(counts[train], y[train]).predict(counts[test])

    def vote(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        model = Pipeline([("inputs", "passthrough"), ("model", network(small))])
        search = gorae.SearchCV(model, library(small), sampler="grid", cv=3, scoring="neg_log_loss")
        search.fit(counts[train], y[train])
        return gorae.ensemble_from_search(search, counts[train], y[train]).predict(counts[test])

    def forest(of: np.ndarray) -> Answer:
        return lambda train, test: (
            RandomForestClassifier(500, random_state=0).fit(of[train], y[train]).predict(of[test])
        )

    return {
        "recurrent network": recurrent,
        "networks on ranks": ranks,
        "selected vote": vote,
        FOREST: forest(np.log1p(counted(X))),
        REPEATS: forest(np.log1p(counted(whole))),
    }


def described(y: np.ndarray, found: np.ndarray, peers: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return accuracy and macro F1, that less each peer's, and the middle 95 % of resampled rows of all."""
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, len(y), len(y)) for _ in range(RESAMPLED)]

    def macro(rows: Any, said: np.ndarray) -> float:
        return float(f1_score(y[rows], said[rows], average="macro"))

    def resampled(said: np.ndarray) -> np.ndarray:
        return np.array([macro(rows, said) for rows in drawn])

    def middle(values: np.ndarray) -> dict[str, float]:
        return dict(zip(("low", "high"), np.quantile(values, [0.025, 0.975]).tolist(), strict=True))

    whole, own = slice(None), resampled(found)
    return {
        "accuracy": float((found == y).mean()),
        "macro_f1": {"score": macro(whole, found), **middle(own)},
        "less_peers": {
            name: {"difference": macro(whole, found) - macro(whole, peer), **middle(own - resampled(peer))}
            for name, peer in peers.items()
        },
    }


def held_out(counts: Any, y: np.ndarray, family: str, small: dict[str, int], seed: int) -> dict[str, Any]:
    """Return how well rows of a family that was not learned are told from new rows of the others."""
    known = np.flatnonzero(y != family)
    learn, asked = train_test_split(known, test_size=0.4, random_state=seed, stratify=y[known])
    pairs = inputs()["pairs"].fit(counts[learn])
    model = gorae.CautiousClassifier(network(small, members=1), cv=3, random_state=0)
    model.fit(pairs.transform(counts[learn]), y[learn])
    new = np.flatnonzero(y == family)
    strange = model.novelty_score(pairs.transform(counts[np.r_[asked, new]]))
    truth = np.repeat([0, 1], [len(asked), len(new)])
    return {"family": family, "area": float(roc_auc_score(truth, strange)), "detector": model.detector_}


def answered(
    answers: dict[str, Answer], y: np.ndarray, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return each model's answers for rows that it has not learned from, and its seconds."""
    found, seconds = {}, {}
    for name, answer in answers.items():
        began, found[name] = time.perf_counter(), np.empty(len(y), y.dtype)
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(y, y):
            found[name][test] = answer(train, test)
        seconds[name] = time.perf_counter() - began
        score = f1_score(y, found[name], average="macro")
        print(name, f"{score:.4f} {(found[name] == y).mean():.4f} {seconds[name]:.0f} s", flush=True)
    return found, seconds


def main() -> None:
    """Train, score, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", required=True, help="folder with the sets")
    parser.add_argument("--max-length", type=int, default=400, help="calls that the network reads of a trace")
    parser.add_argument("--seed", type=int, default=0, help="of the outer folds; only those of 0 are written")
    parser.add_argument("--models", nargs="+", help="only these, their scores alone, no file")
    parser.add_argument("--quick", action="store_true", help="a smoke test: two epochs, no file")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    whole, y = traces(given.data_dir)
    small = {"epochs": 2} if given.quick else {}
    every = models(whole, y, small, given.max_length)
    if given.models:
        answered({name: every[name] for name in given.models}, y, given.seed)
        return
    answers, seconds = answered(every, y, given.seed)
    peers, counts = {name: answers[name] for name in (FOREST, REPEATS)}, all_counts(whole)
    content = {
        "rows": [
            {"model": name, "seconds": seconds[name], **described(y, found, peers)}
            for name, found in answers.items()
        ],
        "families_held_out": [
            held_out(counts, y, family, small, given.seed) for family in np.unique(y).tolist()
        ],
        "calls_read": given.max_length,
    }
    print(json.dumps(content, indent=1))
    if not given.quick and not given.seed:
        print(machine.write("mal_api", content))


if __name__ == "__main__":
    main()
