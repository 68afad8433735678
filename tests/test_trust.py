"""Cautious models: twins see no row twice, flags come as often as stated, sets cover, files are checked."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from gorae import CautiousClassifier, GaussianBayes, KNeighborsClassifier, MLPClassifier, MLPRegressor
from gorae.errors import (
    DamagedFileError,
    DataError,
    InputError,
    InputTypeError,
    NotFittedError,
    ParameterError,
)
from gorae.evidence import conformal_threshold
from gorae.trust import (
    DETECTORS,
    Answers,
    ask,
    calibration_from_state,
    gather,
    judge_from_state,
    make_calibration,
    make_panel,
    panel_from_state,
)
from gorae.trust.answers import space_of
from gorae.trust.draws import checksums, row_draws
from gorae.trust.parts import fit_parts


@cache
def digits():
    """Half of the digits to learn from, half to ask about; 8 and 9 are kept as unknown."""
    X, y = load_digits(return_X_y=True)
    known = y < 8
    parts = train_test_split(X[known], y[known], test_size=0.5, random_state=0, stratify=y[known])
    return (*parts, X[~known])


@cache
def of_digits():
    """A cautious network of two members that knows the digits up to 7."""
    network = MLPClassifier((32,), epochs=30, batch_size=32, members=2, random_state=0)
    X, _, y, _, _ = digits()
    return CautiousClassifier(network).fit(X, y)


class Memory(ClassifierMixin, BaseEstimator):
    """Answers 1 for the class of a row that it has learned, and evenly for every other row."""

    def fit(self, X, y):
        """Remember the rows."""
        self.classes_ = np.unique(y)
        self.known_ = {row.tobytes(): label for row, label in zip(X, y, strict=True)}
        return self

    def predict_proba(self, X):
        """Look rows up."""
        even = np.full(len(self.classes_), 1 / len(self.classes_))
        return np.array(
            [
                (self.classes_ == self.known_[row.tobytes()]).astype(float)
                if row.tobytes() in self.known_
                else even
                for row in np.ascontiguousarray(X)
            ]
        )


def test_no_row_is_judged_by_who_learned_it():
    """A model that remembers its rows knows none of them out of fold, in any repeat."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), np.repeat([0, 1, 2], 20)
    found = gather(Memory(), X, y, cv=4, repeats=2)
    np.testing.assert_allclose(found.answers.probabilities, 1 / 3)
    np.testing.assert_allclose(found.probabilities, 1 / 3)
    assert sorted(np.bincount(found.folds)) == [15] * 4
    np.testing.assert_allclose(found.estimator.predict_proba(X).max(axis=1), 1)


