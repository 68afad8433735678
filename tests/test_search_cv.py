"""SearchCV gives what scikit-learn's searches give, for every kind of estimator."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from gorae import KNeighborsClassifier, LinearClassifier, MLPClassifier, SearchCV
from gorae.errors import InputError, ParameterError
from gorae.estimators.network import NetworkEstimator

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANCER = tuple(part[:150] for part in load_breast_cancer(return_X_y=True))
LINEAR = LinearClassifier(epochs=3, batch_size=32, random_state=0)
PIPELINE = make_pipeline(StandardScaler(), clone(LINEAR).set_params(scale=None))


def assert_same_results(ours, theirs):
    """Both tables are equal, but for times."""
    for key, values in theirs.cv_results_.items():
        if not key.endswith("_time"):
            np.testing.assert_array_equal(ours.cv_results_[key], values, err_msg=key)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_index_ == theirs.best_index_


@pytest.mark.parametrize(
    ("estimator", "space"),
    [
        (LINEAR, {"weight_decay": [0.0, 0.1], "learning_rate": [0.01, 0.1], "loss": ["softmax", "hinge"]}),
        (
            MLPClassifier((4,), epochs=2, batch_size=32, random_state=0),
            [{"hidden": [(4,), (3, 2)]}, {"dropout": [0.3], "early_stopping": [True]}],
        ),
        (
            PIPELINE,
            {"linearclassifier__learning_rate": [0.01, 0.1], "standardscaler__with_std": [True, False]},
        ),
        (
            PIPELINE,
            {"linearclassifier": [clone(LINEAR), DecisionTreeClassifier(max_depth=2, random_state=0)]},
        ),
        (LogisticRegression(), {"C": [0.1, 1.0]}),
    ],
    ids=["linear", "mlp", "pipeline", "steps", "scikit-learn"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_grid_is_that_of_scikit_learn(estimator, space):
    """The table and the choice are bitwise GridSearchCV's, for two scores, of test and training rows."""
    if isinstance(estimator, LogisticRegression):
        estimator = make_pipeline(StandardScaler(), estimator)
        space = {f"logisticregression__{name}": values for name, values in space.items()}
    options = {
        "scoring": ["accuracy", "roc_auc"],
        "refit": "accuracy",
        "cv": 3,
        "return_train_score": True,
    }
    ours = SearchCV(estimator, space, sampler="grid", **options).fit(*CANCER)
    theirs = GridSearchCV(estimator, space, **options).fit(*CANCER)
    assert_same_results(ours, theirs)
    np.testing.assert_array_equal(ours.predict(CANCER[0]), theirs.predict(CANCER[0]))


@pytest.mark.parametrize("labels", [list, np.array], ids=["list", "array"])
def test_an_estimator_s_own_score_is_that_of_scikit_learn(labels):
    """Without scoring, the share of hits of labels that are texts; a generator is copied for each fit."""
    X, y = CANCER
    named = labels(["malign" if each == 0 else "benign" for each in y])
    estimator = clone(LINEAR).set_params(random_state=np.random.RandomState(5))
    space = {"learning_rate": [0.01, 0.1]}
    ours = SearchCV(estimator, space, sampler="grid", cv=3).fit(X, named)
    theirs = GridSearchCV(estimator, space, cv=3).fit(X, named)
    assert_same_results(ours, theirs)
    assert type(ours.best_score_) is type(theirs.best_score_)


def test_neighbors_are_those_of_scikit_learn():
    """Every k, metric and weighting from one table, with the ties that integer pixels make."""
    X, y = (part[:250] for part in load_digits(return_X_y=True))
    space = {
        "n_neighbors": [1, 2, 3, 7],
        "metric": ["manhattan", "euclidean", "cosine", "chebyshev"],
        "weights": ["uniform", "distance"],
    }
    options = {"cv": 3, "return_train_score": True}
    ours = SearchCV(KNeighborsClassifier(), space, sampler="grid", **options).fit(X, y)
    assert_same_results(ours, GridSearchCV(KNeighborsClassifier(), space, **options).fit(X, y))


def test_groups_weights_and_splitters():
    """Groups go to the splitter, weights to fit and to the score, as in scikit-learn."""
    X, y = CANCER
    groups, weight = np.arange(len(y)) // 10, np.random.default_rng(0).uniform(0.5, 2, len(y))
    space = {"learning_rate": [0.01, 0.1]}
    ours = SearchCV(LINEAR, space, sampler="grid", cv=GroupKFold(3), scoring="accuracy")
    theirs = GridSearchCV(LINEAR, space, cv=GroupKFold(3), scoring="accuracy")
    ours.fit(X, y, groups=groups, sample_weight=weight)
    theirs.fit(X, y, groups=groups, sample_weight=weight)
    assert_same_results(ours, theirs)


