"""What a model does not know, as a report shows it: calibration, and how classes left out are told."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gorae.report.names import shortened
from gorae.report.pictures.dots import Dot, dot_figure
from gorae.report.words import count, measure, number, percent, value

_MOST_DOTS = 12
_KINDS = {
    "none": "They are left as they are: scaling them does not lower the log loss out of fold.",
    "temperature": "They are scaled by a temperature of {temperature}: the model was too {how}.",
    "mixture": "They are mixed of those stated, those at a temperature of {temperature}, and equal ones.",
    "vector": "They are scaled by a factor and a bias a class, learned out of fold.",
}
_CURVED = " The largest one then follows a curve: how often the answer was right, by how sure it was."


def unknowns(caution: Mapping[str, Any] | None) -> dict[str, Any] | None:
    r"""What the section on the unknown shows, or None where nothing was learned about it.

    Args:
        caution: scaling, temperature, curved (whether a curve follows), before and after (ece, brier,
            log_loss), detector, about, left_out (names of classes), areas (for each detector one area a class
            left out), interval (of the mean area), rows (that a judge has not seen).

    Returns:
        Values for the template; the picture is not marked as safe yet.

    Example:
        >>> found = unknowns({"scaling": "none", "detector": "energy", "about": "energy", "rows": 120})
        >>> found["least"], found["picture"] is None
        ('0.8\xa0%', True)
    """
    if not caution or not caution.get("detector"):
        return None
    areas = {str(name): np.asarray(each, float) for name, each in (caution.get("areas") or {}).items()}
    names = [shortened(name, 24) for name in caution.get("left_out") or ()]
    own = areas.get(str(caution["detector"]))
    rows = number(caution, "rows") or 0.0
    return {
        "scaled": _scaled(caution),
        "changes": _changes(caution),
        "detector": shortened(caution["detector"], 40),
        "about": shortened(caution.get("about"), 120),
        "least": percent(1 / (rows + 1)),
        "judged": count(int(rows)),
        "mean": None if own is None else value(float(own.mean())),
        "interval": " to ".join(value(float(end)) for end in caution.get("interval") or ()),
        "others": [
            {
                "name": shortened(name, 40),
                "mean": value(float(each.mean())),
                "least": value(float(each.min())),
            }
            for name, each in sorted(areas.items(), key=lambda pair: -float(pair[1].mean()))
        ],
        "picture": None if own is None or not names else _picture(names, own),
        "shown": min(len(names), _MOST_DOTS),
        "of": len(names),
    }


def _scaled(caution: Mapping[str, Any]) -> str:
    """What was done to the probabilities, in a sentence."""
    temperature = number(caution, "temperature")
    how = "sure of itself" if temperature is not None and temperature > 1 else "modest"
    kind, curved = str(caution.get("scaling")), bool(caution.get("curved"))
    if curved and kind == "none":
        return _CURVED.strip().replace(" then", "")
    told = _KINDS.get(kind, _KINDS["none"]).format(temperature=value(temperature), how=how)
    return told + _CURVED * curved


def _changes(caution: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The scores of the probabilities before and after, out of fold."""
    before, after = (caution.get(key) or {} for key in ("before", "after"))
    named = (("log_loss", "log loss"), ("brier", "Brier score"), ("ece", "expected calibration error"))
    return [
        (name, value(number(before, key)), value(number(after, key)))
        for key, name in named
        if number(before, key) is not None and number(after, key) is not None
    ]


def _picture(names: list[str], areas: np.ndarray) -> str:
    """How well each class is told when it was left out; the worst first, where there are many."""
    order = np.argsort(areas)[:_MOST_DOTS]
    dots = [Dot(names[i], float(areas[i])) for i in order]
    return dot_figure(dots, measure("roc_auc"), label="how well each class that was left out is told")
