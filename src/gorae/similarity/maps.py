"""A map of rows in two dimensions, and how far it is to be believed.

Letters of shapes: ``rows``; ``width`` of the features.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from threadpoolctl import threadpool_limits

from gorae.errors import DataError, InputError, ParameterError, closest

__all__ = ["MAPS", "PlaneMap", "draw_map", "evenly"]

_JUDGED = 1500
"""Rows, evenly drawn, on which the neighbours in the map are compared with the true ones."""

_NEIGHBORS = 10
_NARROW = 1000
_FEW = 800
_METRICS = {"l2": "euclidean", "l1": "manhattan", "cosine": "cosine", "chebyshev": "chebyshev"}


@dataclass(frozen=True)
class PlaneMap:
    """Rows on a plane.

    Attributes:
        method: "pca", "tsne" or "umap".
        points: (rows, 2) where each row stands.
        shares: of the variance that each axis of "pca" holds; None for the others.
        trust: the trustworthiness: 1 where each row's 10 nearest on the map are among its nearest in truth,
            about 0.5 where they are any rows; None where there are too few rows to say.
    """

    method: str
    points: Float[np.ndarray, "rows 2"]
    shares: tuple[float, float] | None
    trust: float | None


def draw_map(
    features: Float[np.ndarray, "rows width"],
    method: str = "pca",
    *,
    learn: int | None = None,
    metric: str = "l2",
    seed: int = 0,
) -> PlaneMap:
    """Return rows on a plane.

    Args:
        features: at least three rows, finite.
        method: "pca" (the two directions of the largest variance: distances are true or too small), "tsne"
            or "umap" (neighbours stay neighbours; distances between groups and sizes of groups mean nothing).
        learn: the directions of "pca" are found in so many first rows; None for all. The others place rows
            by all rows.
        metric: of the distances that "tsne" and "umap" keep, and of the judgement.
        seed: of what they draw.

    Returns:
        The map; the same rows and seed give the same one.

    Raises:
        ParameterError: if there is no such method.
        DataError: if there are fewer than three rows, or all of them are equal.
        InputError: if "umap" is asked for and not installed.

    Example:
        >>> rows = np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])
        >>> found = draw_map(rows)
        >>> np.abs(found.points[:, 0]).round(6).tolist(), found.shares
        ([5.0, 0.0, 5.0], (1.0, 0.0))

    References:
        van der Maaten, Hinton (2008), "Visualizing data using t-SNE"; McInnes, Healy, Melville (2018),
        "UMAP"; trustworthiness: Venna, Kaski (2001), "Neighborhood preservation in nonlinear projection
        methods".
    """
    if method not in MAPS:
        near = closest(str(method), list(MAPS))
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"map must be one of {', '.join(map(repr, MAPS))}, got {method!r}.{hint}")
    if len(features) < 3:
        raise DataError(f"a map needs at least 3 rows, but there are {len(features)}.")
    if not (features != features[0]).any():
        raise DataError(f"all {len(features)} rows are equal in this space: there is nothing to map.")
    rows = np.asarray(features, np.float64)
    if method == "pca":
        points, shares = _by_variance(rows, len(rows) if learn is None or learn < 2 else learn)
    else:
        points, shares = MAPS[method](rows, metric, seed), None
    return PlaneMap(method, points, shares, _trust(rows, points, metric))


def evenly(rows: int, most: int) -> np.ndarray:
    """Return the places of at most so many rows, evenly spread.

    Example:
        >>> evenly(5, 3).tolist(), evenly(2, 3).tolist()
        ([0, 2, 4], [0, 1])
    """
    return (
        np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(np.int64))
        if rows
        else np.zeros(0, np.int64)
    )


def _by_variance(rows: np.ndarray, learn: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Return rows along the two directions of the largest variance, and the shares of it that they hold.

    The sign of a direction is such that its largest coefficient is positive.
    """
    first = rows[:learn] if (rows[:learn] != rows[0]).any() else rows
    solver = "covariance_eigh" if first.shape[1] <= min(_NARROW, len(first)) else "full"
    model = PCA(min(2, *first.shape), svd_solver=solver).fit(first)
    found = model.transform(rows)
    directions = np.asarray(model.components_)
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    points = np.zeros((len(rows), 2))
    points[:, : found.shape[1]] = found * signs
    held = [*np.asarray(model.explained_variance_ratio_).tolist(), 0.0]
    return points, (held[0], held[1])


def _by_tsne(rows: np.ndarray, metric: str, seed: int) -> np.ndarray:
    """Return rows by t-SNE, begun from the directions of the largest variance."""
    model = TSNE(
        perplexity=max(1.0, min(30.0, (len(rows) - 1) / 3)),
        init="pca" if rows.shape[1] > 1 else "random",
        metric=_METRICS[metric],
        random_state=seed,
    )
    # On busy cores, threads that wait for one another take longer than few rows do.
    with threadpool_limits(1 if len(rows) < _FEW else None):
        return np.asarray(model.fit_transform(rows), np.float64)


def _by_umap(rows: np.ndarray, metric: str, seed: int) -> np.ndarray:
    """Return rows by UMAP.

    Raises:
        InputError: if it is not installed.
    """
    try:
        umap = import_module("umap")
    except ImportError:
        raise InputError(
            'map="umap" needs the package umap-learn, which is not installed: pip install "gorae[map]", or '
            'take "tsne" or "pca".'
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed takes its threads away
        model: Any = umap.UMAP(
            n_neighbors=min(15, len(rows) - 1), metric=_METRICS[metric], random_state=seed, init="pca"
        )
        return np.asarray(model.fit_transform(rows), np.float64)


def _trust(rows: np.ndarray, points: np.ndarray, metric: str) -> float | None:
    """Return the trustworthiness of a map, None for so few rows that it says nothing."""
    asked = evenly(len(rows), _JUDGED)
    if len(asked) < 2 * _NEIGHBORS + 2:
        return None
    return float(trustworthiness(rows[asked], points[asked], n_neighbors=_NEIGHBORS, metric=_METRICS[metric]))


MAPS: dict[str, Callable[..., Any]] = {"pca": _by_variance, "tsne": _by_tsne, "umap": _by_umap}
"""The ways to make a map, by name."""
