"""Families of malware by their API calls (Mal-API-2019, 8 families of 101): nested cross-validation.

In each of five outer folds the settings of a model are chosen by three inner folds, and it is fitted again on
the outer training rows; runs of one call are made one call first. Three models, on the same outer folds:

* a recurrent network over the sequences of calls;
* an ensemble of multilayer perceptrons on tf-idf weights of calls and of pairs of calls, beside the scaled
  logarithms of call counts, weights and scales from the outer training rows;
* the peer, a random forest on the logarithms of call counts.

Macro F1 of the pooled answers has an interval from resampled rows, and so has its difference to the peer's.
Then each family is held out once: the ensemble learns the others, and is asked how strange it finds the held
out one beside rows of the known families that it has not seen (area under the ROC curve; 0.5 is guessing).

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
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split

import gorae

CALLS, RESAMPLED, MOST, MEMBERS = 342, 2000, 3000, 5
FOREST = "random forest"
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
    "hidden": (256,),
    "batch_size": 32,
    "epochs": 60,
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "scale": None,
}
SETTINGS = {"dropout": [0.2, 0.5]}

Answer = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From training and test rows to the families of the latter."""


def traces(folder: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the calls of each sample, runs of one call as one, and the families."""
    place = Path(folder) / "mal-api-2019"
    with zipfile.ZipFile(place / "100_calls.zip") as file:
        lines = file.read("100_calls.txt").decode("ascii").split()
    with zipfile.ZipFile(place / "100_types.zip") as file:
        families = np.array(file.read("100_types.txt").decode("ascii").split())
    whole = [np.array(line.split(","), np.int64) for line in lines]
    return [calls[np.r_[True, calls[1:] != calls[:-1]]] for calls in whole], families


def counted(X: list[np.ndarray]) -> np.ndarray:
    """Return the logarithms of the counts of each call."""
    return np.log1p(np.stack([np.bincount(calls, minlength=CALLS) for calls in X]))


def pairs_of_calls(X: list[np.ndarray], train: np.ndarray) -> np.ndarray:
    """Return tf-idf weights of calls and pairs of calls, and scaled counts, as training rows have them."""
    texts = [" ".join(map(str, calls.tolist())) for calls in X]
    weights = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, min_df=3, max_features=MOST, token_pattern=r"\d+"
    )
    counts = counted(X)
    scaled = (counts - counts[train].mean(axis=0)) / (counts[train].std(axis=0) + 1e-6)
    weights.fit([texts[place] for place in train])
    found = np.hstack([weights.transform(texts).toarray(), scaled / np.sqrt(CALLS)])
    return (3 * found).astype(np.float32)


def models(X: list[np.ndarray], y: np.ndarray, small: dict[str, int], given: Any) -> dict[str, Answer]:
    """Return the models by name."""
    counts = counted(X)

    def recurrent(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        options = {**RECURRENT, "max_length": given.max_length, **small}
        model = gorae.SequenceClassifier(**options, tol=0.0, random_state=0)
        search = gorae.SearchCV(model, SETTINGS, sampler="grid", cv=3)
        return search.fit([X[place] for place in train], y[train]).predict([X[place] for place in test])

    def dense(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        model, grams = gorae.MLPClassifier(**{**DENSE, **small}, random_state=0), pairs_of_calls(X, train)
        search = gorae.SearchCV(model, SETTINGS, sampler="grid", cv=3).fit(grams[train], y[train])
        return ensemble(small, **search.best_params_).fit(grams[train], y[train]).predict(grams[test])

    def forest(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        model = RandomForestClassifier(500, random_state=0).fit(counts[train], y[train])
        return model.predict(counts[test])

    return {"recurrent network": recurrent, "ensemble on pairs of calls": dense, FOREST: forest}


def ensemble(small: dict[str, int], members: int = MEMBERS, **chosen: Any) -> Any:
    """Return the ensemble, unfitted."""
    return gorae.MLPClassifier(**{**DENSE, **small, **chosen}, members=members, random_state=0)


def described(y: np.ndarray, found: np.ndarray, peer: np.ndarray) -> dict[str, Any]:
    """Return accuracy and macro F1, that less the peer's, and the middle 95 % of resampled rows of both."""
    rng = np.random.default_rng(0)

    def macro(rows: Any, said: np.ndarray) -> float:
        return float(f1_score(y[rows], said[rows], average="macro"))

    drawn = [rng.integers(0, len(y), len(y)) for _ in range(RESAMPLED)]
    own, other = (np.array([macro(rows, said) for rows in drawn]) for said in (found, peer))
    low, high, less, more = (*np.quantile(own, [0.025, 0.975]), *np.quantile(own - other, [0.025, 0.975]))
    whole = slice(None)
    return {
        "accuracy": float((found == y).mean()),
        "macro_f1": {"score": macro(whole, found), "low": float(low), "high": float(high)},
        "less_peer": {
            "difference": macro(whole, found) - macro(whole, peer),
            "low": float(less),
            "high": float(more),
        },
    }


def held_out(X: list[np.ndarray], y: np.ndarray, family: str, small: dict[str, int]) -> dict[str, Any]:
    """Return how well rows of a family that was not learned are told from new rows of the others."""
    known = np.flatnonzero(y != family)
    learn, asked = train_test_split(known, test_size=0.4, random_state=0, stratify=y[known])
    grams = pairs_of_calls(X, np.asarray(learn))
    model = gorae.CautiousClassifier(ensemble(small, dropout=0.5, members=1), cv=3, random_state=0)
    model.fit(grams[learn], y[learn])
    new = np.flatnonzero(y == family)
    strange = model.novelty_score(grams[np.r_[asked, new]])
    truth = np.repeat([0, 1], [len(asked), len(new)])
    return {"family": family, "area": float(roc_auc_score(truth, strange)), "detector": model.detector_}


def main() -> None:
    """Train, score, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", required=True, help="folder with the sets")
    parser.add_argument("--max-length", type=int, default=400, help="calls that the network reads of a trace")
    parser.add_argument("--quick", action="store_true", help="a smoke test: two epochs, no file")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = traces(given.data_dir)
    small = {"epochs": 2} if given.quick else {}
    answers, seconds = {}, {}
    for name, answer in models(X, y, small, given).items():
        began, answers[name] = time.perf_counter(), np.empty(len(y), y.dtype)
        for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(y, y):
            answers[name][test] = answer(train, test)
        seconds[name] = time.perf_counter() - began
        print(name, float((answers[name] == y).mean()), f"{seconds[name]:.0f} s", flush=True)
    content = {
        "rows": [
            {"model": name, "seconds": seconds[name], **described(y, found, answers[FOREST])}
            for name, found in answers.items()
        ],
        "families_held_out": [held_out(X, y, family, small) for family in np.unique(y).tolist()],
        "calls_read": given.max_length,
    }
    print(json.dumps(content, indent=1))
    if not given.quick:
        print(machine.write("mal_api", content))


if __name__ == "__main__":
    main()
