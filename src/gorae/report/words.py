"""Numbers and measures in words: how a report writes a score, a time, a setting."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gorae.report.names import shortened

__all__ = [
    "Measure",
    "count",
    "duration",
    "ended",
    "interval",
    "measure",
    "number",
    "percent",
    "settings",
    "value",
]


@dataclass(frozen=True)
class Measure:
    """What a score measures.

    Attributes:
        name: as written in a sentence.
        axis: name with its unit, for the axis of a picture.
        share: whether it is a share of rows, which may be written as a percentage.
        higher_is_better: which way is better.
    """

    name: str
    axis: str
    share: bool = False
    higher_is_better: bool = True


_MEASURES = {
    "accuracy": Measure("accuracy", "accuracy (share of rows, 0 to 1)", share=True),
    "balanced_accuracy": Measure("balanced accuracy", "balanced accuracy (mean share per class, 0 to 1)"),
    "f1": Measure("F1", "F1 (0 to 1)"),
    "roc_auc": Measure("ROC AUC", "area under the ROC curve (0 to 1)"),
    "r2": Measure("R²", "R² (share of variance explained; 1 is perfect)"),
    "rmse": Measure("RMSE", "RMSE (units of the target; lower is better)", higher_is_better=False),
    "mae": Measure("MAE", "MAE (units of the target; lower is better)", higher_is_better=False),
    "log_loss": Measure("log loss", "log loss (nats per row; lower is better)", higher_is_better=False),
}


def measure(name: object) -> Measure:
    """The measure that a score is named after.

    Args:
        name: scikit-learn's name or the one people write (``"R²"``); an unknown one is taken to be better
            when higher.

    Returns:
        Its `Measure`.

    Example:
        >>> measure("R²").axis
        'R² (share of variance explained; 1 is perfect)'
    """
    key = str(name).strip().lower().replace("²", "2").replace(" ", "_").replace("-", "_")
    shown = shortened(name, 30)
    return _MEASURES.get(key, Measure(shown, f"{shown} (score)"))


def number(mapping: Mapping[str, Any] | None, key: str) -> float | None:
    """A finite number of a mapping, or None where it is missing, None, NaN or infinite.

    Args:
        mapping: any mapping, or None.
        key: the key to look under.

    Returns:
        The number as a float, or None.

    Example:
        >>> number({"score": float("nan")}, "score") is None
        True
    """
    found = None if mapping is None else mapping.get(key)
    if found is None or isinstance(found, str):
        return None
    found = float(found)
    return found if math.isfinite(found) else None


def value(amount: float | None, digits: int = 3) -> str:
    """A number to look at: as many decimals as matter at its size.

    Args:
        amount: the number; None and NaN are shown as a dash.
        digits: decimals between 0.001 and 100; significant digits of the very small and very large.

    Returns:
        Its text, with a real minus sign.

    Example:
        >>> value(0.97222), value(-0.5), value(53421.7), value(None)
        ('0.972', '−0.500', '53,422', '–')
    """
    if amount is None or math.isnan(amount):
        return "–"
    size = abs(amount)
    if size == 0 or 10.0**-digits <= size < 100:
        text = f"{amount:.{digits if size < 10 else min(digits, 2)}f}"
    elif 100 <= size < 1e7:
        text = f"{amount:,.1f}" if size < 1e4 else f"{amount:,.0f}"
    else:
        text = f"{amount:.{digits}g}"
    return f"−{text[1:]}" if text.startswith("-") else text


def interval(mapping: Mapping[str, Any] | None, digits: int = 3) -> str | None:
    """The interval of a mapping with ``low`` and ``high``.

    Args:
        mapping: holds ``low`` and ``high``.
        digits: decimals.

    Returns:
        ``"0.955 to 0.986"``, or None where one end is missing.

    Example:
        >>> interval({"low": 0.955, "high": 0.986})
        '0.955 to 0.986'
    """
    low, high = number(mapping, "low"), number(mapping, "high")
    return None if low is None or high is None else f"{value(low, digits)} to {value(high, digits)}"


def percent(share: float | None) -> str:
    r"""A share of rows as a percentage with one decimal.

    Args:
        share: between 0 and 1, or None.

    Returns:
        Its text; the unit is kept on the same line by a no-break space.

    Example:
        >>> percent(0.9722)
        '97.2\xa0%'
    """
    return "–" if share is None or math.isnan(share) else f"{100 * share:.1f}\u00a0%"


def count(amount: object) -> str:
    """A whole number with thin separators between the thousands.

    Args:
        amount: a whole number, or None.

    Returns:
        Its text.

    Example:
        >>> count(60000), count(None)
        ('60,000', '–')
    """
    return "–" if amount is None else f"{int(float(str(amount))):,}"


def duration(seconds: float | None) -> str:
    r"""A time span in the two units that matter.

    Args:
        seconds: the span, or None.

    Returns:
        Its text.

    Example:
        >>> duration(0.84), duration(12.3), duration(200), duration(7260)
        ('0.84\xa0s', '12\xa0s', '3\xa0min 20\xa0s', '2\xa0h 1\xa0min')
    """
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.2g}\u00a0s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}\u00a0s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}\u00a0min {rest}\u00a0s"
    return f"{minutes // 60}\u00a0h {minutes % 60}\u00a0min"


def ended(text: object) -> str:
    """A sentence with its full stop.

    Args:
        text: a sentence with or without one.

    Returns:
        The sentence.

    Example:
        >>> ended("both scores are low "), ended("Why?")
        ('both scores are low.', 'Why?')
    """
    told = str(text).strip()
    return told if told.endswith((".", "!", "?")) else f"{told}."


def settings(chosen: Mapping[str, Any] | None, limit: int = 12) -> str:
    """Hyper-parameters in one line.

    Args:
        chosen: names and values, or None.
        limit: the most settings shown.

    Returns:
        ``"learning_rate 0.003, dropout 0.2"``; empty where there is nothing to say.

    Example:
        >>> settings({"hidden": (128,), "learning_rate": 0.0031622})
        'hidden (128,), learning_rate 0.003162'
    """
    pairs = list((chosen or {}).items())
    parts = [f"{shortened(name, 30)} {_setting(chosen_value)}" for name, chosen_value in pairs[:limit]]
    if len(pairs) > limit:
        parts.append(f"and {len(pairs) - limit} more")
    return ", ".join(parts)


def _setting(chosen: object) -> str:
    if isinstance(chosen, float):
        return f"{chosen:.4g}"
    return shortened(chosen, 40)
