"""Going on: warm starts, partial fits, checkpoints, early stopping, and what a fit tells about itself."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from gorae.data.folds import cut_stop_rows
from gorae.errors import DataError, FileError, ParameterError
from gorae.estimators import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor, Perceptron
from gorae.estimators.telling import fall_an_epoch
from gorae.train import History


def rows(seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return 60 rows of 4 columns and 2 classes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 4)) - 7
    return X, (X[:, 0] * X[:, 1] > 49).astype(int)


def network(**parameters) -> MLPClassifier:
    """Return a network whose training nothing stops."""
    return MLPClassifier(
        (8,), **{"batch_size": 16, "epochs": 10, "tol": 0.0, "random_state": 0, **parameters}
    )


@pytest.mark.parametrize("batch_size", [16, 128])
@pytest.mark.parametrize("optimizer", ["adam", "nesterov"])
def test_warm_start_goes_on(optimizer: str, batch_size: int) -> None:
    """10 epochs and 10 more are bitwise 20, with minibatches and without, and the loss curve is one."""
    X, y = rows()
    parameters = {"optimizer": optimizer, "batch_size": batch_size}
    at_once = network(epochs=20, patience=20, **parameters).fit(X, y)
    warm = network(warm_start=True, patience=20, **parameters).fit(X, y)
    assert warm.n_iter_ == 10

    warm.fit(X, y)

    assert warm.n_iter_ == 20
    assert warm.loss_curve_ == at_once.loss_curve_
    np.testing.assert_array_equal(warm.predict_proba(X), at_once.predict_proba(X))


def test_partial_fits_are_epochs() -> None:
    """20 partial fits on the same rows are bitwise a fit of 20 epochs."""
    X, y = rows()
    at_once = network(epochs=20, patience=20).fit(X, y)
    parts = network()

    for _ in range(20):
        parts.partial_fit(X, y, classes=[0, 1])

    assert parts.n_iter_ == 20
    np.testing.assert_array_equal(parts.predict_proba(X), at_once.predict_proba(X))


@pytest.mark.parametrize(
    "copy", [deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "pickle"]
)
def test_copies_go_on(copy) -> None:
    """A deep copy or a pickle of a model goes on bitwise as the model does."""
    X, y = rows()
    model = network().partial_fit(X, y, classes=[0, 1])
    other = copy(model)

    model.partial_fit(X, y)
    other.partial_fit(X, y)

    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))


def test_warm_start_after_a_cold_fit() -> None:
    """A fit without `warm_start` is gone on with too; only the optimizer begins anew."""
    X, y = rows()
    model = network().fit(X, y)
    before = model.loss_curve_[-1]

    model.set_params(warm_start=True).fit(X, y)

    assert model.n_iter_ == 20
    assert model.loss_curve_[10] < before * 1.05


def test_warm_start_adds_members() -> None:
    """More members than before: the old ones go on, the new ones are what they would be alone."""
    X, y = rows()
    model = network(members=1, warm_start=True, patience=20).fit(X, y)

    model.set_params(members=3).fit(X, y)

    assert [len(history.train_loss) for history in model.history_] == [20, 10, 10]
    whole = network(members=3, patience=20).fit(X, y)
    np.testing.assert_array_equal(model.member_proba_(X)[1:], whole.member_proba_(X)[1:])


def test_warm_start_keeps_the_scale() -> None:
    """Rows of another spread are read as the first rows were."""
    X, y = rows()
    model = network(warm_start=True).fit(X, y)

    model.fit(X * 1000, y)

    np.testing.assert_array_equal(model._learned.encoding.shift, network().fit(X, y)._learned.encoding.shift)


def test_cold_start_forgets() -> None:
    """Without `warm_start` a second fit is the first one again."""
    X, y = rows()
    model = network().fit(X, y)
    first = model.predict_proba(X)

    np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), first)


def test_another_structure_is_refused() -> None:
    """Going on with another network is refused with what changed, and the model stays what it was."""
    X, y = rows()
    model = network(warm_start=True).fit(X, y)
    before = model.predict_proba(X)

    with pytest.raises(ParameterError, match=r"hidden was \(8,\) and is \(9,\) now"):
        model.set_params(hidden=(9,)).fit(X, y)

    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_another_dropout_rate_counts() -> None:
    """A dropout rate that is changed between two fits is the one trained with."""
    X, y = rows()
    same, changed = (network(dropout=0.2, warm_start=True).fit(X, y) for _ in range(2))

    same.fit(X, y)
    changed.set_params(dropout=0.6).fit(X, y)

    assert np.abs(same.predict_proba(X) - changed.predict_proba(X)).max() > 1e-4


def test_label_that_was_not_named() -> None:
    """A label that the first call did not name is refused with the near one."""
    X, y = rows()
    names = np.array(["ant", "bee"])
    model = network().partial_fit(X, names[y], classes=names)

    with pytest.raises(DataError, match=r"y holds the label 'beee', which is none of .* Did you mean 'bee'"):
        model.partial_fit(X, np.full(60, "beee"))


def test_first_call_names_the_classes() -> None:
    """The first partial fit must be told every class; a later one cannot change them."""
    X, y = rows()

    with pytest.raises(ParameterError, match="classes must be passed on the first call to partial_fit"):
        network().partial_fit(X, y)
    with pytest.raises(
        ParameterError, match=r"classes=\[0, 1, 2\] are not those of the first call: \[0, 1\]"
    ):
        network().partial_fit(X, y, classes=[0, 1]).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ParameterError, match="classes must list every class label once"):
        network().partial_fit(X, y, classes=2)


def test_batches_of_one_class() -> None:
    """Calls may hold one class only, if the first named all: the answers learn both."""
    X, y = rows()
    X[:, 0] = y * 4 - 9
    model = LinearClassifier(learning_rate=0.1, scale=None, random_state=0)

    for _ in range(60):
        for code in (0, 1):
            model.partial_fit(X[y == code], y[y == code], classes=[0, 1])

    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("cls", [MLPRegressor, LinearRegressor])
def test_regressors_learn_in_parts(cls) -> None:
    """A regressor learns from parts of the rows in the targets' own unit."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 4)) + 3
    y = 1e6 + 1e3 * (X @ [1.0, -2.0, 0.5, 0.0])
    model = cls(learning_rate=0.02, batch_size=16, random_state=0).partial_fit(X, y)

    for part in range(200):
        some = slice(32 * (part % 2), 32 * (part % 2) + 32)
        model.partial_fit(X[some], y[some])

    assert model.score(X, y) > 0.9
    assert model.n_iter_ == 201


