"""Settings that a search is likely to try: what its programs are planned for.

They follow from the space, the sampler and the seed alone, so that a search that goes on plans what it did.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gorae.estimators.width_plan import WidthPlan
from gorae.search.space import Setting
from gorae.search.trials import Trials


@dataclass
class Expected:
    """What a race's settings are some of, or are like.

    Args:
        settings: as the race knows settings.
        plan: what the first race has made of them; all later ones go by it.
    """

    settings: Sequence[Setting]
    plan: WidthPlan | None = None


def narrowed(
    trials: Trials,
    known: Mapping[int, Setting],
    is_alike: Callable[[Setting], bool],
    own: Callable[[Setting], Setting],
) -> Trials:
    """Return trials for a race of some settings, which knows a part of each.

    Args:
        trials: of all settings.
        known: the parts that the race knows of its settings, by the place of the whole in memory.
        is_alike: whether the race could have a setting.
        own: makes of a setting what the race would know of it.
    """
    if trials.expected is None:
        return trials
    settings = [
        known[id(setting)] if id(setting) in known else own(setting)
        for setting in trials.expected.settings
        if id(setting) in known or is_alike(setting)
    ]
    return replace(trials, expected=Expected(settings) if settings else None)
