"""Settings that differ in nothing but their epochs: the longest training passes through all of them.

A network that is trained for 20 epochs has been, after its 10th, the network that is trained for 10, as long
as its learning rate does not depend on how many are planned. A search over epochs then costs what the most
epochs cost.
"""

from collections.abc import Hashable, Mapping, Sequence

from gorae.estimators.preparation import ReadyFit
from gorae.train import MemberResult

__all__ = ["as_ended", "epochs_of", "leaders"]

_EPOCHS = "epochs"


def leaders(fits: Mapping[int, ReadyFit], settings: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Return for settings that another training passes through the setting whose training it is.

    Args:
        fits: the fits that can be trained, by their place.
        settings: the fits of each setting, one a split.

    Returns:
        For each of those settings the one with the most epochs, which is not among the keys.
    """
    chains: dict[Hashable, list[int]] = {}
    for setting, places in settings.items():
        if not all(place in fits and _is_steady(fits[place]) for place in places):
            continue
        if len({epochs_of(fits[place]) for place in places}) == 1:  # "auto" depends on a split's rows
            chains.setdefault(tuple(_but_epochs(fits[place]) for place in places), []).append(setting)
    found: dict[int, int] = {}
    for chain in chains.values():
        longest = max(chain, key=lambda setting: epochs_of(fits[settings[setting][0]]))
        found |= {setting: longest for setting in chain if setting != longest}
    return found


def epochs_of(fit: ReadyFit) -> int:
    """Return the most epochs that a fit trains for."""
    return int(fit.recipe.hyper[_EPOCHS])


def as_ended(member: MemberResult) -> MemberResult:
    """Return a member that has paused as one that was trained to there and no further."""
    return member._replace(state=None, stopped=True)


def _is_steady(fit: ReadyFit) -> bool:
    """Return whether no step of a fit depends on how many are planned."""
    return fit.recipe.trained.schedule == "constant"


def _but_epochs(fit: ReadyFit) -> Hashable:
    """Return all that decides about a fit, but its epochs."""
    recipe = fit.recipe
    numbers = tuple(sorted((name, repr(value)) for name, value in recipe.hyper.items() if name != _EPOCHS))
    decided = (recipe.problem, repr(recipe.draw), recipe.merge, fit.seed, fit.members)
    return fit.program, numbers, decided, id(fit.split), id(fit.shared)
