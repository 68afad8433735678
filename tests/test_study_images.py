"""Studies of images: the convolutional rung, and rows shown as pictures."""

from dataclasses import replace

import numpy as np
import pytest

from gorae.backend import select_devices
from gorae.search import nested_folds
from gorae.study import make_plan
from gorae.study.findings import shown_row
from gorae.study.ladder import climb, final_estimator
from gorae.study.prepare import prepare


@pytest.fixture(scope="module")
def data():
    """Small images in colour of two classes: a bright spot somewhere, or none."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 90, (80, 6, 5, 3), np.uint8)
    labels = np.arange(80) % 2
    for place in np.flatnonzero(labels):
        row, column = rng.integers(0, 4, 2)
        images[place, row : row + 2, column : column + 2] = 250
    return prepare(images.reshape(80, -1), labels, image_shape=(6, 5, 3), hold_out=False)


def test_the_convolutional_rung(data):
    """It is scored on nested folds like any other, and becomes an estimator that knows the images' sizes."""
    plan = make_plan(80, 90, 2, ("chance", "cnn"), budget=60, speed=1e11, image_shape=data.image_shape)
    plan = replace(plan, outer=2, inner=1, repeats=1, settings={"cnn": 1}, epochs={**plan.epochs, "cnn": 30})
    folds = nested_folds(data.rows.strata, outer=2, inner=0, stratify=True, seed=0)
    more = {"seed": 0, "device": None, "devices": select_devices(), "tell": lambda step: None}

    found = climb("cnn", data.rows, plan, folds, **more)["cnn"]
    estimator = final_estimator("cnn", {}, plan, data.rows, seed=0, device=None)

    assert np.mean(found.fold_scores) > 0.7
    assert len(found.histories) == 2
    assert estimator.image_shape == (6, 5, 3)


def test_rows_are_shown_as_pictures(data):
    """A row of pixels in colour is shown as the picture that it is."""
    shown = shown_row(data, 3)

    assert shown["values"] is None
    np.testing.assert_array_equal(shown["image"], data.rows.matrix[3].reshape(6, 5, 3))
