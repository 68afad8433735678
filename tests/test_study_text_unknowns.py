"""What models of texts say of strange ones: every judge reads a text with the words that it learned itself."""

from functools import cache

import numpy as np
import pytest

import gorae
from gorae.errors import DamagedFileError
from gorae.estimators import SequenceClassifier
from gorae.estimators.sequence_files import known_to_any
from text_cases import text_study

ROWS, ASKED, FALSE_ALARMS = 400, 1000, 0.05


def texts_of(topic, rows, rng):
    """Texts of 6 to 14 words, frequent and rare ones as in a language; a third are of the topic."""
    shares = 1 / np.arange(1, 601)
    common = rng.choice(600, (rows, 14), p=shares / shares.sum())
    own = rng.choice(20, (rows, 14))
    of_topic = rng.random((rows, 14)) < 1 / 3
    lengths = rng.integers(6, 15, rows)
    return [
        " ".join(f"{topic}{own[r, w]}" if of_topic[r, w] else f"w{common[r, w]}" for w in range(lengths[r]))
        for r in range(rows)
    ]


def known_texts(rows, seed):
    """Texts of two families, and which each is of."""
    rng = np.random.default_rng(seed)
    texts = texts_of("sea", rows // 2, rng) + texts_of("sky", rows // 2, rng)
    return texts, ["sea"] * (rows // 2) + ["sky"] * (rows // 2)


@cache
def study():
    """A study of known texts by the linear model; its networks stop early, each on rows of its own."""
    texts, labels = known_texts(ROWS, 0)
    return text_study(texts, labels, name="families")


@pytest.fixture(params=["fitted", "loaded"])
def model(request, tmp_path):
    """The model of the study, as it was fitted and from its file."""
    if request.param == "fitted":
        return study().model
    study().save(tmp_path / "m.gorae")
    return gorae.load(tmp_path / "m.gorae")


def test_judges_are_asked_with_the_words_they_were_calibrated_with(model):
    """Asked about the texts that it was calibrated on, each judge answers the scores that it keeps."""
    texts, _ = known_texts(ROWS, 0)
    matrix = model.matrix(texts)

    for judge in model.panel.judges:
        asked = judge.scores(matrix)
        nearest = np.abs(asked[:, None] - judge.novelty[None]).min(axis=0)
        assert nearest.max() < 1e-5


def test_a_judge_knows_words_that_the_model_does_not():
    """So that the test above is about something: a word may be in the model's stopping rows only."""
    fitted = study().model
    own, *judges = [set(known_to_any([one]).table) for one in estimators_of(fitted)]

    assert any(words - own for words in judges)
    assert set(fitted.encoding.kinds[fitted.encoding.form].table) == own.union(*judges)


def estimators_of(model):
    """The model's network, and those of its judges."""
    return [model.estimator, *(judge.estimator for judge in model.panel.judges)]


def test_stated_false_alarms_hold_for_texts(model):
    """Of known texts that nobody has seen, as many are flagged as stated; of a strange family far more.

    Each judge's threshold is a quantile of the scores of its own fold, so that the share of flagged texts
    varies with both: its variance is a (1 - a) (1 / calibrated + 1 / asked); 3.3 deviations are 99.9 %.
    """
    texts, _ = known_texts(ASKED, 1)
    calibrated = sum(len(judge.novelty) for judge in model.panel.judges)
    deviation = np.sqrt(FALSE_ALARMS * (1 - FALSE_ALARMS) * (1 / calibrated + 1 / ASKED))
    strange = texts_of("rock", 100, np.random.default_rng(2))

    flagged = model.are_unknown(texts, FALSE_ALARMS).mean()
    assert abs(flagged - FALSE_ALARMS) < 3.3 * deviation
    assert model.are_unknown(strange, FALSE_ALARMS).mean() > 4 * FALSE_ALARMS


def test_a_file_flags_what_the_study_flags(tmp_path):
    """Shares of known rows are bitwise those of the model that was saved."""
    texts = known_texts(60, 3)[0] + texts_of("rock", 20, np.random.default_rng(4))
    study().save(tmp_path / "m.gorae")

    found = gorae.load(tmp_path / "m.gorae").known_share(texts)

    np.testing.assert_array_equal(found, study().model.known_share(texts))


def fitted(texts):
    """A small classifier of these texts."""
    model = SequenceClassifier(cell="bag", pooling="mean", embedding=2, epochs=1, random_state=0)
    return model.fit(texts, [0, 1] * (len(texts) // 2))


def test_the_words_of_several_models_are_put_together():
    """Each word that one of them knows has a place, in order; rows reach each model with all that it knows."""
    one, other = fitted(["a whale", "a pod"]), fitted(["a shark", "the sea"])
    kind = known_to_any([one, other])

    assert kind.table == ("a", "pod", "sea", "shark", "the", "whale")
    packed = gorae.data.sequence_rows.pack_rows(["a shark", "the whale"], like=kind)
    np.testing.assert_array_equal(one.predict_proba(packed), one.predict_proba(["a shark", "the whale"]))
    np.testing.assert_array_equal(other.predict_proba(packed), other.predict_proba(["a shark", "the whale"]))


def test_models_that_read_otherwise_do_not_belong_together():
    """A file whose judges read other sequences than its model is damaged."""
    words, longer = fitted(["a whale", "a pod"]), fitted(["a whale or two", "a pod"])
    numbers = gorae.MLPClassifier(epochs=1).fit(np.eye(4), [0, 1, 0, 1])

    with pytest.raises(DamagedFileError, match="sequences of different kinds"):
        known_to_any([words, longer])
    with pytest.raises(DamagedFileError, match="some of its models read sequences, and some do not"):
        known_to_any([numbers, words])
    with pytest.raises(DamagedFileError, match="sequences of different kinds"):
        known_to_any([words, numbers])
    assert known_to_any([numbers, numbers]) is None
