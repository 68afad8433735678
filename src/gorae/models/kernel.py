r"""Least squares with a Gaussian kernel: few rows answered out of every fold from one decomposition.

Letters: ``n`` rows, K classes; targets $Y$ are 1 in a row's class, else 0, less the classes' shares.

Scores are $F = K_s A$ with $(K_s + \lambda I) A = Y$ and $(K_s)_{ij} = \exp(-|x_i - x_j|^2 / (s\, m))$, $m$
being the median squared distance. With $G = (K_s + \lambda I)^{-1}$ and $A = G Y$, what a model without the
rows $B$ would answer for them is $Y_B - G_{BB}^{-1} A_B$: no fold is ever fitted, and a row alone is left out
by a division. The cost is the cube of the rows, seconds from some thousands on.

References:
    Rifkin, Yeo & Poggio 2003, "Regularized least-squares classification" (the model).
    An, Liu & Venkatesh 2007, "Fast cross-validation algorithms for least squares support vector machine and
    kernel ridge regression" (rows left out together).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64, Int
from scipy.linalg import cho_factor, cho_solve, eigh, get_lapack_funcs, solve
from scipy.special import softmax

from gorae.backend import one_blas_thread
from gorae.evidence.checks import check_same_length, finite_matrix

__all__ = ["kernel_answers"]

_WIDTHS = (0.1, 0.3, 1.0, 3.0)
"""Widths s that are tried, in median squared distances."""

_STRENGTHS = 10.0 ** np.arange(-3, 2.5, 0.5)
"""Strengths lambda that are tried; a kernel's diagonal is 1."""

_FACTORS, _FLOORS = 2.0 ** np.arange(0, 6.25, 0.25), np.array([0.001, 0.01, 0.03, 0.1, 0.2, 0.3])
"""Factors of scores that are tried, and shares of labels that may be anything."""

_ROUNDING = 1e-12
"""Of the largest squared distance: less is none."""

_COLUMNS = 1024
"""Columns that are read at once."""

_TRIED_ROWS = 500
"""Rows that width and strength are chosen on."""


