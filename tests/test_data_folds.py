import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae.data import Split, cut_stop_rows, make_folds, pack_splits, size_class
from gorae.errors import DataError, ParameterError

SEEDS = st.integers(0, 2**63)


def labels(minimum=2):
    """Return codes of up to three classes, the first with several rows."""
    return st.lists(st.integers(0, 2), min_size=minimum, max_size=30).map(
        lambda codes: np.array([0] * 7 + codes, np.int32)
    )


# --- folds -------------------------------------------------------------------------------------------


@given(labels(), st.integers(2, 7), st.integers(1, 3), st.booleans(), SEEDS)
@settings(max_examples=40, deadline=None)
def test_folds_partition_the_rows(y, folds, repeats, stratify, seed):
    """In each repeat every row is scored once and learned from in all other folds."""
    made = make_folds(y, folds=folds, repeats=repeats, stratify=stratify, seed=seed)

    assert len(made) == folds * repeats
    for repeat in range(repeats):
        scores = [score for _, score in made[repeat * folds : (repeat + 1) * folds]]
        assert sorted(np.concatenate(scores).tolist()) == list(range(len(y)))
    for train, score in made:
        assert sorted([*train, *score]) == list(range(len(y)))
        assert (train.dtype, score.dtype, len(score) > 0) == (np.int32, np.int32, True)


@given(labels(), st.integers(2, 7), SEEDS)
@settings(max_examples=40, deadline=None)
def test_stratified_counts_differ_by_at_most_one(y, folds, seed):
    """Two folds have almost equally many rows of each class, also of classes with fewer rows than folds."""
    made = make_folds(y, folds=folds, stratify=True, seed=seed)
    counts = np.array([np.bincount(y[score], minlength=3) for _, score in made])

    assert np.ptp(counts, axis=0).max() <= 1


@given(st.lists(st.integers(0, 6), min_size=20, max_size=40), st.booleans(), SEEDS)
@settings(max_examples=40, deadline=None)
def test_groups_are_never_split(members, stratify, seed):
    """No group is learned from and scored in the same fold, and no fold is empty."""
    groups = np.array([*range(7), *members])
    y = (groups % 2).astype(np.int32)

    for train, score in make_folds(y, folds=3, stratify=stratify, groups=groups, seed=seed):
        assert not set(groups[train]) & set(groups[score])
        assert len(score) > 0


def test_folds_depend_on_the_seed_alone():
    """The same seed gives the same folds, another seed and another repeat give others."""
    y = np.arange(50)
    first, again, other = (make_folds(y, folds=5, repeats=2, stratify=False, seed=s) for s in (7, 7, 8))

    assert [score.tolist() for _, score in first] == [score.tolist() for _, score in again]
    assert first[0][1].tolist() != other[0][1].tolist()
    assert first[0][1].tolist() != first[5][1].tolist()


def test_a_repeat_does_not_depend_on_how_many_there_are():
    """The first repeat of three is the only repeat of one."""
    y = np.arange(20)
    one, three = (make_folds(y, folds=4, repeats=r, stratify=False, seed=3) for r in (1, 3))

    assert [s.tolist() for _, s in one] == [s.tolist() for _, s in three[:4]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folds": 1}, "at least 2 folds and 1 repeat are needed, got 1 and 1"),
        ({"folds": 2, "repeats": 0}, "got 2 and 0"),
        ({"folds": 9}, "9 folds need at least as many rows, got 8"),
        ({"folds": 5, "stratify": True}, "the largest has 4"),
        ({"folds": 3, "groups": np.array([0, 1] * 4)}, "at least as many groups, got 2"),
        ({"folds": 2, "groups": np.array([0, 1])}, "got 2 for 8 rows"),
    ],
)
def test_folds_that_cannot_be_made_are_refused(arguments, message):
    """Too few rows, groups, or rows of a class are told with their number."""
    with pytest.raises((DataError, ParameterError), match=message):
        make_folds(np.array([0, 1] * 4), **{"stratify": False, "seed": 0, **arguments})


# --- rows to stop on ---------------------------------------------------------------------------------


