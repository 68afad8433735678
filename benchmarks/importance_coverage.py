"""How often the intervals of permutation importance cover the truth, where a formula gives data and model.

Run: python benchmarks/importance_coverage.py [samples]

Four columns: strong, middling and correlated with the first, hardly used, not used. The model is not the
truth that the data come from, as no fitted model is. The truth of an importance is its mean over 20 samples
of 20,000 rows.
"""

import sys

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from gorae import permutation_importance

MODEL = np.array([1.5, 0.7, 0.15, 0.0])
WORLD = np.array([1.4, 0.8, 0.0, 0.3])
METRICS = ("accuracy", "log_loss", "r2", "rmse")


def score(X, weight, product):
    """A linear score with a product of the first two columns."""
    return X @ weight + product * X[:, 0] * X[:, 1]


class Classes(ClassifierMixin, BaseEstimator):
    """The score as log-odds."""

    classes_ = np.array([0, 1])

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, X):
        """Return both probabilities."""
        yes = 1 / (1 + np.exp(-score(X, MODEL, 0.5)))
        return np.stack([1 - yes, yes], axis=1)

    def predict(self, X):
        """Return the more probable class."""
        return (score(X, MODEL, 0.5) > 0).astype(int)


class Values(RegressorMixin, BaseEstimator):
    """The score as a value."""

    coef_ = MODEL

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        """Return the score."""
        return score(X, MODEL, 0.5)


def draw(generator, rows, metric):
    """Return a sample of rows with their targets."""
    X = generator.normal(size=(rows, 4))
    X[:, 1] = 0.5 * X[:, 0] + np.sqrt(0.75) * X[:, 1]
    world = score(X, WORLD, 0.4)
    if metric in ("accuracy", "log_loss"):
        return X, (generator.random(rows) < 1 / (1 + np.exp(-1.5 * world))).astype(int)
    return X, world + generator.normal(size=rows)


def found(generator, rows, metric, repeats, seed=0):
    """Return low, importance and high of each column of one sample, in the order of the columns."""
    X, y = draw(generator, rows, metric)
    model = Classes() if metric in ("accuracy", "log_loss") else Values()
    columns = permutation_importance(model, X, y, metric=metric, repeats=repeats, random_state=seed).columns
    ordered = sorted(columns, key=lambda one: one.name)
    return np.array([(one.low, one.importance, one.high) for one in ordered])


def main():
    """Print coverage and mean width for each metric, number of rows and number of shuffles."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(f"{'metric':>9} {'rows':>5} {'shuffles':>8}  coverage of each column        mean width")
    for metric in METRICS:
        generator = np.random.default_rng(0)
        truth = np.mean([found(generator, 20_000, metric, 5)[:, 1] for _ in range(20)], axis=0)
        for rows in (40, 150, 600):
            for repeats in (3, 10):
                every = np.stack([found(generator, rows, metric, repeats, seed) for seed in range(samples)])
                covered = ((every[:, :, 0] <= truth) & (truth <= every[:, :, 2])).mean(axis=0)
                width = (every[:, :, 2] - every[:, :, 0]).mean(axis=0)
                print(f"{metric:>9} {rows:5d} {repeats:8d}  {covered.round(3)}  {width.round(4)}", flush=True)


if __name__ == "__main__":
    main()