def kernel_answers(
    points: Float[np.ndarray, "rows width"],
    labels: Int[np.ndarray, " rows"],
    classes: int,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> Float64[np.ndarray, "rows classes"]:
    r"""Return the probabilities of classes that each row is given by models that have not seen it.

    Width and strength are those of the least squared error of at most 500 rows, left out one by one, or by
    the folds where there are groups. Scores become probabilities $\mathrm{softmax}(b F)$ of the true class:
    the factor $b$ is the one that makes the labels most probable in a mixture with a floor,
    $(1 - w)\, \mathrm{softmax}(b F) + w / K$: wrong labels cost no more than the floor, and make right ones
    no less certain. Repeats are averaged.

    Args:
        points: Rows, scaled: distances between them decide.
        labels: Class codes from 0.
        classes: How many classes there are.
        folds: Pairs (learned, left out); every row is left out in equally many.
        groups: A group a row, or None; the folds are to keep them together.
        seed: Decides which rows are chosen on, of many.

    Returns:
        Rows of probabilities.

    Raises:
        InputError: If a number is not finite, or there are not as many labels as rows.

    Example:
        >>> points = np.array([[0.0], [0.1], [0.2], [2.0], [2.1], [2.2]])
        >>> every = np.arange(6)
        >>> folds = [(np.delete(every, [i, i + 3]), np.array([i, i + 3])) for i in range(3)]
        >>> kernel_answers(points, np.array([0, 0, 0, 1, 1, 1]), 2, folds).argmax(axis=1)
        array([0, 0, 0, 1, 1, 1])
    """
    points = finite_matrix("points", points)
    check_same_length(points=points, labels=labels)
    some = np.sort(np.random.default_rng(seed).permutation(len(labels))[:_TRIED_ROWS])
    together = None if groups is None else [np.flatnonzero(np.isin(some, out)) for _, out in folds]
    with one_blas_thread():
        return _answers(points, labels, classes, folds, some, together)


def _answers(
    points: Float[np.ndarray, "rows width"],
    labels: Int[np.ndarray, " rows"],
    classes: int,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    some: Int[np.ndarray, " some"],
    together: Sequence[np.ndarray] | None,
) -> Float64[np.ndarray, "rows classes"]:
    """Return the probabilities of each row; some, left out singly or together, choose width and strength."""
    chance = np.bincount(labels, minlength=classes) / len(labels)
    target = np.eye(classes)[labels] - chance
    near = _squares(points[some])
    unit = _typical(near)
    width, strength = _chosen(near / unit, target[some], together)
    system = _squares(points)
    system /= -width * unit
    np.exp(system, out=system)
    parts = [np.sort(out) for _, out in folds]
    scores = chance + _left_out(system, strength, target, parts)
    asked = np.concatenate(parts)
    stated = softmax(_factor(scores, labels[asked]) * scores, axis=1)
    total = np.zeros((len(labels), classes))
    np.add.at(total, asked, stated)
    return total / np.bincount(asked, minlength=len(labels))[:, None]


def _squares(points: Float[np.ndarray, "rows width"]) -> Float64[np.ndarray, "rows rows"]:
    """Return the squared distances between all rows, in double precision block of columns by block."""
    squares = np.zeros((len(points), len(points)))
    lengths = np.zeros(len(points))
    for start in range(0, points.shape[1], _COLUMNS):
        part = points[:, start : start + _COLUMNS].astype(np.float64)
        part -= part.mean(axis=0)
        squares -= 2 * (part @ part.T)
        lengths += np.einsum("ij,ij->i", part, part)
    squares += lengths[:, None]
    squares += lengths
    return np.maximum(squares, 0, out=squares)


def _typical(squares: Float64[np.ndarray, "rows rows"]) -> float:
    """Return the median of the squared distances between rows that differ; 1 where none do."""
    squares = squares[np.triu_indices(len(squares), 1)]
    squares = squares[squares > _ROUNDING * squares.max(initial=0.0)]
    return float(np.median(squares)) if len(squares) else 1.0


def _chosen(
    squares: Float64[np.ndarray, "some some"],
    target: Float64[np.ndarray, "some classes"],
    together: Sequence[np.ndarray] | None = None,
) -> tuple[float, float]:
    """Return width and strength of the least squared error of rows left out, each alone or together."""
    errors = np.stack([_errors(width, squares, target, together) for width in _WIDTHS])
    width, strength = np.unravel_index(errors.argmin(), errors.shape)
    return _WIDTHS[width], float(_STRENGTHS[strength])


def _errors(
    width: float,
    squares: Float64[np.ndarray, "some some"],
    target: Float64[np.ndarray, "some classes"],
    together: Sequence[np.ndarray] | None = None,
) -> Float64[np.ndarray, " strengths"]:
    """Return the squared error of every strength at one width: one decomposition serves them all."""
    values, vectors = eigh(np.exp(squares / -width), driver="evd", check_finite=False, overwrite_a=True)
    inverse = 1 / (np.maximum(values, 0)[:, None] + _STRENGTHS)
    turned = inverse[:, :, None] * (vectors.T @ target)[:, None, :]
    weights = (vectors @ turned.reshape(len(values), -1)).reshape(turned.shape)
    if together is None:
        return np.mean((weights / ((vectors**2) @ inverse)[:, :, None]) ** 2, axis=(0, 2))
    total = np.zeros(len(_STRENGTHS))
    for part in together:
        for at, each in enumerate(inverse.T):
            own = (vectors[part] * each) @ vectors[part].T
            total[at] += np.sum(solve(own, weights[part, at], assume_a="pos", check_finite=False) ** 2)
    return total


def _left_out(
    system: Float64[np.ndarray, "rows rows"],
    strength: float,
    target: Float64[np.ndarray, "rows classes"],
    parts: Sequence[Int[np.ndarray, " out"]],
) -> Float64[np.ndarray, "asked classes"]:
    """Return what each part of the rows is answered by a model of all others, one part after the other.

    `system` is the kernel, and is written over; the rows of a part are in ascending order.
    """
    system[np.diag_indices(len(system))] += strength
    # the transpose of a symmetric matrix is itself, in the order of Fortran: nothing is copied
    factor = cho_factor(system.T, lower=True, overwrite_a=True, check_finite=False)
    weights = cho_solve(factor, target, check_finite=False)
    (invert,) = get_lapack_funcs(("potri",), (factor[0],))
    inverse, _ = invert(factor[0], lower=True, overwrite_c=True)
    answers = []
    for part in parts:
        own = inverse[np.ix_(part, part)]  # in ascending order: its lower triangle is of the lower triangle
        answers.append(
            target[part] - solve(own, weights[part], assume_a="pos", lower=True, check_finite=False)
        )
    return np.concatenate(answers)


def _factor(scores: Float64[np.ndarray, "asked classes"], labels: Int[np.ndarray, " asked"]) -> float:
    """Return the factor of scores that, with some floor, makes the labels most probable."""
    rows = np.arange(len(labels))
    own = np.stack([softmax(factor * scores, axis=1)[rows, labels] for factor in _FACTORS])
    floors = _FLOORS[:, None, None]
    likely = np.log((1 - floors) * own + floors / scores.shape[1]).mean(axis=2).max(axis=0)
    return float(_FACTORS[likely.argmax()])
