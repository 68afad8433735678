"""Classifiers and regressors with their evidence, over images and rows of other forms."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from gorae import (
    CautiousClassifier,
    CautiousRegressor,
    CNNClassifier,
    CNNRegressor,
    ConvPart,
    DensePart,
    permutation_importance,
)
from gorae.errors import DataError

PARTS = [ConvPart(2), DensePart(4)]


def images(rows=120):
    """Images of 3 x 4 cells and 2 channels: a bright column says the class, its brightness the value."""
    draw = np.random.default_rng(0)
    X = draw.normal(0, 0.3, (rows, 3, 4, 2)).astype(np.float32)
    y, bright = np.arange(rows) % 3, draw.uniform(2, 3, rows)
    X[np.arange(rows), :, y, 0] += bright[:, None]
    return X, y, bright


@pytest.fixture(scope="module")
def fitted():
    """A classifier with its evidence, of images, and an unfitted twin of its network."""
    X, y, _ = images()
    network = CNNClassifier(PARTS, epochs=8, learning_rate=0.02, random_state=0)
    return CautiousClassifier(network, cv=3).fit(X, y), network


def test_images_are_read(fitted):
    """Channels and sides reach the network, which is what it is alone; the one given stays unfitted."""
    model, network = fitted
    X, y, _ = images()
    assert model.estimator_.image_shape_in_ == (3, 4, 2)
    alone: Any = clone(network)
    np.testing.assert_array_equal(model.estimator_.predict_proba(X), alone.fit(X, y).predict_proba(X))
    assert network.image_shape is None
    assert model.predict_proba(X).shape == (120, 3)
    assert model.predict(X, unknown="flag", false_alarms=0.05)[1].mean() < 0.2
    assert model.predict_set(X, 0.8).shape == (120, 3)


def test_images_and_their_rows_of_numbers_are_the_same(fitted):
    """Asked as images or as rows of numbers, a model answers the same."""
    model, _ = fitted
    X, _, _ = images(20)
    flat = X.reshape(20, -1)
    np.testing.assert_array_equal(model.novelty_score(X), model.novelty_score(flat))
    np.testing.assert_array_equal(model.predict_set(X, 0.8), model.predict_set(flat, 0.8))


def test_images_of_other_sizes(fitted):
    """Images of other sizes than those learned from are refused in a sentence."""
    with pytest.raises(DataError, match=r"\(3, 4, 2\)"):
        fitted[0].predict(np.zeros((2, 4, 3, 2), np.float32))


def test_values_of_images():
    """Intervals are of images too."""
    X, _, bright = images(60)
    network = CNNRegressor(PARTS, epochs=2, random_state=0)
    model = CautiousRegressor(network, cv=3).fit(X, bright)
    low, high = model.predict_interval(X, 0.8).T
    assert (low < high).all()
    alone: Any = clone(network)
    np.testing.assert_array_equal(model.predict(X), alone.fit(X, bright).predict(X))


def test_cells_that_matter(fitted):
    """Of cells of images those of the bright channel matter; the other one is noise."""
    X, y, _ = images(60)
    for model in (fitted[0], fitted[0].estimator_):
        found = permutation_importance(model, X, y, random_state=0, repeats=2)
        best = int(found.columns[0].name.removeprefix("x"))
        assert best % 2 == 0  # channels vary fastest
        assert (best // 2) % 4 < 3