def test_partial_fit_takes_weights() -> None:
    """Weights count in a partial fit: rows of weight 0 are not learned from."""
    X, y = rows()
    weight = (np.arange(60) < 30).astype(float)

    weighted = network(batch_size=64).partial_fit(X, y, [0, 1], weight)
    some = network(batch_size=64).partial_fit(X[:30], y[:30], [0, 1])

    np.testing.assert_array_equal(weighted.predict_proba(X), some.predict_proba(X))


def test_perceptron_in_parts() -> None:
    """The perceptron learns the logical "and" in partial fits."""
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    model = Perceptron(random_state=0)

    for _ in range(30):
        model.partial_fit(X, y, classes=[0, 1])

    assert model.predict(X).tolist() == y


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"early_stopping": True}, "partial_fit cannot stop early"),
        ({"class_weight": "balanced"}, "partial_fit cannot weigh classes by 'balanced'"),
    ],
)
def test_what_needs_all_rows(parameters: dict, sentence: str) -> None:
    """Parameters that need all rows are refused by a partial fit."""
    X, y = rows()

    with pytest.raises(ParameterError, match=sentence):
        network(**parameters).partial_fit(X, y, classes=[0, 1])


def test_early_stopping_keeps_the_best_epoch() -> None:
    """Training stops `patience` epochs after the best one, whose loss on the rows cut off is the smallest."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.integers(0, 2, 60)
    model = network(
        epochs=300, learning_rate=0.03, early_stopping=True, validation_fraction=0.3, patience=15
    ).fit(X, y)
    loss = model.history_[0].validation_loss

    assert model.n_iter_ < 300
    assert np.argmin(loss) == model.n_iter_ - 16
    assert len(model.validation_scores_) == model.n_iter_


def test_early_stopping_watches_other_rows() -> None:
    """Rows that are stopped on are not learned from: a row's label there moves no epoch's training loss."""
    X, y = rows()
    model = network(early_stopping=True, patience=10)
    first = model.fit(X, y)
    curve = first.loss_curve_
    _, stop = cut_stop_rows(np.arange(60), y, fraction=0.1, seed=0, stratify=True)
    same_class = stop[y[stop] == y[stop[0]]]
    moved = X.copy()
    moved[same_class] += 100.0

    assert network(early_stopping=True, patience=10).fit(moved, y).loss_curve_ == curve


def test_checkpoint_is_taken_up(tmp_path) -> None:
    """A fit with a checkpoint is bitwise the fit without; its folder is taken up again, or refused."""
    X, y = rows()
    plain = network().fit(X, y).predict_proba(X)
    kept = network(checkpoint=tmp_path / "fit").fit(X, y)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "fit").iterdir()}

    again = clone(kept).fit(X, y)

    np.testing.assert_array_equal(kept.predict_proba(X), plain)
    np.testing.assert_array_equal(again.predict_proba(X), plain)
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "fit").iterdir()}
    with pytest.raises(FileError, match="holds another fit"):
        clone(kept).set_params(learning_rate=0.5).fit(X, y)


def test_convergence_warning() -> None:
    """A loss that was still falling at the end is told; one that had settled is not."""
    X, y = rows()

    with pytest.warns(ConvergenceWarning, match="after all 30 epochs the training loss was still falling"):
        LinearClassifier(epochs=30, learning_rate=1e-2, random_state=0).fit(X, y)
    LinearClassifier(epochs=2000, learning_rate=1e-2, patience=100, random_state=0).fit(X, y)


def test_fall_an_epoch() -> None:
    """A loss of 5, 4, 3, 2 fell by 1 an epoch: the means 4.5 and 2.5 are two epochs apart."""
    loss = np.array([5.0, 4.0, 3.0, 2.0])

    assert fall_an_epoch(History(loss, loss, loss, loss[:, None]), 2) == 1.0
