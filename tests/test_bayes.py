"""Gaussian Bayes: estimates worked by hand, scikit-learn's discriminants, weights, units, draws."""

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.datasets import load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from gorae.errors import DamagedFileError, DataError, InputError, NotFittedError, ParameterError
from gorae.estimators.bayes import GaussianBayes

COVARIANCES = ["full", "shared", "diagonal"]

few = settings(max_examples=25, deadline=None)
numbers = st.floats(-8, 8, width=16)


def two_classes(rows=9, width=2, shift=0.0, seed=0):
    """Return rows of two classes whose means are 2 apart in every feature."""
    random = np.random.default_rng(seed)
    y = np.arange(rows) % 2
    return random.normal(size=(rows, width)) + 2.0 * y[:, None] + shift, y


# By hand


def test_one_feature_worked_by_hand():
    """Rows 0, 2 and 5, 9: means 1 and 7, variances 1 and 4, priors 1/2.

    At x = 3: log N(3; 1, 1) = -2 - log(2 pi)/2 and log N(3; 7, 4) = -2 - log 2 - log(2 pi)/2, so the odds
    are 2 to 1.
    """
    model = GaussianBayes(shrinkage=0).fit([[0.0], [2.0], [5.0], [9.0]], ["a", "a", "b", "b"])

    np.testing.assert_allclose(model.means_, [[1.0], [7.0]])
    np.testing.assert_allclose(model.covariances_, [[[1.0]], [[4.0]]])
    np.testing.assert_allclose(model.predict_proba([[3.0]]), [[2 / 3, 1 / 3]])


def test_shared_variance_worked_by_hand():
    """Pooled variance (1 + 1 + 4 + 4) / 4 = 5/2; halfway between the means the odds are even."""
    model = GaussianBayes("shared", shrinkage=0).fit([[0.0], [2.0], [5.0], [9.0]], [0, 0, 1, 1])

    np.testing.assert_allclose(model.covariances_, [[2.5]])
    np.testing.assert_allclose(model.predict_proba([[4.0]]), [[0.5, 0.5]])


def test_given_priors_shift_the_odds_worked_by_hand():
    """Odds of 2 to 1 from the densities times 1 to 3 from the priors are 2 to 3."""
    X, y = [[0.0], [2.0], [5.0], [9.0]], [0, 0, 1, 1]
    model = GaussianBayes(shrinkage=0, priors=[0.25, 0.75]).fit(X, y)

    np.testing.assert_allclose(model.predict_proba([[3.0]]), [[0.4, 0.6]])


def test_full_shrinkage_makes_spheres_in_standard_coordinates():
    """With a = 1 and features of pooled variances 1 and 100, the covariance is v times diag(1, 100)."""
    X = np.array([[-1.0, -10.0], [1.0, 10.0], [-1.0, 10.0], [1.0, -10.0]])
    model = GaussianBayes(shrinkage=1.0).fit(X, [0, 0, 1, 1])

    np.testing.assert_allclose(model.covariances_, [np.diag([1.0, 100.0])] * 2, atol=1e-12)


def test_joint_density_is_the_textbook_formula():
    """The log of p(x, c) is the log prior plus the log density of scipy's multivariate normal."""
    X, y = two_classes(11, 3, shift=5.0)
    model = GaussianBayes(shrinkage=0.1).fit(X, y)
    expected = np.column_stack(
        [
            np.log(prior) + multivariate_normal(mean, covariance).logpdf(X)
            for prior, mean, covariance in zip(
                model.class_prior_, model.means_, model.covariances_, strict=True
            )
        ]
    )

    np.testing.assert_allclose(model.predict_joint_log_proba(X), expected, rtol=1e-10)


