"""What a report says of calibration."""

import pytest

from gorae.report.unknowns import unknowns


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"scaling": "none"}, "left as they are"),
        ({"scaling": "temperature", "temperature": 2.5}, "temperature of 2.500: the model was too sure"),
        ({"scaling": "temperature", "temperature": 0.5}, "too modest"),
        (
            {"scaling": "mixture", "temperature": 2.5},
            "mixed of those stated, those at a temperature of 2.500, and equal ones",
        ),
        ({"scaling": "vector"}, "a factor and a bias a class"),
        ({"scaling": "vector", "curved": True}, "out of fold. The largest one then follows a curve"),
        ({"scaling": "none", "curved": True}, "The largest one follows a curve"),
    ],
)
def test_what_was_done_to_probabilities_is_told(found, told):
    """Each kind of calibration, and a curve after it or alone, has its sentence."""
    shown = unknowns({**found, "detector": "energy", "about": "energy", "rows": 120})
    assert shown is not None
    assert told in shown["scaled"]
