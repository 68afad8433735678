"""Scores of taggers by name: over all words, in scikit-learn's tools as in gorae's searches."""

import pickle
from itertools import chain

import numpy as np
import pytest
from sklearn import metrics
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate

import gorae
from gorae.errors import DataError, ParameterError
from gorae.estimators import tag_scorer
from gorae.estimators.tag_scoring import TAG_SCORES
from test_tagger import language

FORMS, TAGS = language(40)
SIZES = {"hidden": 4, "filters": 4, "word_width": 4, "character_width": 4, "letters": 6, "row_length": 8}
SMALL = {**SIZES, "learning_rate": 0.05, "epochs": 3, "batch_size": 4, "random_state": 0}


class Answering:
    """A tagger that answers what it was told, whatever it is asked."""

    def __init__(self, answers):
        self.answers = answers

    def predict(self, sentences):
        return self.answers


def test_macro_f1_by_hand():
    """Of tag A 2 of 3 words are found and 1 too many, of B 1 of 2 and 2 too many, of C none.

    F1 of A is 2 * 2 / (2 * 2 + 1 + 1) = 2/3, of B 2 * 1 / (2 * 1 + 2 + 1) = 2/5, of C 0: their mean is 16/45.
    3 of 6 words are right.
    """
    sentences = [["a", "whale", "sings"], ["the", "pod", "is"]]
    truth = [["A", "A", "A"], ["B", "B", "C"]]
    found = Answering([["A", "A", "B"], ["B", "A", "B"]])

    assert tag_scorer("f1_macro")(found, sentences, truth) == pytest.approx(16 / 45)
    assert tag_scorer("accuracy")(found, sentences, truth) == 0.5


@pytest.mark.parametrize("name", TAG_SCORES)
def test_every_score_is_scikit_learns_of_all_words(name):
    """Where every tag is found at least once, nothing is undefined."""
    truth = [["A", "B"], ["C", "A", "B"], ["C"]]
    found = [["A", "B"], ["C", "B", "A"], ["C"]]
    flat = [list(chain.from_iterable(tags)) for tags in (truth, found)]
    wanted = metrics.get_scorer(name)
    theirs = wanted._score_func(*flat, **wanted._kwargs)

    ours = tag_scorer(name)(Answering(found), [["w"] * len(tags) for tags in truth], truth)

    assert ours == pytest.approx(theirs, rel=1e-12)
    assert tag_scorer(name).ends[0] <= ours <= tag_scorer(name).ends[1]


def test_scikit_learns_tools_take_them():
    """By themselves, several at once, and in a grid search; accuracy is the tagger's own score."""
    tagger, folds = gorae.SequenceTagger(**SMALL), KFold(2)

    own = cross_val_score(tagger, FORMS, TAGS, cv=folds)
    several = {"accuracy": tag_scorer("accuracy"), "f1": tag_scorer("f1_macro")}
    both = cross_validate(tagger, FORMS, TAGS, cv=folds, scoring=several)
    grid = GridSearchCV(tagger, {"hidden": [4]}, cv=folds, scoring=tag_scorer("f1_macro")).fit(FORMS, TAGS)

    np.testing.assert_array_equal(both["test_accuracy"], own)
    assert grid.best_score_ == pytest.approx(both["test_f1"].mean())
    assert (both["test_f1"] < own).all()


def test_what_is_no_score_is_told():
    """A wrong name has a near one; tags that do not fit the words are told as where a tagger is fitted."""
    with pytest.raises(ParameterError, match="Did you mean 'f1_macro'"):
        tag_scorer("f1_makro")
    with pytest.raises(DataError, match=r"sentence 0 \(from 0\) has 2 words and 1 tags"):
        tag_scorer("accuracy")(Answering([["A"]]), [["a", "whale"]], [["A"]])


def test_a_scorer_can_be_sent():
    """To another process, as joblib does; it has the name of its score."""
    scorer = tag_scorer("f1_macro")

    assert pickle.loads(pickle.dumps(scorer)) == scorer
    assert scorer.__name__ == "f1_macro"
