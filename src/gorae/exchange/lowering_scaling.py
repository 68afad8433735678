"""Calibrated probabilities as operations of another library."""

from typing import Any

import numpy as np

from gorae.evidence import Scaling
from gorae.evidence.certainty import AHEAD, LEAST, SUREST
from gorae.evidence.scaling import SMALLEST
from gorae.exchange.emitter import Emitter


def lower_scaling(graph: Emitter, scaling: Scaling, slot: Any) -> Any:
    """Write what `Scaling.probabilities` does of the logarithms of stated probabilities into a graph.

    Args:
        graph: of the other library.
        scaling: what was learned out of fold.
        slot: stated probabilities, (rows, classes).

    Returns:
        The slot of calibrated ones, float32.
    """

    def number(value: float) -> Any:
        return graph.array(np.float64(value))

    stated = graph.combine("maximum", graph.as_type(slot, "float64"), number(SMALLEST))
    logs = graph.logarithm(stated)
    scaled = graph.combine("multiply", logs, graph.array(np.asarray(scaling.weight, np.float64)))
    found = graph.softmax(
        graph.combine("add", scaled, graph.array(np.asarray(scaling.bias, np.float64))), axis=1
    )
    if scaling.is_mixed:
        parts = (
            graph.combine("multiply", found, number(scaling.shares[0])),
            graph.combine("multiply", graph.softmax(logs, axis=1), number(scaling.shares[1])),
        )
        equal = number(scaling.shares[2] / len(scaling.weight))
        found = graph.combine("add", graph.combine("add", *parts), equal)
    if scaling.is_curved:
        found = _curved(graph, scaling, found)
    return graph.as_type(found, "float32")


def _curved(graph: Emitter, scaling: Scaling, shares: Any) -> Any:
    """Write `with_certainty` into a graph."""
    a, b, c = (graph.array(np.float64(part)) for part in scaling.curve)
    one, least, most = (graph.array(np.float64(part)) for part in (1, 1 - SUREST, SUREST))
    classes = len(scaling.weight)
    shares = graph.combine("maximum", shares, graph.array(np.float64(LEAST)))
    largest = graph.reduce("max", shares, (1,), keep=True)
    ordered = graph.sorted(shares, classes)
    second = graph.cut(ordered, (classes - 2,), (classes - 1,), (1,))
    rest = graph.reduce("sum", graph.cut(ordered, (0,), (classes - 1,), (1,)), (1,), keep=True)
    sure = graph.combine("minimum", graph.combine("maximum", largest, least), most)
    rises = graph.combine("multiply", a, graph.logarithm(sure))
    falls = graph.combine("multiply", b, graph.logarithm(graph.combine("subtract", one, sure)))
    odds = graph.combine("add", graph.combine("subtract", rises, falls), c)
    beside = graph.combine("divide", second, graph.combine("add", rest, second))
    bound = graph.combine("multiply", beside, graph.array(np.float64(AHEAD)))
    wanted = graph.combine("maximum", graph.activation(odds, "Sigmoid", ()), bound)
    others = graph.combine("divide", graph.combine("subtract", one, wanted), rest)
    below = graph.as_type(graph.less(shares, largest), "float64")
    top = graph.combine("multiply", graph.combine("subtract", one, below), wanted)
    found = graph.combine(
        "add", top, graph.combine("multiply", graph.combine("multiply", below, shares), others)
    )
    return graph.combine("divide", found, graph.reduce("sum", found, (1,), keep=True))
