r"""Cuts texts and traces into tokens: words, characters, bytes or API calls.

A tokenizer is a small value: it is called with one text and returns its tokens as a list of str, it compares
equal to another of the same options, and it has a form in JSON for model files (`tokenizer_to_meta`).

What a word is, is said by Unicode's character classes, so that one rule serves every script that writes
spaces, English and Korean among them. The text is first brought into normal form C (a Korean syllable is then
one character, whether it came as one or as its letters). From the left, white space is skipped, and the
longest of these that fits is taken, in this order:

1. an address: ``http://``, ``https://`` or ``www.`` and what follows, or ``name@host``, up to white space, a
   quote or a bracket, and without the punctuation at its end;
2. a number with points or commas inside, such as ``3.14`` or ``1,000``;
3. letters, digits, marks (accents, vowel signs) and underscores, as many as there are; an apostrophe between
   two of them belongs to the word, as in ``don't``;
4. one and the same other character as often as it is repeated, with its marks: ``...``, ``!!``, ``-``.

References:
    Unicode Standard Annex #15, "Unicode normalization forms"; the classes are those of Python's ``str``
    (L, N and the underscore) and the general category M.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from gorae.errors import InputError, InputTypeError, ParameterError, closest

__all__ = [
    "TOKENIZERS",
    "Bytes",
    "Calls",
    "Characters",
    "Tokenizer",
    "Words",
    "as_tokenizer",
    "tokenizer_from_meta",
    "tokenizer_rule",
    "tokenizer_to_meta",
]

_NORMAL_FORM = "NFC"
_CLITICS = re.compile(r"(?<=\w)(n['’]t|['’](?:s|re|ve|ll|d|m))$", re.IGNORECASE)
_FIRST_MARK, _LAST_PLANE = 0x300, 0x1F000  # no mark stands before; behind stand those of emoji alone


@dataclass(frozen=True)
class Words:
    """Words, numbers and punctuation by the rule that stands in this module's head.

    Args:
        lower: Whether capitals become small letters, so that "The" and "the" are one token.
        clitics: Whether English clitics are tokens of their own, as treebanks have them: "don't" becomes "do"
            and "n't", "Anna's" becomes "Anna" and "'s". Other languages are left as they are.

    Example:
        >>> Words()("Don't go: 3.14 is π, 고래는 크다...")
        ["Don't", 'go', ':', '3.14', 'is', 'π', ',', '고래는', '크다', '...']
        >>> Words(lower=True, clitics=True)("Don't!")
        ['do', "n't", '!']
    """

    lower: bool = False
    clitics: bool = False

    def __call__(self, text: str) -> list[str]:
        """Return the words of a text.

        Raises:
            InputTypeError: If it is no str.
        """
        text = unicodedata.normalize(_NORMAL_FORM, _as_text(text))
        found = [match[0] for match in _word().finditer(text.lower() if self.lower else text)]
        if not self.clitics:
            return found
        return [part for word in found for part in _CLITICS.split(word) if part]


@dataclass(frozen=True)
class Characters:
    """Every character, white space included, in normal form C.

    Args:
        lower: Whether capitals become small letters.

    Example:
        >>> Characters()("고래 3")
        ['고', '래', ' ', '3']
    """

    lower: bool = False

    def __call__(self, text: str) -> list[str]:
        """Return the characters of a text.

        Raises:
            InputTypeError: If it is no str.
        """
        text = unicodedata.normalize(_NORMAL_FORM, _as_text(text))
        return list(text.lower() if self.lower else text)


@dataclass(frozen=True)
class Bytes:
    r"""Every byte as two hexadecimal digits; a str is taken as UTF-8.

    Example:
        >>> Bytes()(b"MZ\x00"), Bytes()("é")
        (['4d', '5a', '00'], ['c3', 'a9'])
    """

    def __call__(self, data: str | bytes) -> list[str]:
        """Return the bytes of a byte string or of a text.

        Raises:
            InputTypeError: If it is neither.
            InputError: If a text holds half a character, which UTF-8 cannot store.
        """
        if isinstance(data, str):
            try:
                data = data.encode("utf-8")
            except UnicodeEncodeError as error:
                raise InputError(f"a text for bytes must be storable as UTF-8, but {error.reason}.") from None
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InputTypeError(f"bytes or a text were wanted, got {type(data).__name__}.")
        return bytes(data).hex(" ").split()


@dataclass(frozen=True)
class Calls:
    """The calls of a trace, by name or by number, between separators.

    White space around a call does not count, and an empty place between two separators is no call.

    Args:
        separator: What stands between two calls; None for any white space or comma.

    Example:
        >>> Calls()("LdrLoadDll,NtClose, NtClose"), Calls(";")("82;  1;;7")
        (['LdrLoadDll', 'NtClose', 'NtClose'], ['82', '1', '7'])
    """

    separator: str | None = None

    def __post_init__(self):
        if self.separator is not None and (not isinstance(self.separator, str) or not self.separator):
            raise ParameterError(
                f"separator must be None or a text that stands between two calls, got {self.separator!r}."
            )

    def __call__(self, trace: Any) -> list[str]:
        """Return the calls of a trace: a text, or a list or array of names or of whole numbers.

        Raises:
            InputTypeError: If it is none of them.
        """
        if isinstance(trace, str):
            if self.separator is None:
                return trace.replace(",", " ").split()
            return [call for part in trace.split(self.separator) if (call := part.strip())]
        try:
            calls = trace.tolist() if hasattr(trace, "tolist") else list(trace)
        except TypeError:
            calls = [None]
        if isinstance(trace, bytes) or not all(type(call) in (str, int) for call in calls):
            raise InputTypeError(
                "a trace must be a text, or a list of call names or whole numbers, got "
                f"{type(trace).__name__}."
            )
        return [str(call) for call in calls]


Tokenizer = Words | Characters | Bytes | Calls

TOKENIZERS: Mapping[str, type[Tokenizer]] = {
    "words": Words,
    "characters": Characters,
    "bytes": Bytes,
    "calls": Calls,
}
"""The tokenizers by name."""


def as_tokenizer(given: Any) -> Tokenizer:
    """Return a tokenizer, given as itself or by its name.

    Args:
        given: One of `TOKENIZERS`, with its defaults, or a tokenizer.

    Raises:
        ParameterError: If it is neither; the message tells the near name.

    Example:
        >>> as_tokenizer("words"), as_tokenizer(Words(lower=True))
        (Words(lower=False, clitics=False), Words(lower=True, clitics=False))
    """
    if isinstance(given, Words | Characters | Bytes | Calls):
        return given
    if isinstance(given, str) and given in TOKENIZERS:
        return TOKENIZERS[given]()
    near = closest(given, TOKENIZERS) if isinstance(given, str) else None
    meant = f" Did you mean {near!r}?" if near else ""
    raise ParameterError(
        f"tokenizer must be one of {', '.join(TOKENIZERS)} or such an object, got {given!r}.{meant}"
    )


def tokenizer_to_meta(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return a tokenizer as plain values that JSON can hold.

    Example:
        >>> tokenizer_to_meta(Calls(","))
        {'name': 'calls', 'separator': ','}
    """
    name = next(name for name, kind in TOKENIZERS.items() if type(tokenizer) is kind)
    return {"name": name, **asdict(tokenizer)}


