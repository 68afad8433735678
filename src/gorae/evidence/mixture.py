"""Mixed scaling: probabilities as stated, brought to a temperature, and of one who knows nothing.

Letters of shapes: ``rows``; ``classes``.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.special import softmax

_FARTHEST = 8.0


def mixed(
    shares: Float[np.ndarray, "3"],
    scaled: Float[np.ndarray, "rows classes"],
    stated: Float[np.ndarray, "rows classes"],
) -> Float[np.ndarray, "rows classes"]:
    """Return probabilities mixed of scaled ones, stated ones, and equal ones.

    Example:
        >>> mixed(np.array([0.5, 0.0, 0.5]), np.array([[1.0, 0.0]]), np.array([[0.9, 0.1]])).tolist()
        [[0.75, 0.25]]
    """
    return shares[0] * scaled + shares[1] * stated + shares[2] / scaled.shape[1]


def fit_mixture(
    logits: Float[np.ndarray, "rows classes"],
    codes: Int[np.ndarray, " rows"],
    factor: float,
    bounds: tuple[float, float],
) -> tuple[float, Float[np.ndarray, "3"]]:
    r"""Return a factor of the logits and three shares, by maximum likelihood.

    $q = w_1 \mathrm{softmax}(b z) + w_2 \mathrm{softmax}(z) + w_3 / K$: a few answers that are sure and wrong
    need a floor, not a temperature that makes all of them modest. The order of the classes is kept.

    Args:
        logits: out of fold.
        codes: the true classes.
        factor: 1 over the best temperature, to begin at.
        bounds: what the factor lies between.

    References:
        Zhang, Kailkhura, Han (2020), "Mix-n-Match: ensemble and compositional methods for uncertainty
        calibration in deep learning" (ensemble temperature scaling).
    """
    rows, classes = logits.shape
    every = np.arange(rows)
    own, stated = logits[every, codes], softmax(logits, axis=1)[every, codes]

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        """Return minus the mean log-likelihood and its slope, at log b and two logits of shares."""
        scale, shares = np.exp(at[0]), softmax(np.concatenate([[0.0], at[1:]]))
        scaled = softmax(scale * logits, axis=1)
        parts = np.stack([scaled[every, codes], stated, np.full(rows, 1 / classes)], axis=1)
        whole = parts @ shares
        held = (parts * shares / whole[:, None]).mean(axis=0)
        slope = scale * parts[:, 0] * (own - np.sum(scaled * logits, axis=1))
        return -float(np.log(whole).mean()), np.concatenate(
            [[-shares[0] * float((slope / whole).mean())], shares[1:] - held[1:]]
        )

    far = (-_FARTHEST, _FARTHEST)
    found = minimize(
        loss,
        np.array([np.log(factor), 0.0, -4.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(np.log(bounds[0]), np.log(bounds[1])), far, far],
    )
    return float(np.exp(found.x[0])), softmax(np.concatenate([[0.0], found.x[1:]]))
