"""Calibration: logits brought to the scale on which their probabilities come true.

Letters of shapes: ``rows``; ``classes``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq, minimize
from scipy.special import log_softmax, softmax

from gorae.errors import InputError
from gorae.evidence.certainty import STRAIGHT, fit_certainty, with_certainty
from gorae.evidence.checks import check_choice, check_same_length, class_codes, finite_matrix, labels_vector
from gorae.evidence.mixture import fit_mixture, mixed

__all__ = ["SCALINGS", "Scaling", "choose_scaling", "fit_scaling", "logits_of"]

SCALINGS = ("none", "temperature", "mixture", "vector")
"""From the simplest on: as they are; one factor for all classes; that mixed with the stated probabilities and
with equal ones; a factor and a bias for each class."""

_ERRORS = {"temperature": 0.0, "mixture": 1.0, "vector": 1.0}
"""By how many standard errors a kind must be better than a simpler one to be taken."""

_ERRORS_OF_CURVE = 1.0

_FACTORS = 1 / 50.0, 1 / 0.02
"""Of logits: temperatures lie between 0.02 and 50."""

_PRIOR_ROWS = 1.0
SMALLEST = 1e-12
"""What a probability is at least before its logarithm is taken."""

_MOST_ROWS, _SEED = 20_000, 0


@dataclass(frozen=True)
class Scaling:
    """What logits are multiplied by, and what is added.

    Attributes:
        kind: one of `SCALINGS`.
        weight: (classes,) factors; 1 over the temperature where there is one.
        bias: (classes,) what is added.
        shares: (3,) of the probabilities scaled so, of those stated, and of equal ones.
        curve: (3,) from the largest probability to how often it is right; (1, 1, 0) changes nothing.
    """

    kind: str
    weight: Float[np.ndarray, " classes"]
    bias: Float[np.ndarray, " classes"]
    shares: Float[np.ndarray, "3"] = field(default_factory=lambda: np.array([1.0, 0.0, 0.0]))
    curve: Float[np.ndarray, "3"] = field(default_factory=lambda: np.array(STRAIGHT))

    @property
    def temperature(self) -> float | None:
        """What all logits are divided by; above 1 where the model is too sure. None of a vector scaling."""
        return None if self.kind == "vector" else float(1 / self.weight[0])

    @property
    def is_mixed(self) -> bool:
        """Whether stated or equal probabilities have a share."""
        return self.kind == "mixture"

    @property
    def is_curved(self) -> bool:
        """Whether the largest probability follows a curve of its own."""
        return tuple(self.curve) != STRAIGHT

    @property
    def changes(self) -> bool:
        """Whether probabilities are changed at all."""
        return self.kind != SCALINGS[0] or self.is_curved

    def probabilities(self, logits: Any) -> Float[np.ndarray, "rows classes"]:
        """Return calibrated probabilities.

        Raises:
            InputError: If the logits have other classes than those it was fitted on, or are not finite.
        """
        values = _logits(logits)
        if values.shape[1] != len(self.weight):
            raise InputError(f"logits must have {len(self.weight)} classes, but they have {values.shape[1]}.")
        found = softmax(values * self.weight + self.bias, axis=1)
        if self.is_mixed:
            found = mixed(self.shares, found, softmax(values, axis=1))
        return with_certainty(found, self.curve) if self.is_curved else found


def logits_of(probabilities: Any) -> Float[np.ndarray, "rows classes"]:
    """Return logits that give these probabilities, for models that state no logits; 0 becomes 1e-12.

    Example:
        >>> logits_of([[0.5, 0.5]]).round(3).tolist()
        [[-0.693, -0.693]]
    """
    return _logs(np.asarray(probabilities, np.float64))


def fit_scaling(kind: str, logits: Any, labels: Any, *, curved: bool = False) -> Scaling:
    r"""Fit a scaling by maximum likelihood, on rows that the model has not learned from.

    Temperature: minus the mean log-likelihood of softmax(b z) is convex in b = 1/T; its slope, the mean of
    sum_j p_j z_j - z_y, is brought to 0. Mixture: shares of softmax(b z), of softmax(z) and of equal
    probabilities. Vector: factors and biases, drawn to 1 and 0 as if by one row more. Curve: of what these
    give, the largest probability is mapped to how often it is right (beta calibration). Of more than 20,000
    rows as many are drawn evenly: there are few numbers to learn.

    Args:
        kind: one of `SCALINGS`.
        logits: (rows, classes) out of fold.
        labels: (rows,) codes of the true classes.
        curved: whether the largest probability is to follow a curve of its own; see `Scaling.curve`.

    Returns:
        The scaling; temperatures lie between 0.02 and 50. Where no row is wrong, the likelihood has no
        maximum, and the temperature stays 1.

    Raises:
        InputError: If lengths differ, a logit is not finite, or a code has no column.
        ParameterError: If the kind is unknown.

    Example:
        >>> import numpy as np
        >>> sure = np.array([[2.0, 0.0]] * 4)  # says 0.88, and is right in 3 of 4
        >>> found = fit_scaling("temperature", sure, [0, 0, 0, 1])
        >>> round(float(found.probabilities(sure)[0, 0]), 6)
        0.75

    References:
        Temperature and vector: Guo, Pleiss, Sun, Weinberger (2017), "On calibration of modern neural
        networks", section 4.2. Mixture: Zhang, Kailkhura, Han (2020), "Mix-n-Match" (ensemble temperature
        scaling). Curve: Kull, Silva Filho, Flach (2017), "Beta calibration".
    """
    check_choice("kind", kind, SCALINGS)
    values, codes = _checked(logits, labels)
    found = _fitted(kind, values, codes)
    return _with_curve(found, values, codes) if curved else found


def _with_curve(scaling: Scaling, values: np.ndarray, codes: np.ndarray) -> Scaling:
    """Return a scaling whose largest probability follows a curve."""
    return replace(scaling, curve=fit_certainty(scaling.probabilities(values), codes))


def _fitted(kind: str, values: np.ndarray, codes: np.ndarray) -> Scaling:
    """Return a scaling without a curve."""
    values, codes = _drawn(values, codes)
    ones = np.ones(values.shape[1])
    zeros = np.zeros_like(ones)
    if kind == "none":
        return Scaling(kind, ones, zeros)
    if kind == "vector":
        return Scaling(kind, *_factors_and_biases(values, codes))
    factor = _inverse_temperature(values, codes)
    if kind == "temperature" or _all_right(values, codes):
        return Scaling(kind, ones * factor, zeros)
    factor, shares = fit_mixture(values, codes, factor, _FACTORS)
    return Scaling(kind, ones * factor, zeros, shares)


def _drawn(values: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows enough to learn a few numbers from."""
    if len(codes) <= _MOST_ROWS:
        return values, codes
    some = np.random.default_rng(_SEED).choice(len(codes), _MOST_ROWS, replace=False)
    return values[some], codes[some]


