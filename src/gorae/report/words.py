"""Numbers and measures in words: how a report writes a score, a time, a setting."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gorae.report.names import shortened

__all__ = [
    "Measure",
    "capital",
    "count",
    "counted",
    "duration",
    "ended",
    "entry",
    "interval",
    "measure",
    "number",
    "percent",
    "scientific",
    "setting",
    "settings",
    "tick",
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
        least: the lowest score that there can be.
        most: the highest; an interval ends there.
    """

    name: str
    axis: str
    share: bool = False
    higher_is_better: bool = True
    least: float = -math.inf
    most: float = math.inf


_MEASURES = {
    "accuracy": Measure("accuracy", "accuracy (share of rows, 0 to 1)", share=True, least=0, most=1),
    "balanced_accuracy": Measure(
        "balanced accuracy", "balanced accuracy (mean share per class, 0 to 1)", least=0, most=1
    ),
    "f1": Measure("F1", "F1 (0 to 1)", least=0, most=1),
    "roc_auc": Measure("ROC AUC", "area under the ROC curve (0 to 1)", least=0, most=1),
    "r2": Measure("R²", "R² (share of variance explained; 1 is perfect)", most=1),
    "rmse": Measure("RMSE", "RMSE (units of the target; lower is better)", higher_is_better=False),
    "mae": Measure("MAE", "MAE (units of the target; lower is better)", higher_is_better=False),
    "log_loss": Measure(
        "log loss", "log loss (nats, natural-log units, per row; lower is better)", higher_is_better=False
    ),
}


def measure(name: object) -> Measure:
    """The measure that a score is named after.

    Args:
        name: scikit-learn's name or the one people write (``"R²"``); an unknown one is taken to be better
            when higher, and so is a loss with its sign turned (``"neg_log_loss"``).

    Returns:
        Its `Measure`.

    Example:
        >>> measure("R²").axis, measure("neg_log_loss").name
        ('R² (share of variance explained; 1 is perfect)', 'negative log loss')
    """
    key = str(name).strip().lower().replace("²", "2").replace(" ", "_").replace("-", "_")
    shown = shortened(name, 30)
    if key.startswith("neg_"):
        turned = f"negative {shortened(key.removeprefix('neg_').replace('_', ' '), 30)}"
        return Measure(turned, f"{turned} (0 is best)", most=0)
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
    if size and not 10.0 ** (-digits - 1) <= size < _LARGEST:
        return scientific(amount, digits)
    if size and size < 10.0**-digits:
        return _signed(f"{amount:.{digits}g}")
    return _fixed(amount, _decimals(size, digits))


def entry(amount: float) -> str:
    """A number of a table of data: four digits, whole numbers whole, no powers of ten where there is room.

    Args:
        amount: any number.

    Returns:
        Its text; separators from 10,000 on, so that years stay years.

    Example:
        >>> entry(29340.0), entry(2021.0), entry(0.12345), entry(1.5e-9)
        ('29,340', '2021', '0.1235', '1.5 × 10⁻⁹')
    """
    size = abs(amount)
    if math.isnan(amount):
        return "missing"
    if math.isinf(amount):
        return "∞" if amount > 0 else "−∞"
    if size >= _LARGEST_ENTRY or 0 < size < 1e-4:
        return scientific(amount, 4)
    if size >= 9999.5:
        return _fixed(amount, 0)
    return _signed(f"{amount:.0f}" if amount == round(amount) else f"{amount:.4g}")


def scientific(amount: float, digits: int = 3) -> str:
    """A number as digits and a power of ten.

    Args:
        amount: a finite number.
        digits: the most digits that matter; zeros at their end are left out.

    Returns:
        Its text.

    Example:
        >>> scientific(-3.2e-30), scientific(1e6)
        ('−3.2 × 10⁻³⁰', '10⁶')
    """
    if amount == 0:
        return "0"
    digit, power = f"{amount:.{digits - 1}e}".split("e")
    digit = digit.rstrip("0").rstrip(".") if "." in digit else digit
    ten = f"10{str(int(power)).translate(_RAISED)}"
    return ten if digit == "1" else f"−{ten}" if digit == "-1" else f"{_signed(digit)} × {ten}"


_LARGEST = 1e9
_LARGEST_ENTRY = 1e15
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MORE_DECIMALS = 3