# scikit-learn's discriminants


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_shared_covariance_is_linear_discriminant_analysis(load):
    """Without shrinkage the probabilities are those of LDA by least squares."""
    X, y = load(return_X_y=True)
    peer = LinearDiscriminantAnalysis(solver="lsqr").fit(X, y)
    own = GaussianBayes("shared", shrinkage=0).fit(X, y)

    np.testing.assert_allclose(own.predict_proba(X), peer.predict_proba(X), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_full_covariance_is_quadratic_discriminant_analysis(load):
    """Without shrinkage, labels are QDA's, and so are the probabilities once both divide by n.

    scikit-learn divides by n or n - 1, which depends on its version; its own covariances say by which.
    """
    X, y = load(return_X_y=True)
    peer = QuadraticDiscriminantAnalysis(store_covariance=True).fit(X, y)
    own = GaussianBayes(shrinkage=0).fit(X, y)
    factors = [
        np.trace(theirs) / np.trace(ours)
        for theirs, ours in zip(peer.covariance_, own.covariances_, strict=True)
    ]
    joint = np.column_stack(
        [
            np.log(own.class_prior_[c])
            + multivariate_normal(own.means_[c], own.covariances_[c] * factors[c]).logpdf(X)
            for c in range(3)
        ]
    )

    np.testing.assert_allclose(peer.predict_log_proba(X), log_softmax(joint, axis=1), rtol=1e-6, atol=1e-9)
    assert np.array_equal(own.predict(X), peer.predict(X))


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_diagonal_covariance_is_gaussian_naive_bayes(load):
    """Without shrinkage the probabilities are those of GaussianNB without smoothing."""
    X, y = load(return_X_y=True)
    peer = GaussianNB(var_smoothing=0).fit(X, y)
    own = GaussianBayes("diagonal", shrinkage=0).fit(X, y)

    np.testing.assert_allclose(own.predict_proba(X), peer.predict_proba(X), rtol=1e-6, atol=1e-12)


def test_automatic_shrinkage_is_that_of_ledoit_and_wolf():
    """On standardised residuals the share of the sphere is scikit-learn's."""
    X, y = load_wine(return_X_y=True)
    model = GaussianBayes("shared", shrinkage="auto").fit(X, y)
    plain = GaussianBayes("shared", shrinkage=0).fit(X, y)
    spread = np.sqrt(np.diag(plain.covariances_))
    residuals = (X - plain.means_[y]) / spread
    share = ledoit_wolf_shrinkage(residuals, assume_centered=True)
    expected = (1 - share) * plain.covariances_ + share * np.diag(spread**2)

    np.testing.assert_allclose(model.covariances_, expected, rtol=1e-9, atol=1e-12)


# Relations


@few
@given(
    st.sampled_from(COVARIANCES),
    st.sampled_from([0.05, 1.0, "auto"]),
    arrays(np.float64, 3, elements=st.sampled_from([1e-6, 0.1, 1.0, 7.0, 1e5])),
    arrays(np.float64, 3, elements=st.integers(-50, 50).map(float)),
)
def test_units_and_origins_of_features_do_not_matter(covariance, shrinkage, scale, shift):
    """Probabilities stay when every feature is multiplied and moved by numbers of its own."""
    X, y = two_classes(15, 3)
    before = GaussianBayes(covariance, shrinkage=shrinkage).fit(X, y).predict_log_proba(X)
    moved = (X + shift) * scale
    after = GaussianBayes(covariance, shrinkage=shrinkage).fit(moved, y).predict_log_proba(moved)

    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-6)


