"""What a member left behind: its records an epoch, and what became of it."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from gorae.train.member import RECORD, MemberState


class History(NamedTuple):
    """A member's records: one entry an epoch; NaN where nothing was measured.

    `train_loss` is the weighted mean of the rows' losses, each as its step met it. `gradient_norms` has a
    column a layer: the norm, in the epoch's first batch, of the loss's gradient with respect to the layer's
    parameters (penalties not counted).
    """

    train_loss: Float[np.ndarray, " epochs"]
    validation_loss: Float[np.ndarray, " epochs"]
    validation_score: Float[np.ndarray, " epochs"]
    gradient_norms: Float[np.ndarray, "epochs layers"]


class MemberResult(NamedTuple):
    """A trained member; its arrays are its own and may be written to.

    Args:
        parameters: the kept parameters: the best epoch's with early stopping, else the last; of a member that
            diverged those that it was put back to.
        buffers: the arrays no gradient reaches (running statistics), of the same epoch.
        history: its records.
        best_epoch: the epoch (from 1) that the parameters are of; 0 when they are as they were drawn.
        epochs: how many epochs it trained, those of an earlier fit that it went on from included.
        steps: how many steps it made.
        diverged_step: the step (from 0) at which it left the finite numbers, or -1.
        state: where training stands, to go on from; None unless it was asked to be kept.
        stopped: whether training it further would change nothing; not so of one that paused or was cut short.
    """

    parameters: Any
    buffers: Any
    history: History
    best_epoch: int
    epochs: int
    steps: int
    diverged_step: int
    state: Any = None
    stopped: bool = True

    @property
    def diverged(self) -> bool:
        """Whether the member was frozen at its last finite parameters."""
        return self.diverged_step >= 0


def as_history(records: np.ndarray) -> History:
    """Return the records of the program, one row an epoch, as a history."""
    named = len(RECORD)
    return History(records[:, 0], records[:, 1], records[:, 2], records[:, named:])


def as_result(
    state: MemberState, records: np.ndarray, *, early_stopping: bool, keep_state: bool
) -> MemberResult:
    """Return what a member in this state has become.

    Args:
        state: on the host, in arrays that belong to this member alone.
        records: one row an epoch.
        early_stopping: whether the best epoch counts and not the last.
        keep_state: whether the state goes along.
    """
    diverged_step = int(state.diverged_step)
    put_back = early_stopping or diverged_step >= 0
    return MemberResult(
        parameters=state.best_parameters if early_stopping else state.parameters,
        buffers=state.best_buffers if early_stopping else state.buffers,
        history=as_history(records),
        best_epoch=int(state.best_epoch if put_back else state.epoch),
        epochs=int(state.epoch),
        steps=int(state.step),
        diverged_step=diverged_step,
        state=state if keep_state else None,
        stopped=bool(state.stopped),
    )