def tokenizer_from_meta(meta: Any) -> Tokenizer:
    """Return the tokenizer that `tokenizer_to_meta` wrote.

    Args:
        meta: Anything at all: what is not of that form is refused.

    Raises:
        InputError: If it is not what `tokenizer_to_meta` writes.

    Example:
        >>> tokenizer_from_meta({"name": "words", "lower": True, "clitics": False})
        Words(lower=True, clitics=False)
    """
    options = dict(meta) if isinstance(meta, Mapping) else {}
    name = options.pop("name", None)
    kind = TOKENIZERS.get(name) if isinstance(name, str) else None
    wanted = {} if kind is None else asdict(kind())
    kept = all(
        type(value) is bool if isinstance(wanted.get(name), bool) else isinstance(value, str | None)
        for name, value in options.items()
    )
    if kind is None or set(options) != set(wanted) or not kept:
        raise InputError("its meta holds a tokenizer that gorae does not write")
    return kind(**options)


def tokenizer_rule(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return a tokenizer with all that another program needs to cut texts as it does, for JSON.

    Returns:
        What `tokenizer_to_meta` gives. Of words and characters also "normal_form", which a text is brought
        into first. Of words also "pattern", a regular expression whose matches, from the left, are the words,
        after `str.lower` if "lower" says so; capitals and small letters match each other in it, and its
        classes are Unicode's. Where "clitics" is true, "clitics_pattern" matches the end that is cut off a
        word.

    Example:
        >>> tokenizer_rule(Characters())
        {'name': 'characters', 'lower': False, 'normal_form': 'NFC'}
    """
    told = tokenizer_to_meta(tokenizer)
    if isinstance(tokenizer, Words | Characters):
        told["normal_form"] = _NORMAL_FORM
    if isinstance(tokenizer, Words):
        told["pattern"] = _word().pattern
        told["clitics_pattern"] = _CLITICS.pattern if tokenizer.clitics else None
    return told


def _as_text(text: Any) -> str:
    """Return what is a text."""
    if not isinstance(text, str):
        raise InputTypeError(f"a text (str) was wanted, got {type(text).__name__}.")
    return text


@cache
def _word() -> re.Pattern[str]:
    """Return the rule of `Words` as one expression; the marks are looked up when it is first wanted.

    No part of it steps back over more than it has just read, so the time is linear whatever the text.
    """
    mark = _marks()
    letter = rf"[\w{mark}]"
    inside, last = r"[^\s\"'<>()\[\]{}]", r"[^\s\"'<>()\[\]{}.,;:!?]"
    return re.compile(
        rf"(?:https?://|www\.){inside}*{last}"
        rf"|[\w.+-]{{1,64}}+@\w{inside}*{last}"
        r"|\d++(?:[.,]\d++)++"
        rf"|{letter}++(?:['’]{letter}++)*+"
        rf"|(?P<other>[^\w\s{mark}])(?:(?P=other)|[{mark}])*+",
        re.IGNORECASE,
    )


def _marks() -> str:
    """Return the characters of the general category M as ranges of a class in a regular expression."""
    places = (*range(_FIRST_MARK, _LAST_PLANE), *range(0xE0100, 0xE01F0))  # the last: variation selectors
    marks = [place for place in places if unicodedata.category(chr(place)).startswith("M")]
    starts = [place for before, place in pairwise([-1, *marks]) if place != before + 1]
    ends = [place for place, after in pairwise([*marks, -1]) if after != place + 1]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))