def _all_right(values: np.ndarray, codes: np.ndarray) -> bool:
    """Return whether no row is wrong, so that the likelihood has no maximum."""
    return bool((values.argmax(axis=1) == codes).all())


def choose_scaling(logits: Any, labels: Any, folds: Any) -> Scaling:
    """Return the kind that helps most where it was not fitted, fitted on all rows.

    Each kind is fitted on the rows of all folds but one and judged on that one, by its log-loss. A
    temperature is taken if it is better at all, which is about Akaike's criterion; a kind that is less simple
    only if it is better than a simpler one by more than one standard error of the difference over the
    rows, and so is a curve in the end. Where nothing is to be gained, probabilities stay as they are.

    Args:
        logits: (rows, classes) out of fold.
        labels: (rows,) codes of the true classes.
        folds: (rows,) the fold of each row; at least two different ones.

    Raises:
        InputError: If lengths differ, a logit is not finite, a code has no column, or there is one fold.

    References:
        Stone (1977), "An asymptotic equivalence of choice of model by cross-validation and Akaike's
        criterion". Breiman, Friedman, Olshen, Stone (1984), "Classification and regression trees", section
        3.4 (one standard error).
    """
    values, codes, numbers = _checked_folds(logits, labels, folds)
    parts = list(_parts(numbers))

    def losses(scalings: Sequence[Scaling]) -> np.ndarray:
        """Return the loss of each row by the scaling that has not seen its fold."""
        found = np.empty(len(codes))
        for (_, own), scaling in zip(parts, scalings, strict=True):
            found[own] = -_logs(scaling.probabilities(values[own])[np.arange(len(own)), codes[own]])
        return found

    def fitted(kind: str) -> list[Scaling]:
        return [_fitted(kind, values[rest], codes[rest]) for rest, _ in parts]

    chosen, best = SCALINGS[0], fitted(SCALINGS[0])
    least = losses(best)
    for kind, errors in _ERRORS.items():
        scalings = fitted(kind)
        found = losses(scalings)
        if _is_better(found, least, errors):
            chosen, best, least = kind, scalings, found
    curved = [_with_curve(one, values[rest], codes[rest]) for one, (rest, _) in zip(best, parts, strict=True)]
    return fit_scaling(chosen, values, codes, curved=_is_better(losses(curved), least, _ERRORS_OF_CURVE))


