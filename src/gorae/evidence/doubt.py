"""How much of a model's doubt is disagreement, which more data settle, over all rows and by class.

Letters of shapes: ``members`` of an ensemble; ``rows``; ``classes``; ``parts``: epistemic, aleatoric.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from gorae.evidence.checks import check_level, check_same_length, class_codes
from gorae.evidence.spread import mean_spread, t_quantile
from gorae.evidence.uncertainty import Uncertainty, uncertainty

__all__ = ["Doubt", "doubt"]

_LEAST = 1e-7


@dataclass(frozen=True)
class Doubt:
    """The mean uncertainty of rows that the models had not seen, in nats, each part with its interval.

    Attributes:
        total: (3,) mean entropy of the answers, lower and upper end.
        epistemic: (3,) its part in which the members disagree, which more data settle.
        aleatoric: (3,) its part that members share: rows that each of them finds undecided.
        log_loss: what the answers cost in truth. Far above the total, the members are too sure, and what
            they agree on is no proof.
        by_class: (classes, parts) mean of the two parts over the rows of each class; NaN without any.
        rows: both parts of each row.
    """

    total: Float[np.ndarray, "3"]
    epistemic: Float[np.ndarray, "3"]
    aleatoric: Float[np.ndarray, "3"]
    log_loss: float
    by_class: Float[np.ndarray, "classes parts"]
    rows: Uncertainty

    @property
    def share(self) -> float:
        """The share of the doubt that more data could settle; 0 where there is no doubt."""
        return float(self.epistemic[0] / self.total[0]) if self.total[0] > 0 else 0.0

    @property
    def sentence(self) -> str:
        """The answer in words."""
        epistemic, low, high = (f"{value:.3g}" for value in self.epistemic)
        return (
            f"Of {self.total[0]:.3g} nats of doubt a row, {epistemic} (95 % interval {low} to {high}), "
            f"{100 * self.share:.0f} %, is disagreement between the networks, which more data would settle. "
            f"The other {self.aleatoric[0]:.3g} all of them share: they find these rows undecided."
        )


def doubt(probabilities: Any, labels: Any, *, units: Any = None, level: float = 0.95) -> Doubt:
    r"""Split the mean doubt of an ensemble into what more data could settle and what would stay.

    The mean over the rows of the mutual information between answer and member is by how much the log-loss
    would fall if the right member were known. Were the members drawn from all models that the data leave
    possible, more rows of the same kind could do no better. Networks that learned from the same rows and
    differ by their seeds agree more than such draws would: more data can then settle more than they disagree
    on, and a learning curve measures it. The interval is over the rows (units).

    Args:
        probabilities: (members, rows, classes) of rows that the members did not learn from.
        labels: (rows,) codes of the true classes.
        units: (rows,) the group each row belongs to; None where each row is its own.
        level: of the intervals.

    Returns:
        Means with intervals; at least 0 at the lower end.

    Raises:
        InputError: If there are fewer than two members or units, a row is no distribution, or lengths differ.
        ParameterError: If the level is not between 0 and 1.

    Example:
        >>> differ = [[[1.0, 0.0]] * 4, [[0.0, 1.0]] * 4]
        >>> found = doubt(differ, [0, 1, 0, 1])
        >>> found.share, found.epistemic.round(3).tolist()
        (1.0, [0.693, 0.693, 0.693])

    References:
        Depeweg et al. (2018), "Decomposition of uncertainty in Bayesian deep learning", equation 3.
        Houlsby, Huszár, Ghahramani, Lengyel (2011), "Bayesian active learning for classification and
        preference learning", equation 2.
    """
    check_level(level)
    found = uncertainty(probabilities)
    stated = np.asarray(probabilities, np.float64).mean(axis=0)
    codes = class_codes("labels", labels, stated.shape[1])
    check_same_length(probabilities=stated, labels=codes)
    both = np.stack([found.epistemic, found.aleatoric], axis=1)
    by_class = np.full((stated.shape[1], 2), np.nan)
    for code in np.unique(codes):
        by_class[code] = both[codes == code].mean(axis=0)
    given = stated[np.arange(len(codes)), codes]
    return Doubt(
        *(_interval(part, units, level) for part in (found.total, found.epistemic, found.aleatoric)),
        log_loss=float(-np.log(np.maximum(given, _LEAST)).mean()),
        by_class=by_class,
        rows=found,
    )


def _interval(values: np.ndarray, units: Any, level: float) -> np.ndarray:
    """Return the mean of values over rows, with its interval."""
    spread = mean_spread(values, units)
    reach = t_quantile(level, spread.freedom) * np.sqrt(spread.variance)
    mean = values.mean()
    return np.array([mean, max(mean - reach, 0.0), mean + reach])
