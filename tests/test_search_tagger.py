"""Searches over sentences: folds and settings of a tagger are one population, each what it would be alone."""

import numpy as np
import pytest
from joblib import parallel_config
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, KFold

import gorae
from gorae.data import Sentences
from gorae.errors import DataError, ParameterError
from gorae.estimators.together import Fit, begin_together, fit_together
from test_search_scattered import Here
from test_tagger import language

SIZES = {"hidden": 4, "filters": 4, "word_width": 4, "character_width": 4, "letters": 6, "row_length": 8}
SMALL = {**SIZES, "learning_rate": 0.05, "epochs": 4, "batch_size": 4, "random_state": 0}
FORMS, TAGS = language(60)
FORMS[3] = [*FORMS[3], "rare"]  # a tag and words of one sentence: a fold without it knows fewer
TAGS[3] = [*TAGS[3], "X"]


def tagger(**options):
    return gorae.SequenceTagger(**{**SMALL, **options})


@pytest.fixture(scope="module")
def searched():
    """A search over two settings of a tagger."""
    space = {"learning_rate": [1e-9, 0.05]}
    return gorae.SearchCV(tagger(), space, sampler="grid", cv=3, random_state=0).fit(FORMS, TAGS)


def test_folds_and_settings_become_what_they_are_alone():
    """Of a population each tagger is bitwise the one that was fitted alone, early stopping and all."""
    rows, other = np.arange(40), np.arange(20, 60)
    options = [{}, {"learning_rate": 0.01}, {"early_stopping": True, "members": 2}, {"min_count": 4}]
    fits = [Fit(tagger(**own), which) for own in options for which in (rows, other)]

    assert fit_together(fits, FORMS, TAGS) == [None] * len(fits)

    for fit in fits[::3]:
        alone = clone(fit.estimator).fit([FORMS[row] for row in fit.rows], [TAGS[row] for row in fit.rows])
        assert alone.classes_.tolist() == fit.estimator.classes_.tolist()
        assert alone._coding == fit.estimator._coding
        for one, same in zip(
            alone.predict_proba(FORMS[:5]), fit.estimator.predict_proba(FORMS[:5]), strict=True
        ):
            np.testing.assert_array_equal(one, same)


def test_a_fold_knows_its_own_words_only():
    """What stands in the sentences of another fold changes nothing: neither words nor tags."""
    rows = np.arange(40)
    strange = [*FORMS[:40], *([*words, "stranger"] for words in FORMS[40:])]
    tags = [*TAGS[:40], *([*own, "ZZ"] for own in TAGS[40:])]
    one, other = tagger(), tagger()

    fit_together([Fit(one, rows)], FORMS, TAGS)
    fit_together([Fit(other, rows)], strange, tags)

    assert one._coding == other._coding
    assert one.predict(strange) == other.predict(strange)


def test_folds_share_a_program():
    """Vocabularies that differ by a few words make no other network."""
    folds = [np.arange(40), np.arange(10, 50), np.arange(20, 60)]
    together = begin_together([Fit(tagger(min_count=1), rows) for rows in folds], FORMS[4:] * 2, TAGS[4:] * 2)

    assert len({ready.program for ready in together.ready.values()}) == 1
    assert len({ready.given["_coding"] for ready in together.ready.values()}) == 3


def test_it_chooses_by_the_share_of_right_tags(searched):
    """The better setting wins; its scores are those of the taggers fitted alone on the splits."""
    splits = list(KFold(3).split(FORMS))
    train, test = splits[1]
    alone = tagger(learning_rate=0.05).fit([FORMS[row] for row in train], [TAGS[row] for row in train])

    assert searched.best_params_ == {"learning_rate": 0.05}
    assert searched.best_score_ > searched.cv_results_["mean_test_score"][0] + 0.2
    score = alone.score([FORMS[row] for row in test], [TAGS[row] for row in test])
    assert searched.cv_results_["split1_test_score"][1] == score
    assert (
        0
        <= searched.cv_results_["low_test_score"][1]
        < score
        < searched.cv_results_["high_test_score"][1]
        <= 1
    )
    assert searched.predict(["the mara"]) == searched.best_estimator_.predict(["the mara"])


def test_accuracy_is_that_of_words(searched):
    """Asked for by its name, it is the score that is taken without one, to the last bit, and so is the choice."""
    space = {"learning_rate": [1e-9, 0.05]}
    named = gorae.SearchCV(tagger(), space, sampler="grid", cv=3, random_state=0, scoring="accuracy")

    named.fit(FORMS, TAGS)

    for key in ("mean_test_score", "low_test_score", "high_test_score"):
        np.testing.assert_array_equal(named.cv_results_[key], searched.cv_results_[key])
    assert named.score(FORMS, TAGS) == searched.score(FORMS, TAGS)
    assert clone(named).scoring == "accuracy"


