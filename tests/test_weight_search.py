"""Searching for the weights of a linear model without a gradient: random, local and exhaustive."""

import itertools
import math
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss

import gorae.models.weight_search as searches
from gorae import LinearClassifier, WeightSearchClassifier, load
from gorae.errors import (
    DamagedFileError,
    DataError,
    GoraeWarning,
    InputError,
    NotFittedError,
    ParameterError,
)
from gorae.estimators import weight_search as face
from gorae.estimators.loading import estimator_from_state
from gorae.estimators.saving import fitted_state
from gorae.models.weight_search import (
    LOSSES,
    LinearTask,
    Searched,
    combinations,
    exhaustive_search,
    linear_task,
    local_search,
    random_search,
    training_losses,
)
from gorae.train.objectives import find_objective

OBJECTIVES = {
    "softmax": "cross_entropy",
    "hinge": "hinge_weston_watkins",
    "crammer_singer": "hinge_crammer_singer",
}
SEARCHES: dict[str, Callable[..., Iterator[Searched]]] = {
    "random": lambda task, chunk: random_search(task, n_trials=40, step=1.0, seed=3, chunk=chunk),
    "local": lambda task, chunk: local_search(task, n_trials=40, step=0.3, seed=3, chunk=chunk),
    "exhaustive": lambda task, chunk: exhaustive_search(task, values=(-1.0, 0.5), chunk=chunk),
}
PAIR = np.array([[-1.0], [1.0]])


