"""Which columns say nearly the same: groups of columns joined by strong rank correlations."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import rankdata

from gorae.errors import ParameterError

__all__ = ["joined_columns"]


def joined_columns(columns: Mapping[str, pl.Series], at_least: Any) -> dict[str, tuple[str, ...]]:
    """Return groups of columns, by a name made of theirs; columns that are no numbers stand alone.

    Two columns belong together when the size of Spearman's rank correlation is at least so large, and so do
    those that a chain of such pairs joins. A missing value has the middle rank.

    Args:
        columns: the values by name.
        at_least: the correlation, in (0, 1].

    Raises:
        ParameterError: when it is out of its range.

    Example:
        >>> table = pl.DataFrame({"a": [1, 2, 3, 4], "b": [1, 4, 9, 16], "c": [2, 1, 2, 1]})
        >>> joined_columns({name: table[name] for name in "abc"}, 0.9)
        {'a + b': ('a', 'b'), 'c': ('c',)}
    """
    if isinstance(at_least, bool) or not isinstance(at_least, int | float) or not 0 < at_least <= 1:
        raise ParameterError(f"join_correlated must be above 0 and at most 1, such as 0.9, got {at_least!r}.")
    names = list(columns)
    numeric = [name for name in names if columns[name].dtype.is_numeric()]
    group = np.arange(len(names))
    if len(numeric) > 1:
        ranks = np.stack([_centred_ranks(columns[name]) for name in numeric])
        # Rounding must not part columns with equal ranks.
        strong = np.abs(ranks @ ranks.T) >= at_least - 1e-9
        _, label = connected_components(csr_array(strong), directed=False)
        first = {int(one): names.index(numeric[int(np.argmax(label == one))]) for one in np.unique(label)}
        for name, own in zip(numeric, label, strict=True):
            group[names.index(name)] = first[int(own)]
    joined = [
        tuple(name for name, own in zip(names, group, strict=True) if own == one) for one in np.unique(group)
    ]
    return {" + ".join(members): members for members in joined}


def _centred_ranks(column: pl.Series) -> np.ndarray:
    """Return ranks with mean 0 and length 1; zeros for a column that never varies."""
    values = column.cast(pl.Float64).to_numpy()
    known = np.isfinite(values)
    ranks = np.zeros(len(values))
    ranks[known] = rankdata(values[known]) - (known.sum() + 1) / 2
    length = float(np.sqrt(ranks @ ranks))
    return ranks / length if length else ranks
