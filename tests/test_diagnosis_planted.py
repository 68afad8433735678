"""Illnesses planted in real fits are found, and healthy fits have none."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_friedman1, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gorae
from gorae.errors import InputError, NotFittedError
from gorae.estimators.diagnosing import examine
from gorae.estimators.examined import hidden_of

pytestmark = [  # both are planted
    pytest.mark.filterwarnings("ignore::gorae.errors.DivergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
DIGITS = load_digits(return_X_y=True)
IRIS = load_iris(return_X_y=True)
CANCER = load_breast_cancer(return_X_y=True)
ONE_LAYER = {"hidden": (32,), "epochs": 15, "random_state": 0}


def parts(data, seed=0, stratify=True):
    """Rows to learn from and rows to validate on: seven tenths and three."""
    return train_test_split(*data, test_size=0.3, random_state=seed, stratify=data[1] if stratify else None)


def diagnosed(estimator, data=DIGITS, **options):
    """The diagnosis of an estimator, fitted on a part of the data and validated on the rest."""
    X, X_validation, y, y_validation = parts(data, **options)
    estimator.fit(X, y)
    return gorae.diagnose(estimator, X, y, X_validation=X_validation, y_validation=y_validation)


def illnesses(found):
    """The names of the illnesses found."""
    return [verdict.illness for verdict in found]


def rare_class(rows=5000, seed=0):
    """Two overlapping classes, one of them 50 times rarer."""
    rng = np.random.default_rng(seed)
    y = (np.arange(rows) % 51 == 0).astype(int)
    return rng.normal(size=(rows, 4)) + 1.2 * y[:, None], y


def test_twenty_sigmoid_layers_vanish():
    """In 20 sigmoid layers the gradient vanishes, and nothing else is blamed."""
    deep = gorae.MLPClassifier((16,) * 20, activation="sigmoid", epochs=10, random_state=0)
    found = diagnosed(deep)

    assert illnesses(found) == ["vanishing gradients"]
    assert found[0].figure < 1e-6


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_rate_of_ten_is_too_high(optimizer):
    """A learning rate of 10 is told, whether the network leaves the finite numbers or jumps about."""
    found = diagnosed(gorae.MLPClassifier(**ONE_LAYER, optimizer=optimizer, learning_rate=10.0))

    assert illnesses(found)[0] == "learning rate too high"


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_rate_of_a_ten_millionth_is_too_low(optimizer):
    """A learning rate of 1e-7 is told, and the poor score is not called underfitting besides."""
    found = diagnosed(gorae.MLPClassifier(**ONE_LAYER, optimizer=optimizer, learning_rate=1e-7))

    assert illnesses(found) == ["learning rate too low"]


def test_one_step_an_epoch_is_too_large_a_batch():
    """Twenty steps of all rows are put down to the batch."""
    found = diagnosed(gorae.MLPClassifier((32,), batch_size=2000, epochs=20, random_state=0))

    assert illnesses(found) == ["batch too large"]


def test_two_rows_a_step_are_too_few():
    """At a rate that 64 rows a step bear well, two rows a step jump about."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    X = rng.normal(size=(120, 5)) + 0.7 * y[:, None]
    model = gorae.MLPClassifier(
        (16,), activation="tanh", learning_rate=0.15, epochs=30, patience=40, random_state=0
    )
    small, large = (gorae.diagnose(model.set_params(batch_size=b).fit(X, y), X, y) for b in (2, 64))

    assert illnesses(small)[0] == "batch too small"
    assert not {"batch too small", "learning rate too high"} & set(illnesses(large))


@pytest.mark.parametrize(
    ("rate", "found"), [(10.0, "learning rate too high"), (1e-7, "learning rate too low")]
)
def test_rate_of_a_regression(rate, found):
    """A regression whose rate is far too high or too low is told so as well."""
    model = gorae.MLPRegressor((24,), learning_rate=rate, epochs=15, random_state=0)

    assert illnesses(diagnosed(model, HEALTHY["friedman"][0], stratify=False))[0] == found