def rows(count: int, features: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return rows away from 0 whose classes overlap; each class has one, as far as there are rows."""
    random = np.random.default_rng(seed)
    codes = np.arange(count) % classes
    return random.normal(size=(count, features)) + codes[:, None] + 3, codes


def task_of(count: int = 7, features: int = 2, classes: int = 3, loss: str = "softmax") -> LinearTask:
    """Return the task of a small table."""
    X, codes = rows(count, features, classes)
    return linear_task(X, codes, classes=classes, loss=loss, weight_decay=0.1)


def plain_loss(task: LinearTask, weights: np.ndarray) -> float:
    """Return the training loss of one candidate by the objectives that networks are trained on."""
    scores = task.inputs.T @ weights.T
    losses = np.asarray(find_objective(OBJECTIVES[task.loss])(scores, task.codes, 0.0), np.float64)
    return float(losses @ task.share + task.weight_decay / 2 * (weights[:, :-1] ** 2).sum())


def outcome(search: Iterator[Searched]) -> tuple[np.ndarray, int, np.ndarray]:
    """Run a search to its end; return the weights, the number of trials and the whole curve."""
    parts = list(search)
    return parts[-1].weights, parts[-1].tried, np.concatenate([part.curve for part in parts])


@pytest.mark.parametrize("loss", list(LOSSES))
@settings(max_examples=15)
@given(seed=st.integers(0, 99), count=st.sampled_from([1, 3, 7]), classes=st.sampled_from([2, 3]))
def test_losses_are_those_of_the_linear_classifier(loss: str, seed: int, count: int, classes: int) -> None:
    """Each candidate's loss is the objective that `LinearClassifier` trains on, with its squared penalty."""
    random = np.random.default_rng(seed)
    codes, weight = random.integers(0, classes, count), random.uniform(0.1, 3, count)
    X = random.normal(size=(count, 2)) + 5
    task = linear_task(X, codes, weight, classes=classes, loss=loss, weight_decay=0.3)
    candidates = random.normal(size=(4, classes, 3))

    found = training_losses(task, candidates)

    np.testing.assert_allclose(found, [plain_loss(task, one) for one in candidates], rtol=3e-5, atol=3e-5)


def test_loss_of_a_trained_linear_classifier() -> None:
    """The weights of a fitted `LinearClassifier` have the training loss that its own probabilities have."""
    X, codes = rows(30, 4, 3)
    model = LinearClassifier(scale=None, epochs=20, tol=0, random_state=0).fit(X, codes)
    weights = np.column_stack([model.coef_, model.intercept_])

    found = training_losses(linear_task(X, codes, classes=3), weights[None])[0]

    assert found == pytest.approx(log_loss(codes, model.predict_proba(X)), rel=1e-5)


@pytest.mark.parametrize("loss", list(LOSSES))
def test_blocks_of_rows_change_no_loss(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses added up over blocks of rows are those over all rows at once."""
    task = task_of(loss=loss)
    candidates = np.random.default_rng(1).normal(size=(5, 3, 3))
    whole = training_losses(task, candidates)

    monkeypatch.setattr(searches, "_CHUNK_BYTES", 100)

    np.testing.assert_allclose(training_losses(task, candidates), whole, rtol=1e-13)


def test_large_scores_have_a_loss() -> None:
    """Scores whose exponentials would overflow have the loss that is their margin."""
    task = linear_task(PAIR, np.array([0, 0]), classes=2)

    found = training_losses(task, np.array([[[1e9, 0.0], [0.0, 0.0]]]))

    assert found[0] == pytest.approx(5e8)  # -1 loses by 1e9, 1 wins; half the rows each


@pytest.mark.parametrize(
    ("loss", "decay", "least", "coefficient"),
    [
        ("softmax", 0.0, math.log(1 + math.exp(-2)), 2.0),
        ("softmax", 0.5, math.log(1 + math.exp(-1)) + 0.25, 1.0),
        ("softmax", 2.0, math.log(2), 0.0),
        ("hinge", 0.0, 0.0, 1.0),
        ("crammer_singer", 0.6, 0.3, 1.0),
    ],
)
def test_exhaustive_search_by_hand(loss: str, decay: float, least: float, coefficient: float) -> None:
    """Rows -1 and 1 of two classes: the loss of w = w1 - w0 is log(1 + exp(-w)) or max(0, 1 - w) with equal biases, the penalty of w = 2, 1, 0 is decay times 1, 1/2, 0."""
    model = WeightSearchClassifier("exhaustive", loss=loss, weight_decay=decay, scale=None)

    model.fit(PAIR, ["no", "yes"])

    assert model.n_trials_ == 3**4
    assert model.loss_curve_.shape == (81,)
    assert model.loss_curve_[-1] == pytest.approx(least, abs=1e-15)
    np.testing.assert_array_equal(model.coef_, [[coefficient]])
    np.testing.assert_array_equal(model.intercept_, [0.0])


def test_weights_in_the_unit_of_the_rows() -> None:
    """Rows 99 and 101 are scaled to -1 and 1, so the margin 2x there is 2x - 200 for rows as they are."""
    model = WeightSearchClassifier("exhaustive").fit(PAIR + 100, [0, 1])

    np.testing.assert_allclose(model.coef_, [[2.0]])
    np.testing.assert_allclose(model.intercept_, [-200.0])
    np.testing.assert_allclose(model.decision_function([[100.5], [99.0]]), [1.0, -2.0])
    assert model.predict([[100.5], [99.0]]).tolist() == [1, 0]


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize(("count", "features", "classes"), [(1, 1, 2), (3, 2, 2), (7, 1, 3)])
def test_exhaustive_search_finds_the_least(loss: str, count: int, features: int, classes: int) -> None:
    """Of all combinations of the values, made by `itertools.product`, none has a smaller loss, and none before it an equal one."""
    task = task_of(count, features, classes, loss)
    shape = (classes, features + 1)
    everything = [np.reshape(one, shape) for one in itertools.product((-1.0, 0.5), repeat=math.prod(shape))]
    losses = training_losses(task, np.array(everything))

    weights, tried, curve = outcome(exhaustive_search(task, values=(-1.0, 0.5)))

    first = int(np.flatnonzero(losses <= losses.min() * (1 + 1e-11))[0])
    assert tried == len(everything) == combinations(task, (-1.0, 0.5))
    np.testing.assert_array_equal(weights, everything[first])
    np.testing.assert_allclose(curve, np.minimum.accumulate(losses), rtol=1e-11)


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize(("count", "features", "classes"), [(1, 1, 2), (3, 17, 2), (7, 2, 3)])
def test_random_search_keeps_the_best_draw(loss: str, count: int, features: int, classes: int) -> None:
    """The weights are those of all draws with the smallest loss, and the curve is their running minimum."""
    task = task_of(count, features, classes, loss)
    draws = 0.5 * np.random.default_rng(11).standard_normal((30, classes, features + 1))
    losses = [plain_loss(task, draw) for draw in draws]

    weights, tried, curve = outcome(random_search(task, n_trials=30, step=0.5, seed=11))

    assert tried == 30
    np.testing.assert_array_equal(weights, draws[np.argmin(losses)])
    np.testing.assert_allclose(curve, np.minimum.accumulate(losses), rtol=1e-5, atol=1e-6)


def test_local_search_step_by_step() -> None:
    """Each step is a draw added to the best weights so far, and kept if the loss falls."""
    task, random = task_of(), np.random.default_rng(5)
    weights, losses = np.zeros((3, 3)), [math.inf]
    for _ in range(60):
        moved = weights + 0.2 * random.standard_normal((3, 3))
        loss = plain_loss(task, moved)
        weights = moved if loss < losses[-1] else weights
        losses.append(min(loss, losses[-1]))

    found, tried, curve = outcome(local_search(task, n_trials=60, step=0.2, seed=5))

    assert tried == 60
    np.testing.assert_allclose(found, weights, rtol=1e-12)
    np.testing.assert_allclose(curve, losses[1:], rtol=1e-5)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), step=st.sampled_from([1e-3, 0.1, 30.0]))
def test_local_curve_never_rises(seed: int, step: float) -> None:
    """The loss of a local search never rises, and its last value is the loss of the weights it returns."""
    task = task_of()

    weights, _, curve = outcome(local_search(task, n_trials=50, step=step, seed=seed))

    assert (np.diff(curve) <= 0).all()
    assert training_losses(task, weights[None])[0] == pytest.approx(curve[-1], rel=1e-12)


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
@pytest.mark.parametrize("chunk", [1, 7])
def test_chunks_change_nothing(search: Callable[..., Iterator[Searched]], chunk: int) -> None:
    """However many candidates are scored at once, the same weights are found by the same curve."""
    task = task_of(classes=2)

    weights, tried, curve = outcome(search(task, chunk))

    whole = outcome(search(task, None))
    np.testing.assert_array_equal(weights, whole[0])
    assert tried == whole[1]
    np.testing.assert_allclose(curve, whole[2], rtol=1e-12)


@pytest.mark.parametrize("method", ["random", "local", "exhaustive"])
def test_weights_are_copies(method: str) -> None:
    """Weights, copies in another order, and weights without the rows of weight 0 give bitwise the same model."""
    X, y = rows(30, 2, 2)
    weight = np.random.default_rng(2).integers(0, 4, 30)
    copies = np.random.default_rng(0).permutation(np.repeat(np.arange(30), weight))
    model = WeightSearchClassifier(method, n_trials=50, random_state=0)

    weighted = clone(model).fit(np.where(weight[:, None] > 0, X, 1e6), y, sample_weight=weight)
    copied = clone(model).fit(X[copies], y[copies])

    np.testing.assert_array_equal(weighted.predict_proba(X), copied.predict_proba(X))
    np.testing.assert_array_equal(weighted.loss_curve_, copied.loss_curve_)


def test_class_weight_is_a_weight_of_rows() -> None:
    """A class weighs as its rows would, given that the columns are not scaled by them."""
    X, y = rows(30, 2, 3)
    names = np.array(["ant", "bee", "cat"])
    model = WeightSearchClassifier("local", n_trials=50, scale=None, random_state=0)

    by_class = clone(model).set_params(class_weight={"cat": 5.0}).fit(X, names[y])
    by_row = clone(model).fit(X, names[y], sample_weight=np.where(y == 2, 5.0, 1.0))

    np.testing.assert_allclose(by_class.loss_curve_, by_row.loss_curve_, rtol=1e-6)
    assert by_class.loss_curve_[-1] != clone(model).fit(X, names[y]).loss_curve_[-1]


def test_same_seed_same_model() -> None:
    """A fit with the same seed is bitwise the same; the seed alone decides where a random search goes."""
    X, y = rows(20, 3, 2)
    first, again, other = (
        WeightSearchClassifier(n_trials=20, random_state=seed).fit(X, y).loss_curve_ for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_gradient_beats_search() -> None:
    """On 64 columns, 30 epochs of gradients reach less than half the loss of 1000 steps tried, and those less than that of 1000 draws."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:600], y[:600]

    drawn = WeightSearchClassifier("random", step=0.1, random_state=0).fit(X, y)
    walked = WeightSearchClassifier("local", random_state=0).fit(X, y)
    gradient = LinearClassifier(epochs=30, tol=0, random_state=0).fit(X, y)

    by_gradient = log_loss(y, gradient.predict_proba(X))
    assert walked.loss_curve_[-1] == pytest.approx(log_loss(y, walked.predict_proba(X)), rel=1e-5)
    assert by_gradient < 0.5 * walked.loss_curve_[-1]
    assert walked.loss_curve_[-1] < 0.5 * drawn.loss_curve_[-1]


def test_answers_agree() -> None:
    """Classes, scores, probabilities and the weights in the rows' unit say the same."""
    X, y = rows(30, 4, 3)
    model = WeightSearchClassifier("local", n_trials=80, random_state=0).fit(X, y + 10)

    scores = model.decision_function(X)

    np.testing.assert_allclose(scores, X @ model.coef_.T + model.intercept_, atol=1e-5)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))
    np.testing.assert_array_equal(model.predict(X), scores.argmax(axis=1) + 10)
    assert model.score(X, y + 10) > 0.7


