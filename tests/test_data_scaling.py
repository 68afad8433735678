import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gorae.data import fit_affine, fit_affines, learn_encoding, scaling
from gorae.errors import DataError, InputError, ParameterError

SHAPES = st.tuples(st.sampled_from([1, 3, 7]), st.sampled_from([1, 2, 17]))
VALUES = st.floats(-1e6, 1e6, width=32)


def matrices():
    """Return small matrices around a shifted origin, some with gaps."""
    return SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=VALUES | st.just(np.nan)))


def test_standard_by_hand():
    """Column (1, 3, 2) has mean 2 and variance 2/3; (1, -, 3) mean 2 and variance 1, and its gap takes 2."""
    matrix = np.array([[1.0, 1.0], [3.0, np.nan], [2.0, 3.0]])
    affine = fit_affine(matrix)

    assert affine.shift.tolist() == [2.0, 2.0]
    np.testing.assert_allclose(affine.scale, [np.sqrt(1.5), 1.0], rtol=1e-15)
    assert affine.apply(matrix)[1].tolist() == [np.float32(np.sqrt(1.5)), 0.0]


def test_common_by_hand():
    """The values 0, 6, 2, 4 have mean 3 and variance 5: one shift, one scale, for constant columns too."""
    affine = fit_affine(np.array([[0, 6], [2, 4]], np.uint8), kind="common")
    constant = fit_affine(np.array([[0, 5], [10, 5]], np.uint8), kind="common")

    np.testing.assert_allclose([affine.shift, affine.scale], [[3.0, 3.0], [5**-0.5, 5**-0.5]], rtol=1e-15)
    assert constant.scale[0] == constant.scale[1] > 0


def test_none_only_fills():
    """Without scaling, values pass and gaps take the mean of their column."""
    matrix = np.array([[1.0, 7.0], [np.nan, 7.0], [4.0, 7.0]])

    assert fit_affine(matrix, kind="none").apply(matrix).tolist() == [[1, 7], [2.5, 7], [4, 7]]


@pytest.mark.parametrize("kind", ["standard", "common"])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e30, 255.0])
def test_constant_columns_are_silent(kind, value):
    """A constant has scale 0 exactly, whatever rounding does to its deviation."""
    matrix = np.full((7, 3), value)
    affine = fit_affine(matrix, kind=kind)

    assert affine.scale.tolist() == [0.0, 0.0, 0.0]
    assert not affine.apply(matrix + 5.0).any()


@pytest.mark.parametrize("kind", ["standard", "none", "common"])
def test_a_column_without_values_is_filled_with_zero(kind):
    """A column that the training rows never show gives 0, not NaN."""
    matrix = np.array([[np.nan, 1.0], [np.nan, 2.0]])

    assert fit_affine(matrix, kind=kind).fill[0] == 0.0
    assert not np.isnan(fit_affine(matrix, kind=kind).apply(matrix)).any()


