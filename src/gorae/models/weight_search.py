"""Searches for the weights of a linear model that use no gradient: random, local and exhaustive.

Candidates are a population of weight matrices, scored in chunks of matrix products. Each search yields after
every chunk, so that whoever runs it can stop it and keep the best weights so far.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int

from gorae.errors import ParameterError

__all__ = [
    "LOSSES",
    "MOST_TRIALS",
    "LinearTask",
    "Searched",
    "combinations",
    "exhaustive_search",
    "linear_task",
    "local_search",
    "random_search",
    "training_losses",
]

MOST_TRIALS = 10_000_000
"""Weight matrices that one search tries at most."""

_CHUNK_BYTES = 1 << 22
"""Scores of a chunk are to stay near the cores; 64 MiB are up to twice as slow on small tables."""
_STEPS = 64
"""Trials of a local search between two looks at whether it should stop."""
_ROUNDING = 1e-12
"""A loss that is lower by a smaller share than this is the same one: products round as their shape has it."""


@dataclass(frozen=True, eq=False)
class LinearTask:
    """What a linear model is to learn, and by which loss it is judged.

    Attributes:
        inputs: (features + 1, rows): each column a row; the last is 1 and meets the biases.
        codes: the class of each row.
        share: the share of each row in the loss; they sum to 1.
        classes: how many classes there are.
        loss: a name of `LOSSES`.
        weight_decay: strength of the squared penalty on the weights; biases have none.
    """

    inputs: Float64[np.ndarray, "inputs rows"]
    codes: Int[np.ndarray, " rows"]
    share: Float64[np.ndarray, " rows"]
    classes: int
    loss: str
    weight_decay: float


class Searched(NamedTuple):
    """How far a search is.

    Attributes:
        weights: the best so far, (classes, features + 1); the last column holds the biases.
        tried: trials so far.
        curve: the best loss after each trial of the last chunk.
    """

    weights: Float64[np.ndarray, "classes inputs"]
    tried: int
    curve: Float64[np.ndarray, " chunk"]


def linear_task(
    rows: Float64[np.ndarray, "rows features"],
    codes: Int[np.ndarray, " rows"],
    weight: Float64[np.ndarray, " rows"] | None = None,
    *,
    classes: int,
    loss: str = "softmax",
    weight_decay: float = 0.0,
) -> LinearTask:
    """Return the task of telling classes apart; a weight of k counts as k copies of its row."""
    weight = np.ones(len(rows)) if weight is None else weight
    inputs = np.concatenate([rows.T, np.ones((1, len(rows)))])
    return LinearTask(inputs, codes, weight / weight.sum(), classes, loss, weight_decay)


def training_losses(
    task: LinearTask, candidates: Float64[np.ndarray, "candidates classes inputs"]
) -> Float64[np.ndarray, " candidates"]:
    r"""Return the training loss of each candidate.

    $L(W, b) = \sum_i v_i\, \ell(W x_i + b, y_i) + \tfrac{\lambda}{2} \sum_{cj} W_{cj}^2$ with shares $v$ that
    sum to 1: what `gorae.LinearClassifier` lowers by gradients with the same loss and weight decay.

    Args:
        task: the rows, their shares and the loss.
        candidates: weights and, in the last column, biases.

    Returns:
        One loss a candidate.

    Example:
        >>> task = linear_task(np.array([[2.0], [-2.0]]), np.array([1, 0]), classes=2, loss="hinge")
        >>> training_losses(task, np.array([[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]]))
        array([1., 0.])
    """
    count, classes, width = candidates.shape
    flat = candidates.reshape(-1, width)
    losses = np.zeros(count)
    step = max(1, _CHUNK_BYTES // _bytes_a_row(task))
    for begin in range(0, len(task.codes), step):
        part = slice(begin, begin + step)
        scores = (flat @ task.inputs[:, part]).reshape(count, classes, -1)
        losses += LOSSES[task.loss](scores, task.codes[part]) @ task.share[part]
    if task.weight_decay:
        losses += 0.5 * task.weight_decay * np.square(candidates[..., :-1]).sum(axis=(1, 2))
    return losses


def random_search(
    task: LinearTask, *, n_trials: int, step: float, seed: int, chunk: int | None = None
) -> Iterator[Searched]:
    r"""Draw weights and biases from $\mathcal N(0, \text{step}^2)$, and keep those with the smallest loss.

    Args:
        task: what is to be learned.
        n_trials: how many are drawn.
        step: the standard deviation.
        seed: of the draws; the chunk changes none of them.
        chunk: candidates that are scored at once; None for what stays near the cores.

    Returns:
        How far the search is, after each chunk.

    References:
        Stanford cs231n notes, Optimization, strategy 1.
    """
    random = np.random.default_rng(seed)
    sizes = _chunk_sizes(n_trials, chunk or _candidates_at_once(task))
    return _best_of(task, (step * random.standard_normal((size, *_shape(task))) for size in sizes))


def local_search(
    task: LinearTask, *, n_trials: int, step: float, seed: int, chunk: int | None = None
) -> Iterator[Searched]:
    r"""Walk: add $\mathcal N(0, \text{step}^2)$ to the best weights so far, and stay there if the loss falls.

    The walk begins at 0; its first trial is always kept, and is the random search's first trial.

    Args:
        task: what is to be learned.
        n_trials: how many steps are tried.
        step: the standard deviation of each weight's change.
        seed: of the steps; the chunk changes none of them.
        chunk: trials between two yields; None for a choice that answers within moments.

    Returns:
        How far the search is, after each chunk.

    References:
        Stanford cs231n notes, Optimization, strategy 2; Matyas 1965, Random optimization.
    """
    random = np.random.default_rng(seed)
    weights, best, tried = np.zeros(_shape(task)), np.inf, 0
    for size in _chunk_sizes(n_trials, chunk or min(_STEPS, _candidates_at_once(task))):
        curve = np.empty(size)
        for place, move in enumerate(step * random.standard_normal((size, *weights.shape))):
            moved = weights + move
            loss = training_losses(task, moved[None])[0]
            if _is_lower(loss, best):
                weights, best = moved, loss
            curve[place] = best
        tried += size
        yield Searched(weights, tried, curve)


def exhaustive_search(
    task: LinearTask, *, values: Sequence[float], chunk: int | None = None
) -> Iterator[Searched]:
    """Try every combination of a few values for all weights and biases, and keep the best.

    They come in the order of `itertools.product`: row by row of the weights, each with its bias, the last
    bias of all changing fastest. Of equal losses the first wins. They are made from their numbers, a chunk at
    a time.

    Args:
        task: what is to be learned.
        values: the values, each of them once.
        chunk: candidates that are scored at once; None for what stays near the cores.

    Returns:
        How far the search is, after each chunk.

    Raises:
        ParameterError: when there are more than `MOST_TRIALS` combinations.

    Example:
        >>> task = linear_task(np.array([[1.0], [-1.0]]), np.array([1, 0]), classes=2)
        >>> *_, last = exhaustive_search(task, values=(-1.0, 1.0))
        >>> last.tried, last.weights.tolist()
        (16, [[-1.0, -1.0], [1.0, -1.0]])
    """
    total, at_once = combinations(task, values), chunk or _candidates_at_once(task)
    allowed = np.asarray(values, np.float64)
    place_values = len(allowed) ** np.arange(task.classes * len(task.inputs), dtype=np.int64)[::-1]

    def numbered(begin: int) -> np.ndarray:
        number = np.arange(begin, min(begin + at_once, total), dtype=np.int64)
        return allowed[number[:, None] // place_values % len(allowed)].reshape(-1, *_shape(task))

    return _best_of(task, (numbered(begin) for begin in range(0, total, at_once)))


def combinations(task: LinearTask, values: Sequence[float]) -> int:
    """Return how many weight matrices an exhaustive search tries: values ** (classes * (features + 1)).

    Raises:
        ParameterError: when they are more than `MOST_TRIALS`.
    """
    choices, places = len(values), task.classes * len(task.inputs)
    digits = places * math.log10(choices)
    if digits < 15 and choices**places <= MOST_TRIALS:
        return choices**places
    told = f"{choices**places:,}" if digits < 15 else f"about 10^{digits:.0f}"
    raise ParameterError(
        f"an exhaustive search would try {choices}^{places} = {told} weight matrices ({choices} values for "
        f"each of {task.classes} x {len(task.inputs) - 1} weights and {task.classes} biases), more than "
        f"{MOST_TRIALS:,}; give fewer values or columns, or search with method 'random' or 'local'."
    )


def _best_of(task: LinearTask, chunks: Iterable[np.ndarray]) -> Iterator[Searched]:
    """Score chunks of candidates and keep the best, the first of equals."""
    weights, best, tried = np.zeros(_shape(task)), np.inf, 0
    for candidates in chunks:
        losses = training_losses(task, candidates)
        falls = _falls(losses, best)
        levels = [best, *losses[falls]]
        if falls:
            weights, best = candidates[falls[-1]].copy(), levels[-1]
        tried += len(losses)
        yield Searched(weights, tried, np.repeat(levels, np.diff([0, *falls, len(losses)])))


def _falls(losses: Float64[np.ndarray, " trials"], best: float) -> list[int]:
    """Return where losses are lower than all before them, and than the best of earlier chunks."""
    before = np.minimum.accumulate(np.concatenate([[best], losses[:-1]]))
    falls: list[int] = []
    for place in np.flatnonzero(losses < before).tolist():
        if _is_lower(losses[place], best):
            falls.append(place)
            best = losses[place]
    return falls


def _is_lower(loss: float, best: float) -> bool:
    """Return whether a loss is lower by more than the rounding, which the chunk's size decides."""
    return bool(loss < best * (1.0 - _ROUNDING))


