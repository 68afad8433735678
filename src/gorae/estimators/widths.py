r"""Which hidden widths are trained in one program: narrow networks in one for wider layers.

A unit whose weights and bias are all 0 answers $f(0)$. Where that is 0, appending such units changes no
output, and training leaves them as they are: the gradient of the weights behind a unit is proportional to
its answer, that of the weights before it to the weights behind. Both are 0, and so are the direction of every
optimizer, weight decay, and the sign that L1 adds. Where $f(0)$ is not 0, or where units hear of one another
(layer normalisation, softmax) or of how many there are (dropout), the layer is told how many are its own
(`gorae.nn.Widened`), and the others answer 0. A network is then the first part of a wider one, which one
compiled program trains for many widths.

What it costs are products with zeros, what it saves are compilations: widths are put together as long as
that is less work in all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gorae.models.mlp import MLPShape
from gorae.models.shape import NetworkShape

Widths = tuple[int, ...]
"""The width of each hidden layer."""

_ZERO_AT_ZERO = frozenset(
    {"relu", "tanh", "leaky_relu", "elu", "selu", "gelu", "identity", "prelu", "step", "maxout"}
)
"""Activations with f(0) = 0, unit by unit."""

_TWO = 2

_COMPILE_FLOPS = 5e10
"""The operations that another program is worth: about what padding may cost.

Measured on two cores: a core is 2 to 4 s at work to compile the programs that draw, train and answer, and
0.35 s to trace them again and read them from the cache on disk. In that time, large products make 5e10
operations; so padding is paid back in later runs too, which compile nothing.
"""

_DROPOUT_FLOPS, _NORMALIZATION_FLOPS = 900, 250
"""What a hidden unit of a row takes besides the products, in operations: its random number, its statistics.

