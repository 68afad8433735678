"""Beta calibration of the largest probability: how often the predicted class is right, by how sure it is.

Letters of shapes: ``rows``; ``classes``.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.special import expit

STRAIGHT = (1.0, 1.0, 0.0)
"""The curve that changes nothing."""

SUREST = 1 - 1e-6
"""Nobody is surer than this; nor less sure than what is left."""

AHEAD = 1 + 1e-6
"""What the predicted class is at least beside the next one."""

LEAST = 1e-100
"""What a probability counts as beside others at least: of nothing, each other class has as much."""


def fit_certainty(
    shares: Float[np.ndarray, "rows classes"], codes: Int[np.ndarray, " rows"]
) -> Float[np.ndarray, "3"]:
    r"""Return a curve from the largest probability to how often it was right, by penalised likelihood.

    $\ln \frac{m}{1 - m} = a \ln s - b \ln(1 - s) + c$ of the largest probability $s$, with $a, b \ge 0$,
    drawn to the identity (1, 1, 0) by a standard normal distribution.

    Args:
        shares: probabilities out of fold, each row summing to 1.
        codes: the true classes.

    References:
        Kull, Silva Filho, Flach (2017), "Beta calibration: a well-founded and easily implemented improvement
        on logistic calibration for binary classifiers".
    """
    columns = _columns(shares.max(axis=1))
    right = (shares.argmax(axis=1) == codes).astype(np.float64)
    straight = np.array(STRAIGHT)

    def loss(curve: np.ndarray) -> tuple[float, np.ndarray]:
        odds, away = columns @ curve, curve - straight
        value = np.sum(np.logaddexp(0, odds) - right * odds) + 0.5 * away @ away
        return float(value), columns.T @ (expit(odds) - right) + away

    bounds = [(0, None), (0, None), (None, None)]
    return np.asarray(minimize(loss, straight, jac=True, method="L-BFGS-B", bounds=bounds).x)


def with_certainty(
    shares: Float[np.ndarray, "rows classes"], curve: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "rows classes"]:
    """Return probabilities whose largest one follows a curve; the others keep their ratios.

    The predicted class stays: where the curve would put it below the next one, it is made a millionth larger.
    Of a row that is certain, the others share evenly what the curve leaves.

    Example:
        >>> with_certainty(np.array([[0.8, 0.1, 0.1]]), np.array([1.0, 1.0, 0.0])).round(6).tolist()
        [[0.8, 0.1, 0.1]]
        >>> with_certainty(np.array([[1.0, 0.0, 0.0]]), np.array([0.0, 0.0, np.log(4)])).round(6).tolist()
        [[0.8, 0.1, 0.1]]
    """
    shares = np.maximum(shares, LEAST)
    ordered = np.sort(shares, axis=1)
    largest, second = ordered[:, -1:], ordered[:, -2:-1]
    rest = ordered[:, :-1].sum(axis=1, keepdims=True)
    wanted = expit(_columns(largest[:, 0]) @ curve)[:, None]
    wanted = np.maximum(wanted, second / (rest + second) * AHEAD)
    found = np.where(shares < largest, shares * (1 - wanted) / rest, wanted)
    return found / found.sum(axis=1, keepdims=True)


def _columns(largest: Float[np.ndarray, " rows"]) -> Float[np.ndarray, "rows 3"]:
    """Return what the curve is linear in."""
    sure = np.clip(largest, 1 - SUREST, SUREST)
    return np.stack([np.log(sure), -np.log1p(-sure), np.ones_like(sure)], axis=1)