def test_a_left_out_class_is_not_learned():
    """Without a class, a model that remembers its rows is as sure of it as of any row it has not seen."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(45, 2)), np.repeat([0, 1, 2], 15)
    found = gather(Memory(), X, y, cv=3, detectors=["max softmax"])
    assert found.absent == [0, 1, 2]
    np.testing.assert_allclose(found.left_out["max softmax"], 0.5)


@pytest.mark.filterwarnings("ignore:after all 30 epochs")
def test_the_estimator_is_what_it_is_alone():
    """The network fitted beside its twins is bitwise the network fitted alone."""
    X, _, y, _, _ = digits()
    network = of_digits().estimator
    alone = clone(network).fit(X, y)
    np.testing.assert_array_equal(
        of_digits().estimator_.predict_proba(X), alone.predict_proba(X), strict=True
    )


def test_classes_that_a_part_lacks_have_outputs():
    """Networks of all parts have an output for every class, so that they are one population."""
    X, y = load_iris(return_X_y=True)
    network = MLPClassifier((4,), epochs=2, random_state=0)
    parts = [np.arange(100), np.arange(150)]
    few, all_ = fit_parts([network, network], X, y, parts, classes=np.arange(3))
    assert few.classes_.tolist() == all_.classes_.tolist() == [0, 1, 2]
    assert few.predict_proba(X).shape == (150, 3)


def test_flags_come_as_often_as_stated():
    """Of new known digits about as many are flagged as stated, within what chance allows at 99.9 %."""
    _, X, _, _, _ = digits()
    for share in (0.02, 0.05, 0.2):
        flagged = of_digits().predict(X, unknown="flag", false_alarms=share)[1].mean()
        calibrated = 1 / len(digits()[0]) + 1 / len(X)
        assert abs(flagged - share) < 3.3 * np.sqrt(share * (1 - share) * calibrated)


def test_unknown_digits_are_flagged():
    """Digits that were never seen are flagged far more often than known ones."""
    _, known, _, _, unknown = digits()
    model = of_digits()
    flags = [model.predict(X, unknown="flag", false_alarms=0.05)[1].mean() for X in (known, unknown)]
    assert flags[1] > 3 * flags[0]
    scores = np.concatenate([model.novelty_score(known), model.novelty_score(unknown)])
    truth = np.repeat([0, 1], [len(known), len(unknown)])
    assert roc_auc_score(truth, scores) > 0.85


def test_the_detector_is_chosen_without_unknown_rows():
    """By classes that are left out, of all detectors that there are; another may be asked for by name."""
    model = of_digits()
    assert set(model.gathered_.left_out) == set(DETECTORS)
    assert model.detector_ in DETECTORS
    assert make_panel(model.gathered_, "energy").detector == "energy"


@pytest.mark.parametrize(
    ("energy", "chosen"),
    [
        ([0.9, 0.8, 0.7], "cosine"),  # as good: the usual one
        ([0.92, 0.80, 0.71], "energy"),  # ahead by .02, 0, .01: mean .01, error .0058
        ([0.96, 0.76, 0.71], "cosine"),  # .06, -.04, .01: mean .01, error .029
        ([0.95, 0.84, 0.76], "energy"),  # .05, .04, .06: mean .05, error .0058
    ],
)
def test_another_detector_must_be_ahead_by_more_than_chance(energy, chosen):
    """The largest mean over a few classes is often luck: it has to exceed its own standard error."""
    gathered = of_digits().gathered_
    areas = {"energy": np.array(energy), "cosine": np.array([0.9, 0.8, 0.7])}

    assert make_panel(replace(gathered, left_out=areas)).detector == chosen


def test_known_shares():
    """A row stranger than all has the share 1 / (n + 1), one like none stranger has 1; flags follow."""
    model = of_digits()
    judge = make_panel(model.gathered_, "distance").judges[0]
    n = len(judge.novelty)
    X = digits()[0]
    shares = judge.known_shares(np.concatenate([X, np.full((1, 64), 1e4)]))
    assert shares[-1] == pytest.approx(1 / (n + 1))
    assert shares.max() <= 1
    np.testing.assert_array_equal(
        shares[:-1] <= 0.1, judge.scores(X) > conformal_threshold(judge.novelty, 0.9)
    )
    flags = model.predict(X, unknown="flag", false_alarms=0.1)[1]
    np.testing.assert_array_equal(flags, model.known_share(X) <= 0.1)


def test_every_row_has_its_judge():
    """A row is flagged by one of the judges, the same one wherever the row stands; all have rows to judge."""
    panel, X = of_digits().panel_, digits()[1][:100]
    shares = panel.known_shares(X)
    each = np.array([judge.known_shares(X) for judge in panel.judges])
    assert (each == shares).any(axis=0).all()
    assert all((one == shares).sum() >= 10 for one in each)
    np.testing.assert_array_equal(panel.known_shares(X[::-1])[::-1], shares)


def test_novelty_in_spreads_of_known_rows():
    """Over the rows that a judge has not seen the median is 0 and the 90 % quantile 1."""
    judge = of_digits().panel_.judges[0]
    usual, strange = np.quantile(judge.novelty, [0.5, 0.9])
    X = digits()[1][:20]
    np.testing.assert_allclose(judge.in_known_spreads(X) * (strange - usual) + usual, judge.scores(X))


def test_sets_cover():
    """Sets hold the true class as often as stated, within what chance allows, and grow with the coverage."""
    _, X, _, y, _ = digits()
    sizes = []
    for coverage in (0.8, 0.9, 0.97):
        sets = of_digits().predict_set(X, coverage)
        hit = sets[np.arange(len(y)), y].mean()
        assert abs(hit - coverage) < 3.3 * np.sqrt(2 * coverage * (1 - coverage) / len(y))
        sizes.append(sets.sum())
    assert sizes == sorted(sizes)


def test_a_set_belongs_to_its_row():
    """Asked alone, in another order or as other numbers of the same value, a row has the same set."""
    X = digits()[1][:30]
    sets = of_digits().predict_set(X, 0.8)
    np.testing.assert_array_equal(of_digits().predict_set(X[::-1], 0.8)[::-1], sets)
    np.testing.assert_array_equal(of_digits().predict_set(X.astype(np.float32), 0.8), sets)
    alone = np.concatenate([of_digits().predict_set(row[None], 0.8) for row in X])
    np.testing.assert_array_equal(alone, sets)
    assert not sets.all(axis=0).any()


def test_draws_of_rows():
    """Rows draw evenly from 0 to 1, equal rows the same; 0 and -0 are equal; images are rows too."""
    X = np.random.default_rng(0).normal(size=(10_000, 2)).round(6)
    found = row_draws(X)
    assert found.min() >= 0
    assert found.max() < 1
    counts = np.histogram(found, 10, (0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 30  # chi-square of 9 degrees; 1 in 2,000 is above
    np.testing.assert_array_equal(row_draws(np.array([[0.0, 1.0]])), row_draws(np.array([[-0.0, 1.0]])))
    np.testing.assert_array_equal(row_draws(X[:6].reshape(3, 2, 2)), row_draws(X[:6].reshape(3, 4)))
    assert abs(np.corrcoef(found, checksums(X) % 5)[0, 1]) < 0.05


def test_calibration_helps_where_it_is_needed():
    """Naive Bayes, far too sure of digits, is brought to a lower log-loss on new rows; off, it stays."""
    a, b, ya, yb, _ = digits()
    scaled = CautiousClassifier(GaussianNB(), detector="distance").fit(a, ya)
    plain = CautiousClassifier(GaussianNB(), detector="distance", calibrate=False).fit(a, ya)
    assert plain.calibration_.scaling.kind == "none"
    np.testing.assert_array_equal(plain.predict_proba(b), GaussianNB().fit(a, ya).predict_proba(b))
    assert log_loss(yb, scaled.predict_proba(b)) < 0.5 * log_loss(yb, plain.predict_proba(b))


@pytest.mark.parametrize(
    "model", [LinearSVC(), LogisticRegression(), GaussianBayes(), LogisticRegression().set_params(C=10.0)]
)
def test_any_classifier(model):
    """Scores alone, or probabilities, of scikit-learn or of gorae, are enough."""
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    found = CautiousClassifier(model).fit(X, names)
    assert found.predict(X).dtype.kind == "U"
    np.testing.assert_allclose(found.predict_proba(X).sum(axis=1), 1)
    assert (found.predict(X) == names).mean() > 0.9
    far = found.predict(X + 100, unknown="flag", false_alarms=0.05)[1]
    assert far.all()


def test_two_classes_have_a_detector():
    """With two classes none can be left out; rows far off are flagged all the same."""
    X, y = load_iris(return_X_y=True)
    found = CautiousClassifier(LogisticRegression()).fit(X[:100], y[:100])
    assert found.gathered_.left_out == {}
    assert found.detector_ in DETECTORS


def test_scaling_a_column_changes_no_score():
    """Where columns are compared they are scaled first: another unit changes no distance."""
    X, y = load_iris(return_X_y=True)
    unit = np.array([1.0, 1000.0, 1e-3, 5.0])
    one, two = (CautiousClassifier(GaussianNB(), detector="distance").fit(x, y) for x in (X, X * unit))
    np.testing.assert_allclose(one.novelty_score(X), two.novelty_score(X * unit), rtol=1e-5)


def test_columns_that_never_vary():
    """Where there is no covariance the detector that needs one is left out; asked for by name, it is refused."""
    X, y = np.ones((60, 2)), np.repeat([0, 1, 2], 20)
    found = CautiousClassifier(KNeighborsClassifier(3)).fit(X, y)
    assert found.detector_ != "mahalanobis"
    assert found.predict(X).shape == (60,)
    with pytest.raises(ParameterError, match="'mahalanobis' needs features that vary"):
        CautiousClassifier(KNeighborsClassifier(3), detector="mahalanobis").fit(X, y)


def test_members_disagree():
    """Uncertainty is split where there are members; one alone is told to be too few."""
    X = digits()[1]
    parts = of_digits().uncertainty(X)
    np.testing.assert_allclose(parts.aleatoric + parts.epistemic, parts.total)
    iris, y = load_iris(return_X_y=True)
    with pytest.raises(ParameterError, match="needs several members"):
        CautiousClassifier(GaussianNB()).fit(iris, y).uncertainty(iris)
    with pytest.raises(ParameterError, match=r"needs 2 members; use members=5"):
        CautiousClassifier(GaussianNB(), detector="disagreement").fit(iris, y)


def test_planted_labels_are_suspected():
    """Labels that were changed are ranked before those that were not, far better than by chance."""
    X, _, y, _, _ = digits()
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < 0.1
    noisy = np.where(wrong, (y + rng.integers(1, 8, len(y))) % 8, y)
    audit = CautiousClassifier(of_digits().estimator, detector="max softmax").fit(X, noisy).audit()
    assert roc_auc_score(wrong, audit.wrong) > 0.9


def test_too_few_rows_for_a_share():
    """A share that so few rows cannot state is refused, with the number it needs."""
    X, y = load_iris(return_X_y=True)
    model = CautiousClassifier(GaussianNB()).fit(X[::3], y[::3])
    with pytest.raises(DataError, match=r"0\.01 need at least 99 rows .* each fold keeps 10"):
        model.predict(X, unknown="flag")
    with pytest.raises(InputError, match=r"0\.99 needs at least 99 calibration rows, but there are 50"):
        model.predict_set(X, 0.99)


def test_bad_input():
    """What cannot be is refused in a sentence."""
    X, y = load_iris(return_X_y=True)
    with pytest.raises(NotFittedError):
        CautiousClassifier().predict(X)
    with pytest.raises(ParameterError, match=r"detector must be one of .*Did you mean 'energy'"):
        CautiousClassifier(GaussianNB(), detector="enrgy").fit(X, y)
    with pytest.raises(DataError):
        CautiousClassifier(GaussianNB(), cv=5).fit(X[[0, 60, 120]], y[[0, 60, 120]])
    with pytest.raises(DataError, match="one class only"):
        CautiousClassifier(GaussianNB()).fit(X, np.zeros(150))
    with pytest.raises(DataError, match=r"one weight a row, 150, got the shape \(3,\)"):
        CautiousClassifier(GaussianNB()).fit(X, y, np.ones(3))
    with pytest.raises(InputTypeError, match=r"got the class GaussianNB; write GaussianNB\(\)"):
        CautiousClassifier(GaussianNB).fit(X, y)
    with pytest.raises(InputTypeError, match="must be a classifier, got MLPRegressor"):
        CautiousClassifier(MLPRegressor()).fit(X, y)
    model = CautiousClassifier(GaussianNB()).fit(X, y)
    with pytest.raises(ParameterError, match="unknown must be one of"):
        model.predict(X, unknown="yes")
    with pytest.raises(ParameterError, match="false_alarms must be a number"):
        model.predict(X, unknown="flag", false_alarms=1.5)
    plain = Memory().fit(X, y)
    plain.__dict__["predict_proba"] = None
    with pytest.raises(InputTypeError, match="gives neither probabilities"):
        ask(Silent().fit(X, y), X, np.arange(3), space_of(plain, X))


class Silent(ClassifierMixin, BaseEstimator):
    """Knows labels, and gives no scores of them."""

    def fit(self, X, y):
        """Learn the classes only."""
        self.classes_ = np.unique(y)
        return self


def test_within_scikit_learn():
    """It is scored and cloned as other classifiers are."""
    X, y = load_iris(return_X_y=True)
    model = CautiousClassifier(GaussianNB(), cv=3, detector="distance")
    assert cross_val_score(clone(model), X, y, cv=3).mean() > 0.9
    assert clone(model).get_params()["cv"] == 3


def test_answers_among_fewer_classes():
    """Shares among fewer classes sum to 1; where none of them had any, they are even."""
    answers = Answers(np.array([[[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]]]), np.zeros((2, 3)), np.zeros((2, 1)))
    kept = answers.among(np.array([1, 2]))
    np.testing.assert_allclose(kept.probabilities, 0.5)
    assert kept.logits.shape == (2, 2)


def through_json(state):
    """A state as a file gives it back: its meta has been JSON."""
    arrays, meta = state
    return arrays, json.loads(json.dumps(meta))


@pytest.mark.parametrize("name", list(DETECTORS))
def test_judges_of_a_file(name):
    """A judge goes through a file's arrays and says the same, to the last bit."""
    panel = make_panel(of_digits().gathered_, name)
    again = panel_from_state(*through_json(panel.to_state()))
    X = digits()[1][:5]
    np.testing.assert_array_equal(panel.known_shares(X), again.known_shares(X))