def test_dropout_of_nine_tenths_is_too_much():
    """A small network with 90 % of its units silenced is told so."""
    found = diagnosed(gorae.MLPClassifier((16,), dropout=0.9, epochs=20, learning_rate=0.003, random_state=0))

    assert illnesses(found) == ["too much dropout"]


def test_two_units_underfit_digits():
    """Two hidden units cannot tell ten digits apart; that neighbours can is the evidence."""
    found = diagnosed(gorae.MLPClassifier((2,), learning_rate=0.02, epochs=40, random_state=0))

    assert illnesses(found) == ["underfits"]
    assert "neighbours" in found[0].sentence


def test_shuffled_labels_hold_nothing():
    """A network that learns shuffled labels by heart is told that there is nothing in them."""
    shuffled = DIGITS[0], np.random.default_rng(0).permutation(DIGITS[1])
    large = gorae.MLPClassifier((256,), learning_rate=0.005, epochs=40, random_state=0)
    found = diagnosed(large, shuffled)

    assert large.score(*parts(shuffled)[::2]) > 0.9
    assert illnesses(found) == ["nothing to learn"]


def test_noisy_labels_are_overfitted():
    """A large network learns by heart that a third of the labels are wrong."""
    rng = np.random.default_rng(0)
    wrong = np.where(rng.random(len(DIGITS[1])) < 0.35, rng.integers(0, 10, len(DIGITS[1])), DIGITS[1])
    found = diagnosed(
        gorae.MLPClassifier((256,), learning_rate=0.005, epochs=40, random_state=0), (DIGITS[0], wrong)
    )

    assert illnesses(found) == ["overfits"]
    assert "early_stopping" in found[0].advice


def test_rare_class_is_hurt():
    """A class of one in 51 rows that overlaps the other is missed, and weighing helps it."""
    model = gorae.MLPClassifier((16,), learning_rate=0.01, epochs=20, random_state=0)
    plain, weighted = (diagnosed(model.set_params(class_weight=w), rare_class()) for w in (None, "balanced"))

    assert illnesses(plain) == ["class imbalance"]
    assert illnesses(weighted) == []


def with_bias(estimator, value):
    """The estimator with every bias of its first hidden layer set to a value."""
    member = estimator._learned.members[0]
    moved = jax.tree.map(np.copy, member.parameters)
    moved.body.layers[0].layers[0].bias[:] = value
    estimator._learned = replace(estimator._learned, members=(member._replace(parameters=moved),))
    return estimator


@pytest.mark.parametrize(("activation", "found"), [("relu", "dead units"), ("tanh", "saturated units")])
def test_units_out_of_reach(activation, found):
    """Biases of -1000 kill ReLU units and saturate tanh units."""
    X, X_validation, y, y_validation = parts(DIGITS)
    model = gorae.MLPClassifier(**ONE_LAYER, activation=activation, learning_rate=0.01).fit(X, y)

    healthy = gorae.diagnose(model, X, y, X_validation=X_validation, y_validation=y_validation)
    ill = gorae.diagnose(
        with_bias(model, -1000.0), X, y, X_validation=X_validation, y_validation=y_validation
    )

    assert illnesses(healthy) == []
    assert illnesses(ill) == [found]
    assert ill[0].figure == 1.0


def test_rate_that_kills_units():
    """A rate at which most units of a layer die is told by the dead units."""
    found = diagnosed(gorae.MLPClassifier((32, 32), learning_rate=0.5, epochs=15, random_state=0))

    assert "dead units" in illnesses(found)
    assert "underfits" not in illnesses(found)


def test_inputs_in_thousands_explode():
    """Unscaled inputs in the thousands make gradients that are huge before the first step."""
    thousands = 1000 * DIGITS[0], DIGITS[1]
    found = diagnosed(
        gorae.MLPClassifier(**ONE_LAYER, scale=None, optimizer="sgd", learning_rate=0.01), thousands
    )

    assert illnesses(found)[0] == "exploding gradients"


