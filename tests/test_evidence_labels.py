"""Confident learning: the joint by hand, planted mistakes found, relations, refusals."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from gorae.errors import InputError
from gorae.evidence import audit_labels


def planted(rows=3000, classes=4, noise=0.1, seed=0):
    """What a model says that knows all but the truth, the truth, and labels of which some are the next class."""
    draw = np.random.default_rng(seed)
    clean = draw.dirichlet(np.full(classes, 0.05), rows)
    truth = (clean.cumsum(axis=1) > draw.random((rows, 1))).argmax(axis=1)
    changed = draw.random(rows) < noise
    stated = (1 - noise) * clean + noise * np.roll(clean, 1, axis=1)
    return stated, truth, np.where(changed, (truth + 1) % classes, truth)


def test_the_joint_by_hand():
    """Thresholds .6 and .7; the rows confident of 0 and 1 by label, scaled to 4 and 2 rows.

    Labelled 0: .9, .8, .6, .1 for class 0 (mean .6); labelled 1: .9 and .5 for class 1 (mean .7). Confident are
    of label 0: three of class 0, and the last, .9 for class 1; of label 1 the first, of class 1. So the counts
    are (3, 1) of 4 rows and (0, 1) of 2.
    """
    first = np.array([0.9, 0.8, 0.6, 0.1, 0.1, 0.5])
    found = audit_labels(np.column_stack([first, 1 - first]), [0, 0, 0, 0, 1, 1])
    np.testing.assert_allclose(found.joint, np.array([[3, 1], [0, 2]]) / 6)
    assert found.noise == pytest.approx(1 / 6)
    assert found.order[0] == 3
    assert (found.wrong[3], found.suggested[3]) == (1, 1)
    # T = (1, 1/3; 0, 2/3): of row 2, .6 and .4, the true classes have .4 and .6; with label 0, .4 and .6 / 3
    assert found.wrong[2] == pytest.approx(0.2 / 0.6)
    assert found.suspects().tolist() == [3]
    assert (found.wrong[4:] == 0).all()  # nothing truly 0 is labelled 1


def test_planted_mistakes_are_found():
    """The share of changed labels is estimated, and they come first."""
    stated, truth, given = planted()
    found = audit_labels(stated, given)
    assert found.noise == pytest.approx(np.mean(truth != given), abs=0.03)
    changed = truth != given
    assert average_precision_score(changed, found.wrong) > 0.8
    own = stated[np.arange(len(given)), given]
    assert average_precision_score(changed, found.wrong) > average_precision_score(changed, -own)
    suspects = found.suspects()
    assert np.mean(found.suggested[suspects] == truth[suspects]) > 0.7


@pytest.mark.parametrize("step", [1, None])
def test_the_order_is_above_what_the_model_says_of_the_labels(step):
    """By much where each class has one kind of mistake, hardly below where they are spread; above an inverse of T."""
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 12, 900)
    given = np.where(draw.random(900) < 0.1, (truth + (step or draw.integers(1, 12, 900))) % 12, truth)
    logits = 3 * np.eye(12)[truth] + 1.5 * draw.normal(size=(900, 12))
    stated = 0.9 * np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) + 0.1 / 12
    found, rows = audit_labels(stated, given), np.arange(900)
    place, changed = np.empty(900), given != truth
    place[found.order] = -rows
    reached, plain = (average_precision_score(changed, each) for each in (place, -stated[rows, given]))
    assert reached > plain + (0.02 if step else -0.02)
    assert reached > average_precision_score(changed, found.wrong) + 0.05


def test_sure_verdicts_come_true():
    """Of labels called right with 95 % or wrong with 95 % as many are; in all about as many are as expected."""
    stated, truth, given = planted(rows=20_000, seed=3)
    found = audit_labels(stated, given)
    changed = truth != given
    assert changed[found.wrong < 0.05].mean() < 0.05
    assert changed[found.wrong > 0.95].mean() > 0.95
    assert found.wrong.mean() == pytest.approx(changed.mean(), rel=0.15)


def test_classes_may_change_places():
    """Classes in another order give the same audit in that order."""
    stated, _, given = planted(rows=200)
    order = np.array([2, 0, 3, 1])
    one, other = audit_labels(stated, given), audit_labels(stated[:, order], np.argsort(order)[given])
    np.testing.assert_allclose(other.wrong, one.wrong)
    np.testing.assert_allclose(other.joint, one.joint[np.ix_(order, order)])
    np.testing.assert_array_equal(order[other.suggested], one.suggested)


def test_without_mistakes_there_is_no_noise():
    """A model that is sure of every label finds nothing."""
    codes = np.arange(30) % 3
    found = audit_labels(np.eye(3)[codes] * 0.97 + 0.01, codes)
    assert found.noise == pytest.approx(0)
    assert len(found.suspects()) == 0
    np.testing.assert_array_equal(found.suggested, codes)


def test_all_labels_wrong():
    """Labels that are all of the other class are told as such, with finite numbers."""
    stated = np.array([[0.99, 0.01]] * 5 + [[0.01, 0.99]] * 5)
    found = audit_labels(stated, [1] * 5 + [0] * 5)
    assert np.isfinite(found.wrong).all()
    assert found.noise > 0.9


def test_a_class_without_rows():
    """A class that no label names is no reason to fail."""
    found = audit_labels([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1]], [0, 1, 0])
    assert found.joint[2].sum() == 0
    assert found.joint.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("stated", "labels", "told"),
    [
        ([[0.5, 0.5]], [0, 1], "probabilities has 1, labels has 2"),
        ([[0.5, 0.5]] * 2, [0, 0], "one class only"),
        ([[0.5, 0.5]] * 2, [0, 2], "class codes 0 to 1"),
    ],
)
def test_what_cannot_be_used_is_told(stated, labels, told):
    """One sentence with what came."""
    with pytest.raises(InputError, match=told):
        audit_labels(stated, labels)
