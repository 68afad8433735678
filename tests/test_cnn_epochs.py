"""Epochs that the rows decide: as many as make 1,000 steps, within bounds, the same wherever they are asked."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import gorae
from gorae import CNNClassifier, CNNRegressor
from gorae.data import Stream
from gorae.errors import ParameterError
from gorae.estimators.recipes import steps_as_epochs
from gorae.models import ConvPart
from gorae.search.epochs import with_counted_epochs

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).integers(0, 255, (80, 4, 4)).astype(np.uint8)
Y = (X[:, 0].mean(axis=1) > 127).astype(int)


def tiny(**more):
    """A network of two filters that is compiled and trained at once."""
    return CNNClassifier([ConvPart(2)], **{"batch_size": 2, "learning_rate": 0.01, "random_state": 0, **more})


def test_few_rows_have_more_epochs():
    """By hand: 26 rows in batches of 1 make 1,000 steps in 39 epochs; the bounds are 20 and 100."""
    assert steps_as_epochs(26, 1) == 39
    assert [steps_as_epochs(rows, 10) for rows in (1, 100, 101, 500, 501, 10**6)] == [
        100,
        100,
        91,
        20,
        20,
        20,
    ]
    assert all(
        steps_as_epochs(rows, batch) * -(-rows // batch) >= 1000 or steps_as_epochs(rows, batch) == 100
        for rows in (1, 7, 300, 5000)
        for batch in (1, 7, 128)
    )


def test_they_are_the_default_and_end_as_that_number():
    """Left to 80 rows in batches of 2, training is bitwise that of 25 epochs; a number stays a number."""
    auto, counted = tiny(tol=0.0, patience=1000).fit(X, Y), tiny(tol=0.0, patience=1000, epochs=25).fit(X, Y)

    assert CNNRegressor().epochs == CNNClassifier().epochs == auto.epochs == "auto"
    assert auto.n_iter_ == counted.n_iter_ == 25
    np.testing.assert_array_equal(auto.predict_proba(X), counted.predict_proba(X))


def test_patience_ends_them_as_ever():
    """A loss that does not fall by `tol` any more ends the training long before."""
    assert tiny(tol=10.0, patience=2).fit(X, Y).n_iter_ < 5


def test_files_hold_them_as_they_were_given(tmp_path):
    """Loaded, they are left to the rows where they were, and a number where one was given."""
    for epochs in ("auto", 2):
        model = tiny(epochs=epochs, tol=10.0, patience=1).fit(X, Y)
        model.save(tmp_path / "m.gorae")
        assert gorae.load(tmp_path / "m.gorae").epochs == epochs


def test_a_stream_counts_all_of_its_rows():
    """In blocks of 20 rows, it is the 80 that decide."""
    assert tiny().fit(Stream(X, block_rows=20), Y).n_iter_ == 25


@pytest.mark.parametrize("options", [{"halving": 3}, {"sampler": "pbt"}], ids=["halving", "pbt"])
@pytest.mark.parametrize("step", ["", "cnnclassifier__"], ids=["alone", "pipeline"])
def test_searches_share_out_a_number(options, step):
    """Rungs and rounds are parts of the epochs of the largest split: 40 rows in batches of 2 have 50."""
    estimator = make_pipeline(FunctionTransformer(), tiny()) if step else tiny()
    rows = X.reshape(80, 16) if step else X
    space = {f"{step}learning_rate": loguniform(1e-3, 1e-1)}
    search = gorae.SearchCV(estimator, space, n_settings=3, cv=2, random_state=0, **options)

    search.fit(rows, Y)

    assert search.cv_results_["n_resources"].max() == 50
    assert np.isfinite(search.best_score_)
    assert estimator.get_params()[f"{step}epochs"] == "auto"


def test_numbers_are_left_alone():
    """An estimator whose epochs are a number, or that has none, is itself."""
    for estimator in (tiny(epochs=3), gorae.KNeighborsClassifier()):
        assert with_counted_epochs(estimator, 100) is estimator


def test_what_is_no_number_is_told():
    """A wrong word, and the right one where it means nothing."""
    with pytest.raises(ParameterError, match="epochs must be 'auto' or a whole number from 1, got 'auot'"):
        tiny(epochs="auot").fit(X, Y)
    with pytest.raises(ParameterError, match="epochs must be a whole number from 1 to"):
        tiny(epochs=0).fit(X, Y)
    with pytest.raises(ParameterError, match="epochs must be a whole number from 1 to .* got 'auto'"):
        gorae.MLPClassifier(epochs="auto").fit(X.reshape(80, 16), Y)
