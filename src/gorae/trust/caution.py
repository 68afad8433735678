"""What a model carries along to know what it does not know; small, and written to a file with it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from gorae.errors import DataError, ParameterError
from gorae.estimators.parameters import check_choice, check_real
from gorae.evidence import (
    SCALINGS,
    Scaling,
    Uncertainty,
    choose_scaling,
    class_scores,
    conformal_threshold,
    fewest_calibration_rows,
    uncertainty,
)
from gorae.trust.answers import Answers, Space
from gorae.trust.detectors import DETECTORS, Arrays
from gorae.trust.gathering import Gathered

_FALLBACK = "cosine"
"""The detector where no class can be left out to choose one."""

_AUTO = "auto"
_KNOWN, _NEW = 0, 1
"""Seeds of what adaptive sets draw: rows that are asked about share no draw with those calibrated on."""


@dataclass(frozen=True)
class Caution:
    """How a model's probabilities are scaled, which rows are unlike its training data, which classes may be.

    Attributes:
        scaling: what brings probabilities to the scale on which they come true.
        detector: the name of the detector of the unknown.
        kept: what the detector keeps of the training rows.
        novelty: the detector's scores of the training rows out of fold, sorted.
        strangeness: how strange the true class of each training row was out of fold, sorted.
        space: how columns become features; None for a network.
    """

    scaling: Scaling
    detector: str
    kept: Arrays
    novelty: Float[np.ndarray, " rows"]
    strangeness: Float[np.ndarray, " rows"]
    space: Space | None

    def probabilities(self, answers: Answers) -> Float[np.ndarray, "rows classes"]:
        """Return calibrated probabilities."""
        if self.scaling.kind == SCALINGS[0]:
            return answers.probabilities
        return self.scaling.probabilities(answers.log_probabilities)

    def novelty_scores(self, answers: Answers) -> Float[np.ndarray, " rows"]:
        """Return the detector's score of each row, larger the less it is like the training data."""
        return np.asarray(DETECTORS[self.detector].score(self.kept, answers), np.float64)

    def known_shares(self, answers: Answers) -> Float[np.ndarray, " rows"]:
        r"""Return the conformal p-value of each row: the share of known rows at least as strange.

        $p = (1 + \\#\\{i : s_i \\ge s\\}) / (n + 1)$ over the $n$ training rows, scored out of fold. A known
        row has $p \\le a$ with a probability of about $a$.
        """
        scores = self.novelty_scores(answers)
        stranger = len(self.novelty) - np.searchsorted(self.novelty, scores, side="left")
        return (1 + stranger) / (len(self.novelty) + 1)

    def are_unknown(self, answers: Answers, false_alarms: float) -> Bool[np.ndarray, " rows"]:
        """Return which rows are flagged as unlike the training data.

        Raises:
            ParameterError: if `false_alarms` is no share between 0 and 1.
            DataError: if the model saw fewer rows than such a share can be stated from.
        """
        check_real("false_alarms", false_alarms, 0, 1, open_low=True, open_high=True)
        fewest = fewest_calibration_rows(1 - false_alarms)
        if len(self.novelty) < fewest:
            raise DataError(
                f"false alarms of {false_alarms:g} need at least {fewest} training rows to be stated, but "
                f"the model saw {len(self.novelty)}; allow at least {1 / (len(self.novelty) + 1):.3g}."
            )
        return self.known_shares(answers) <= false_alarms

    def sets(self, answers: Answers, coverage: float) -> Bool[np.ndarray, "rows classes"]:
        """Return which classes each row may have: the true one is among them with the stated coverage.

        Raises:
            ParameterError: if `coverage` is no share between 0 and 1.
            DataError: if the model saw fewer rows than such a coverage can be stated from.
        """
        check_real("coverage", coverage, 0, 1, open_low=True, open_high=True)
        fewest = fewest_calibration_rows(coverage)
        if len(self.strangeness) < fewest:
            raise DataError(
                f"a coverage of {coverage:g} needs at least {fewest} training rows to be stated, but the "
                f"model saw {len(self.strangeness)}."
            )
        threshold = conformal_threshold(self.strangeness, coverage)
        return class_scores(self.probabilities(answers), seed=_NEW) <= threshold

    def uncertainty(self, answers: Answers) -> Uncertainty:
        """Return what is undecided in each row, and what the members disagree on."""
        return uncertainty(answers.members)

    def to_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays and JSON for a file."""
        arrays = {f"kept/{name}": np.asarray(array) for name, array in self.kept.items()}
        arrays |= {
            "weight": self.scaling.weight,
            "bias": self.scaling.bias,
            "novelty": self.novelty,
            "strangeness": self.strangeness,
        }
        if self.space is not None:
            arrays |= {"shift": self.space.shift, "scale": self.space.scale}
        return arrays, {"scaling": self.scaling.kind, "detector": self.detector}


def make_caution(gathered: Gathered, *, calibrate: bool = True, detector: str = _AUTO) -> Caution:
    """Return what a model is to carry along, from what was gathered.

    Args:
        gathered: what `gather` found.
        calibrate: whether probabilities are scaled where that helps out of fold.
        detector: a name of `DETECTORS`, or "auto" for the one that told classes it had never seen best.

    Raises:
        ParameterError: if there is no such detector, or the model has too few members for it.
    """
    check_choice("detector", detector, [_AUTO, *DETECTORS])
    if detector != _AUTO and detector not in gathered.novelty:
        raise ParameterError(
            f"detector {detector!r} needs {DETECTORS[detector].fewest_members} members; use members=5."
        )
    name = chosen_detector(gathered) if detector == _AUTO else detector
    logs = gathered.answers.log_probabilities
    classes = len(gathered.classes)
    scaling = Scaling(SCALINGS[0], np.ones(classes), np.zeros(classes))
    if calibrate:
        scaling = choose_scaling(logs, gathered.codes, gathered.folds)
    shares = scaling.probabilities(logs)
    own = class_scores(shares, seed=_KNOWN)[np.arange(len(shares)), gathered.codes]
    return Caution(
        scaling, name, gathered.kept[name], np.sort(gathered.novelty[name]), np.sort(own), gathered.space
    )


def chosen_detector(gathered: Gathered) -> str:
    """Return the detector with the largest mean area over the classes left out, the simplest among equals."""
    if not gathered.left_out:
        return _FALLBACK if _FALLBACK in gathered.novelty else next(iter(gathered.novelty))
    return max(gathered.left_out, key=lambda name: float(np.mean(gathered.left_out[name])))