HEALTHY = {
    "iris": (IRIS, lambda **more: gorae.MLPClassifier((16,), activation="tanh", **more)),
    "cancer": (CANCER, lambda **more: gorae.MLPClassifier((32,), dropout=0.2, **more)),
    "digits": (DIGITS, lambda **more: gorae.MLPClassifier((64,), normalization="batch", **more)),
    "moons": (
        make_moons(1000, noise=0.2, random_state=0),
        lambda **more: gorae.MLPClassifier((32, 32), **more),
    ),
    "friedman": (
        make_friedman1(2000, noise=0.5, random_state=0),
        lambda **more: gorae.MLPRegressor((24,), activation="elu", **more),
    ),
}


def healthy_diagnoses():
    """Twenty healthy fits, four a data set: each with validation rows, and with those of early stopping."""
    for data, make in HEALTHY.values():
        for seed in range(4):
            rate = (0.003, 0.01, 0.01, 0.02)[seed]
            model = make(
                learning_rate=rate, early_stopping=True, epochs=150, batch_size=64, random_state=seed
            )
            X, X_validation, y, y_validation = parts(data, seed, stratify=len(np.unique(data[1])) < 20)
            model.fit(X, y)
            yield (
                gorae.diagnose(model, X, y, X_validation=X_validation, y_validation=y_validation),
                gorae.diagnose(model, X, y),
            )


def test_healthy_fits_are_left_alone():
    """Of 20 healthy fits of five kinds at most one has a verdict, whichever rows it is judged by."""
    found = list(healthy_diagnoses())
    given, watched = ([illnesses(pair[side]) for pair in found] for side in (0, 1))

    assert len(found) == 20
    assert sum(map(bool, given)) <= 1, given
    assert sum(map(bool, watched)) <= 1, watched
    assert all(any("validation rows" in at for at in pair[0].looked_at) for pair in found[4:])
    assert all(any("early stopping watched" in at for at in pair[1].looked_at) for pair in found[4:])


# what is looked at


def small(**more):
    """A small network of iris, fitted for a few epochs."""
    return gorae.MLPClassifier((16,), activation="tanh", epochs=8, batch_size=64, random_state=0, **more)


def test_without_other_rows_scores_are_not_judged():
    """Without validation rows and early stopping the network is looked at from within only, and this is told."""
    X, _, y, _ = parts(IRIS)
    found = gorae.diagnose(small(learning_rate=0.01).fit(X, y), X, y)

    assert any("X_validation" in told for told in found.not_judged)
    assert len(found.looked_at) == 3


def test_rows_of_early_stopping_are_those_of_the_fit():
    """The rows that early stopping watched are made out anew, and refused where they are not the fit's."""
    X, _, y, _ = parts(IRIS)
    model = small(learning_rate=0.01, early_stopping=True).fit(X, y)

    watched = round(0.1 * len(X))
    seen = examine(model, X, y)
    turned = examine(model, X[::-1], y[::-1])

    assert seen.scores.where == f"the {watched} rows that early stopping watched"
    assert seen.scores.validation.score == pytest.approx(
        model.history_[0].validation_score[model._learned.members[0].best_epoch - 1]
    )
    assert seen.classes.learned.sum() == len(X) - watched
    assert turned.scores is None
    assert any("X_validation" in told for told in turned.missing)


def test_every_hidden_layer_is_seen():
    """The answers of all hidden layers come in the order of the data; the last is what `hidden_features` gives."""
    X, y = IRIS
    model = gorae.MLPClassifier((7, 5, 3), epochs=2, random_state=0).fit(X, y)
    hidden = hidden_of(model, X)

    assert [layer.values.shape for layer in hidden] == [(150, 7), (150, 5), (150, 3)]
    assert [layer.name for layer in hidden] == ["hidden 1", "hidden 2", "hidden 3"]
    np.testing.assert_allclose(hidden[-1].values, model.hidden_features(X), rtol=1e-6)


