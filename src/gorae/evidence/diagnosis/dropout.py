"""Dropout that silences more than the network can spare."""

import numpy as np

from gorae.evidence.diagnosis.seen import Curves
from gorae.evidence.diagnosis.verdict import Look, Verdict

__all__ = ["judge_dropout"]

RECOMMENDED = 0.5
"""The most that is recommended for hidden units (Srivastava et al. 2014, appendix A.4: keep 0.5 to 0.8)."""

STUCK = 0.5
"""Training loss, with units silenced, in uninformed losses: above, training has gone less than half way."""

OWN_SHARE = 0.2
"""How much of an uninformed loss the silencing must account for, to be the reason."""

FEWEST_EPOCHS = 5
"""Before, training may just not have come far."""


def judge_dropout(curves: Curves) -> Look:
    """Look for a dropout that keeps a network from learning.

    The same parameters have two losses on the training rows: as steps met them, with units silenced, and with
    all units. That the first stays above half of an uninformed loss, and above the second by a fifth of it,
    says that it is the silencing that keeps it there. It is said of rates above 0.5 only: below, a loss that
    stays high is as likely the noise of the targets.

    Args:
        curves: How the members were trained, `undropped` among it.

    Returns:
        What was seen.

    Example:
        >>> drowned = Curves((np.full(9, 0.65),), (np.ones((9, 1)),), ("output",), (9,), (9,), 0.69,
        ...                  1e-3, 8, 99, dropout=0.9, undropped=(0.3,))
        >>> judge_dropout(drowned).verdicts[0].illness
        'too much dropout'

    References:
        Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting".
    """
    if curves.dropout <= 0 or curves.undropped is None or curves.uninformed is None:
        return Look()
    at = f"the training loss with and without a dropout of {curves.dropout:g}"
    if min(len(loss) for loss in curves.losses) < FEWEST_EPOCHS:
        return Look(missing=f"dropout: fewer than {FEWEST_EPOCHS} epochs")
    silenced = [_around(loss, kept) for loss, kept in zip(curves.losses, curves.kept, strict=True)]
    with_it, without = (float(np.median(part)) / curves.uninformed for part in (silenced, curves.undropped))
    if curves.dropout <= RECOMMENDED or not (with_it > STUCK and with_it - without > OWN_SHARE):
        return Look(at)
    return Look(at, (_verdict(curves, with_it, without),))


def _around(loss: np.ndarray, kept: int) -> float:
    """Return the mean loss of the epoch that was kept and the two before it."""
    return float(np.mean(loss[max(kept - 3, 0) : max(kept, 1)]))


def _verdict(curves: Curves, with_it: float, without: float) -> Verdict:
    """Return the verdict on too much dropout."""
    return Verdict(
        "too much dropout",
        with_it - without,
        f"With a dropout of {curves.dropout:g} the training loss stays at {with_it:.2g} times that of an "
        f"uninformed answer, and the same network with no unit silenced is at {without:.2g}; a difference "
        f"above {OWN_SHARE:g}, with the first above {STUCK:g}, is the dropout's own doing.",
        "dropout=0.2, or wider hidden layers.",
    )