def test_a_judge_that_compares_columns_of_a_file():
    """The scaling of the columns goes through a file too."""
    X, y = load_iris(return_X_y=True)
    judge = CautiousClassifier(GaussianBayes(), detector="distance").fit(X, y).panel_.judges[0]
    np.testing.assert_array_equal(
        judge.scores(X), judge_from_state(*through_json(judge.to_state())).scores(X)
    )
    arrays, meta = through_json(judge.to_state())
    with pytest.raises(DamagedFileError):
        judge_from_state({**arrays, "shift": np.zeros(3)}, meta)


def test_a_judge_of_an_earlier_file_goes_on_with_the_fifth_row():
    """Its file has scores of the fifth nearest row and no word of it: new rows are scored alike."""
    judge = make_panel(of_digits().gathered_, "cosine").judges[0]
    arrays, meta = through_json(judge.to_state())
    assert arrays.pop("kept/neighbor").tolist() == [1.0]
    earlier = judge_from_state(arrays, meta)
    rows = digits()[0][:20]
    unit = earlier.estimator.hidden_features(rows).astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    away = np.linalg.norm(unit[:, None] - arrays["kept/features"][None].astype(np.float64), axis=2)
    np.testing.assert_allclose(earlier.scores(rows), np.sort(away, axis=1)[:, 4], atol=1e-3)
    np.testing.assert_allclose(judge.scores(rows), np.sort(away, axis=1)[:, 0], atol=1e-3)
    for wrong in (np.zeros(1), np.full(1, 1e9), np.ones(2), np.ones((1, 1))):
        with pytest.raises(DamagedFileError, match="neighbor"):
            judge_from_state({**arrays, "kept/neighbor": wrong}, meta)