def test_interval_holds_the_mean():
    """Each setting's interval holds its mean score; a single split has none."""
    space = {"learning_rate": [0.01, 0.1]}
    found = SearchCV(LINEAR, space, sampler="grid", cv=3, repeats=2).fit(*CANCER).cv_results_
    assert "split5_test_score" in found
    assert (found["low_test_score"] < found["mean_test_score"]).all()
    assert (found["mean_test_score"] < found["high_test_score"]).all()
    single = [(np.arange(100), np.arange(100, 150))]
    assert np.isnan(
        SearchCV(LINEAR, space, sampler="grid", cv=single).fit(*CANCER).cv_results_["low_test_score"]
    ).all()


@pytest.mark.parametrize("sampler", ["random", "sobol", "latin_hypercube"])
def test_the_same_seed_gives_the_same_search(sampler):
    """Settings, scores and the refitted model repeat, though the estimator has no seed of its own."""
    estimator = clone(LINEAR).set_params(random_state=None)
    space = {"learning_rate": loguniform(1e-3, 1), "loss": ["softmax", "hinge"]}

    def search(seed):
        return SearchCV(estimator, space, n_settings=4, sampler=sampler, cv=2, random_state=seed).fit(*CANCER)

    one, same, other = search(1), search(1), search(2)
    assert one.cv_results_["params"] == same.cv_results_["params"] != other.cv_results_["params"]
    np.testing.assert_array_equal(one.cv_results_["mean_test_score"], same.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(one.best_estimator_.coef_, same.best_estimator_.coef_)
    assert all(1e-3 <= setting["learning_rate"] <= 1 for setting in one.cv_results_["params"])


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_one_setting_that_fails_does_not_lose_the_others():
    """A diverging setting and one out of range score NaN, rank last, and are told."""
    space = {"learning_rate": [0.01, 1e30, -1.0]}
    with pytest.warns(FitFailedWarning, match="4 fits failed out of a total of 6"):
        found = SearchCV(LINEAR, space, sampler="grid", cv=2).fit(*CANCER)
    assert np.isnan(found.cv_results_["mean_test_score"]).tolist() == [False, True, True]
    assert found.best_params_ == {"learning_rate": 0.01}


def test_it_is_one_population(monkeypatch):
    """No network is fitted by itself but the one at the end."""
    fits, fit = [], NetworkEstimator.fit
    monkeypatch.setattr(
        NetworkEstimator, "fit", lambda self, *a, **k: fits.append(self) or fit(self, *a, **k)
    )
    SearchCV(LINEAR, {"learning_rate": [0.01, 0.1]}, sampler="grid", cv=2).fit(*CANCER)
    assert len(fits) == 1


def test_inside_cross_validation():
    """A search is an estimator, and can be scored by cross-validation."""
    search = SearchCV(LINEAR, {"learning_rate": [0.01, 0.1]}, sampler="grid", cv=2)
    assert cross_val_score(search, *CANCER, cv=2).min() > 0.8


def test_nested_is_the_search_inside_cross_validation():
    """Its scores are those of cross_val_score, and the optimism is what the best score has above their mean."""
    search = SearchCV(LINEAR, {"learning_rate": [0.001, 0.1]}, sampler="grid", cv=2, nested=True).fit(*CANCER)
    plain = clone(search).set_params(nested=False)
    np.testing.assert_array_equal(search.nested_.scores, cross_val_score(plain, *CANCER, cv=2))
    assert search.nested_.low < search.nested_.score < search.nested_.high
    assert search.nested_.optimism == pytest.approx(search.best_score_ - search.nested_.score)
    assert search.nested_.chosen == [{"learning_rate": 0.1}] * 2


def test_nested_sees_through_the_best_of_many():
    """Where labels are noise the best of 28 settings looks better than chance; nested, it does not."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(4):
        X, y = rng.normal(size=(60, 5)), rng.integers(0, 2, 60)
        space = {
            "n_neighbors": list(range(1, 14, 2)),
            "metric": ["manhattan", "euclidean", "cosine", "chebyshev"],
        }
        search = SearchCV(KNeighborsClassifier(), space, sampler="grid", cv=5, nested=True).fit(X, y)
        found.append((search.best_score_, search.nested_.score))
    best, nested = np.mean(found, axis=0)
    assert best > 0.58
    assert nested < best - 0.05


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"space": {"learnin_rate": [1]}}, "Did you mean 'learning_rate'"),
        ({"space": {"learning_rate": 1}}, "write \\[1\\]"),
        ({"space": {"learning_rate": []}}, "is empty"),
        ({"space": 3}, "a dictionary or a list"),
        ({"space": [3]}, "each part of space"),
        ({"sampler": "gird"}, "Did you mean 'grid'"),
        ({"space": {"learning_rate": loguniform(1e-3, 1)}}, "needs a list of values"),
        ({"repeats": 2, "cv": GroupKFold(2)}, "a number of folds"),
        ({"n_settings": 0}, "n_settings"),
        ({"nested": True, "refit": False}, "nested=True needs refit"),
        ({"nested": True, "cv": [(np.arange(99), np.arange(99, 150))]}, "not a list of splits"),
    ],
)
def test_mistakes_are_told_in_one_sentence(change, told):
    """Each names what was wanted and what came."""
    search = SearchCV(LINEAR, {"learning_rate": [0.1]}, sampler="grid", cv=2).set_params(**change)
    with pytest.raises(ParameterError, match=told):
        search.fit(*CANCER)


def test_intervals_end_where_scores_do():
    """No accuracy is above 1 and no loss below 0, however few the folds."""
    space = {"n_neighbors": [1, 3, 9]}
    X, y = load_wine(return_X_y=True)
    X, y = X[::6], y[::6]
    options = {"sampler": "grid", "cv": 3, "refit": False}
    found = SearchCV(KNeighborsClassifier(), space, scoring=["accuracy", "neg_log_loss"], **options).fit(X, y)
    assert (found.cv_results_["high_test_accuracy"] <= 1).all()
    assert (found.cv_results_["high_test_neg_log_loss"] <= 0).all()
    plain = SearchCV(KNeighborsClassifier(), space, **options).fit(X, y).cv_results_
    assert (plain["high_test_score"] <= 1).all()
    assert (plain["low_test_score"] < plain["mean_test_score"]).all()


def _chosen(rows, w):
    """The columns whose weights, far inside a long array, are not 0."""
    return np.asarray(rows)[:, w[1000:1030] > 0]


def test_steps_that_look_alike_are_told_apart():
    """Arrays that print alike are other settings of a step, and have scores of their own."""
    weights = np.zeros(3000), np.zeros(3000)
    weights[0][1000], weights[1][1007] = 1, 1
    pipeline = make_pipeline(FunctionTransformer(_chosen), KNeighborsClassifier())
    space = {"functiontransformer__kw_args": [{"w": w} for w in weights]}
    ours = SearchCV(pipeline, space, sampler="grid", cv=3).fit(*CANCER).cv_results_["mean_test_score"]
    theirs = GridSearchCV(pipeline, space, cv=3).fit(*CANCER).cv_results_["mean_test_score"]
    assert ours[0] != ours[1]
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_step_that_spoils_rows_loses_its_own_settings_only():
    """Rows that a network cannot use fail that setting, in the splits where they are, and no other."""

    def spoiling(rows):
        return np.where(rows > rows.max() * 0.99, np.nan, rows)

    pipeline = make_pipeline(FunctionTransformer(), LinearClassifier(epochs=2, random_state=0))
    space = {"functiontransformer": [FunctionTransformer(spoiling), FunctionTransformer()]}
    with pytest.warns(FitFailedWarning):
        found = SearchCV(pipeline, space, sampler="grid", cv=3).fit(*CANCER)
    assert np.isnan(found.cv_results_["mean_test_score"]).tolist() == [True, False]
    assert "NaN" in found.failures_[0]


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_what_memory_cannot_hold_is_one_setting_that_failed():
    """A network that is too large fails alone."""
    space = {"hidden": [(99_999_999,), (4,)]}
    network = MLPClassifier(epochs=2, random_state=0)
    with pytest.warns(FitFailedWarning):
        found = SearchCV(network, space, sampler="grid", cv=3).fit(*CANCER)
    assert np.isnan(found.cv_results_["mean_test_score"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"estimator": KNeighborsClassifier}, "estimator must be an estimator"),
        ({"estimator": "knn"}, "estimator must be an estimator"),
        ({"cv": GroupKFold}, "a splitter, such as GroupKFold"),
        ({"cv": [([0, 1], [2000])]}, "names row 2000"),
        ({"error_score": "foo"}, "error_score must be a number or 'raise'"),
        ({"error_score": None}, "error_score must be a number or 'raise'"),
        ({"refit": 2}, "refit must be True, False"),
        ({"n_settings": 10**7}, "at most 100,000"),
        ({"nested": True, "cv": 3, "budget": {"fits": 2}}, "has to do for 4 searches"),
        ({"nested": True, "cv": [([0, 1], [2])]}, "not a list of splits"),
    ],
)
def test_what_is_asked_for_is_checked_first(change, told):
    """Each mistake is one sentence, before any fit."""
    search = SearchCV(KNeighborsClassifier(), {"n_neighbors": [1]}, cv=3).set_params(**change)
    with pytest.raises(InputError, match=told):
        search.fit(*CANCER)


def test_rows_are_checked_first():
    """A missing target is named, and weights are one a row."""
    search = SearchCV(LinearClassifier(epochs=1), {"learning_rate": [0.1]}, cv=3, sampler="grid")
    with pytest.raises(InputError, match=r"row 3 \(from 0\) has none"):
        search.fit(CANCER[0][:6], ["a", "b", "a", None, "a", "b"])
    with pytest.raises(InputError, match="one number a row"):
        search.fit(*CANCER, sample_weight=np.ones(5))
    with pytest.raises(InputError, match="needs targets"):
        search.set_params(nested=True).fit(CANCER[0])
