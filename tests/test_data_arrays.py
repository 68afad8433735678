import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gorae.data import as_matrix
from gorae.errors import DataError, InputTypeError

VALUES = [[1.0, 2.0], [3.0, 4.5]]


@pytest.mark.parametrize(
    "X",
    [
        VALUES,
        tuple(map(tuple, VALUES)),
        np.array(VALUES),
        np.array(VALUES, np.float32),
        np.asfortranarray(VALUES),
        np.array(VALUES, object),
        pd.DataFrame(VALUES),
        pl.DataFrame(VALUES, orient="row"),
        pa.table({"a": [1.0, 3.0], "b": [2.0, 4.5]}),
        scipy.sparse.csr_matrix(VALUES),
        scipy.sparse.coo_array(VALUES),
        np.array(VALUES)[:, ::-1][:, ::-1],
    ],
    ids=lambda X: type(X).__name__,
)
def test_every_kind_of_input_gives_the_same_matrix(X):
    """Lists, arrays, frames and sparse matrices become the same contiguous float32 matrix."""
    values = as_matrix(X).values

    assert (values.dtype, values.flags.c_contiguous, values.tolist()) == (np.float32, True, VALUES)


def test_frames_give_their_names():
    """The names of columns are kept; arrays have none."""
    assert as_matrix(pd.DataFrame({"a": [1], "b": [True]})).names == ("a", "b")
    assert as_matrix([[1]]).names is None


@pytest.mark.parametrize(
    "X",
    [
        np.full((2, 3), 7, np.uint8),
        pl.DataFrame({"a": [7, 7], "b": [7, 7]}, schema={"a": pl.UInt8, "b": pl.UInt8}),
        scipy.sparse.csr_matrix(np.full((2, 3), 7, np.uint8)),
    ],
)
def test_bytes_stay_bytes(X):
    """Bytes are not blown up to floats, wherever they come from."""
    assert as_matrix(X).values.dtype == np.uint8


def test_a_byte_matrix_is_not_copied():
    """Images that are in the right form already cost no memory."""
    X = np.zeros((3, 4), np.uint8)

    assert np.shares_memory(as_matrix(X).values, X)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float16, np.float64])
def test_other_types_become_float32(dtype):
    """Truth values, integers and floats of any size become float32."""
    assert as_matrix(np.ones((1, 1), dtype)).values.dtype == np.float32


@given(st.sampled_from([(1, 3, 2), (7, 1, 1), (3, 2, 5, 3)]))
@settings(max_examples=3, deadline=None)
def test_images_become_rows(shape):
    """An image is a row in the order of its pixels, and its shape is kept."""
    images = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    matrix = as_matrix(images)

    assert matrix.image_shape == shape[1:]
    np.testing.assert_array_equal(matrix.values.reshape(shape), images)


@given(arrays(np.float64, (3, 2), elements=st.floats(-1e38, 1e38)))
@settings(max_examples=40, deadline=None)
def test_values_are_rounded_once(X):
    """The matrix is the nearest float32 to each value."""
    np.testing.assert_array_equal(as_matrix(X).values, X.astype(np.float32))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros(3), r"shape \(3,\). Reshape your data"),
        (5.0, r"shape \(\)"),
        (np.zeros((1, 2, 3, 4, 5)), r"\(1, 2, 3, 4, 5\)"),
        (np.zeros((0, 3)), r"0 sample\(s\)"),
        (np.zeros((3, 0)), r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is required"),
        ([[1], [1, 2]], "equally many numbers"),
        (np.array([["a", "b"]]), "text columns are encoded"),
        (np.array([["x", 1.0]], object), "could not convert string to float: 'x'"),
        (np.ones((1, 1), complex), "Complex data not supported"),
        (scipy.sparse.csr_matrix(np.ones((1, 1), complex)), "Complex data not supported"),
        (pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), "columns do not: 'a'"),
        (np.array([[1.0, np.nan]]), "NaN.*nan in row 0, column 1"),
        (pl.DataFrame({"a": [1.0, None]}), "nan in row 1, column 0"),
        (np.array([[1.0], [np.inf]]), "infinity.*inf in row 1, column 0"),
        (np.array([[1e39]]), r"too large for float32: 1e\+39"),
        (scipy.sparse.csr_matrix([[0.0, np.inf]]), "inf in stored value 0"),
        (np.array([["2020-01-01"]], "datetime64[D]"), "datetime64"),
    ],
)
def test_what_makes_no_matrix_is_refused(X, message):
    """Each wrong input is refused with what was wrong about it and where."""
    with pytest.raises(DataError, match=message):
        as_matrix(X)


def test_a_value_that_is_no_number_is_a_type_error():
    """A dict in a cell is told as scikit-learn tells it."""
    with pytest.raises(InputTypeError, match=r"must be a string or a real number, not 'dict'"):
        as_matrix(np.array([[{"a": 1}, 2]], object))


@pytest.mark.parametrize(
    "X", [np.array([[np.nan, 1.0]]), pl.DataFrame({"a": [None], "b": [1.0]}), np.array([[None, 1]], object)]
)
def test_missing_values_pass_when_allowed(X):
    """With missing=True gaps are NaN; infinity stays refused."""
    np.testing.assert_array_equal(as_matrix(X, missing=True).values, np.float32([[np.nan, 1.0]]))
    with pytest.raises(DataError, match="infinity"):
        as_matrix(np.array([[np.nan, np.inf]]), missing=True)


def test_a_sparse_matrix_too_large_to_be_dense_is_refused():
    """40 GB of zeros are refused before they are asked for."""
    X = scipy.sparse.csr_matrix((100_000, 100_000))

    with pytest.raises(DataError, match=r"\(100000, 100000\) would take 40,000,000,000 bytes"):
        as_matrix(X)
