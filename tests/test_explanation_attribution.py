"""Integrated gradients: linear equality, completeness, finite differences, members, pictures, what is refused."""

import json
from copy import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gorae import (
    CautiousClassifier,
    KNeighborsClassifier,
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPRegressor,
    integrated_gradients,
)
from gorae.errors import DataError, InputError, InputTypeError, NotFittedError, ParameterError
from study_cases import people, people_study, pictures, pictures_study

ROWS = np.random.default_rng(0).normal([0, 5, -2], [1, 3, 0.1], size=(40, 3))
CODES = np.digitize(ROWS[:, 0] + ROWS[:, 1] / 3 - 5 / 3, [-0.7, 0.7])
QUICK = {"epochs": 15, "batch_size": 40, "learning_rate": 0.02, "tol": 1e9, "random_state": 0}


@cache
def network(members=1, activation="tanh", labels=("a", "b", "c")):
    """A small network that knows three classes of the rows."""
    model = MLPClassifier((8,), activation=activation, members=members, **QUICK)
    return model.fit(ROWS, np.array(labels)[CODES])


@cache
def linear(classes):
    """A linear model of two or three classes of the rows."""
    return LinearClassifier(**QUICK).fit(ROWS, np.minimum(CODES, classes - 1))


@cache
def regressor(members=1):
    """A small network that predicts a number in a unit of its own."""
    y = 1000 + 50 * np.tanh(ROWS[:, 0]) * ROWS[:, 1]
    return MLPRegressor((8,), activation="tanh", members=members, **QUICK).fit(ROWS, y)


def test_linear_classes():
    """Of a linear model a column adds its weight, against the mean of the others', times its distance."""
    weight = linear(3).coef_
    against = weight - (weight.sum(axis=0) - weight) / 2
    for of in range(3):
        found = integrated_gradients(linear(3), ROWS[:5], baseline=ROWS[6], of=of)
        np.testing.assert_allclose(found.values, against[of] * (ROWS[:5] - ROWS[6]), rtol=1e-3, atol=1e-4)


def test_two_classes_are_log_odds():
    """Of two classes the attributions are of the log-odds, which is what decision_function gives."""
    model = linear(2)
    found = integrated_gradients(model, ROWS[:5], baseline=ROWS[6], of=1)
    np.testing.assert_allclose(found.values, model.coef_ * (ROWS[:5] - ROWS[6]), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.end, model.decision_function(ROWS[:5]), rtol=1e-4, atol=1e-5)


