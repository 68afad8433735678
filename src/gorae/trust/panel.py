"""The judges of all folds: every row is flagged by one of them, ranked by all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from gorae.errors import DamagedFileError, DataError, ParameterError
from gorae.estimators.parameters import check_choice, check_real
from gorae.evidence import fewest_calibration_rows
from gorae.search.races import under
from gorae.trust.detectors import DETECTORS
from gorae.trust.draws import checksums
from gorae.trust.gathering import Gathered
from gorae.trust.judge import Judge, judge_from_state

AUTO = "auto"
"""The detector that tells classes which were left out best; the usual one where that is not clear."""

_FALLBACK = "cosine"
_MOST_JUDGES = 100


@dataclass(frozen=True)
class Panel:
    """One judge a fold, with one detector.

    Whether a row is flagged is for one judge to say, and which one depends on the row's own numbers: by a
    single judge the share of false alarms is exact, and over many rows it is as steady as all folds together
    are. An average of judges would flag too few known rows.
    """

    judges: tuple[Judge, ...]

    @property
    def detector(self) -> str:
        """The name of the detector."""
        return self.judges[0].detector

    @property
    def fewest(self) -> int:
        """The rows that the judge with the fewest has not seen."""
        return min(len(judge.novelty) for judge in self.judges)

    def scores(self, X: Any) -> Float[np.ndarray, " rows"]:
        """Return how unlike the training data each row is: 0 is a usual known row, 1 stranger than 9 in 10.

        It is the mean of the judges' scores, each from the median of the rows that the judge has not seen to
        their 90 % quantile.
        """
        return np.mean([judge.in_known_spreads(X) for judge in self.judges], axis=0)

    def known_shares(self, X: Any) -> Float[np.ndarray, " rows"]:
        """Return each row's conformal p-value by its own judge (`Judge.known_shares`)."""
        whose, found = self._whose(X), np.empty(len(X))
        for number, judge in enumerate(self.judges):
            own = np.flatnonzero(whose == number)
            if len(own):
                found[own] = judge.known_shares(X[own])
        return found

    def are_unknown(self, X: Any, false_alarms: float) -> Bool[np.ndarray, " rows"]:
        """Return which rows are flagged as unlike the training data.

        Args:
            X: (rows, columns).
            false_alarms: the share of known rows that may be flagged.

        Raises:
            ParameterError: if `false_alarms` is no share between 0 and 1.
            DataError: if too few rows were kept from a judge to state such a share from.
        """
        check_real("false_alarms", false_alarms, 0, 1, open_low=True, open_high=True)
        needed = fewest_calibration_rows(1 - false_alarms)
        if self.fewest < needed:
            raise DataError(
                f"false alarms of {false_alarms:g} need at least {needed} rows that a model has not learned "
                f"from, but each fold keeps {self.fewest}; allow at least {1 / (self.fewest + 1):.3g}, or "
                "give more rows."
            )
        return self.known_shares(X) <= false_alarms

    def to_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays and JSON for a file."""
        arrays, metas = {}, []
        for number, judge in enumerate(self.judges):
            own, meta = judge.to_state()
            arrays |= {f"{number}/{name}": array for name, array in own.items()}
            metas.append(meta)
        return arrays, {"judges": metas}

    def _whose(self, X: Any) -> Int[np.ndarray, " rows"]:
        """Return the judge of each row, by a checksum of its numbers."""
        return checksums(X) % len(self.judges)


def make_panel(gathered: Gathered, detector: str = AUTO) -> Panel:
    """Return the judges that were gathered, with a detector.

    Args:
        gathered: what `gather` found.
        detector: a name of `DETECTORS`, or "auto": the distance in angle, unless the one with the largest
            mean area over the classes left out is ahead by more than the standard error of that difference.

    Raises:
        ParameterError: if there is no such detector, or the model has too few members for it.
    """
    check_choice("detector", detector, [AUTO, *DETECTORS])
    able = [name for name in DETECTORS if all(name in one.novelty for one in gathered.judged)]
    if detector == AUTO:
        detector = _choose({name: areas for name, areas in gathered.left_out.items() if name in able}, able)
    if detector not in able:
        needed = DETECTORS[detector].fewest_members
        why = (
            f"needs {needed} members; use members={max(5, needed)}"
            if needed > 1
            else "needs features that vary"
        )
        raise ParameterError(f"detector {detector!r} {why}.")
    return Panel(
        tuple(
            Judge(one.estimator, one.space, detector, one.kept[detector], np.sort(one.novelty[detector]))
            for one in gathered.judged
        )
    )


def _choose(areas: Mapping[str, Float[np.ndarray, " left"]], able: Sequence[str]) -> str:
    """Return the detector that tells classes which were left out best, as far as so few of them can say.

    Few classes are left out, and each tells another story: the largest mean is often luck.

    References:
        Breiman, Friedman, Olshen, Stone 1984, "Classification and regression trees", section 3.4.3 (the rule
        of one standard error).
    """
    usual = _FALLBACK if _FALLBACK in able else able[0]
    if not areas:
        return usual
    best = max(areas, key=lambda name: float(np.mean(areas[name])))
    if usual not in areas:
        return best
    ahead = np.asarray(areas[best]) - np.asarray(areas[usual])
    error = ahead.std(ddof=1) / np.sqrt(len(ahead)) if len(ahead) > 1 else np.inf
    return best if ahead.mean() > error else usual


def panel_from_state(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Panel:
    """Return the judges that `Panel.to_state` was given, all checked.

    Raises:
        DamagedFileError: if a part is missing, or does not fit the others.
    """
    metas = meta.get("judges")
    if not isinstance(metas, list) or not 1 <= len(metas) <= _MOST_JUDGES:
        raise DamagedFileError("it has no judges.")
    judges = []
    for number, own in enumerate(metas):
        judges.append(judge_from_state(under(f"{number}/", arrays), own))
    if len({(judge.detector, judge.estimator.n_features_in_) for judge in judges}) > 1:
        raise DamagedFileError("its judges do not belong together.")
    return Panel(tuple(judges))