@few
@given(
    st.sampled_from(COVARIANCES),
    st.sampled_from([0.0, 0.3, "auto"]),
    arrays(np.int64, 15, elements=st.integers(0, 3)),
)
def test_weight_k_is_k_copies_and_weight_0_is_removed(covariance, shrinkage, weight):
    """Estimates from weights are those from repeated rows."""
    weight[:8] += 1
    X, y = two_classes(15, 2)
    weighted = GaussianBayes(covariance, shrinkage=shrinkage).fit(X, y, sample_weight=weight)
    copied = GaussianBayes(covariance, shrinkage=shrinkage).fit(np.repeat(X, weight, 0), np.repeat(y, weight))

    np.testing.assert_allclose(weighted.means_, copied.means_, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(weighted.covariances_, copied.covariances_, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(weighted.class_prior_, copied.class_prior_, rtol=1e-12)


@few
@given(st.sampled_from(COVARIANCES), st.permutations(range(9)))
def test_order_of_rows_does_not_matter(covariance, order):
    """A permutation of the training rows changes estimates by rounding alone."""
    X, y = two_classes(9, 2, shift=3.0)
    order = list(order)
    before = GaussianBayes(covariance).fit(X, y)
    after = GaussianBayes(covariance).fit(X[order], y[order])

    np.testing.assert_allclose(after.covariances_, before.covariances_, rtol=1e-10, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(arrays(np.float64, (7, 3), elements=numbers), st.sampled_from(COVARIANCES), st.booleans())
def test_any_rows_give_probabilities(X, covariance, shrink):
    """Copies, constant features and singular covariances included, rows of probabilities sum to 1."""
    y = np.array([0, 0, 0, 1, 1, 2, 2])
    model = GaussianBayes(covariance, shrinkage=1e-3 if shrink else 0.0).fit(X, y)
    proba = model.predict_proba(X + 0.5)

    assert (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-9)


# Thin classes and features


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("shrinkage", [0.0, 1e-3, "auto"])
def test_class_of_a_single_row_takes_the_pooled_covariance(covariance, shrinkage):
    """A third class of one row is predicted near that row, and nowhere else."""
    X, y = two_classes(21, 2)
    X, y = np.vstack([X, [[9.0, -9.0]]]), np.append(y, 2)
    model = GaussianBayes(covariance, shrinkage=shrinkage).fit(X, y)

    assert model.predict([[8.5, -8.5]]).tolist() == [2]
    assert model.predict(X[:21]).max() == 1


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_only_single_rows_make_a_nearest_mean_classifier(covariance):
    """Where no class has any spread the nearest row in standard coordinates wins."""
    model = GaussianBayes(covariance).fit([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]], ["a", "b", "c"])

    assert model.predict([[0.5, 1.0], [3.0, 1.0], [1.0, 3.5]]).tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_constant_features_say_nothing(covariance):
    """A constant column changes no probability, even for rows where it differs; draws repeat its value."""
    X, y = two_classes(15, 2)
    plain = GaussianBayes(covariance).fit(X, y)
    model = GaussianBayes(covariance).fit(np.insert(X, 1, 0.1, axis=1), y)

    np.testing.assert_allclose(model.predict_proba(np.insert(X, 1, 5.0, axis=1)), plain.predict_proba(X))
    assert (model.sample(4, random_state=0)[0][:, 1] == 0.1).all()
    assert (model.means_[:, 1] == 0.1).all()


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_feature_that_is_constant_within_classes_decides(covariance):
    """A column that equals the class is trusted, although its variance within the classes is 0."""
    X, y = two_classes(16, 2)
    model = GaussianBayes(covariance).fit(np.column_stack([X, y]), y)

    assert model.score(np.column_stack([X, y]), y) == 1.0


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_more_features_than_rows_work(covariance):
    """Seven rows of 17 features have singular covariances; the shrunk ones are not."""
    X, y = two_classes(7, 17)
    model = GaussianBayes(covariance, shrinkage="auto").fit(X, y)

    assert model.score(X, y) == 1.0


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("size", [1e-200, 1e30, 1e200])
def test_huge_and_tiny_values_are_numbers_like_others(covariance, size):
    """Squares that float64 cannot hold never arise."""
    X, y = two_classes(15, 2)
    plain = GaussianBayes(covariance).fit(X, y).predict_proba(X)
    model = GaussianBayes(covariance).fit(X * size, y)

    np.testing.assert_allclose(model.predict_proba(X * size), plain, rtol=1e-9)
    assert np.isfinite(model.predict_log_proba([[1e307, -1e307]])).all()


def test_a_single_class_has_probability_one():
    """One class leaves nothing to choose; its density is still one."""
    model = GaussianBayes().fit([[0.0], [2.0]], ["only", "only"])

    assert model.predict_proba([[7.0]]).tolist() == [[1.0]]


# Draws


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_draws_follow_the_fitted_joint_distribution(covariance):
    """Shares, means and covariances of 20,000 draws are the model's, within five standard errors."""
    X, y = two_classes(12, 2, shift=4.0)
    model = GaussianBayes(covariance, priors=[0.3, 0.7]).fit(X, y)
    rows, labels = model.sample(20_000, random_state=1)

    assert abs((labels == 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 20_000)
    for code in (0, 1):
        own = rows[labels == code]
        wanted = model.covariances_ if covariance == "shared" else model.covariances_[code]
        wanted = np.diag(wanted) if covariance == "diagonal" else wanted
        error = np.sqrt(np.diag(wanted) / len(own))

        assert (np.abs(own.mean(axis=0) - model.means_[code]) < 5 * error).all()
        np.testing.assert_allclose(np.cov(own.T), wanted, atol=0.1 * np.diag(wanted).max())


def test_same_seed_draws_the_same_rows():
    """A seed fixes rows and labels; another seed gives others."""
    model = GaussianBayes().fit(*two_classes())
    rows, labels = model.sample(5, random_state=3)
    again, labels_again = model.sample(5, random_state=3)

    assert np.array_equal(rows, again)
    assert np.array_equal(labels, labels_again)
    assert not np.array_equal(rows, model.sample(5, random_state=4)[0])


# The estimator


@parametrize_with_checks(
    [GaussianBayes(), GaussianBayes("shared", shrinkage="auto"), GaussianBayes("diagonal", shrinkage=0)]
)
def test_scikit_learn_contract(estimator, check):
    """Every check of scikit-learn's contract passes."""
    check(estimator)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"covariance": "ful"}, "Did you mean 'full'"),
        ({"shrinkage": 1.5}, r"shrinkage must be a number in \[0, 1\], got 1.5"),
        ({"shrinkage": "aut"}, "or 'auto', got 'aut'"),
        ({"priors": [0.5, 0.6]}, "must sum to 1"),
        ({"priors": [-0.5, 1.5]}, "must not be negative"),
        ({"priors": [1.0]}, "each of the 2 classes"),
        ({"priors": "even"}, "one number for each class"),
    ],
)
def test_wrong_parameters_are_refused_by_fit(parameters, message):
    """The message says what was wanted and what came."""
    with pytest.raises(ParameterError, match=message):
        GaussianBayes(**parameters).fit(*two_classes())