def test_hinge_has_no_probabilities() -> None:
    """As with `LinearClassifier`, only softmax scores are logits."""
    X, y = rows(9, 2, 3)
    model = WeightSearchClassifier(loss="hinge", n_trials=5).fit(X, y)

    assert not hasattr(model, "predict_proba")
    assert model.decision_function(X).shape == (9, 3)


def test_bytes_and_constant_columns() -> None:
    """Rows of bytes are scaled as one; a column that never varies has no weight where each has its own scale."""
    X, y = rows(20, 3, 2)
    X[:, 1] = 7.0

    plain = WeightSearchClassifier("local", n_trials=30, random_state=0).fit(X, y)
    bytes_ = WeightSearchClassifier("local", n_trials=30, random_state=0).fit((20 * X).astype(np.uint8), y)

    assert plain.coef_[0, 1] == 0
    assert np.isfinite(bytes_.predict_proba((20 * X).astype(np.uint8))).all()
    assert (bytes_.coef_ != 0).all()


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"method": "randm"}, "method must be one of .* Did you mean 'random'"),
        ({"loss": "hing"}, "loss must be one of .* Did you mean 'hinge'"),
        ({"n_trials": 0}, "n_trials must be a whole number from 1"),
        ({"n_trials": 10_000_001}, "n_trials must be at most 10,000,000, got 10,000,001"),
        ({"step": 0.0}, r"step must be a number in \(0, 1e\+30\], got 0.0"),
        ({"weight_decay": -1}, "weight_decay must be a number in"),
        ({"values": (1,)}, "values must list two numbers or more, each of them once, got"),
        ({"values": (1, 1.0)}, "each of them once"),
        ({"values": "ab"}, "values must list two numbers or more"),
        ({"values": (0, math.nan)}, "each of values must be a number in"),
        ({"scale": "std"}, "scale must be one of"),
        ({"random_state": -1}, "random_state must be a whole number"),
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], sentence: str) -> None:
    """A parameter out of its range is refused with what was wanted and what came."""
    X, y = rows(6, 2, 2)

    with pytest.raises(ParameterError, match=sentence):
        WeightSearchClassifier(**parameters).fit(X, y)


