"""Detectors of the unknown: each gives a row a score, larger the less the row is like the training data.

A detector keeps what it needs of the training rows as arrays, so that it can be written to a file.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from gorae.evidence import (
    ClassGaussians,
    by_disagreement,
    by_energy,
    by_largest_logit,
    by_largest_probability,
    fit_class_gaussians,
)
from gorae.trust.answers import Answers

Arrays = Mapping[str, np.ndarray]

NEIGHBOR = "neighbor"
"""Which of the nearest training rows a distance is to, where a detector keeps it."""

_MOST_COMPARED = 10_000
_MOST_MIXED = 2000
_SPREAD = 1e-3
_ROUNDS = 5
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Detector:
    """A score of how unlike the training data a row is.

    Args:
        about: what it measures, in words.
        fit: keeps what is needed of the features of training rows, their class codes, and a seed.
        score: gives answers for new rows their scores, from what was kept.
        fewest_members: how many networks it needs.
    """

    about: str
    fit: Callable[[np.ndarray, np.ndarray, int], Arrays]
    score: Callable[[Arrays, Answers], np.ndarray]
    fewest_members: int = 1


def _nothing(features: np.ndarray, codes: np.ndarray, seed: int) -> Arrays:
    """Keep nothing: the answers alone say it."""
    del features, codes, seed
    return {}


def _compared(features: np.ndarray, codes: np.ndarray, seed: int, cosine: bool) -> Arrays:
    """Keep the features of training rows to compare with, at most 10,000 drawn evenly."""
    del codes
    if len(features) > _MOST_COMPARED:
        features = features[np.random.default_rng(seed).choice(len(features), _MOST_COMPARED, replace=False)]
    return {"features": (_unit(features) if cosine else features).astype(np.float32), NEIGHBOR: np.ones(1)}


def _away(kept: Arrays, answers: Answers, cosine: bool) -> np.ndarray:
    r"""Return the distance to the nearest training row, found by $|a|^2 + |b|^2 - 2 a \cdot b$ in float32.

    That sum is rounding where rows are nearly equal; the distance is that of the differences.
    The nearest and not a later one: so unknown classes are told better, in images, letters, and call counts.
    Models of earlier versions go on with the fifth, which the scores in their files are of.
    """
    known = kept["features"]
    place = min(int(kept[NEIGHBOR][0]), len(known)) - 1
    asked = (_unit(answers.features) if cosine else answers.features).astype(np.float32)
    lengths = np.einsum("ij,ij->i", known, known)
    found = np.empty(len(asked))
    block = max(1, _BLOCK // len(known))
    for start in range(0, len(asked), block):
        part = asked[start : start + block]
        squares = lengths - 2 * part @ known.T
        if place == 0:
            found[start : start + block] = np.linalg.norm(part - known[squares.argmin(axis=1)], axis=1)
            continue
        nearest = np.partition(squares, place, axis=1)[:, place] + np.einsum("ij,ij->i", part, part)
        found[start : start + block] = np.sqrt(np.maximum(nearest, 0.0))
    return found


def _unit(features: np.ndarray) -> np.ndarray:
    """Return features of length 1, whose squared distance is twice 1 - cosine."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.divide(features, length, out=np.zeros_like(features), where=length > 0)


def _gaussians(features: np.ndarray, codes: np.ndarray, seed: int) -> Arrays:
    """Keep a mean a class that has rows, and the covariance that all share."""
    del seed
    found = fit_class_gaussians(features, np.unique(codes, return_inverse=True)[1])
    return {"means": found.means, "factor": found.factor}


def _mixture(features: np.ndarray, codes: np.ndarray, seed: int) -> Arrays:
    """Keep a mixture of Gaussians with a variance of its own a feature, begun at the classes.

    A thousandth of a feature's variance over all rows is added to each variance, so that a feature which is
    constant in a class does not rule the rest.
    """
    shift, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    if len(features) > _MOST_MIXED:
        some = np.random.default_rng(seed).choice(len(features), _MOST_MIXED, replace=False)
        features, codes = features[some], codes[some]
    rows = (features - shift) / scale
    parts = [rows[codes == code] for code in np.unique(codes)]
    model = GaussianMixture(
        len(parts),
        covariance_type="diag",
        reg_covar=_SPREAD,
        max_iter=_ROUNDS,
        weights_init=np.array([len(part) for part in parts]) / len(rows),
        means_init=np.stack([part.mean(axis=0) for part in parts]),
        precisions_init=np.stack([1 / (part.var(axis=0) + _SPREAD) for part in parts]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it begins at the classes, near enough
        model.fit(rows)
    means, variances = np.asarray(model.means_), np.asarray(model.covariances_)
    return {
        "weights": np.asarray(model.weights_),
        "means": means * scale + shift,
        "variances": variances * scale**2,
    }


def _unlikely(kept: Arrays, answers: Answers) -> np.ndarray:
    """Return minus the logarithm of the density of the mixture."""
    parts = []
    for weight, mean, variance in zip(kept["weights"], kept["means"], kept["variances"], strict=True):
        squares = ((answers.features - mean) ** 2 / variance).sum(axis=1)
        parts.append(np.log(weight) - 0.5 * (np.log(2 * np.pi * variance).sum() + squares))
    return -np.asarray(logsumexp(np.stack(parts), axis=0))


DETECTORS: dict[str, Detector] = {
    "max softmax": Detector(
        "1 - the largest probability", _nothing, lambda _, asked: by_largest_probability(asked.probabilities)
    ),
    "max logit": Detector(
        "minus the largest logit", _nothing, lambda _, asked: by_largest_logit(asked.logits)
    ),
    "energy": Detector("energy of the logits", _nothing, lambda _, asked: by_energy(asked.logits)),
    "disagreement": Detector(
        "mutual information of the members, in nats",
        _nothing,
        lambda _, asked: by_disagreement(asked.members),
        fewest_members=2,
    ),
    "distance": Detector(
        "Euclidean distance to the nearest training row",
        partial(_compared, cosine=False),
        partial(_away, cosine=False),
    ),
    "cosine": Detector(
        "distance in angle to the nearest training row",
        partial(_compared, cosine=True),
        partial(_away, cosine=True),
    ),
    "mahalanobis": Detector(
        "squared Mahalanobis distance to the nearest class",
        _gaussians,
        lambda kept, asked: ClassGaussians(kept["means"], kept["factor"]).scores(asked.features),
    ),
    "gaussian mixture": Detector("minus the log density of a Gaussian mixture", _mixture, _unlikely),
}
"""The detectors by name, the simplest first."""