def _signed(text: str) -> str:
    return f"−{text[1:]}" if text.startswith("-") else text


def _fixed(amount: float, decimals: int) -> str:
    return _signed(f"{amount:,.{decimals}f}")


def _decimals(size: float, digits: int) -> int:
    """How many decimals matter for numbers of this size."""
    if size < 100:
        return digits if size < 10 else min(digits, 2)
    return 1 if size < 1e4 else 0


def interval(mapping: Mapping[str, Any] | None, digits: int = 3) -> str | None:
    """The interval of a mapping with ``low`` and ``high``, with as many decimals on either end.

    Args:
        mapping: holds ``low`` and ``high``.
        digits: decimals; up to three more where an end would read as zero, or both ends as one number.

    Returns:
        ``"0.955 to 0.986"``, or None where one end is missing.

    Example:
        >>> interval({"low": 0.955, "high": 0.986}), interval({"low": -0.0003, "high": 0.03})
        ('0.955 to 0.986', '−0.0003 to 0.0300')
    """
    low, high = number(mapping, "low"), number(mapping, "high")
    if low is None or high is None:
        return None
    size = max(abs(low), abs(high))
    if size and not 10.0**-digits <= size < _LARGEST:
        power = math.floor(math.log10(size))
        ends = [_fixed(end / 10.0**power, digits - 1) for end in (low, high)]
        return f"({ends[0]} to {ends[1]}) × {scientific(10.0**power)}"
    fewest = _decimals(size, digits)
    for decimals in range(fewest, fewest + _MORE_DECIMALS + 1):
        ends = [_fixed(end, decimals) for end in (low, high)]
        hidden = any(end and not text.strip("−0.,") for end, text in zip((low, high), ends, strict=True))
        if not hidden and (ends[0] != ends[1] or low == high):
            return f"{ends[0]} to {ends[1]}"
    return f"{_fixed(low, fewest)} to {_fixed(high, fewest)}"


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


def counted(amount: int, thing: str) -> str:
    """A number of things.

    Args:
        amount: how many.
        thing: the word for one.

    Returns:
        "1 setting", "24 settings".

    Example:
        >>> counted(1, "split"), counted(3, "split")
        ('1 split', '3 splits')
    """
    return f"{count(amount)} {thing}{'s' * (amount != 1)}"


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
    if 0 < seconds < 0.001:
        return "under 1\u00a0ms"
    if seconds < 9.95:
        return f"{seconds:.2g}\u00a0s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}\u00a0s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}\u00a0min {rest}\u00a0s"
    return f"{minutes // 60}\u00a0h {minutes % 60}\u00a0min"


def capital(text: str) -> str:
    """A text that begins a line.

    Args:
        text: any.

    Returns:
        It, with its first letter large.

    Example:
        >>> capital("accuracy"), capital("R²")
        ('Accuracy', 'R²')
    """
    return text[:1].upper() + text[1:]


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
    parts = [f"{shortened(name, 30)} {setting(chosen_value)}" for name, chosen_value in pairs[:limit]]
    if len(pairs) > limit:
        parts.append(f"and {len(pairs) - limit} more")
    return ", ".join(parts)


def setting(chosen: object, limit: int = 40) -> str:
    """One value of a hyper-parameter.

    Args:
        chosen: the value; small numbers are written as they are typed, large ones without a power of ten.
        limit: the most columns of anything but a number.

    Returns:
        Its text.

    Example:
        >>> setting(0.0031622), setting(1e-5), setting((64, 32)), setting(None)
        ('0.003162', '1e-05', '(64, 32)', 'None')
    """
    if isinstance(chosen, float):
        return f"{chosen:.4g}" if abs(chosen) < 9999.5 else entry(chosen)
    return shortened(chosen, limit)


def tick(amount: float) -> str:
    """A number beside an axis.

    Args:
        amount: any finite number.

    Returns:
        Its text, a power of ten where it is very small or large.

    Example:
        >>> tick(0.001), tick(1e-4), tick(-3.0)
        ('0.001', '10⁻⁴', '−3')
    """
    size = abs(amount)
    return _signed(f"{amount:g}") if size == 0 or 0.9e-3 < size < 1.1e5 else scientific(amount)