@pytest.mark.parametrize(
    ("features", "count"),
    [(4, "3^15 = 14,348,907"), (99, "3^300 = about 10^143"), (9999, "3^30000 = about 10^14314")],
)
def test_too_many_combinations(features: int, count: str) -> None:
    """An exhaustive search that would not end is refused with the number of its trials and what to do."""
    X, y = rows(3, features, 3)

    with pytest.raises(ParameterError) as caught:
        WeightSearchClassifier("exhaustive").fit(X, y)

    assert f"would try {count} weight matrices" in str(caught.value)
    assert "more than 10,000,000; give fewer values or columns, or search with method" in str(caught.value)


def test_a_failed_fit_changes_nothing() -> None:
    """A fit that fails leaves a fitted estimator answering as before; an unfitted one has no answer."""
    X, y = rows(9, 2, 3)
    model = WeightSearchClassifier(n_trials=5, random_state=0)
    for refused in (lambda: model.predict(X), lambda: model.coef_, lambda: model.loss_curve_):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            refused()
    before = model.fit(X, y).predict_proba(X)

    with pytest.raises(InputError):
        model.fit(X[:, :1], np.zeros(9))

    np.testing.assert_array_equal(model.predict_proba(X), before)


def interrupting(after: int, raised: type[BaseException] | None) -> Callable[..., Iterator[Searched]]:
    """Return a random search in chunks of 10, to which Ctrl-C comes after so many of them."""

    def search(task: LinearTask, **options: Any) -> Iterator[Searched]:
        for place, so_far in enumerate(random_search(task, **options, chunk=10)):
            if place == after and raised is not None:
                raise raised
            if place + 1 == after and raised is None:
                signal.raise_signal(signal.SIGINT)
            yield so_far

    return search


