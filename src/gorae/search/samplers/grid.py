"""The grid: every combination of the listed values."""

from collections.abc import Sequence

from sklearn.model_selection import ParameterGrid

from gorae.search.space import Setting, Space


def every_setting(spaces: Sequence[Space]) -> list[Setting]:
    """Return every setting, in the order of scikit-learn's `ParameterGrid`.

    Example:
        >>> every_setting([{"a": [1, 2], "b": [3]}])
        [{'a': 1, 'b': 3}, {'a': 2, 'b': 3}]
    """
    return list(ParameterGrid([dict(part) for part in spaces]))
