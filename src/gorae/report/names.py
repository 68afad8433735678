"""Names that came from outside (columns, classes, files), made safe to look at.

Markup in a name is harmless once it is escaped, which the template and the SVG writer do. What escaping
does not cover is a name that changes how its surroundings are *read*: an override of the writing direction
that turns ``gpj.exe`` round, a control character that XML forbids, a million letters. Those are made visible
or cut here.
"""

import unicodedata

__all__ = ["readable", "shortened", "width"]

_JOINERS = {"\u200c", "\u200d"}  # Persian, Indic scripts and emoji cannot be written without them
_HIDDEN = {
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Cn",
    "Zl",
    "Zp",
}  # categories that draw nothing, or elsewhere
_MOST_READ = 20_000  # characters looked at; nothing longer than this is ever shown


def _visible(letter: str) -> str:
    if letter in _JOINERS or unicodedata.category(letter) not in _HIDDEN:
        return letter
    return " " if letter in "\t\n\r" else f"\\u{ord(letter):04x}"


def readable(name: object) -> str:
    r"""A name as text in which every character can be seen.

    Control characters, overrides of the writing direction, lone surrogates and unassigned code points become
    their escapes (``\u202e``); tabs and line ends become blanks. Markup is left alone: escaping it is the
    writer's work. Only the first 20,000 characters are looked at.

    Args:
        name: anything; what is no string is shown as ``str`` shows it.

    Returns:
        Text that is safe to put into XML once it is escaped; never empty.

    Example:
        >>> readable("photo_\u202egpj.exe")
        'photo_\\u202egpj.exe'
        >>> readable("")
        '(empty)'
    """
    text = "".join(map(_visible, str(name)[:_MOST_READ]))
    return text if text.strip() else "(empty)"


def width(text: str) -> int:
    """How many columns a text takes, counting wide East Asian letters twice and combining marks not at all.

    Args:
        text: any text.

    Returns:
        The number of columns of a fixed-width screen.

    Example:
        >>> width("고래"), width("gorae")
        (4, 5)
    """
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def shortened(name: object, limit: int = 40) -> str:
    """A readable name of at most ``limit`` columns; the middle gives way to an ellipsis.

    Args:
        name: anything, see `readable`.
        limit: the most columns (`width`); at least 3. The end of a name is kept as well as its start, because
            names of columns and files tend to differ there.

    Returns:
        The name, or its two ends joined by "…".

    Example:
        >>> shortened("temperature_of_the_second_sensor", 16)
        'temperatu…sensor'
    """
    text = readable(name)
    if width(text) <= limit and len(text) <= 2 * limit:
        return text
    tail = max(limit * 2 // 5, 1)
    return f"{_cut(text, limit - 1 - tail)}…{_cut(text[::-1], tail)[::-1]}"


def _cut(text: str, limit: int) -> str:
    """The longest start within ``limit`` columns and ``2 limit`` characters (marks can pile up)."""
    used = 0
    for place, letter in enumerate(text[: 2 * limit]):
        used += _columns(letter)
        if used > limit:
            return text[:place]
    return text[: 2 * limit]
