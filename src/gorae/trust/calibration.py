"""How a model's probabilities are scaled, and how strange true classes are to it: learned out of fold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from gorae.errors import DamagedFileError
from gorae.evidence import (
    SCALINGS,
    Scaling,
    choose_scaling,
    class_scores,
    conformal_threshold,
    logits_of,
)
from gorae.trust.draws import row_draws
from gorae.trust.gathering import Gathered

_CLOSE = 1e-6
_OF_CLASSES, _OF_THREE = ("weight", "bias"), ("shares", "curve")


@dataclass(frozen=True)
class Calibration:
    """What brings probabilities to the scale on which they come true, and makes sets of classes of them.

    Attributes:
        scaling: of the logarithms of the probabilities.
        strangeness: how strange the true class of each training row was out of fold, sorted.
    """

    scaling: Scaling
    strangeness: Float[np.ndarray, " rows"]

    def probabilities(self, stated: Float[np.ndarray, "rows classes"]) -> Float[np.ndarray, "rows classes"]:
        """Return calibrated probabilities; stated ones as they are, where scaling would not help."""
        if not self.scaling.changes:
            return stated
        return self.scaling.probabilities(logits_of(stated))

    def sets(
        self, stated: Float[np.ndarray, "rows classes"], coverage: float, X: Any
    ) -> Bool[np.ndarray, "rows classes"]:
        """Return which classes each row may have: the true one is among them with the stated coverage.

        Args:
            stated: probabilities as the estimator states them.
            X: (rows, columns) what it was asked; a row's numbers draw what its set needs.
            coverage: wanted share of rows whose set holds the true class.

        Raises:
            ParameterError: if `coverage` is no share between 0 and 1.
            InputError: if the model saw fewer rows than such a coverage can be stated from.
        """
        threshold = conformal_threshold(self.strangeness, coverage)
        return class_scores(self.probabilities(stated), draws=row_draws(X)) <= threshold

    def to_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays and JSON for a file."""
        parts = {name: getattr(self.scaling, name) for name in (*_OF_CLASSES, *_OF_THREE)}
        return {**parts, "strangeness": self.strangeness}, {"scaling": self.scaling.kind}


def make_calibration(gathered: Gathered, *, calibrate: bool = True) -> Calibration:
    """Return what was learned of the scale of probabilities.

    Args:
        gathered: what `gather` found.
        calibrate: whether probabilities are scaled, where that helps out of fold.
    """
    logs = logits_of(gathered.answers.probabilities)
    classes = len(gathered.classes)
    scaling = Scaling(SCALINGS[0], np.ones(classes), np.zeros(classes))
    if calibrate:
        scaling = choose_scaling(logs, gathered.codes, gathered.folds)
    shares = scaling.probabilities(logs)
    own = class_scores(shares, draws=gathered.draws)[np.arange(len(shares)), gathered.codes]
    return Calibration(scaling, np.sort(own))


def calibration_from_state(
    arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], classes: int
) -> Calibration:
    """Return what `Calibration.to_state` was given, for a model of so many classes, all checked.

    Raises:
        DamagedFileError: if a part is missing, or does not fit the model or the others.
    """
    kind = meta.get("scaling")
    if not isinstance(kind, str) or kind not in SCALINGS:
        raise DamagedFileError(f"no scaling is called {kind!r:.80}.")
    needed, later = {*_OF_CLASSES, "strangeness"}, set(_OF_THREE)
    if set(arrays) not in (needed, needed | later):  # files of earlier versions have no later ones
        raise DamagedFileError("its calibration is incomplete.")
    if not all(a.dtype.kind == "f" and a.size > 0 and np.isfinite(a).all() for a in arrays.values()):
        raise DamagedFileError("its calibration has parts that are no finite numbers.")
    parts = {name: array for name, array in arrays.items() if name != "strangeness"}
    if not all(parts[name].shape == ((classes,) if name in _OF_CLASSES else (3,)) for name in parts):
        raise DamagedFileError("its scaling is of other classes.")
    if later <= set(parts) and not _are_sound(parts["shares"], parts["curve"]):
        raise DamagedFileError("its scaling gives no probabilities.")
    strangeness = arrays["strangeness"]
    if strangeness.ndim != 1 or not (np.diff(strangeness) >= 0).all():
        raise DamagedFileError("its scores are not sorted.")
    return Calibration(Scaling(kind, **parts), strangeness)


def _are_sound(shares: np.ndarray, curve: np.ndarray) -> bool:
    """Return whether shares sum to 1, and a curve rises."""
    return bool((shares >= 0).all() and abs(shares.sum() - 1) < _CLOSE and (curve[:2] >= 0).all())
