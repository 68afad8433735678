"""What a diagnosis is made from: arrays that a fit left behind, whatever it was made with.

Letters of shapes: ``epochs``; ``layers`` in the order of the data; ``rows``; ``units`` of a layer;
``classes``.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from gorae.evidence.gap import Gap
from gorae.evidence.intervals import Interval

__all__ = ["ClassAnswers", "Curves", "Examined", "HiddenLayer", "Scores"]


@dataclass(frozen=True)
class Curves:
    """How the members of a network were trained.

    Attributes:
        losses: Training loss of each member, one value an epoch, each row's as its step met it.
        norms: Norm of the gradient of each member's layers in the first batch of an epoch; the first row was
            measured before any step.
        layers: Names of the layers, first one first.
        sizes: Parameters of each layer.
        kept: The epoch (from 1) whose parameters each member kept; its last one without early stopping.
        uninformed: Loss of an answer that does not look at its row, an upper bound of it: ln(classes) for
            the cross-entropy, 1/2 for half the squared error of standardised targets. None where unknown.
        learning_rate: Length of a step.
        batch_size: Rows a step.
        rows: Rows an epoch.
        dropout: Probability that a hidden unit is silenced in a step.
        undropped: Mean loss of each member's kept parameters on the training rows with no unit silenced, or
            None where it was not measured.
        diverged: Members that left the finite numbers.
        early_stopping: Whether training stopped when rows set aside got no better.
    """

    losses: tuple[Float[np.ndarray, " epochs"], ...]
    norms: tuple[Float[np.ndarray, "epochs layers"], ...]
    layers: tuple[str, ...]
    sizes: tuple[int, ...]
    kept: tuple[int, ...]
    uninformed: float | None
    learning_rate: float
    batch_size: int
    rows: int
    dropout: float = 0.0
    undropped: tuple[float, ...] | None = None
    diverged: int = 0
    early_stopping: bool = False

    @property
    def finite_losses(self) -> list[Float[np.ndarray, " epochs"]]:
        """The losses of each member up to the first that is not finite; members without any left out."""
        cut = [loss[: int(np.argmin([*np.isfinite(loss), False]))] for loss in self.losses]
        return [loss for loss in cut if len(loss)]

    @property
    def final_loss(self) -> float | None:
        """The median over members of the mean loss of the last (up to) three finite epochs."""
        losses = self.finite_losses
        return float(np.median([loss[-3:].mean() for loss in losses])) if losses else None

    @property
    def learned(self) -> float | None:
        """The final loss as a share of the uninformed one: 1 has learned nothing, 0 everything."""
        final = self.final_loss
        return None if final is None or self.uninformed is None else final / self.uninformed


@dataclass(frozen=True)
class HiddenLayer:
    """What the units of a hidden layer answer.

    Attributes:
        name: Of the layer.
        activation: Name of its function, as in `gorae.nn.ACTIVATION_NAMES`.
        values: The answers for a sample of training rows, no unit silenced.
    """

    name: str
    activation: str
    values: Float[np.ndarray, "rows units"]


@dataclass(frozen=True)
class Scores:
    """How well a model answers for rows it learned from, and for others.

    Attributes:
        metric: One of `gorae.evidence.METRICS`.
        where: Which the other rows are, in words: "200 validation rows".
        gap: Training against validation with its verdict, or None where training scores say nothing.
        chance: Score of always answering the same on those other rows.
        validation: Score on them with its interval.
        rival: The best other model on them with its interval, or None where none was tried.
        rival_name: What it is called.
        no_gap: Why there is no gap, as a diagnosis tells it, or "".
    """

    metric: str
    where: str
    gap: Gap | None
    chance: float
    validation: Interval
    rival: Interval | None = None
    rival_name: str = "another model"
    no_gap: str = ""


@dataclass(frozen=True)
class ClassAnswers:
    """What a classifier answers for rows it did not learn from, class by class.

    Attributes:
        labels: The classes, as texts.
        learned: Rows of each class that it learned from.
        counts: Other rows, actual class by predicted class.
        weighted: Whether classes were weighed against their imbalance.
    """

    labels: tuple[str, ...]
    learned: Int[np.ndarray, " classes"]
    counts: Int[np.ndarray, "classes classes"]
    weighted: bool = False


@dataclass(frozen=True)
class Examined:
    """All that is known of a fit; what is None or empty was not measured, and nothing is said of it.

    Attributes:
        curves: Training, of a network.
        hidden: Hidden layers of its first member.
        scores: Training and other rows compared.
        classes: Answers class by class.
        missing: What could not be measured and why, in words.
    """

    curves: Curves | None = None
    hidden: tuple[HiddenLayer, ...] = ()
    scores: Scores | None = None
    classes: ClassAnswers | None = None
    missing: tuple[str, ...] = ()
