"""Small two-dimensional problems that are drawn, not measured."""

import numpy as np
from jaxtyping import Float32, Int64
from sklearn.datasets import make_circles, make_moons

__all__ = ["GENERATORS", "blobs", "circles", "moons", "spirals"]

_ROWS = 1000


def moons(seed: int) -> tuple[Float32[np.ndarray, "rows 2"], Int64[np.ndarray, " rows"]]:
    """Draw two interleaved half circles: not separable by a line, easily by a small network.

    Example:
        >>> X, y = moons(seed=0)
        >>> X.shape, np.bincount(y).tolist()
        ((1000, 2), [500, 500])
    """
    X, y = make_moons(_ROWS, noise=0.2, random_state=seed)
    return np.asarray(X, np.float32), np.asarray(y, np.int64)


def circles(seed: int) -> tuple[Float32[np.ndarray, "rows 2"], Int64[np.ndarray, " rows"]]:
    """Draw a circle inside another: a line does no better than chance.

    Example:
        >>> X, y = circles(seed=0)
        >>> float(np.linalg.norm(X[y == 0], axis=1).mean()) > 0.9
        True
    """
    X, y = make_circles(_ROWS, noise=0.1, factor=0.5, random_state=seed)
    return np.asarray(X, np.float32), np.asarray(y, np.int64)


def blobs(seed: int) -> tuple[Float32[np.ndarray, "rows 2"], Int64[np.ndarray, " rows"]]:
    r"""Draw four Gaussian clouds around the corners of a square: what Gaussian Bayes is made for.

    The clouds have deviation 2 around the points (±4, ±4), so the best possible accuracy is
    :math:`\Phi(2)^2 = 0.955`.

    Example:
        >>> X, y = blobs(seed=0)
        >>> bool(np.abs(X[y == 3].mean(axis=0) - 4.0).max() < 0.5)
        True
    """
    rng = np.random.default_rng(seed)
    centers = np.array([[-4.0, -4.0], [-4.0, 4.0], [4.0, -4.0], [4.0, 4.0]])
    y = rng.permutation(np.arange(_ROWS) % 4)
    X = centers[y] + rng.normal(0.0, 2.0, (_ROWS, 2))
    return X.astype(np.float32), y.astype(np.int64)


def spirals(seed: int) -> tuple[Float32[np.ndarray, "rows 2"], Int64[np.ndarray, " rows"]]:
    r"""Draw three spiral arms: a deep network earns its keep here.

    Arm :math:`k` holds the points :math:`r (\sin\theta, \cos\theta)` with :math:`r` uniform in [0, 1] and
    :math:`\theta = 4 (k + r) + \varepsilon`, :math:`\varepsilon \sim N(0, 0.2^2)`.

    Example:
        >>> X, y = spirals(seed=0)
        >>> bool(np.linalg.norm(X, axis=1).max() <= 1.0)
        True

    References:
        A. Karpathy, CS231n course notes, "Putting it together: minimal neural network case study".
    """
    rng = np.random.default_rng(seed)
    arms = rng.permutation(np.arange(_ROWS) % 3)
    radius = rng.uniform(0.0, 1.0, _ROWS)
    angle = 4.0 * (arms + radius) + rng.normal(0.0, 0.2, _ROWS)
    X = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    return X.astype(np.float32), arms.astype(np.int64)


GENERATORS = {"moons": moons, "circles": circles, "blobs": blobs, "spirals": spirals}
"""The problems by name; each takes a seed."""
