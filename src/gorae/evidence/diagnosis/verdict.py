"""What a diagnosis says: verdicts, what was looked at and found well, and what could not be judged."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from gorae.errors import ParameterError

__all__ = ["ILLNESSES", "Diagnosis", "Look", "Verdict"]

ILLNESSES = (
    "learning rate too high",
    "learning rate too low",
    "batch too small",
    "batch too large",
    "exploding gradients",
    "vanishing gradients",
    "dead units",
    "saturated units",
    "too much dropout",
    "nothing to learn",
    "overfits",
    "underfits",
    "class imbalance",
)
"""All that a verdict can say, causes before what follows from them; the order of a diagnosis."""


@dataclass(frozen=True)
class Verdict:
    """One illness of a fit.

    Attributes:
        illness: One of ILLNESSES.
        figure: The number it rests on; the sentence says what it is and what it is held against.
        sentence: What was seen, in words.
        advice: One thing to try.

    Raises:
        ParameterError: If the illness is unknown.

    Example:
        >>> print(Verdict("overfits", 0.3, "Training scores 1, validation 0.7.", "Stop early."))
        overfits: Training scores 1, validation 0.7. Try: Stop early.
    """

    illness: str
    figure: float
    sentence: str
    advice: str

    def __post_init__(self):
        if self.illness not in ILLNESSES:
            raise ParameterError(
                f"illness must be one of {', '.join(ILLNESSES)}, but it is {self.illness!r}."
            )

    def __str__(self) -> str:
        return f"{self.illness}: {self.sentence} Try: {self.advice}"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class Look:
    """What a look at one side of a fit gave.

    Attributes:
        at: What was looked at, such as "the gradients of 3 layers over 40 epochs"; "" where nothing was.
        verdicts: What was found.
        missing: What could not be judged and why, or "".
    """

    at: str = ""
    verdicts: tuple[Verdict, ...] = ()
    missing: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """The verdicts on a fit; it is iterated over, counted and indexed like a tuple of them.

    Attributes:
        verdicts: The illnesses that were found, causes first.
        looked_at: What was looked at, whether something was found there or not.
        not_judged: What there was too little evidence for, and what would be needed.

    Example:
        >>> found = Diagnosis((), ("the gradients of 2 layers over 40 epochs",), ())
        >>> len(found), str(found)
        (0, 'Nothing was found wrong. Looked at: the gradients of 2 layers over 40 epochs.')
    """

    verdicts: tuple[Verdict, ...]
    looked_at: tuple[str, ...]
    not_judged: tuple[str, ...]

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __getitem__(self, place: int) -> Verdict:
        return self.verdicts[place]

    def __str__(self) -> str:
        told = [str(verdict) for verdict in self.verdicts]
        looked = "; ".join(self.looked_at)
        if not told:
            told = ["Nothing was found wrong." + (f" Looked at: {looked}." if looked else "")]
        if self.not_judged:
            told.append(f"Not judged: {'; '.join(self.not_judged)}.")
        return "\n".join(told)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        return {
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "looked_at": list(self.looked_at),
            "not_judged": list(self.not_judged),
        }