def test_linear_regression():
    """Of a linear regression a column adds its weight times its distance, in the unit of the target."""
    model = LinearRegressor(**QUICK).fit(ROWS, 1e4 + ROWS @ [100.0, -10.0, 1.0])
    found = integrated_gradients(model, ROWS[:4], baseline=0.0, steps=1)
    np.testing.assert_allclose(found.values, model.coef_ * ROWS[:4], rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(found.end, model.predict(ROWS[:4]), rtol=1e-6)


@pytest.mark.parametrize("output", ["logit", "probability"])
def test_completeness(output):
    """The attributions sum up to the answer at the row minus that at the baseline."""
    found = integrated_gradients(network(3), ROWS, baseline=ROWS[0], output=output, of="b")
    np.testing.assert_allclose(found.values.sum(axis=1), found.end - found.start, atol=2e-3)
    np.testing.assert_allclose(found.gap, found.end - found.start - found.values.sum(axis=1), atol=1e-9)
    if output == "probability":
        np.testing.assert_allclose(found.end, network(3).predict_proba(ROWS)[:, 1], atol=1e-6)
    np.testing.assert_allclose(found.values[0], 0, atol=1e-6)


def test_more_steps_make_the_gap_smaller():
    """The midpoint rule's error falls with the square of the steps."""
    gaps = [np.abs(integrated_gradients(network(), ROWS, steps=steps).gap).max() for steps in (2, 8)]
    assert gaps[1] < gaps[0] / 4


def test_finite_differences():
    """Attributions are what finite differences of the answers sum up to on the way."""
    model, row, start = network(), ROWS[1], ROWS[2]
    found = integrated_gradients(model, row[None], baseline=start, of="c", output="probability", steps=64)
    total = np.zeros(3)
    for k in range(64):
        point = start + (k + 0.5) / 64 * (row - start)
        for i in range(3):
            aside = np.zeros(3)
            aside[i] = 0.02 * (row - start)[i]
            ends = model.predict_proba(np.stack([point + aside, point - aside]))[:, 2].astype(float)
            total[i] += (ends[0] - ends[1]) / (2 * aside[i]) * (row - start)[i] / 64
    np.testing.assert_allclose(found.values[0], total, atol=2e-4)


def test_members_are_averaged():
    """The attributions are the mean over the members, and their interval is Student's over the members."""
    whole = integrated_gradients(regressor(3), ROWS[:4])
    each = np.stack([integrated_gradients(alone(member), ROWS[:4]).values for member in range(3)])
    np.testing.assert_allclose(whole.values, each.mean(axis=0), rtol=1e-5)
    reach = 4.3027 * each.std(axis=0, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(whole.high - whole.values, reach, rtol=1e-3)
    assert (whole.members, integrated_gradients(network(), ROWS[:1]).low) == (3, None)


def alone(member):
    """The regressor of three members with one of them."""
    one = copy(regressor(3))
    one._learned = replace(one._learned, members=(one._learned.members[member],))
    return one


def test_mean_row_is_the_baseline():
    """Without a baseline rows are compared with the mean training row; a column at its mean adds nothing."""
    row = ROWS[:1].copy()
    row[0, 1] = ROWS[:, 1].mean()
    plain = integrated_gradients(network(), row)
    told = integrated_gradients(network(), row, baseline=ROWS.mean(axis=0))
    np.testing.assert_allclose(plain.values, told.values, atol=1e-5)
    assert abs(plain.values[0, 1]) < 1e-5


def test_predicted_class_is_explained():
    """Without a class each row's predicted one is explained."""
    found = integrated_gradients(network(), ROWS)
    assert list(found.of) == network().predict(ROWS).tolist()


def test_many_rows_are_as_alone():
    """Rows are explained in blocks, each as it would be alone."""
    many = np.tile(ROWS, (8, 1))
    found = integrated_gradients(network(), many, steps=4)
    np.testing.assert_allclose(
        found.values[300],
        integrated_gradients(network(), many[300:301], steps=4).values[0],
        rtol=1e-4,
        atol=1e-6,
    )


def test_byte_pictures():
    """Bytes are explained pixel by pixel, and the pixels that tell the classes apart add most."""
    X, y = pictures(60)
    flat = X.reshape(60, -1)
    model = MLPClassifier((6,), **QUICK).fit(flat, y)
    found = integrated_gradients(model, flat, baseline=0, steps=32)
    np.testing.assert_allclose(found.gap, 0, atol=0.02 * np.abs(found.end - found.start).max())
    size = np.abs(integrated_gradients(model, flat).values).mean(axis=0).reshape(3, 4)
    assert size[:, 2:].mean() > 2 * size[:, :2].mean()


def test_study_of_a_table():
    """A study's network is explained by the columns of the table; encoded ones are added up."""
    frame = people(20, seed=5).drop(columns="income")
    model = people_study("linear").model
    found = integrated_gradients(model, frame)
    assert found.names == ("age", "height", "city", "member")
    assert set(found.of) <= {"low", "middle", "high"}
    assert list(found.of) == model.classes[model.estimator.predict(model.matrix(frame))].tolist()
    np.testing.assert_allclose(found.gap, 0, atol=0.05)
    against = integrated_gradients(model, frame, baseline=frame[:1], of="high")
    np.testing.assert_allclose(against.values[0], 0, atol=1e-6)
    with pytest.raises(DataError, match="a table of one row"):
        integrated_gradients(model, frame, baseline=0)


def test_study_of_pictures():
    """A study's network of pictures is explained pixel by pixel, against a dark picture too."""
    X, _ = pictures()
    found = integrated_gradients(pictures_study().model, X, baseline=0)
    assert found.values.shape == (40, 12)


def test_cautious_classifier():
    """The network inside a cautious classifier is explained."""
    model = CautiousClassifier()
    model.estimator_ = network()  # what its fit leaves
    found = integrated_gradients(model, ROWS[:2])
    np.testing.assert_array_equal(found.values, integrated_gradients(network(), ROWS[:2]).values)


def test_strongest():
    """The strongest columns of a row come first, for or against, and all becomes JSON."""
    found = integrated_gradients(regressor(2), ROWS[:3])
    strongest = found.strongest(1, 2)
    sizes = np.abs(found.values[1])
    assert [one["column"] for one in strongest] == [f"x{i}" for i in np.argsort(-sizes)[:2]]
    assert strongest[0]["low"] < strongest[0]["attribution"] < strongest[0]["high"]
    assert json.loads(json.dumps(found.to_dict()))["members"] == 2


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"steps": 0}, ParameterError, "steps"),
        ({"of": "bb"}, ParameterError, "Did you mean 'b'?"),
        ({"output": "logits"}, ParameterError, "Did you mean 'logit'?"),
        ({"baseline": [0.0, 1.0]}, DataError, "3 numbers"),
        ({"baseline": np.nan}, DataError, "finite"),
        ({"baseline": "dark"}, DataError, "'dark'"),
        ({"level": 1}, ParameterError, "level"),
        ({"X": ROWS[:, :2]}, InputError, "2 features"),
        ({"X": np.full((1, 3), np.nan)}, InputError, "NaN"),
    ],
)
def test_bad_input(options, error, told):
    """What cannot be used is refused in one sentence that names it."""
    with pytest.raises(error) as refused:
        integrated_gradients(network(), **({"X": ROWS} | options))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("model", "error", "told"),
    [
        (KNeighborsClassifier().fit(ROWS, CODES), InputTypeError, "KNeighborsClassifier"),
        (LogisticRegression().fit(ROWS, CODES), InputTypeError, "permutation_importance"),
        (MLPClassifier, InputTypeError, "the class MLPClassifier"),
        (MLPClassifier(), NotFittedError, "not fitted"),
    ],
)
def test_only_fitted_networks(model, error, told):
    """What is no fitted network has no gradient, and is told what to use instead."""
    with pytest.raises(error) as refused:
        integrated_gradients(model, ROWS)
    assert told in str(refused.value)


def test_outputs_of_a_regressor():
    """Of several outputs one must be named."""
    model = LinearRegressor(**QUICK).fit(ROWS, ROWS[:, :2] * 5)
    with pytest.raises(ParameterError, match="say which one"):
        integrated_gradients(model, ROWS)
    found = integrated_gradients(model, ROWS[:2], of=1, baseline=0)
    np.testing.assert_allclose(found.values, model.coef_[1] * ROWS[:2], rtol=1e-3, atol=1e-4)
