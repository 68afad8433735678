"""Gradients that vanish on their way to the first layer, or explode before the first step."""

import numpy as np

from gorae.evidence.diagnosis.seen import Curves
from gorae.evidence.diagnosis.verdict import Look, Verdict

__all__ = ["explodes", "judge_gradients"]

VANISHED = 1e-3
"""Gradient a parameter of the first layer against the output layer. He et al. 2015 and Glorot and Bengio
2010 initialise so that it is about 1 in any depth; each sigmoid layer takes a factor of 4 or more."""

EXPLODED = 10.0
"""Gradient a parameter before the first step, in losses of order 1 and inputs of deviation 1: healthy ones
are 0.001 to 0.3. Pascanu et al. 2013 clip whole gradients, of all parameters, at 1 to 45."""

LEARNED_ALL_THE_SAME = 0.25
"""A network whose training loss fell to this share of an uninformed one has no ill gradients, however they
look: Adam divides their size out."""

NOT_LEARNED = 0.5
"""Above this share of the uninformed loss, large gradients before the first step have done harm."""

FEWEST_LAYERS = 3
"""With fewer layers there is no way on which a gradient could vanish."""

FEWEST_EPOCHS = 3
"""A single batch has a gradient by chance; the median of three has not."""

_NOTHING = 1e-12


def judge_gradients(curves: Curves) -> Look:
    """Look for gradients that vanish in depth, or explode.

    Layers of different sizes are compared by the root mean square of their parameters' gradients: the norm
    over the root of the number of parameters. *Vanishing*: the first layer's is below 1/1000 of the output
    layer's, in the median over epochs and over members. *Exploding*: a layer's is above 10 before the first
    step. Neither is said of a network that learned its rows all the same.

    Args:
        curves: How the members were trained.

    Returns:
        What was seen.

    Example:
        >>> norms = np.tile([1e-6, 1e-3, 1.0], (5, 1))
        >>> deep = Curves((np.full(5, 0.7),), (norms,), ("hidden 1", "hidden 2", "output"), (9, 9, 9), (5,),
        ...               0.7, 1e-3, 32, 100)
        >>> judge_gradients(deep).verdicts[0].figure
        1e-06

    References:
        Hochreiter (1991); Bengio, Simard, Frasconi (1994), "Learning long-term dependencies ...".
        Pascanu, Mikolov, Bengio (2013), "On the difficulty of training recurrent neural networks".
    """
    epochs = max((len(norms) for norms in curves.norms), default=0)
    layers = f"{len(curves.layers)} layers" if len(curves.layers) > 1 else "the one layer"
    at = f"the gradients of {layers} over {epochs} epochs"
    if explodes(curves):
        return Look(at, (_exploding(curves),))
    if len(curves.layers) < FEWEST_LAYERS:
        return Look(at)
    ratio = _ratio(curves)
    if ratio is None:
        return Look(missing=f"vanishing gradients: fewer than {FEWEST_EPOCHS} epochs have any gradient")
    learned = curves.learned
    if ratio >= VANISHED or (learned is not None and learned < LEARNED_ALL_THE_SAME):
        return Look(at)
    return Look(at, (_vanishing(curves, ratio),))


def explodes(curves: Curves) -> bool:
    """Return whether gradients were huge before the first step, and nothing was learned from there."""
    learned = curves.learned
    failed = curves.diverged > 0 or (learned is not None and learned > NOT_LEARNED)
    return failed and _at_start(curves)[1] > EXPLODED


def _per_parameter(curves: Curves) -> list[np.ndarray]:
    """Return the root mean square of the parameters' gradients, `(epochs, layers)` for each member."""
    root = np.sqrt(np.asarray(curves.sizes, np.float64))
    return [np.asarray(norms, np.float64) / root for norms in curves.norms]


def _at_start(curves: Curves) -> tuple[int, float]:
    """Return the layer with the largest gradient a parameter before the first step, and that gradient."""
    starts = [sizes[0] for sizes in _per_parameter(curves) if len(sizes)]
    if not starts:
        return 0, 0.0
    # An overflow at the start is as large as it gets; a layer without a number says nothing.
    median = np.median([np.nan_to_num(start, nan=0.0, posinf=1e38) for start in starts], axis=0)
    return int(np.argmax(median)), float(median.max())


def _ratio(curves: Curves) -> float | None:
    """Return the first layer's gradient a parameter over the last one's: the median of epochs and members."""
    medians = []
    for sizes in _per_parameter(curves):
        usable = np.isfinite(sizes).all(axis=1) & (sizes[:, -1] > _NOTHING)
        if usable.sum() >= FEWEST_EPOCHS:
            medians.append(float(np.median(sizes[usable, 0] / sizes[usable, -1])))
    return float(np.median(medians)) if medians else None


def _vanishing(curves: Curves, ratio: float) -> Verdict:
    """Return the verdict on gradients that do not reach the first layer."""
    return Verdict(
        "vanishing gradients",
        ratio,
        f"A parameter of {curves.layers[0]} gets {ratio:.2g} times the gradient of one of "
        f"{curves.layers[-1]} (median over epochs; below {VANISHED:g} the first of {len(curves.layers)} "
        "layers do not learn).",
        "use ReLU units (activation='relu'), fewer layers, or normalization='batch'.",
    )


def _exploding(curves: Curves) -> Verdict:
    """Return the verdict on gradients that are huge from the start."""
    layer, size = _at_start(curves)
    return Verdict(
        "exploding gradients",
        size,
        f"Before the first step a parameter of {curves.layers[layer]} has a gradient of {size:.2g} "
        f"(root mean square; above {EXPLODED:g} a step of any usual length leaps over what it aims at), and "
        "training did not recover.",
        "scale the inputs (scale='auto') and leave initialization=None; else normalization='batch'.",
    )
