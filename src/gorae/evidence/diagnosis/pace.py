"""The pace of training: steps too long or too short, from the curve of the training loss alone."""

import numpy as np

from gorae.evidence.diagnosis.seen import Curves
from gorae.evidence.diagnosis.verdict import Look, Verdict

__all__ = ["judge_pace"]

FEWEST_EPOCHS = 5
"""A curve of fewer points has no shape."""

WORSE_THAN_UNINFORMED = 1.25
"""Final training loss against that of an answer that ignores its row. Training that works ends below 1; the
quarter above is for random outputs that a step has not reached yet."""

THROWN = 20.0
"""Loss of an epoch in uninformed ones: untrained outputs have up to about 6, so that steps threw it up."""

NOT_RECOVERED = 0.5
"""What training may end at, in uninformed losses, after it was thrown, to call it recovered."""

RISE = 0.1
"""What counts as a rise of the training loss from one epoch to the next, in uninformed losses. With
workable rates an epoch's mean over all rows wanders by far less."""

RISING_EPOCHS = 0.25
"""Share of the epochs with such a rise from which on training jumps about instead of descending. A loss that
falls at random in half of the epochs rises in the other half."""

SMALL_BATCH = 8
"""Up to this many rows a step, jumping about is put down to the noise of the batches: it grows with the
learning rate over the batch size (Smith and Le 2018)."""

UNFINISHED = 0.5
"""A last loss above this share of the first one leaves most of the way to go."""

UNDIMINISHED = 0.5
"""Fall of the last third of the epochs against that of the first third. Descent at a rate that works slows
down (the curves of Smith 2017, section 3); at one far too low it is a straight line."""

STILL = 1e-3
"""A loss that varies by less than this share over all epochs has not been moved."""

FEW_STEPS = 100
"""Steps in all from which on slowness is not put down to too large batches."""


def judge_pace(curves: Curves, *, explained: bool = False) -> Look:
    """Look for a learning rate, or a batch, that is too high or too low.

    *Too high*: a member left the finite numbers; or the final training loss lies above 1.25 times that of an
    answer that ignores its row, and rose on its way; or an epoch had 20 times that loss, and training did not
    recover to half of it; or the loss rises, by a tenth of that uninformed loss, in a quarter of the epochs.
    The last with batches of at most 8 rows is told as *batch too small*: the noise of steps grows with the
    rate over the batch.

    *Too low*: most of the way is left, and the loss fell in the last third of the epochs at half the pace of
    the first third or more, steadily; or it has hardly moved at all. Where fewer than 100 steps were made and
    the loss moved, this is told as *batch too large*.

    Args:
        curves: How the members were trained.
        explained: Whether something else that was found explains that nothing is learned; a loss that does
            not move is then no sign of a low rate.

    Returns:
        What was seen; more than half of the members must show it.

    Example:
        >>> line = np.linspace(1.00, 0.99, 20)
        >>> slow = Curves((line,), (np.ones((20, 1)),), ("output",), (9,), (20,), 0.7, 1e-5, 8, 100)
        >>> judge_pace(slow).verdicts[0].illness
        'learning rate too low'

    References:
        Smith (2017), "Cyclical learning rates for training neural networks", section 3.3.
        Smith, Le (2018), "A Bayesian perspective on generalization and stochastic gradient descent".
    """
    epochs = max((len(loss) for loss in curves.losses), default=0)
    at = f"the training loss over {epochs} epochs"
    if curves.diverged:
        return Look(at, (_left(curves),))
    long = [loss for loss in curves.finite_losses if len(loss) >= FEWEST_EPOCHS]
    if not long:
        return Look(missing=f"the learning rate: {epochs} epochs are fewer than {FEWEST_EPOCHS}")
    found = _too_high(curves, long)
    if found is None and not explained:
        found = _too_low(curves)
    return Look(at, () if found is None else (found,))


def _left(curves: Curves) -> Verdict:
    """Return the verdict on members that diverged."""
    members = len(curves.losses)
    which = "The network" if members == 1 else f"{curves.diverged} of {members} members"
    return Verdict(
        "learning rate too high",
        curves.diverged / members,
        f"{which} left the finite numbers at a learning rate of {curves.learning_rate:g}; none should.",
        f"a learning rate of {curves.learning_rate / 10:.2g}.",
    )


def _too_high(curves: Curves, losses: list[np.ndarray]) -> Verdict | None:
    """Return the verdict on steps that are too long, if they are."""
    if curves.uninformed is None:
        return None
    shares = [loss / curves.uninformed for loss in losses]
    return _ends_above(curves, shares) or _was_thrown(curves, shares) or _jumps(curves, shares)


