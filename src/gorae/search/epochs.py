"""How many epochs settings train for, where a search is to share them out before any setting is fitted."""

from collections.abc import Sequence
from typing import Any

from sklearn.base import clone

from gorae.errors import ParameterError
from gorae.estimators.parameters import check_count
from gorae.estimators.recipes import AUTO, steps_as_epochs
from gorae.search.space import Setting
from gorae.search.trials import Trials

__all__ = ["most_epochs", "raced_estimator", "with_counted_epochs"]

_EPOCHS = "epochs"


def raced_estimator(search: Any, trials: Trials) -> Any:
    """Return the estimator whose settings a search tries; where epochs are shared out, they are a number."""
    if search.halving is None and search.sampler != "pbt":
        return search.estimator
    return with_counted_epochs(search.estimator, max(len(train) for train, _ in trials.splits))


def with_counted_epochs(estimator: Any, rows: int) -> Any:
    """Return an estimator whose epochs are a number: where they are left to the rows, that of so many.

    Rungs and rounds are parts of that number, which is to be one for all splits and settings.

    Args:
        estimator: or a pipeline, which stays as it is.
        rows: that the largest split learns from.

    Example:
        >>> from gorae import CNNClassifier
        >>> with_counted_epochs(CNNClassifier(), 1437).epochs
        84
    """
    given = estimator.get_params()
    left = [name for name in _names(given) if isinstance(given[name], str) and given[name] == AUTO]
    if not left:
        return estimator
    counted: Any = clone(estimator)
    sizes = {name: given[f"{name.removesuffix(_EPOCHS)}batch_size"] for name in left}
    return counted.set_params(
        **{name: steps_as_epochs(rows, check_count("batch_size", size)) for name, size in sizes.items()}
    )


def most_epochs(estimator: Any, settings: Sequence[Setting]) -> int:
    """Return the epochs that every setting may train for.

    Raises:
        ParameterError: when settings differ in them, or the estimator does not train by epochs.
    """
    given = estimator.get_params()
    names = _names(given)
    if not names:
        raise ParameterError(
            f"halving needs an estimator that trains by epochs, not {type(estimator).__name__}; use "
            "halving=None."
        )
    if any(name in setting for setting in settings for name in names):
        raise ParameterError("halving decides the epochs; leave them out of the space.")
    return check_count(names[0], given[names[0]])


def _names(given: Any) -> list[str]:
    """Return which parameters are epochs: an estimator's own, or those of a pipeline's steps."""
    return [name for name in given if name == _EPOCHS or name.endswith(f"__{_EPOCHS}")]
