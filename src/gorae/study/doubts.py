"""How much of an ensemble's doubt more data could settle, for the report."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gorae.evidence import Doubt
from gorae.evidence import doubt as doubt_of
from gorae.study.findings import shown_row
from gorae.study.prepare import Prepared
from gorae.trust import Calibration, Gathered

_SHOWN = 6


def doubt_finding(
    found: Gathered, calibration: Calibration, labels: Sequence[str], groups: np.ndarray | None
) -> dict[str, Any] | None:
    """Return the doubt of the networks about rows that they had not seen; None where there is only one.

    Args:
        found: what was gathered.
        calibration: how the model's probabilities, and so the networks', are scaled.
        labels: what the classes are called.
        groups: the group of each row, or None.
    """
    if len(found.answers.members) < 2:
        return None
    members = np.stack([calibration.probabilities(one) for one in found.answers.members])
    told = doubt_of(members, found.codes, units=groups)
    said = members.mean(axis=0).argmax(axis=1)
    return {
        "members": len(members),
        **{name: getattr(told, name).tolist() for name in ("total", "epistemic", "aleatoric")},
        "log_loss": told.log_loss,
        "share": told.share,
        "sentence": told.sentence,
        "classes": [str(labels[code]) for code in range(len(found.classes))],
        "by_class": told.by_class.tolist(),
        "rows": [
            {
                "row": int(row),
                "most": part,
                "actual": str(labels[found.codes[row]]),
                "predicted": str(labels[said[row]]),
                "epistemic": float(told.rows.epistemic[row]),
                "aleatoric": float(told.rows.aleatoric[row]),
            }
            for part in ("epistemic", "aleatoric")
            for row in _most(told, part)
        ],
    }


def _most(told: Doubt, part: str) -> list[int]:
    """Return the rows with the most of a part, most first."""
    return np.argsort(-getattr(told.rows, part), kind="stable")[:_SHOWN].tolist()


def more_data_findings(
    growth: Mapping[str, Any] | None, doubt: Mapping[str, Any] | None, data: Prepared
) -> dict[str, Any]:
    """Return what is told of more data: the winner's learning curve, and the doubt that more would settle.

    Args:
        growth: what `growth_finding` gave, or None.
        doubt: what `doubt_finding` gave, or None.
        data: the data.
    """
    return {"growth": growth, "doubt": shown_doubt(doubt, data)}


def shown_doubt(found: Mapping[str, Any] | None, data: Prepared) -> dict[str, Any] | None:
    """Return what was found of doubt with its rows numbered as in the data, and shown.

    Args:
        found: what `doubt_finding` gave, or None.
        data: the data.
    """
    if found is None:
        return None
    rows = [
        {**row, "row": int(data.row_numbers[row["row"]]), **shown_row(data, row["row"])}
        for row in found["rows"]
    ]
    return {**found, "rows": rows}
