"""Units that pass no gradient: dead ones, whose function is flat on one side, and saturated ones.

Letters of shapes: ``rows``; ``units``.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float

from gorae.evidence.diagnosis.seen import HiddenLayer
from gorae.evidence.diagnosis.verdict import Look, Verdict

__all__ = ["flat_shares", "judge_units"]

FLAT = 0.05
"""A slope below this share of the steepest passes next to nothing (tanh: beyond 0.975; Glorot and Bengio
2010, section 3, call units there saturated)."""

SATURATED_ROWS = 0.9
"""Share of the rows in which a unit is flat, to call it saturated: what is left is a rare feature."""

ILL_UNITS = 0.5
"""Share of a layer's units. He-initialised ReLU layers lose some units in healthy training; that most die
is what Lu et al. 2019 ("Dying ReLU and initialization") describe."""

FEWEST_UNITS = 4
"""In a narrower layer only the loss of all units counts: half of two units is one."""

FEWEST_ROWS = 50
"""With fewer rows, a unit that answers to few of them seems dead."""

_SELU_SLOPE, _SELU_BOUND = 1.0507, 1.7581
_GELU_NOTHING = 1e-3

_SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda a: np.where(a > 0, 1.0, 0.0),
    "elu": lambda a: np.where(a > 0, 1.0, 1.0 + a),
    "selu": lambda a: np.where(a > 0, 1.0, (a + _SELU_BOUND) / _SELU_SLOPE),
    "softplus": lambda a: -np.expm1(-a),
    "gelu": lambda a: np.where(np.abs(a) > _GELU_NOTHING, 1.0, 0.0),
    "sigmoid": lambda a: 4.0 * a * (1.0 - a),
    "tanh": lambda a: 1.0 - a * a,
}
"""The slope of an activation, as a share of its steepest, from what it ANSWERS.

GELU's slope does not follow from its answer; one of nothing is in its flat part, but for a hair around 0.
"""

_TWO_SIDED = ("sigmoid", "tanh")


def flat_shares(activation: str, values: Float[np.ndarray, "rows units"]) -> Float[np.ndarray, " units"]:
    """Return the share of rows in which each unit's function is flat, so that it passes no gradient.

    A slope f'(x) / max f' below 0.05 is flat. It is found from the answer a = f(x) alone: 4 a (1 - a) for the
    sigmoid, 1 - a^2 for tanh, 0 where a ReLU answers 0.

    Args:
        activation: One of relu, elu, selu, softplus, gelu, sigmoid, tanh.
        values: What the units answered.

    Returns:
        One share a unit, 0 to 1.

    Example:
        >>> flat_shares("tanh", np.array([[0.99, 0.1], [0.5, -0.2]])).tolist()
        [0.5, 0.0]
    """
    return _flat(activation, np.asarray(values, np.float64)).mean(axis=0)


def _flat(activation: str, values: np.ndarray) -> Bool[np.ndarray, "rows units"]:
    """Return where units are flat."""
    return _SLOPES[activation](values) < FLAT


def judge_units(hidden: Sequence[HiddenLayer]) -> Look:
    """Look for layers most of whose units are dead or saturated.

    A one-sided unit (relu, elu, selu, softplus, gelu) is dead when it is flat in every row: no gradient
    reaches its weights any more. A two-sided one (sigmoid, tanh) is saturated when it is flat in 90 % of the
    rows. The layer with the largest share of such units is told.

    Args:
        hidden: The hidden layers; those of other activations have no flat part and are left out.

    Returns:
        What was seen.

    Example:
        >>> layer = HiddenLayer("hidden 1", "relu", np.zeros((100, 8)))
        >>> judge_units([layer]).verdicts[0].illness
        'dead units'

    References:
        Glorot, Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks".
        Lu, Shin, Su, Karniadakis (2019), "Dying ReLU and initialization: theory and numerical examples".
    """
    known = [layer for layer in hidden if layer.activation in _SLOPES]
    if not known:
        return Look()
    rows = len(known[0].values)
    if rows < FEWEST_ROWS:
        return Look(missing=f"dead and saturated units: {rows} rows are fewer than {FEWEST_ROWS}")
    shares = [_ill_share(layer) for layer in known]
    worst = int(np.argmax(shares))
    units = sum(layer.values.shape[1] for layer in known)
    at = f"{units} hidden units in {rows} rows"
    if shares[worst] < ILL_UNITS:
        return Look(at)
    return Look(at, (_verdict(known[worst], shares[worst], rows),))


def _ill_share(layer: HiddenLayer) -> float:
    """Return the share of a layer's units that are dead or saturated; 0 in a narrow layer unless all are."""
    least = SATURATED_ROWS if layer.activation in _TWO_SIDED else 1.0
    share = float(np.mean(flat_shares(layer.activation, layer.values) >= least))
    return share if layer.values.shape[1] >= FEWEST_UNITS or share == 1.0 else 0.0


def _verdict(layer: HiddenLayer, share: float, rows: int) -> Verdict:
    """Return the verdict on the worst layer."""
    percent, units = f"{100 * share:.0f} %", layer.values.shape[1]
    if layer.activation in _TWO_SIDED:
        return Verdict(
            "saturated units",
            share,
            f"{percent} of the {units} units of {layer.name} ({layer.activation}) sit at a bound, with less "
            f"than {100 * FLAT:.0f} % of the steepest slope, in {100 * SATURATED_ROWS:.0f} % of {rows} rows "
            f"or more; from {100 * ILL_UNITS:.0f} % on, little gradient gets through.",
            "scale the inputs and lower the learning rate; or use ReLU units, or normalization='batch'.",
        )
    return Verdict(
        "dead units",
        share,
        f"{percent} of the {units} units of {layer.name} ({layer.activation}) are flat in every one of "
        f"{rows} rows, so that no gradient reaches them; from {100 * ILL_UNITS:.0f} % on, a layer is ill.",
        "lower the learning rate; if they die all the same, use activation='leaky_relu'.",
    )