def test_weights_that_leave_no_row_are_refused():
    """All weights 0 is an InputError that speaks of weights."""
    X, y = two_classes()
    with pytest.raises(InputError, match=r"[Ww]eight"):
        GaussianBayes().fit(X, y, sample_weight=np.zeros(len(y)))


def test_negative_weights_are_refused():
    """Negative weights are an InputError."""
    X, y = two_classes()
    with pytest.raises(InputError, match=r"[Nn]egative"):
        GaussianBayes().fit(X, y, sample_weight=-np.ones(len(y)))


@pytest.mark.parametrize("method", ["predict", "sample"])
def test_asking_before_fit_raises_our_own_error(method):
    """NotFittedError is gorae's and scikit-learn's."""
    with pytest.raises(NotFittedError):
        getattr(GaussianBayes(), method)(1)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_model_comes_back_from_its_state(covariance):
    """Arrays and JSON hold everything: parameters, labels, names, Gaussians."""
    X, y = two_classes(15, 3)
    frame = pd.DataFrame(X, columns=["x", "y", "z"])
    model = GaussianBayes(covariance, priors=(0.25, 0.75)).fit(frame, np.array(["no", "yes"])[y])
    again = GaussianBayes._from_state(*copy.deepcopy(model._state()))

    assert again.get_params() == model.get_params()
    assert np.array_equal(again.predict_proba(frame), model.predict_proba(frame))
    assert np.array_equal(again.covariances_, model.covariances_)


@pytest.mark.parametrize("name", ["means", "factors", "active", "class_prior"])
def test_arrays_that_do_not_fit_together_are_refused(name):
    """A file that lacks an array, or has one of another shape, is a damaged file."""
    rows, meta = GaussianBayes().fit(*two_classes())._state()
    with pytest.raises(DamagedFileError):
        GaussianBayes._from_state({**rows, name: np.zeros((1, 1))}, meta)
    with pytest.raises(DamagedFileError, match="lacks the array"):
        GaussianBayes._from_state({key: value for key, value in rows.items() if key != name}, meta)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("class_prior", lambda a: a * np.nan, "not finite"),
        ("class_prior", lambda a: a - 0.6, "do not sum to 1"),
        ("factors", lambda a: a * 0, "cannot be solved with"),
        ("factors", lambda a: np.swapaxes(a, -1, -2), "cannot be solved with"),
        ("center", lambda a: a + np.inf, "not finite"),
        ("scale", lambda a: a * 0, "must be positive"),
    ],
)
def test_values_that_no_fit_gives_are_refused(name, change, words):
    """A file's numbers are believed only where a fit could have made them."""
    X, y = two_classes(15, 3)
    arrays, meta = GaussianBayes().fit(X, y)._state()
    with pytest.raises(DamagedFileError, match=words):
        GaussianBayes._from_state({**arrays, name: change(arrays[name])}, meta)


def test_weights_beyond_sums_are_refused():
    """Weights whose sums would overflow are refused with what to do."""
    X, y = two_classes(15, 3)
    with pytest.raises(DataError, match="divide sample_weight by its mean"):
        GaussianBayes().fit(X, y, sample_weight=np.full(len(y), 1e308))
