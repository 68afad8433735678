"""Faults of a data set that no score shows: rows that are there twice, and what may leak the answer."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from gorae.data import TextEncoding, fit_affine
from gorae.evidence import (
    Duplicates,
    Suspect,
    find_duplicates,
    leaking_columns,
    looks_like_counter,
    ordered_suspect,
)
from gorae.report.audits import Twins
from gorae.search import Rows
from gorae.study.prepare import Prepared

_MOST_TOLD = 1000
_ROW_ORDER = "the order of the rows"
_DATES = ("days", "seconds")


class Column(NamedTuple):
    """A column as the user gave it, and the numbers that stand for it.

    Args:
        name: of the column.
        values: (rows, width) what models read; NaN where a value is missing.
        numbers: (rows,) its own numbers where it holds such, or None.
        is_date: whether the numbers are dates.
    """

    name: str
    values: np.ndarray
    numbers: np.ndarray | None
    is_date: bool


def scaled_rows(rows: Rows, test: Rows | None = None) -> np.ndarray:
    """Return rows, and test rows after them, filled and scaled: the space in which they are compared."""
    matrix = rows.matrix if test is None else np.concatenate([rows.matrix, test.matrix])
    return fit_affine(matrix, kind=rows.scale).apply(matrix)


def find_twins(data: Prepared) -> tuple[Twins, list[Suspect]]:
    """Find rows that are there more than once, also among the test rows.

    Args:
        data: rows to learn from, and test rows if there are any.

    Returns:
        The rows, by their numbers; and a suspect of leakage where test rows are among them.
    """
    matrix = data.rows.matrix
    if data.test is not None:
        matrix = np.concatenate([matrix, data.test.matrix])
    found = find_duplicates(matrix, scaled_rows(data.rows, data.test))
    twins = _told(found, data)
    total = twins.across_equal + twins.across_near
    if data.test is None or not total:
        return twins, []
    share = total / len(data.test.matrix)
    some = "is" if total == 1 else "are"
    return twins, [
        Suspect(
            "test",
            "test rows",
            share,
            f"{total} of {len(data.test.matrix)} test rows {some} among the training rows: "
            f"{twins.across_equal} equal, {twins.across_near} nearly.",
            "Leave them out of one of the two: a score on rows that were learned from is too good.",
        )
    ]


def find_leaks(data: Prepared, seed: int) -> list[Suspect]:
    """Find columns, identifiers and orders of the rows that tell the target.

    Args:
        data: rows to learn from, with class codes.
        seed: of the folds in which columns are judged.
    """
    labels = data.rows.targets
    counters, others, dated = [], {}, []
    for column in _columns(data):
        if column.is_date and column.numbers is not None:
            dated.append(ordered_suspect(f"the date in {column.name!r}", column.numbers, labels))
        if column.numbers is not None and not column.is_date and looks_like_counter(column.numbers):
            counters.append(_counter(column.name, column.numbers, labels))
        else:
            others[column.name] = column.values
    texts = [ordered_suspect(name, ranks, labels, kind="identifier") for name, ranks in _dropped_texts(data)]
    ordered = ordered_suspect(_ROW_ORDER, data.row_numbers, labels)
    found = [*leaking_columns(others, labels, seed=seed), *counters, *texts, *dated, ordered]
    return [one for one in found if one is not None]


def _columns(data: Prepared) -> Iterator[Column]:
    """Yield the columns that models read; that of texts is all that there is, and tells what it should."""
    if isinstance(data.encoding, TextEncoding):
        return
    if data.encoding is None:
        for place, name in enumerate(data.feature_names):
            values = data.rows.matrix[:, [place]]
            # A pixel is no running number, however bright.
            yield Column(name, values, None if data.rows.images else values[:, 0], is_date=False)
        return
    start = 0
    for code in data.encoding.codes:
        values = data.rows.matrix[:, start : start + code.width]
        start += code.width
        is_date = code.kind == "time" and code.unit in _DATES
        own = code.kind == "number" or is_date
        numbers = values[:, 0].astype(np.float64) + code.anchor if own else None
        yield Column(code.name, values, numbers, is_date)


def _dropped_texts(data: Prepared) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the text columns that were left out as identifiers, by the rank of each text."""
    if data.encoding is None or data.frame is None:
        return
    for name in data.encoding.dropped:
        column = data.frame[name]
        if column.dtype == pl.String and column.drop_nulls().n_unique() > 1:
            yield name, column.rank("dense").cast(pl.Float64).fill_null(np.nan).to_numpy()


def _counter(name: str, numbers: np.ndarray, labels: np.ndarray) -> Suspect:
    """Return the suspect that a running number is."""
    telling = ordered_suspect(name, numbers, labels, kind="identifier")
    if telling is not None:
        return telling
    share = len(np.unique(numbers[np.isfinite(numbers)])) / len(numbers)
    return Suspect(
        "identifier",
        name,
        share,
        f"The column {name!r} looks like a running number: {100 * share:.0f} % of the rows have one of "
        "their own.",
        "Leave the column out: it names rows, and new rows have other numbers.",
    )


def _told(found: Duplicates, data: Prepared) -> Twins:
    """Return duplicates by the numbers of the user's rows, training and test rows apart."""
    count, labels = len(data.rows.matrix), data.rows.targets
    numbers, names = data.row_numbers, data.labels
    groups, across = [], []
    for group in found.groups:
        own, held = group[group < count], group[group >= count]
        if len(own) > 1:
            groups.append(own)
        if len(own):
            across += [(int(row) - count, int(numbers[own[0]])) for row in held]
    equal = {test for test, _ in across}
    one, other = np.sort(found.near, axis=1).T
    inside, between = np.flatnonzero(other < count), np.flatnonzero((one < count) & (other >= count))
    nearly = {int(other[at]) - count: int(numbers[one[at]]) for at in between[::-1]}
    nearly = {test: row for test, row in nearly.items() if test not in equal}
    return Twins(
        groups=[[(int(numbers[row]), names[labels[row]]) for row in own] for own in groups[:_MOST_TOLD]],
        repeated=sum(len(own) - 1 for own in groups),
        disputed=sum(len(np.unique(labels[own])) > 1 for own in groups),
        near=[
            (
                int(numbers[one[at]]),
                int(numbers[other[at]]),
                bool(labels[one[at]] == labels[other[at]]),
                float(found.distances[at]),
            )
            for at in inside[:_MOST_TOLD]
        ],
        across=[*sorted(across), *sorted(nearly.items())][:_MOST_TOLD],
        across_equal=len(across),
        across_near=len(nearly),
        near_pairs=len(inside),
    )