@pytest.mark.parametrize(
    "scoring", [["accuracy", "f1_macro"], {"accuracy": "accuracy", "f1_macro": "f1_macro"}]
)
def test_several_scores_are_told_beside_each_other(scoring):
    """Macro F1 over tags is below accuracy where rare tags are missed; each has its column and interval."""
    space = {"learning_rate": [0.05]}
    options = {"sampler": "grid", "cv": 2, "random_state": 0, "refit": "f1_macro", "scoring": scoring}
    search = gorae.SearchCV(tagger(), space, **options).fit(FORMS, TAGS)
    table = search.cv_results_

    assert search.best_score_ == table["mean_test_f1_macro"][0] < table["mean_test_accuracy"][0]
    assert 0 <= table["low_test_f1_macro"][0] <= table["high_test_f1_macro"][0] <= 1


def test_halving_and_a_journal_give_the_same_table(tmp_path):
    """Settings that pause and go on, and a search that goes on from its file, score as at once."""
    space = {"learning_rate": loguniform(1e-3, 1e-1), "word_dropout": [0.0, 0.2]}
    options = {"n_settings": 4, "cv": 2, "random_state": 1, "refit": False}
    whole = gorae.SearchCV(tagger(), space, **options).fit(FORMS, TAGS)
    halved = gorae.SearchCV(tagger(), space, halving=2, **options, resume=tmp_path / "s.db").fit(FORMS, TAGS)
    again = gorae.SearchCV(tagger(), space, halving=2, **options, resume=tmp_path / "s.db").fit(FORMS, TAGS)

    last = halved.cv_results_["n_resources"] == 4
    for place in np.flatnonzero(last):
        same = whole.cv_results_["params"].index(halved.cv_results_["params"][place])
        assert halved.cv_results_["mean_test_score"][place] == whole.cv_results_["mean_test_score"][same]
    np.testing.assert_array_equal(again.cv_results_["mean_test_score"], halved.cv_results_["mean_test_score"])


def test_a_treebank_is_searched(tmp_path):
    """What `read_conllu` gives needs no tags beside it; groups of sentences stay whole; the search is scored too."""
    treebank = Sentences(tuple(map(tuple, FORMS)), tuple(map(tuple, TAGS)), tuple(map(tuple, TAGS)))
    space = {"learning_rate": [0.05, 0.02]}
    groups = np.arange(60) // 6
    search = gorae.SearchCV(
        tagger(epochs=2, early_stopping=True), space, sampler="grid", cv=GroupKFold(2), nested=True
    )

    search.fit(treebank, groups=groups)

    assert 0 < search.nested_.score <= 1
    assert search.nested_.method.startswith("fold scores")


@pytest.mark.parametrize(
    ("options", "data", "error", "told"),
    [
        ({"scoring": "f1_makro"}, (FORMS, TAGS), ParameterError, "scoring of a tagger .* mean 'f1_macro'"),
        ({"scoring": "r2"}, (FORMS, TAGS), ParameterError, "scoring of a tagger must be one of .* got 'r2'"),
        ({"scoring": ["accuracy", "r2"], "refit": "accuracy"}, (FORMS, TAGS), ParameterError, "got 'r2'"),
        ({"scoring": 3}, (FORMS, TAGS), ParameterError, "must be None, the name of a score, .* got 3"),
        ({}, (FORMS, TAGS[:-1]), ValueError, "inconsistent"),
        ({}, (FORMS, [*TAGS[:-1], ["X"]]), DataError, r"sentence 59 \(from 0\) has .* words and 1 tags"),
        ({"halving": 2}, (FORMS, None), Exception, "tags must be given"),
    ],
)
def test_what_cannot_be_searched_is_told(options, data, error, told):
    """Each mistake is told as where one tagger is fitted."""
    search = gorae.SearchCV(tagger(), {"hidden": [4]}, cv=2, sampler="grid", **options)

    with pytest.raises(error, match=told):
        search.fit(*data)


def test_one_that_diverges_harms_no_other():
    """A learning rate that is far too large is scored as a failure; the other setting is what it was."""
    space = {"learning_rate": [1e30, 0.05]}
    search = gorae.SearchCV(tagger(epochs=2), space, sampler="grid", cv=2, refit=False)
    with pytest.warns(Warning, match="."):
        search.fit(FORMS, TAGS)

    assert np.isnan(search.cv_results_["mean_test_score"][0])
    assert search.cv_results_["mean_test_score"][1] > 0


@pytest.mark.parametrize("options", [{"halving": 2}, {"sampler": "pbt"}])
def test_a_cluster_gives_the_same_table(options):
    """Settings that pause, and losers that follow winners, score the same where workers train them."""
    space = {"learning_rate": loguniform(1e-3, 1e-1), "weight_decay": loguniform(1e-6, 1e-2)}
    options = {"n_settings": 4, "cv": 2, "random_state": 1, "refit": False, **options}
    here = gorae.SearchCV(tagger(), space, **options).fit(FORMS, TAGS)
    with parallel_config(backend=Here(), n_jobs=1):
        there = gorae.SearchCV(tagger(), space, **options).fit(FORMS, TAGS)

    for name in ("mean_test_score", "split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(here.cv_results_[name], there.cv_results_[name])
    assert np.isfinite(here.cv_results_["mean_test_score"]).all()