@given(matrices(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_weight_is_a_number_of_copies(matrix, data):
    """Weight k equals k copies and weight 0 removal, to 1e-12 of the column's size."""
    copies = data.draw(
        arrays(np.int64, len(matrix), elements=st.integers(0, 4)).filter(lambda k: k.sum() > 0)
    )
    weighted = fit_affine(matrix, weight=copies)
    copied = fit_affine(np.repeat(matrix, copies, axis=0))
    size = np.abs(np.nan_to_num(matrix)).max() + 1e-30

    np.testing.assert_allclose(weighted.shift, copied.shift, rtol=1e-12, atol=1e-12 * size)
    assert (weighted.scale == 0).tolist() == (copied.scale == 0).tolist()
    seen = copied.scale > 0
    np.testing.assert_allclose(
        1 / weighted.scale[seen], 1 / copied.scale[seen], rtol=1e-12, atol=1e-12 * size
    )


@given(matrices(), st.data())
@settings(max_examples=40, deadline=None)
def test_rows_are_a_selection(matrix, data):
    """Fitting on rows by index equals fitting on a matrix of these rows."""
    rows = np.array(data.draw(st.lists(st.integers(0, len(matrix) - 1), min_size=1, max_size=9)), np.int32)
    chosen, copied = fit_affine(matrix, rows), fit_affine(matrix[rows])

    for name in ("fill", "shift", "scale"):
        assert getattr(chosen, name).tolist() == getattr(copied, name).tolist()


@given(matrices().filter(lambda m: not np.isnan(m).any()))
@settings(max_examples=40, deadline=None)
def test_the_fit_does_not_depend_on_the_blocks(matrix):
    """Blocks of one row, merged, give what numpy gives for the whole."""
    whole = scaling._BLOCK_CELLS
    scaling._BLOCK_CELLS = 1
    try:
        affine = fit_affine(matrix)
    finally:
        scaling._BLOCK_CELLS = whole
    wide = matrix.astype(np.float64)

    np.testing.assert_allclose(affine.shift, wide.mean(0), rtol=1e-12, atol=1e-9)
    seen = affine.scale > 0
    np.testing.assert_allclose(1 / affine.scale[seen], wide.std(0)[seen], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_every_type_is_standardised(dtype):
    """The mapped training rows have mean 0 and deviation 1 in each column."""
    matrix = np.random.default_rng(0).integers(0, 256, (101, 3)).astype(dtype)
    mapped = fit_affine(matrix).apply(matrix)

    assert mapped.dtype == np.float32
    np.testing.assert_allclose([mapped.mean(0), mapped.std(0) - 1], 0, atol=1e-6)


def test_huge_values_are_standardised():
    """Values of 1e30 come out with deviation 1, not as infinity."""
    matrix = np.array([[1e30, -3e38], [2e30, 3e38], [3e30, 0.0]], np.float32)
    mapped = fit_affine(matrix).apply(matrix)

    np.testing.assert_allclose(mapped.std(0), [1, 1], rtol=1e-6)


def test_a_deviation_beyond_float32_is_silent():
    """A scale that float32 could not hold becomes 0, not infinity."""
    assert fit_affine(np.array([[0.0], [1e-45]])).scale.tolist() == [0.0]


def test_byte_images_are_not_blown_up(monkeypatch):
    """Fitting 20,000 byte rows by index takes less than a tenth of their float64 size at any time."""
    import tracemalloc

    images = np.zeros((20_000, 100), np.uint8)
    images[::2] = 200
    rows = np.arange(0, 20_000, 3, dtype=np.int32)
    tracemalloc.start()
    affine = fit_affine(images, rows, kind="common")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert affine.shift[0] == pytest.approx(100, abs=0.1)
    assert peak < images.size * 8 / 10


def test_several_sets_are_stacked():
    """fit_affines is fit_affine per set."""
    matrix, weight = np.random.default_rng(0).normal(5, 2, (9, 3)), np.arange(9.0)
    sets = [np.arange(6), np.arange(3, 9)]
    stacked = fit_affines(matrix, sets, weight)

    assert stacked.shift.shape == (2, 3)
    for place, rows in enumerate(sets):
        np.testing.assert_array_equal(stacked.at(place).scale, fit_affine(matrix, rows, weight).scale)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "standart"}, "did you mean 'standard'"),
        ({"weight": np.zeros(2)}, "positive weight"),
        ({"weight": np.array([1.0, -1.0])}, "got -1.0 in row 1"),
        ({"weight": np.ones(3)}, r"got shape \(3,\)"),
        ({"rows": np.array([], np.int32)}, "got none"),
    ],
)
def test_what_cannot_be_fitted_is_refused(arguments, message):
    """Another kind, no weight, and wrong weights are named."""
    with pytest.raises((DataError, ParameterError), match=message):
        fit_affine(np.ones((2, 2)), **arguments)


def test_infinity_is_refused_with_its_column():
    """An infinite value is told by its column."""
    with pytest.raises(DataError, match="column 1"):
        fit_affine(np.array([[1.0, 2.0], [1.0, np.inf]]))


def test_another_width_is_refused():
    """A map is applied only to a matrix of its width."""
    with pytest.raises(InputError, match=r"\(2,\) cannot be applied to shape \(1, 3\)"):
        fit_affine(np.ones((1, 2))).apply(np.ones((1, 3)))


# --- contract 3: what a fold may know ----------------------------------------------------------------


def learn_fold(scored):
    """Encode six training rows together with scored rows, and map the training rows as their fold does."""
    train = {
        "n": [1.0, 2.0, None, 4.0, 5.0, 9.0],
        "c": ["a", "b", "a", "b", "a", None],
        "t": [True, False] * 3,
    }
    frame = pl.DataFrame({name: train[name] + scored[name] for name in train}, strict=False)
    encoding = learn_encoding(frame)
    matrix = encoding.encode(frame)
    affine = fit_affine(matrix, np.arange(6))
    return encoding.feature_names, affine, affine.apply(matrix)


def test_scored_rows_change_nothing_that_a_fold_learns_from():
    """Whatever the scored rows hold, the training rows of a fold come out bitwise the same.

    Categories and gaps that only the scored rows have add columns at most, and these are zero in every row.
    """
    plain_names, _, plain = learn_fold({"n": [3.0], "c": ["a"], "t": [True]})
    other_names, affine, other = learn_fold({"n": [-1e9, None], "c": ["zebra", "yak"], "t": [None, False]})
    shared = [other_names.index(name) for name in plain_names]
    added = [place for place, name in enumerate(other_names) if name not in plain_names]

    assert [other_names[place] for place in added] == ["c=yak", "c=zebra", "t is missing"]
    np.testing.assert_array_equal(other[:6][:, shared], plain[:6])
    assert not affine.scale[added].any()
    assert not other[:, added].any()
