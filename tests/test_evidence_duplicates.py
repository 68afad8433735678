"""Equal and nearly equal rows: by hand, relations, and what chance brings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from gorae.errors import InputError
from gorae.evidence import find_duplicates


def groups_of(rows, scaled=None):
    """The groups of equal rows as lists."""
    values = np.asarray(rows, float)
    filled = np.nan_to_num(values) if scaled is None else scaled
    return [group.tolist() for group in find_duplicates(values, filled).groups]


def clusters(rows=300, width=5, seed=0):
    """Rows of a normal distribution."""
    return np.random.default_rng(seed).normal(size=(rows, width))


def test_equal_rows_by_hand():
    """Groups come by their first row; a missing value equals a missing one, and minus zero is zero."""
    rows = [[1, 2], [np.nan, 0.0], [1, 2], [5, 5], [np.nan, -0.0], [1, 2], [0.0, np.nan]]
    assert groups_of(rows) == [[0, 2, 5], [1, 4]]
    assert find_duplicates(np.array(rows), np.nan_to_num(rows)).repeated == 3


def test_equal_pictures():
    """Bytes are compared as they are."""
    rows = np.array([[0, 255], [255, 0], [0, 255]], np.uint8)
    assert [group.tolist() for group in find_duplicates(rows, rows / 255).groups] == [[0, 2]]


def test_disputed_groups():
    """Of two groups of equal rows the one with two labels is disputed."""
    rows = np.array([[0.0], [1.0], [0.0], [1.0]])
    found = find_duplicates(rows, rows)
    assert [group.tolist() for group in found.disputed(["a", "b", "c", "b"])] == [[0, 2]]


def test_planted_near_pairs_are_found():
    """A row copied with a thousandth of the usual distance as noise is near; nothing else is."""
    rows = clusters()
    usual = np.median(np.sort(squareform(pdist(rows)), axis=1)[:, 1])
    copy = rows[[7, 11]] + 1e-3 * usual * np.eye(5)[:2]
    found = find_duplicates(*[np.concatenate([rows, copy])] * 2)
    assert sorted(map(tuple, found.near.tolist())) == [(7, 300), (11, 301)]
    np.testing.assert_allclose(found.distances, 1e-3 * usual, rtol=1e-2)
    assert not found.groups
    assert found.usual == pytest.approx(usual, rel=0.1)


def test_the_search_misses_no_pair():
    """In 30 columns, where the tree sees 8 directions only, the near pairs are those of all distances."""
    rows = clusters(400, 30)
    rows = np.concatenate([rows, rows[:40] + 1e-2 * clusters(40, 30, seed=1)]).astype(np.float32)
    found = find_duplicates(rows, rows)
    table = squareform(pdist(rows.astype(float)))
    expected = np.argwhere(np.triu(table < found.threshold, 1))
    assert len(expected) == 40
    assert sorted(map(tuple, found.near.tolist())) == sorted(map(tuple, expected.tolist()))


@pytest.mark.parametrize("width", [1, 2, 10])
def test_chance_brings_no_pair(width):
    """Of 40 data sets without copies few have a near pair: 1 in 20 is allowed, so 8 are beyond chance.

    In one column rows are often far nearer than usual; a fixed share of the usual distance would not do.
    """
    found = [len(find_duplicates(*[clusters(200, width, seed)] * 2).near) > 0 for seed in range(40)]
    assert sum(found) < 8


@given(st.integers(0, 10**6), st.integers(2, 40))
def test_the_order_of_rows_does_not_matter(seed, rows):
    """Shuffled rows have the same groups and pairs, by their new numbers."""
    draw = np.random.default_rng(seed)
    values = draw.integers(0, 3, (rows, 2)).astype(float)
    order = draw.permutation(rows)
    one, other = find_duplicates(values, values), find_duplicates(values[order], values[order])
    assert {frozenset(group.tolist()) for group in one.groups} == {
        frozenset(order[group].tolist()) for group in other.groups
    }
    assert one.repeated == other.repeated


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows(rows):
    """One, two and three equal rows are no reason to fail."""
    found = find_duplicates(np.ones((rows, 2)), np.ones((rows, 2)))
    assert found.repeated == rows - 1
    assert len(found.near) == 0


@pytest.mark.parametrize(
    ("values", "scaled", "told"),
    [
        ([[1.0]], [[1.0], [2.0]], "values has 1, scaled has 2"),
        ([[1.0]], [[np.nan]], "fill missing values first"),
        ([1.0], [1.0], "must be \\(rows, width\\)"),
    ],
)
def test_what_cannot_be_used_is_told(values, scaled, told):
    """One sentence with what came."""
    with pytest.raises(InputError, match=told):
        find_duplicates(np.array(values), np.array(scaled))
