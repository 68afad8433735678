"""A judge of rows: a model that has not seen a fifth of the rows, and how strange these are to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from gorae.data import Affine
from gorae.errors import DamagedFileError
from gorae.estimators.loading import estimator_from_state
from gorae.estimators.saving import fitted_state
from gorae.search.races import under
from gorae.trust.answers import ask, compares_columns, features_width
from gorae.trust.detectors import DETECTORS, NEIGHBOR, Arrays

_SPACE = ("fill", "shift", "scale")
_OF_FEATURES = {
    "distance": ("features", NEIGHBOR),
    "cosine": ("features", NEIGHBOR),
    "mahalanobis": ("means", "factor"),
    "gaussian mixture": ("weights", "means", "variances"),
}
_EARLIER = 5.0
"""The neighbor of files of earlier versions, which do not say it."""


@dataclass(frozen=True)
class Judge:
    """A model, a detector of the unknown, and its scores of known rows that the model has not seen.

    Split conformal prediction: a new known row is exchangeable with these, whatever the detector is worth.

    Attributes:
        estimator: fitted on four fifths of the rows.
        space: how columns become features; None for a network.
        detector: the name of the detector.
        kept: what it keeps of the rows that the estimator learned from.
        novelty: its scores of the other fifth, sorted.
    """

    estimator: Any
    space: Affine | None
    detector: str
    kept: Arrays
    novelty: Float[np.ndarray, " rows"]

    def scores(self, X: Any) -> Float[np.ndarray, " rows"]:
        """Return the detector's score of each row, larger the less it is like the training data."""
        answers = ask(self.estimator, X, np.asarray(self.estimator.classes_), self.space)
        return np.asarray(DETECTORS[self.detector].score(self.kept, answers), np.float64)

    def known_shares(self, X: Any) -> Float[np.ndarray, " rows"]:
        r"""Return the conformal p-value of each row: the share of known rows that are at least as strange.

        $p = (1 + \#\{i : s_i \ge s\}) / (n + 1)$ over the $n$ rows that the model has not seen. A known row
        has $p \le a$ with a probability of at most $a$.

        References:
            Vovk, Gammerman, Shafer (2005), "Algorithmic learning in a random world", section 2.2.
        """
        stranger = len(self.novelty) - np.searchsorted(self.novelty, self.scores(X), side="left")
        return (1 + stranger) / (len(self.novelty) + 1)

    def in_known_spreads(self, X: Any) -> Float[np.ndarray, " rows"]:
        """Return the scores from the median of known rows to their 90 % quantile: 0 is usual, 1 strange."""
        usual, strange = np.quantile(self.novelty, [0.5, 0.9])
        return (self.scores(X) - usual) / max(strange - usual, np.finfo(np.float32).tiny)

    def to_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays and JSON for a file."""
        own, meta = fitted_state(self.estimator)
        arrays = {f"estimator/{name}": array for name, array in own.items()}
        arrays |= {f"kept/{name}": np.asarray(array) for name, array in self.kept.items()}
        arrays["novelty"] = self.novelty
        if self.space is not None:
            arrays |= {name: np.asarray(getattr(self.space, name), np.float64) for name in _SPACE}
        return arrays, {"detector": self.detector, "estimator": meta}


def judge_from_state(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Judge:
    """Return the judge that `Judge.to_state` was given; a right hash proves no origin, so all is checked.

    Raises:
        DamagedFileError: if a part is missing, or does not fit the others.
    """
    detector = meta.get("detector")
    _want(isinstance(detector, str) and detector in DETECTORS, f"no detector is called {detector!r:.80}")
    estimator, kept = (
        estimator_from_state(under("estimator/", arrays), meta["estimator"]),
        under("kept/", arrays),
    )
    if set(kept) == {"features"}:
        kept[NEIGHBOR] = np.array([_EARLIER])
    _want(set(kept) == set(_OF_FEATURES.get(str(detector), ())), "its detector keeps other things")
    width = features_width(estimator)
    rest = {name: arrays[name] for name in arrays if "/" not in name}
    compared = compares_columns(estimator)
    _want(set(rest) == {"novelty", *(_SPACE if compared else ())}, "its judge is incomplete")
    for array in [*kept.values(), *rest.values()]:
        _want(array.dtype.kind == "f" and array.size > 0, "its judge has parts that are no numbers")
        _want(bool(np.isfinite(array).all()), "its judge has parts that are not finite")
    novelty = rest["novelty"]
    _want(novelty.ndim == 1 and bool((np.diff(novelty) >= 0).all()), "its scores are not sorted")
    _check_kept(kept, width)
    if compared:
        _want(all(rest[name].shape == (width,) for name in _SPACE), "its columns are of another width")
    space = Affine(*(rest[name] for name in _SPACE)) if compared else None
    return Judge(estimator, space, str(detector), kept, novelty)


def _check_kept(kept: Mapping[str, np.ndarray], width: int) -> None:
    """Refuse what a detector cannot have kept of features of this width."""
    for name, array in kept.items():
        if name == NEIGHBOR:
            _want(array.shape == (1,) and float(array[0]) in (1.0, _EARLIER), "its neighbor is none")
        elif name == "weights":
            _want(array.shape == kept["means"].shape[:1] and bool((array > 0).all()), "its weights are none")
        else:
            _want(array.ndim == 2 and array.shape[1] == width, "its features have another width")
    if "factor" in kept:
        factor = kept["factor"]
        _want(factor.shape == (width, width) and bool((np.diag(factor) > 0).all()), "its covariance is none")
    if "variances" in kept:
        sound = kept["variances"].shape == kept["means"].shape and bool((kept["variances"] > 0).all())
        _want(sound, "its variances are none")


def _want(sound: bool, otherwise: str) -> None:
    """Raise unless a part is sound."""
    if not sound:
        raise DamagedFileError(f"{otherwise}.")