Measured: 6.6 and 1.8 ns, in which products make so many.
"""

_STEPS_AN_OCTAVE = 8
"""Shared widths are rounded up to so few, so that another search finds the program in the cache on disk."""

_MOST_AT_ONCE = 256


def can_be_widened(shape: NetworkShape) -> bool:
    """Return whether units of zeros change nothing about a network and its training but the rounding.

    Orthogonal weights of one width are no part of those of another one. And where a gradient is nothing but
    rounding, Adam makes whole steps of it, and what rounds otherwise becomes another network: that is so of
    the biases of maxout before batch normalisation, and before the layer normalisation of two units.

    Example:
        >>> [can_be_widened(MLPShape(4, 3, initialization=name)) for name in ("he_normal", "orthogonal")]
        [True, False]
    """
    if not isinstance(shape, MLPShape) or not shape.hidden or shape.initialization == "orthogonal":
        return False
    if shape.normalization == "layer":
        return min(shape.hidden) > _TWO
    return shape.normalization is None or shape.activation != "maxout"


def needs_telling(shape: MLPShape) -> bool:
    """Return whether the layers of a wider network are to be told how many of their units are their own.

    Example:
        >>> [needs_telling(MLPShape(4, 3, activation=name)) for name in ("relu", "sigmoid")]
        [False, True]
    """
    return shape.dropout or shape.normalization == "layer" or shape.activation not in _ZERO_AT_ZERO


def unit_flops(shape: MLPShape) -> float:
    """Return the operations that a hidden unit of a row takes in training, besides the products."""
    return _DROPOUT_FLOPS * shape.dropout + _NORMALIZATION_FLOPS * (shape.normalization is not None)


class _Group(NamedTuple):
    """Widths that share a program: which, the largest of each layer, and the rows that are visited."""

    which: list[Widths]
    largest: Widths
    rows: int

    @property
    def trained(self) -> Widths:
        """The widths of the program: those of a network that is alone, else rounded up."""
        return self.largest if len(self.which) == 1 else tuple(map(int, _rounded(np.array(self.largest))))


def choose_widths(
    rows: Mapping[Widths, int],
    inputs: int,
    outputs: int,
    *,
    a_unit: float = 0.0,
    compile_flops: float = _COMPILE_FLOPS,
) -> dict[Widths, Widths]:
    """Return the widths of the program for each of some widths that are all of one depth.

    The two groups whose union saves most are put together, until no union saves anything: greedy, and so not
    the best there is, but never more work than a program for each.

    Args:
        rows: for each network's widths the rows that all of its trainings visit, over all epochs.
        inputs: numbers in a row.
        outputs: numbers in an answer.
        a_unit: operations that a hidden unit of a row takes besides the products (`unit_flops`).
        compile_flops: the operations that another program is worth.

    Returns:
        For each of the widths that share a program those of the program; who is alone is left out.

    Example:
        >>> choose_widths({(20,): 10**6, (30,): 10**6, (4000,): 10**6}, 10, 2)
        {(20,): (30,), (30,): (30,)}
    """
    groups: list[_Group] = []
    alone = [_Group([widths], widths, rows[widths]) for widths in sorted(rows)]
    for first in range(0, len(alone), _MOST_AT_ONCE):  # few at a time: the work grows with the cube
        some = groups + alone[first : first + _MOST_AT_ONCE]
        groups = _put_together(some, partial(_flops, inputs, outputs, a_unit), compile_flops)
    return {widths: group.trained for group in groups if len(group.which) > 1 for widths in group.which}


def holding(
    widths: Widths,
    programs: Collection[Widths],
    rows: int,
    inputs: int,
    outputs: int,
    *,
    a_unit: float = 0.0,
    compile_flops: float = _COMPILE_FLOPS,
) -> Widths | None:
    """Return the cheapest of some programs that has room for a network nobody has planned for.

    Args:
        widths: of its hidden layers.
        programs: the widths of those that there are.
        rows: that its trainings visit, over all epochs.
        inputs: numbers in a row.
        outputs: numbers in an answer.
        a_unit: operations that a hidden unit of a row takes besides the products (`unit_flops`).
        compile_flops: the operations that another program is worth.

    Returns:
        The widths of the program; None where none has room, or a program of its own is less work.

    Example:
        >>> holding((20,), [(16,), (24,), (32,)], 10**6, 10, 2), holding((20,), [(9000,)], 10**6, 10, 2)
        ((24,), None)
    """
    work = partial(_flops, inputs, outputs, a_unit)
    able = [each for each in programs if all(a <= b for a, b in zip(widths, each, strict=True))]
    more = [(float(work(np.array(each)) - work(np.array(widths))) * rows, each) for each in able]
    cost, best = min(more, default=(np.inf, None))
    return best if cost < compile_flops else None


def _put_together(
    groups: Sequence[_Group], work: Callable[[np.ndarray], np.ndarray], compile_flops: float
) -> list[_Group]:
    """Unite groups as long as that saves anything; `work` is that of a row, by the widths of layers."""
    found: list[_Group | None] = list(groups)
    largest = np.array([group.largest for group in groups])
    visited = np.array([group.rows for group in groups], float)
    costs = np.array([work(np.array(group.trained)) * group.rows for group in groups])

    def savings(place: int) -> Float[np.ndarray, " groups"]:
        """Return what uniting a group with each of the others saves."""
        united = _rounded(np.maximum(largest, largest[place]))
        spent = work(united) * (visited + visited[place])
        saved = compile_flops + costs + costs[place] - spent
        gone = [other == place or group is None for other, group in enumerate(found)]
        return np.where(gone, -np.inf, saved)

    saved = np.stack([savings(place) for place in range(len(found))])
    while saved.max() > 0:
        place, other = sorted(map(int, np.unravel_index(np.argmax(saved), saved.shape)))
        one, two = found[place], found[other]
        assert one is not None
        assert two is not None
        largest[place] = np.maximum(largest[place], largest[other])
        union = _Group(one.which + two.which, tuple(map(int, largest[place])), one.rows + two.rows)
        found[place], found[other] = union, None
        visited[place] = union.rows
        costs[place] = work(np.array(union.trained)) * union.rows
        saved[place] = saved[:, place] = savings(place)
        saved[other] = saved[:, other] = -np.inf
    return [group for group in found if group is not None]


def _rounded(widths: Int[np.ndarray, "*layers"]) -> Int[np.ndarray, "*layers"]:
    """Return widths rounded up to eight an octave, those up to 16 as they are.

    Example:
        >>> _rounded(np.array([7, 17, 100, 250])).tolist()
        [7, 18, 104, 256]
    """
    _, bits = np.frexp(np.maximum(widths - 1, 1))
    step = np.maximum(1, (1 << (bits - 1)) // _STEPS_AN_OCTAVE)
    return -(-widths // step) * step


def _flops(
    inputs: int, outputs: int, a_unit: float, widths: Int[np.ndarray, "*groups layers"]
) -> Float[np.ndarray, "*groups"]:
    """Return the operations of a row in training: 2 a weight, for the answer and for both gradients."""
    ends = [np.full((*widths.shape[:-1], 1), end) for end in (inputs, outputs)]
    layers = np.moveaxis(np.concatenate([ends[0], widths, ends[1]], axis=-1), -1, 0)
    products = sum((before * after for before, after in pairwise(layers)), np.zeros(widths.shape[:-1]))
    return 6.0 * products + a_unit * widths.sum(axis=-1)