def _shape(task: LinearTask) -> tuple[int, int]:
    """Return the shape of a candidate."""
    return task.classes, len(task.inputs)


def _bytes_a_row(task: LinearTask) -> int:
    """Return about how many bytes a candidate's scores of a row take while its loss is computed."""
    return 8 * (task.classes + 3)


def _candidates_at_once(task: LinearTask) -> int:
    """Return how many candidates and their scores fit into a chunk, at least one."""
    scores = min(_CHUNK_BYTES, _bytes_a_row(task) * len(task.codes))
    return max(1, _CHUNK_BYTES // (scores + 8 * task.classes * len(task.inputs)))


def _chunk_sizes(total: int, size: int) -> Iterator[int]:
    """Yield the sizes of the chunks that so many trials are cut into."""
    return (min(size, total - begin) for begin in range(0, total, size))


def _softmax_losses(
    scores: Float64[np.ndarray, "candidates classes rows"], codes: Int[np.ndarray, " rows"]
) -> Float64[np.ndarray, "candidates rows"]:
    """Return the cross-entropies of the softmax; the scores are overwritten."""
    right = _right(scores, codes)
    largest = scores.max(axis=1)
    scores -= largest[:, None]
    total = np.exp(scores, out=scores).sum(axis=1)
    return np.log(total, out=total) + (largest - right)


def _hinge_losses(
    scores: Float64[np.ndarray, "candidates classes rows"], codes: Int[np.ndarray, " rows"]
) -> Float64[np.ndarray, "candidates rows"]:
    """Return Weston and Watkins' hinges, which add up all wrong classes; the scores are overwritten."""
    return _margins(scores, codes).sum(axis=1)


def _strongest_hinge_losses(
    scores: Float64[np.ndarray, "candidates classes rows"], codes: Int[np.ndarray, " rows"]
) -> Float64[np.ndarray, "candidates rows"]:
    """Return Crammer and Singer's hinges, of the strongest wrong class; the scores are overwritten."""
    return _margins(scores, codes).max(axis=1)


def _margins(scores: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return max(0, s_c - s_y + 1) in place of the scores, 0 for the right class."""
    scores -= _right(scores, codes)[:, None] - 1.0
    scores[:, codes, np.arange(len(codes))] = 0.0
    return np.maximum(scores, 0.0, out=scores)


def _right(scores: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the scores of the right classes, (candidates, rows)."""
    return scores[:, codes, np.arange(len(codes))]


LOSSES: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "softmax": _softmax_losses,
    "hinge": _hinge_losses,
    "crammer_singer": _strongest_hinge_losses,
}
"""From scores (candidates, classes, rows), which are overwritten, and class codes to one loss a row."""
