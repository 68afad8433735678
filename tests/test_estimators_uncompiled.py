"""Estimators whose networks NumPy trains: who they are, and that they are what the compiled ones are."""

import threading

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from threadpoolctl import threadpool_info, threadpool_limits

from gorae import MLPClassifier, MLPRegressor
from gorae.backend import clear_programs, one_blas_thread
from gorae.backend.compile import _programs
from gorae.estimators import uncompiled
from gorae.estimators.learned import answering_problem
from gorae.estimators.together import Fit, begin_together, learn, train_together
from gorae.models import CNNShape, MLPShape
from gorae.train import task

CANCER = load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)


def activation_on_host(rows=100, inputs=4, **changes):
    """What NumPy is told of the network of an estimator, empty where it is compiled."""
    model = MLPClassifier(**{"hidden": (8,), "epochs": 20, "batch_size": 32, **changes})
    return model._recipe(inputs, 3, rows).problem.on_host


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "relu"),
        ({"activation": "sigmoid", "hidden": ()}, "sigmoid"),
        ({"epochs": 128}, "relu"),
        ({"epochs": 129}, ""),
        ({"rows": 1_000_000}, ""),
        ({"hidden": (3000,), "batch_size": 1, "epochs": 5}, ""),
        ({"hidden": (2000,), "batch_size": 99}, ""),
        ({"inputs": 100_000}, ""),
        ({"activation": "gelu"}, ""),
        ({"dropout": 0.1}, ""),
        ({"normalization": "layer"}, ""),
        ({"schedule": "cosine"}, ""),
        ({"initialization": "orthogonal"}, ""),
    ],
    ids=str,
)
def test_few_and_small_steps_of_plain_networks(changes, expected):
    """Up to 512 steps (four batches an epoch here) of dense layers and nothing else."""
    assert activation_on_host(**changes) == expected


def test_small_plain_networks_answer_by_numpy():
    """However they were trained."""
    asked = [MLPShape(4, 3), MLPShape(4, 3, dropout=True), MLPShape(400, 3), CNNShape((8, 8, 1), 3)]
    assert [answering_problem(shape).on_host for shape in asked] == ["relu", "", "", ""]


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (MLPClassifier((9,), epochs=8, members=3, early_stopping=True, random_state=1), CANCER),
        (MLPClassifier((5, 3), epochs=8, batch_size=64, class_weight="balanced", random_state=1), CANCER),
        (MLPRegressor((7,), epochs=8, optimizer="nesterov", batch_size=1000, random_state=1), DIABETES),
    ],
    ids=["early stopping", "class weights", "full batches"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_is_what_it_is_compiled(model, data, monkeypatch):
    """Predictions, hidden features and histories, but for rounding; and they go on alike."""
    X, y = data
    answers = []
    for limit in (uncompiled._WEIGHTS, -1):
        monkeypatch.setattr(uncompiled, "_WEIGHTS", limit)
        one = model.set_params(warm_start=False).fit(X, y)
        found = [one._answers(X), *(np.concatenate(part) for part in zip(*one.history_, strict=True))]
        found += [one.hidden_features(X)]
        answers.append([*found, one.set_params(warm_start=True).fit(X, y)._answers(X)])
    for ours, theirs in zip(*answers, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-5)


def test_a_fit_goes_on_where_the_other_kind_has_ended(monkeypatch):
    """Trained on by a program, once it has many steps, it becomes what the program makes of both parts."""
    X, y = CANCER
    found = []
    for limit in (512, -1):
        monkeypatch.setattr(uncompiled, "_STEPS", limit)
        model = MLPClassifier((4,), epochs=6, warm_start=True, random_state=2).fit(X, y)
        monkeypatch.setattr(uncompiled, "_STEPS", -1)
        found.append(model.fit(X, y).predict_proba(X))
    np.testing.assert_allclose(*found, rtol=1e-3, atol=1e-5)


def blas_threads():
    """The threads of each BLAS library."""
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


@pytest.mark.parametrize("first", ["main", "other"])
def test_threads_of_blas_are_as_before_whoever_leaves_last(first):
    """Two threads are inside at once: one until both are out, then what was before."""
    inside, leave = threading.Event(), threading.Event()

    def other():
        with one_blas_thread():
            inside.set()
            leave.wait(30)

    worker = threading.Thread(target=other)
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with one_blas_thread():
            worker.start()
            inside.wait(30)
            if first == "other":
                leave.set()
                worker.join()
            assert set(blas_threads()) == {1}
        if first == "main":
            assert set(blas_threads()) == {1}
        leave.set()
        worker.join()
        assert blas_threads() == before


def test_threads_of_blas_are_as_before_a_fit(monkeypatch):
    """A fit has BLAS compute in its own threads, and leaves the setting as it was."""
    seen, train = [], task.train_on_host
    monkeypatch.setattr(task, "train_on_host", lambda *given: seen.append(blas_threads()) or train(*given))
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        MLPClassifier((3,), epochs=2, random_state=0).fit(*CANCER)
        assert blas_threads() == before
    assert seen
    assert all(set(each) == {1} for each in seen)


def test_a_small_network_is_drawn_alike_for_every_program(monkeypatch):
    """Bitwise: to be trained by NumPy, compiled, or within wider layers; and no program draws it."""
    clear_programs()
    model = MLPClassifier((6,), epochs=1, batch_size=8, learning_rate=1e-30, tol=0.0, random_state=3)
    X, y = (part[:64] for part in CANCER)
    fits = [
        Fit(MLPClassifier(**model.get_params() | {"hidden": width}), np.arange(64)) for width in [(6,), (8,)]
    ]
    found = [model.fit(X, y)]
    monkeypatch.setattr(uncompiled, "_STEPS", -1)
    found.append(MLPClassifier(**model.get_params()).fit(X, y))
    together = begin_together(fits, X, y)
    assert [one.recipe.within for one in together.ready.values()] == [[8], [8]]
    train_together(together)
    found.append(learn(together, 0))
    weights = [one._members[0].parameters.body.layers[0].layers[0].weight for one in found]
    np.testing.assert_array_equal(weights[0], weights[1])
    np.testing.assert_array_equal(weights[0], weights[2])
    assert not [key for key, *_ in _programs if key[0] == "draw"]