def _ends_above(curves: Curves, shares: list[np.ndarray]) -> Verdict | None:
    """Return the verdict on training that ends worse than an uninformed answer, after rises."""
    if curves.dropout > 0.5:  # silenced by so much, a network may well do worse than uninformed
        return None
    ends = _ends(shares)
    if np.mean((ends > WORSE_THAN_UNINFORMED) & (_rises(shares) > 0)) <= 0.5:
        return None
    figure = float(np.median(ends))
    told = (
        f"Training ends at {figure:.3g} times the loss of an answer that ignores its row (above "
        f"{WORSE_THAN_UNINFORMED:g} steps overshoot)"
    )
    return _high(curves, figure, told)


def _was_thrown(curves: Curves, shares: list[np.ndarray]) -> Verdict | None:
    """Return the verdict on training that was thrown far off and did not come back."""
    most, ends = np.array([share.max() for share in shares]), _ends(shares)
    if np.mean((most > THROWN) & (ends > NOT_RECOVERED)) <= 0.5:
        return None
    figure = float(np.median(most))
    told = (
        f"In an epoch the training loss was {figure:.3g} times that of an uninformed answer (above "
        f"{THROWN:g} steps threw it there), and it ended at {np.median(ends):.2g} times, not below "
        f"{NOT_RECOVERED:g}"
    )
    return _high(curves, figure, told)


def _jumps(curves: Curves, shares: list[np.ndarray]) -> Verdict | None:
    """Return the verdict on training that jumps about: the batch's doing where it is small."""
    rises = _rises(shares)
    if np.mean(rises >= RISING_EPOCHS) <= 0.5:
        return None
    figure = float(np.median(rises))
    told = (
        f"The training loss rises in {100 * figure:.0f} % of the epochs by more than {100 * RISE:.0f} % of "
        f"that of an uninformed answer (from {100 * RISING_EPOCHS:.0f} % on it jumps about)"
    )
    if curves.batch_size > SMALL_BATCH:
        return _high(curves, figure, told)
    told += f", with batches of {curves.batch_size}."
    return Verdict("batch too small", figure, told, f"batch_size={max(32, 8 * curves.batch_size)}.")


def _ends(shares: list[np.ndarray]) -> np.ndarray:
    """Return the mean of each member's last three epochs."""
    return np.array([share[-3:].mean() for share in shares])


def _rises(shares: list[np.ndarray]) -> np.ndarray:
    """Return the share of epochs in which each member's loss rose by a tenth of an uninformed one."""
    return np.array([np.mean(np.diff(share) > RISE) for share in shares])


def _high(curves: Curves, figure: float, told: str) -> Verdict:
    """Return the verdict on too high a rate."""
    return Verdict(
        "learning rate too high",
        figure,
        f"{told}, at a learning rate of {curves.learning_rate:g}.",
        f"a learning rate of {curves.learning_rate / 10:.2g}.",
    )


def _too_low(curves: Curves) -> Verdict | None:
    """Return the verdict on steps that are too short or too few, if they are."""
    slow, moved = [], []
    for loss, kept in zip(curves.losses, curves.kept, strict=True):
        # Early stopping that went back to an earlier epoch has seen the end of what there was to gain.
        whole = len(loss) >= FEWEST_EPOCHS and bool(np.isfinite(loss).all()) and kept >= len(loss) - 1
        slow.append(whole and loss[0] > 0 and (_straight(loss) or _still(loss)))
        moved.append(float(1 - loss[-1] / loss[0]) if whole and loss[0] > 0 else 0.0)
    if np.mean(slow) <= 0.5:
        return None
    figure = float(np.median(np.array(moved)[slow]))
    epochs = max(len(loss) for loss in curves.losses)
    steps = epochs * -(-curves.rows // curves.batch_size)
    fell = (
        f"The training loss fell by {100 * figure:.2g} %" if figure > 0 else "The training loss did not fall"
    )
    told = f"{fell} in {epochs} epochs, and no more slowly at their end than at their start"
    if figure > 0.01 and steps < FEW_STEPS:
        return Verdict(
            "batch too large",
            float(steps),
            f"{told}: batches of {curves.batch_size} rows made {steps} steps (fewer than {FEW_STEPS}).",
            f"batch_size={max(8, min(curves.batch_size, curves.rows) // 8)}.",
        )
    return Verdict(
        "learning rate too low",
        figure,
        f"{told} (a rate that works slows down below {UNDIMINISHED:g} of its first pace, or gets below "
        f"{100 * UNFINISHED:.0f} % of the first loss); the learning rate is {curves.learning_rate:g}.",
        f"a learning rate of {10 * curves.learning_rate:.2g}, or more epochs.",
    )


def _straight(loss: np.ndarray) -> bool:
    """Return whether a loss falls steadily, still has most of its way to go, and does not slow down."""
    third = len(loss) // 3
    first, last = loss[0] - loss[third], loss[-1 - third] - loss[-1]
    steady = bool(np.mean(np.diff(loss) < 0) >= 0.9)
    return steady and loss[-1] > UNFINISHED * loss[0] and last >= UNDIMINISHED * first > 0


def _still(loss: np.ndarray) -> bool:
    """Return whether a loss has not been moved."""
    return bool(np.ptp(loss) < STILL * loss[0])