def _is_better(losses: np.ndarray, than: np.ndarray, errors: float) -> bool:
    """Return whether losses are lower by more than so many standard errors of the difference."""
    gain = than - losses
    return bool(gain.mean() > errors * gain.std(ddof=1) / np.sqrt(len(gain)))


def scaled_out_of_fold(
    kind: str, logits: Any, labels: Any, folds: Any, *, curved: bool = False
) -> Float[np.ndarray, "rows classes"]:
    """Return each row's probabilities by a scaling that was fitted on the other folds: to judge it by.

    Args:
        kind: one of `SCALINGS`.
        logits: (rows, classes) out of fold.
        labels: (rows,) codes of the true classes.
        folds: (rows,) the fold of each row; at least two different ones.
        curved: whether the largest probability is to follow a curve of its own.

    Raises:
        InputError: If lengths differ, a logit is not finite, a code has no column, or there is one fold.
        ParameterError: If the kind is unknown.
    """
    values, codes, numbers = _checked_folds(logits, labels, folds)
    shares = np.empty(values.shape)
    for rest, own in _parts(numbers):
        found = fit_scaling(kind, values[rest], codes[rest], curved=curved)
        shares[own] = found.probabilities(values[own])
    return shares


def _logs(shares: np.ndarray) -> np.ndarray:
    """Return logarithms, of 0 that of 1e-12."""
    return np.log(np.maximum(shares, SMALLEST))


def _checked_folds(logits: Any, labels: Any, folds: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return logits, codes and folds, or say what is wrong with them."""
    values, codes = _checked(logits, labels)
    numbers = labels_vector("folds", folds)
    check_same_length(logits=values, folds=numbers)
    if len(np.unique(numbers)) < 2:
        raise InputError("folds must be at least two, so that a scaling is judged on rows it has not seen.")
    return values, codes, numbers


def _parts(folds: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows outside of each fold, and those of it."""
    for fold in np.unique(folds):
        yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)


def _inverse_temperature(logits: np.ndarray, codes: np.ndarray) -> float:
    """Return the factor of the greatest likelihood, within bounds."""
    own = logits[np.arange(len(codes)), codes]

    def slope(factor: float) -> float:
        return float(np.mean(np.sum(softmax(factor * logits, axis=1) * logits, axis=1) - own))

    least, most = _FACTORS
    if slope(least) >= 0:
        return least
    if slope(most) <= 0:  # all are right by any factor, which they therefore say nothing of
        return 1.0
    return float(brentq(slope, least, most, xtol=1e-12))  # pyright: ignore[reportArgumentType]


def _factors_and_biases(logits: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a factor and a bias for each class, of the greatest penalised likelihood."""
    rows, classes = logits.shape
    truth = np.eye(classes)[codes]
    rest = np.concatenate([np.ones(classes), np.zeros(classes)])

    def loss(both: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = log_softmax(logits * both[:classes] + both[classes:], axis=1)
        miss = np.exp(scaled) - truth
        away = both - rest
        value = -np.sum(scaled * truth) + 0.5 * _PRIOR_ROWS * np.sum(away**2)
        slope = np.concatenate([np.sum(miss * logits, axis=0), miss.sum(axis=0)]) + _PRIOR_ROWS * away
        return value / rows, slope / rows

    found = minimize(loss, rest, jac=True, method="L-BFGS-B")
    return found.x[:classes], found.x[classes:]


def _checked(logits: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and codes, or say what is wrong with them."""
    values = _logits(logits)
    codes = class_codes("labels", labels, values.shape[1])
    check_same_length(logits=values, labels=codes)
    return values, codes


def _logits(logits: Any) -> np.ndarray:
    """Return logits of at least two classes, or say what is wrong with them."""
    values = finite_matrix("logits", logits, "(rows, classes)")
    if values.shape[1] < 2:
        raise InputError(f"logits must be of at least 2 classes, but their shape is {values.shape}.")
    return values
