"""Small sets of sequences for the tests of their estimators, and models that are quick to compile."""

import numpy as np

from gorae.estimators import SequenceClassifier, SequenceRegressor

SMALL = {
    "cell": "gru",
    "width": 6,
    "embedding": 5,
    "batch_size": 16,
    "learning_rate": 0.03,
    "random_state": 0,
}


def calls(rows=48, seed=0):
    """Lists of tokens whose class is the one of "open" and "close" that comes in them."""
    rng = np.random.default_rng(seed)
    found, labels = [], []
    for row in range(rows):
        own = rng.choice(["read", "write", "seek", "stat"], rng.integers(2, 9)).tolist()
        label = "open" if row % 2 else "close"
        own[rng.integers(len(own))] = label
        found.append(own)
        labels.append(label)
    return found, np.array(labels)


def series(rows=48, seed=0, channels=2):
    """Series of unequal lengths whose target is the mean of their first channel, far from 0."""
    rng = np.random.default_rng(seed)
    found = [rng.normal(100, 20, (rng.integers(2, 9), channels)) for _ in range(rows)]
    return found, np.array([one[:, 0].mean() for one in found])


def classifier(**options):
    return SequenceClassifier(**{**SMALL, "epochs": 25, **options})


def regressor(**options):
    return SequenceRegressor(**{**SMALL, "epochs": 25, **options})
