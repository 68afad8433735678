"""Settings that a search is likely to try: what its programs are planned for.

They follow from the space, the sampler and the seed alone, so that a search that goes on plans what it did.
A pipeline's settings are apart by what they say of its transformers: each group is a race of the last step,
in every batch anew. Where transformers leave as many columns as came, as scalers do, all groups train the
same networks, which are planned for together; where they do not, a group's own are.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gorae.estimators.width_plan import WidthPlan
from gorae.search.space import Setting
from gorae.search.trials import Trials


@dataclass(frozen=True)
class Expected:
    """What a race's settings are some of, or are like.

    Args:
        settings: as the race knows settings.
        near: these, and those of the same last step behind other transformers.
        key: what tells the race, in whichever batch, from races of other settings.
        near_key: what it has in common with races of settings that are near.
        plans: what the first race of its kind has made of the settings, for all later ones.
    """

    settings: Sequence[Setting]
    near: Sequence[Setting]
    key: tuple[Hashable, ...] = ()
    near_key: tuple[Hashable, ...] = ()
    plans: dict[Hashable, WidthPlan] = field(default_factory=dict)

    def behind(self, columns: int | None, given: int | None) -> "Expected":
        """Return what is expected of rows behind transformers.

        Args:
            columns: of these rows; None where they have none.
            given: of the rows before the transformers.
        """
        if columns is None or columns != given:
            return self
        return replace(self, settings=self.near, key=("as many columns", *self.near_key))


def narrowed(
    trials: Trials,
    known: Mapping[int, Setting],
    own: Callable[[Setting], Setting],
    alike: Callable[[Setting], Hashable],
    near: Callable[[Setting], Hashable],
    one: Setting,
) -> Trials:
    """Return trials for a race of some settings, which knows a part of each.

    Args:
        trials: of all settings.
        known: the parts that the race knows of its settings, by the place of the whole in memory.
        own: makes of a setting what the race would know of it.
        alike: what settings have in common that the race could have.
        near: what settings have in common whose last steps are alike.
        one: of the race's settings.
    """
    expected: Expected | None = trials.expected
    if expected is None:
        return trials
    key, near_key = alike(one), near(one)

    def parts(settings: Sequence[Setting], is_wanted: Callable[[Setting], bool]) -> list[Setting]:
        """Return what the race would know of those settings that are wanted."""
        return [
            known[id(each)] if id(each) in known else own(each)
            for each in settings
            if id(each) in known or is_wanted(each)
        ]

    narrow = Expected(
        parts(expected.settings, lambda other: alike(other) == key),
        parts(expected.near, lambda other: near(other) == near_key),
        (*expected.key, key),
        (*expected.near_key, near_key),
        expected.plans,
    )
    return replace(trials, expected=narrow)
