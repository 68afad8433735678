"""Map-style datasets in the place of arrays."""

import numpy as np
import pytest

from gorae.data import is_dataset, read_dataset
from gorae.errors import DataError, InputError
from gorae.estimators import LinearRegressor, MLPClassifier

X = np.random.default_rng(0).normal(size=(20, 3))
Y = (X[:, 0] > 0).astype(int)


class Items:
    """A dataset of a list."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, place):
        return self.items[place]


class Tensor:
    """What has the face of a tensor."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    def cpu(self):
        return self.array


PAIRS = Items(list(zip(X.tolist(), Y.tolist(), strict=True)))


def test_a_fit_of_a_dataset_is_that_of_its_arrays():
    """Rows and targets come from the pairs; answers are asked with a dataset of rows."""
    options = {"epochs": 3, "random_state": 0}
    model = MLPClassifier((4,), **options).fit(PAIRS)
    known = MLPClassifier((4,), **options).fit(X, Y)

    assert np.array_equal(model.predict_proba(Items(X)), known.predict_proba(X))


def test_targets_given_beside_come_first():
    """With y the dataset's own targets are not looked at."""
    model = LinearRegressor(epochs=2).fit(PAIRS, X[:, 1])

    assert np.array_equal(model.predict(X), LinearRegressor(epochs=2).fit(X, X[:, 1]).predict(X))


def test_what_is_a_dataset():
    """Arrays, lists, texts and tables are none."""
    pandas = pytest.importorskip("pandas")
    plain = [X, X.tolist(), "text", {"a": 1}, pandas.DataFrame(X), range(3), 3, None]

    assert not any(is_dataset(each) for each in plain)
    assert is_dataset(PAIRS)


def test_bytes_stay_bytes_and_channels_come_last():
    """Pictures of bytes are not made larger; tensors with few channels first have them moved."""
    pictures = Items([np.full((9, 8, 3), i, np.uint8) for i in range(3)])
    tensors = Items([(Tensor(np.full((3, 9, 8), i, np.float32)), i) for i in range(3)])

    assert read_dataset(pictures)[0].dtype == np.uint8
    assert read_dataset(tensors)[0].shape == (3, 9, 8, 3)
    assert read_dataset(tensors)[1].tolist() == [0, 1, 2]


def test_numbers_of_different_types_become_one():
    """What holds all of them holds the rows."""
    rows, _ = read_dataset(Items([np.array([1], np.uint8), np.array([0.5], np.float32)]))

    assert rows.tolist() == [[1.0], [0.5]]


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([], "its length is 0"),
        (
            [np.zeros(3), np.zeros(4)],
            r"row 1 \(from 0\) of the dataset has the shape \(4,\), but row 0 has \(3,\)",
        ),
        ([{"x": 1}], "got dictionaries"),
        ([np.array(["a", "b"])], "must hold numbers, got <U1 in row 0"),
        ([(np.zeros(3), 1), np.zeros(3)], "1 of 2 items of the dataset are pairs"),
    ],
)
def test_refusals(items, told):
    """What cannot be one array of rows is refused, naming the row."""
    with pytest.raises(DataError, match=told):
        read_dataset(Items(items))


def test_an_item_that_cannot_be_read():
    """What the dataset raises is told with the row."""

    class Torn(Items):
        def __getitem__(self, place):
            raise OSError("disk gone")

    with pytest.raises(
        DataError, match=r"row 0 \(from 0\) of the dataset cannot be read: OSError: disk gone"
    ):
        read_dataset(Torn([1]))


def test_rows_without_targets():
    """A dataset of rows alone needs y."""
    with pytest.raises(InputError, match="y"):
        MLPClassifier(epochs=1).fit(Items(X))
