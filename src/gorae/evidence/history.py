"""Curves of many members as one curve with a band.

Letters of shapes: ``members``; ``epochs`` of the longest curve.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from gorae.errors import InputError
from gorae.evidence.checks import check_level

__all__ = ["Band", "band"]


@dataclass(frozen=True)
class Band:
    """The mean curve of members and the band most of them lie in.

    Attributes:
        mean: (epochs,) mean over members.
        low: (epochs,) lower edge of the band.
        high: (epochs,) upper edge of it.
        running: (epochs,) members that were still training.
    """

    mean: Float[np.ndarray, " epochs"]
    low: Float[np.ndarray, " epochs"]
    high: Float[np.ndarray, " epochs"]
    running: Int[np.ndarray, " epochs"]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of lists."""
        return {name: value.tolist() for name, value in vars(self).items()}


def band(curves: Any, level: float = 0.9) -> Band:
    """Return mean and band of curves that may end at different epochs.

    A member that stopped keeps its last value in the epochs after it. Left out instead, it would bend the
    mean: who stops early is no random choice of members. The band runs between the quantiles (1 - level) / 2
    and (1 + level) / 2 of the members at each epoch; it shows how much members differ, not how well their
    mean is known.

    Args:
        curves: One curve a member, a value an epoch; or an array (members, epochs) padded with NaN. A curve
            ends before its first NaN or infinity.
        level: Share of the members inside the band.

    Returns:
        The band, as long as the longest curve.

    Raises:
        InputError: If there is no curve or one has no finite first value.
        ParameterError: If the level is not between 0 and 1.

    Example:
        >>> found = band([[1.0, 3.0], [3.0]])
        >>> found.mean.tolist(), found.running.tolist()
        ([2.0, 3.0], [2, 1])
    """
    check_level(level)
    if not len(curves):
        raise InputError("At least one curve is needed for a band, but there is none.")
    cut = [_finite_part(curve, member) for member, curve in enumerate(curves)]
    lengths = np.array([len(curve) for curve in cut])
    held = np.array([np.pad(curve, (0, lengths.max() - len(curve)), mode="edge") for curve in cut])
    low, high = np.quantile(held, [(1 - level) / 2, (1 + level) / 2], axis=0)
    running = (lengths[:, None] > np.arange(lengths.max())).sum(axis=0)
    return Band(held.mean(axis=0), low, high, running)


def _finite_part(curve: Any, member: int) -> np.ndarray:
    values = np.asarray(curve, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(
            f"A curve must have one axis of epochs, but that of member {member} has {values.ndim}."
        )
    broken = np.flatnonzero(~np.isfinite(values))
    values = values[: broken[0]] if len(broken) else values
    if not len(values):
        raise InputError(f"A curve must begin with a finite value, but that of member {member} does not.")
    return values