def test_sample_of_rows_spans_them_all():
    """Of many rows about a thousand are looked at, the last among them."""
    X, y = DIGITS
    model = gorae.MLPClassifier((4,), epochs=1, random_state=0).fit(X, y)
    (layer,) = hidden_of(model, X)

    assert len(layer.values) == 1000
    np.testing.assert_allclose(layer.values[-1], model.hidden_features(X[-1:])[0], rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [gorae.GaussianBayes, gorae.KNeighborsClassifier, LogisticRegression],
    ids=["bayes", "neighbours", "scikit-learn"],
)
def test_other_estimators_are_seen_from_without(make):
    """What is no network is judged by its answers alone: nothing is said of curves or units."""
    found = diagnosed(make(), DIGITS if make is not LogisticRegression else (DIGITS[0] / 16, DIGITS[1]))

    assert illnesses(found) == []
    assert not any("loss" in at or "units" in at for at in found.looked_at)
    assert any("540 validation rows" in at for at in found.looked_at)


def test_linear_models_have_no_hidden_units():
    """A linear model has curves and one layer's gradient, and no hidden units to look at."""
    found = diagnosed(gorae.LinearClassifier(learning_rate=0.05, epochs=20, random_state=0), IRIS)

    assert illnesses(found) == []
    assert any("the one layer" in at for at in found.looked_at)
    assert not any("units" in at for at in found.looked_at)


def test_perceptron_is_diagnosed():
    """The perceptron, whose loss has no scale, is looked at as far as that goes."""
    found = diagnosed(gorae.Perceptron(random_state=0), CANCER)

    assert illnesses(found) == []


def test_last_step_of_a_pipeline_is_diagnosed():
    """Of a pipeline the network is looked at, on the rows as it reads them."""
    X, X_validation, y, y_validation = parts(IRIS)
    model = small(learning_rate=1e-7)
    whole = make_pipeline(StandardScaler(), model).fit(X, y)

    assert illnesses(gorae.diagnose(whole, X, y, X_validation=X_validation, y_validation=y_validation)) == [
        "learning rate too low"
    ]


def test_frames_keep_their_names():
    """A frame is looked at without a word on feature names, whichever rows it is judged by."""
    X, X_validation, y, y_validation = parts(load_iris(return_X_y=True, as_frame=True))
    model = small(learning_rate=0.01, early_stopping=True).fit(X, y)

    given = gorae.diagnose(model, X, y, X_validation=X_validation, y_validation=y_validation)
    watched = examine(model, X, y)

    assert any("45 validation rows" in told for told in (*given.looked_at, *given.not_judged))
    assert watched.scores.rival is not None


def test_texts_have_no_plain_rivals():
    """A model that reads texts is judged without plain models beside it."""
    X, y = np.array([["a"], ["b"]] * 60, object), np.array([0, 1] * 60)

    class Reader(LogisticRegression):
        """Reads the letter."""

        def fit(self, X, y):
            """Learn nothing."""
            self.classes_ = np.array([0, 1])
            return self

        def predict(self, X):
            """Tell the letters apart."""
            return (X[:, 0] == "b").astype(int)

    seen = examine(Reader().fit(X, y), X, y, X_validation=X, y_validation=y)

    assert seen.scores.rival is None
    assert seen.scores.validation.score == 1.0


def test_wrong_use_is_refused():
    """Unfitted estimators, half a validation set and targets of another length are refused in one sentence."""
    X, _, y, _ = parts(IRIS)
    model = small(learning_rate=0.01).fit(X, y)

    with pytest.raises(NotFittedError):
        gorae.diagnose(gorae.MLPClassifier(), X, y)
    with pytest.raises(InputError, match="belong together"):
        gorae.diagnose(model, X, y, X_validation=X)
    with pytest.raises(InputError, match="X has 105 and y 104"):
        gorae.diagnose(model, X, y[:-1])