def test_calibration_of_a_file():
    """A calibration goes through a file's arrays; of other classes, unsorted or unknown it is refused."""
    found = make_calibration(of_digits().gathered_)
    arrays, meta = found.to_state()
    stated = of_digits().gathered_.answers.probabilities
    again = calibration_from_state(arrays, meta, 8)
    np.testing.assert_array_equal(found.probabilities(stated), again.probabilities(stated))
    wrong = [
        ({**arrays, "strangeness": arrays["strangeness"][::-1]}, meta, 8),
        ({**arrays, "bias": np.full(8, np.nan)}, meta, 8),
        ({**arrays, "more": np.zeros(1)}, meta, 8),
        (arrays, meta, 7),
        (arrays, {"scaling": "other"}, 8),
        ({**arrays, "shares": np.array([0.5, 0.0, 0.0])}, meta, 8),
        ({**arrays, "shares": np.array([1.5, -0.5, 0.0])}, meta, 8),
        ({**arrays, "curve": np.array([-1.0, 1.0, 0.0])}, meta, 8),
        ({**arrays, "curve": np.ones(4)}, meta, 8),
        ({name: arrays[name] for name in arrays if name != "curve"}, meta, 8),
    ]
    for parts in wrong:
        with pytest.raises(DamagedFileError):
            calibration_from_state(*parts)


