"""What pictures of settings share: which parameters are drawn, what they are called, and how dense it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from gorae.report.names import shortened
from gorae.report.pictures.canvas import PAPER, VERMILLION
from gorae.report.trails import Tried, brief_names, tried_settings, varied_names
from gorae.report.words import Measure, counted, measure

__all__ = ["BEST_MARK", "MOST_DRAWN", "Pictured", "by_crowd", "pictured"]

MOST_DRAWN = 12  # more are named, not drawn
BEST_MARK: dict[str, Any] = {
    "color": VERMILLION,
    "marker": "D",
    "linestyle": "none",
    "markeredgecolor": PAPER,
    "clip_on": False,
}
_FEW, _SOME = 40, 150  # settings that can be told apart, and that can still be seen

_Style = TypeVar("_Style")


@dataclass(frozen=True)
class Pictured:
    """Settings with the parameters in which they differ, as far as they are drawn.

    Attributes:
        tried: the settings.
        names: of the parameters.
        brief: the same names without what they have in common.
        what: what the score measures.
    """

    tried: Tried
    names: tuple[str, ...]
    brief: tuple[str, ...]
    what: Measure

    @property
    def counted(self) -> str:
        """How many settings there are, in words."""
        return counted(len(self.tried.settings), "setting")

    @property
    def listed(self) -> str:
        """The parameters, in words."""
        return ", ".join(shortened(name, 30) for name in self.brief)


def pictured(
    results: Mapping[str, Any], score: str = "score", metric: object = "score", best: int | None = None
) -> Pictured:
    """Read the table of a search for a picture of its settings.

    Args:
        results: the table, as `tried_settings` reads it; so are the others.
        score: the name of the score that decides.
        metric: what it measures.
        best: the best setting's entry, or None.

    Returns:
        The settings, and at most twelve parameters.

    Raises:
        InputError: the table holds no setting, or not that score.

    Example:
        >>> found = {"params": [{"k": 1}, {"k": 5}], "mean_test_score": [0.8, 0.9]}
        >>> seen = pictured(found)
        >>> seen.counted, seen.listed
        ('2 settings', 'k')
    """
    tried = tried_settings(results, score, best, metric)
    names = varied_names(tried.settings)[:MOST_DRAWN]
    brief = brief_names(names)
    return Pictured(tried, tuple(names), tuple(brief[name] for name in names), measure(metric))


def by_crowd(tried: Tried, few: _Style, some: _Style, many: _Style) -> _Style:
    """The style for so many settings: for few, for some, or for many.

    Example:
        >>> found = {"params": [{"k": 1}, {"k": 5}], "mean_test_score": [0.8, 0.9]}
        >>> by_crowd(pictured(found).tried, "strong", "thin", "faint")
        'strong'
    """
    crowd = len(tried.settings)
    return few if crowd <= _FEW else some if crowd <= _SOME else many