@pytest.mark.parametrize("raised", [None, KeyboardInterrupt], ids=["heard", "raised"])
def test_interrupted_search_keeps_the_best(
    raised: type[BaseException] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C a fit ends with the best trial so far, as if it had been asked for no more, and says so."""
    X, y = rows(20, 3, 2)
    short = WeightSearchClassifier(n_trials=30, random_state=0).fit(X, y)
    monkeypatch.setattr(face, "random_search", interrupting(3, raised))

    with pytest.warns(GoraeWarning, match="interrupted: the weights are the best of 30 of 1,000 trials"):
        model = WeightSearchClassifier(random_state=0).fit(X, y)

    assert model.n_trials_ == 30
    np.testing.assert_array_equal(model.predict_proba(X), short.predict_proba(X))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupted_before_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before anything was tried is raised, and the estimator is what it was."""
    X, y = rows(20, 3, 2)
    model = WeightSearchClassifier(n_trials=30, random_state=0).fit(X, y)
    before = model.predict_proba(X)
    monkeypatch.setattr(face, "random_search", interrupting(0, KeyboardInterrupt))

    with pytest.raises(KeyboardInterrupt):
        model.fit(X + 1, y)

    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_curve_comes_back_from_a_file(tmp_path: Path) -> None:
    """A loaded model has the whole curve, of which the file holds the falls only."""
    X, y = rows(20, 3, 2)
    model = WeightSearchClassifier(n_trials=100_000, random_state=0).fit(X, y)
    model.save(tmp_path / "model.gorae")

    loaded = load(tmp_path / "model.gorae")

    assert loaded.loss_curve_.shape == (100_000,)
    np.testing.assert_array_equal(loaded.loss_curve_, model.loss_curve_)
    assert (tmp_path / "model.gorae").stat().st_size < 5000


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"n_trials": 2**40}, "n_trials must be a whole number from 1 to 10000000"),
        ({"n_trials": 1}, "do not fall from trial to trial"),
        ({"fall_losses": lambda losses: losses[::-1]}, "do not fall from trial to trial"),
        ({"weights": lambda weights: weights[:, :-1]}, "array 'weights' must be float64 of shape"),
        ({"anchor": None}, "lacks its columns or its losses"),
    ],
)
def test_hostile_file(change: dict[str, Any], sentence: str) -> None:
    """A file whose parts do not fit together is refused."""
    arrays, meta = fitted_state(WeightSearchClassifier(n_trials=40, random_state=0).fit(*rows(20, 3, 2)))
    for name, value in change.items():
        if name in meta:
            meta[name] = value
        elif value is None:
            arrays.pop(name)
        else:
            arrays[name] = value(arrays[name])

    with pytest.raises(DamagedFileError, match=sentence):
        estimator_from_state(arrays, meta)


def test_rows_that_overflow() -> None:
    """A row so far off that its scores are not finite is named."""
    model = WeightSearchClassifier(n_trials=5, random_state=0).fit(*rows(20, 3, 2))
    arrays, meta = fitted_state(model)
    strange = estimator_from_state(arrays | {"weights": np.full((2, 4), 1e307)}, meta)

    with pytest.raises(DataError, match="row 1 .from 0. of X is so far from the training rows"):
        strange.predict([[4.0, 4.0, 4.0], [1e30, 1e30, 1e30]])