def test_a_calibration_of_an_earlier_file():
    """A file without shares and curve gives what its factors and biases give."""
    weight, bias = np.array([2.0, 1.0]), np.array([0.0, 0.5])
    known = {"weight": weight, "bias": bias, "strangeness": np.arange(3.0)}
    found = calibration_from_state(known, {"scaling": "vector"}, 2)
    stated = np.array([[0.8, 0.2]])
    wanted = np.array([0.8**2, 0.2 * np.exp(0.5)])
    np.testing.assert_allclose(found.probabilities(stated)[0], wanted / wanted.sum())


def damaged(arrays, meta, place):
    """The parts of a file, one of them spoiled."""
    arrays, meta = dict(arrays), dict(meta)
    if place == "detector":
        meta["detector"] = "other"
    elif place == "missing":
        arrays.pop("novelty")
    elif place == "order":
        arrays["novelty"] = arrays["novelty"][::-1]
    elif place == "nan":
        arrays["kept/means"] = arrays["kept/means"] * np.nan
    elif place == "width":
        arrays["kept/means"] = arrays["kept/means"][:, 1:]
    elif place == "text":
        arrays["novelty"] = np.arange(3)
    else:
        arrays[place] = np.zeros((2, 2))
    return arrays, meta


@pytest.mark.parametrize(
    "place", ["detector", "missing", "order", "nan", "width", "text", "kept/factor", "kept/weights", "x"]
)
def test_a_damaged_judge_is_refused(place):
    """Parts that are missing, of another size or no numbers are refused, whatever their hash says."""
    judge = make_panel(of_digits().gathered_, "mahalanobis").judges[0]
    arrays, meta = through_json(judge.to_state())
    with pytest.raises(DamagedFileError):
        judge_from_state(*damaged(arrays, meta, place))