@given(labels(), st.floats(0.01, 0.9), st.booleans(), SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_cut_is_a_partition_of_the_training_part(y, fraction, stratify, seed):
    """Both parts are sorted, together the training part, and of the sizes asked for."""
    part = np.arange(1, len(y), dtype=np.int32)
    train, stop = cut_stop_rows(part, y, fraction=fraction, seed=seed, stratify=stratify)
    wanted = min(max(1, round(fraction * len(part))), len(part) - 1)

    assert sorted([*train, *stop]) == part.tolist()
    assert (sorted(train), sorted(stop)) == (train.tolist(), stop.tolist())
    assert len(stop) == wanted if not stratify else 1 <= len(stop) <= wanted


@given(labels(), st.floats(0.05, 0.5), SEEDS)
@settings(max_examples=40, deadline=None)
def test_each_class_gives_its_share_and_keeps_a_row(y, fraction, seed):
    """Stratified, each class gives its share to within one row and is still there to be learned."""
    part = np.arange(len(y))
    train, stop = cut_stop_rows(part, y, fraction=fraction, seed=seed, stratify=True)
    counts, cut = np.bincount(y, minlength=3), np.bincount(y[stop], minlength=3)
    share = max(1, round(fraction * len(y))) * counts / len(y)

    assert set(y[train]) == set(y)
    assert (np.abs(cut - np.minimum(share, np.maximum(counts - 1, 0))) < 2).all()


@given(st.lists(st.integers(0, 4), min_size=2, max_size=30), SEEDS)
@settings(max_examples=40, deadline=None)
def test_whole_groups_are_cut(members, seed):
    """No group is on both sides, each has one, and the cut is at most the fraction or the smallest group."""
    groups = np.array([0, 1, *members])
    train, stop = cut_stop_rows(
        np.arange(len(groups)), np.zeros(len(groups)), fraction=0.3, seed=seed, stratify=False, groups=groups
    )
    smallest = np.unique(groups, return_counts=True)[1].min()

    assert not set(groups[train]) & set(groups[stop])
    assert len(train) > 0
    assert 0 < len(stop) <= max(smallest, round(0.3 * len(groups)))


def test_one_group_is_cut_by_rows():
    """Where all rows are one group, early stopping still gets its rows."""
    assert (
        len(
            cut_stop_rows(
                np.arange(10), np.zeros(10), fraction=0.2, seed=0, stratify=False, groups=np.zeros(10)
            )[1]
        )
        == 2
    )


def test_classes_of_single_rows_are_cut_by_rows():
    """Where no class can spare a row, rows are cut as they come."""
    assert len(cut_stop_rows(np.arange(10), np.arange(10), fraction=0.2, seed=0, stratify=True)[1]) == 2


@pytest.mark.parametrize(("rows", "fraction"), [(1, 0.5), (5, 0.0), (0, 0.1)])
def test_nothing_is_cut_where_nothing_can_be(rows, fraction):
    """A single row, and a fraction of 0, leave nothing to stop on."""
    train, stop = cut_stop_rows(np.arange(rows), np.zeros(5), fraction=fraction, seed=0, stratify=True)

    assert (len(train), len(stop), stop.dtype) == (rows, 0, np.int32)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction):
    """The fraction is at least 0 and below 1."""
    with pytest.raises(ParameterError, match=f"got {fraction}"):
        cut_stop_rows(np.arange(3), np.zeros(3), fraction=fraction, seed=0, stratify=False)


# --- packing -----------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.sampled_from([1, 2, 32, 100]))
@settings(max_examples=40, deadline=None)
def test_size_classes_are_tight_and_few(count, multiple):
    """A size holds its count, is a multiple, does not fall, and pads above 64 less than one eighth."""
    size = size_class(count, multiple=multiple)

    assert size >= count
    assert size % multiple == 0
    assert size_class(count + 1, multiple=multiple) >= size
    assert multiple > 1 or count <= 64 or size < count * 1.125


def test_there_are_eight_sizes_to_an_octave():
    """Between 64 and 1,024 there are four octaves of eight sizes."""
    assert len({size_class(count) for count in range(65, 1025)}) == 32


@given(labels(), st.integers(2, 4), SEEDS, st.booleans())
@settings(max_examples=40, deadline=None)
def test_packed_rows_are_the_rows_with_their_weights(y, folds, seed, weighted):
    """The rows of positive weight come first with their weights; padding has index 0 and weight 0."""
    weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float) if weighted else None
    splits = []
    for train, score in make_folds(y, folds=folds, stratify=False, seed=seed):
        splits.append(Split(*cut_stop_rows(train, y, fraction=0.2, seed=seed, stratify=False), score))
    packed = pack_splits(splits, weight, multiple=3)

    assert packed.train_rows.shape[1] % 3 == packed.stop_rows.shape[1] % 3 == 0
    for place, split in enumerate(splits):
        count = packed.train_count[place]
        assert packed.train_rows[place, :count].tolist() == split.train.tolist()
        expected = np.ones(count) if weight is None else weight[split.train]
        assert packed.train_weight[place].tolist() == [*expected, *[0] * (packed.train_rows.shape[1] - count)]
        assert not packed.train_rows[place, count:].any()
        assert packed.stop_rows[place, : packed.stop_count[place]].tolist() == split.stop.tolist()


def test_rows_of_weight_zero_are_as_if_removed():
    """Packing with a weight of 0 gives what packing without the row gives."""
    rows = np.arange(6, dtype=np.int32)
    with_zero = pack_splits([Split(rows[:4], rows[4:5], rows[5:])], np.array([1.0, 0.0, 2.0, 1.0, 0.0, 1.0]))
    without = pack_splits(
        [Split(rows[[0, 2, 3]], rows[:0], rows[5:])], np.array([1.0, 9.0, 2.0, 1.0, 9.0, 1.0])
    )

    for one, other in zip(with_zero, without, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("parts", [([0, 1], [1], [2]), ([0, 1], [], [0]), ([0], [2], [2])])
def test_a_row_in_two_parts_is_refused(parts):
    """A row that is learned from or stopped on is never scored."""
    split = Split(*(np.array(part, np.int32) for part in parts))

    with pytest.raises(DataError, match="split 0 has a row in two of its parts"):
        pack_splits([split])


def test_a_split_without_weight_is_refused():
    """There must be something to learn from."""
    split = Split(*(np.array([row], np.int32) for row in range(3)))

    with pytest.raises(DataError, match="split 0 has no training row"):
        pack_splits([split], np.array([0.0, 1.0, 1.0]))


@pytest.mark.parametrize(("count", "multiple"), [(0, 1), (1, 0)])
def test_packing_needs_a_split_and_a_multiple(count, multiple):
    """No split, or a multiple below 1, is refused."""
    split = Split(*(np.array([row], np.int32) for row in range(3)))

    with pytest.raises(ParameterError, match="at least one split"):
        pack_splits([split] * count, multiple=multiple)
