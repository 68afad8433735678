"""Shuffles of rows in which no row keeps its own values, and no two rows meet twice."""

import numpy as np
from jaxtyping import Integer

__all__ = ["donors_of", "in_blocks"]


def donors_of(rows: int, repeats: int, generator: np.random.Generator) -> Integer[np.ndarray, "repeats rows"]:
    r"""Return for each repeat the row that each row takes its values from.

    The rows are put into a random order once, and repeat r shifts it by s_r places, the shifts all different:
    row :math:`o_p` takes from row :math:`o_{(p + s_r) \bmod n}`. So no row takes from itself, no pair of rows
    meets twice, every pair is equally likely, and with n - 1 repeats every pair has met: the mean over all of
    them is then what all permutations together would give.

    Args:
        rows: at least 2.
        repeats: shuffles that are wanted; there are at most rows - 1.
        generator: of random numbers.

    Example:
        >>> donors_of(3, 10, np.random.default_rng(0)).shape
        (2, 3)
    """
    order = generator.permutation(rows)
    shifts = generator.choice(np.arange(1, rows), size=min(repeats, rows - 1), replace=False)
    donors = np.empty((len(shifts), rows), np.int64)
    for repeat, shift in enumerate(shifts):
        donors[repeat, order] = np.roll(order, -int(shift))
    return donors


def in_blocks(total: int, most: int) -> list[range]:
    """Return the numbers from 0 to total - 1 in blocks of at most so many.

    Example:
        >>> in_blocks(5, 2)
        [range(0, 2), range(2, 4), range(4, 5)]
    """
    step = max(1, most)
    return [range(start, min(start + step, total)) for start in range(0, total, step)]
