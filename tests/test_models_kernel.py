"""Least squares with a kernel: every fold's answers without fitting a fold."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import softmax
from sklearn.kernel_ridge import KernelRidge

from gorae.data import make_folds
from gorae.errors import InputError
from gorae.models import kernel
from gorae.models.kernel import kernel_answers


def blobs(rows=36, classes=3, width=4, seed=0):
    """Overlapping clouds of points, and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    return rng.normal(size=(rows, width)) + 1.5 * np.eye(classes, width)[labels], labels


def folds_of(labels, **options):
    """Stratified folds."""
    return make_folds(
        labels, **{"folds": 3, "repeats": 1, "stratify": True, "groups": None, "seed": 0, **options}
    )


@pytest.mark.parametrize("width", [0.3, 1.0])
@pytest.mark.parametrize("strength", [0.03, 1.0])
def test_what_is_left_out_is_answered_as_after_fitting_the_rest(width, strength):
    """The blocks of one inverse give what scikit-learn's KernelRidge gives, fitted fold by fold."""
    points, labels = blobs()
    folds = folds_of(labels)
    target = np.eye(3)[labels] - 1 / 3
    system = np.exp(-kernel._squares(points) / width)
    found = kernel._left_out(system, strength, target, [out for _, out in folds])
    fitted = [
        KernelRidge(alpha=strength, kernel="rbf", gamma=1 / width)
        .fit(points[rest], target[rest])
        .predict(points[out])
        for rest, out in folds
    ]
    np.testing.assert_allclose(found, np.concatenate(fitted), atol=1e-9)


def test_errors_of_rows_left_out_one_by_one():
    """Every strength's error is that of as many fits as there are rows."""
    points, labels = blobs(rows=12)
    target = np.eye(3)[labels] - 1 / 3
    squares = kernel._squares(points)
    every = np.arange(12)[:, None]
    for width in (0.3, 3.0):
        found = kernel._errors(width, squares, target)
        slow = [
            np.mean((target - kernel._left_out(np.exp(-squares / width), each, target, list(every))) ** 2)
            for each in kernel._STRENGTHS
        ]
        np.testing.assert_allclose(found, slow, rtol=1e-8)


def test_two_points_by_hand():
    """Of two rows each is answered by the other: its score is a product of the kernel and its target."""
    # K = [[1, q], [q, 1]]: without row 0, A = y_1 / (1 + s), so that the score of row 0 is q y_1 / (1 + s)
    q, strength = 0.25, 0.5
    target = np.array([[0.5], [-0.5]])
    found = kernel._left_out(np.array([[1.0, q], [q, 1.0]]), strength, target, [np.array([0]), np.array([1])])
    np.testing.assert_allclose(found[:, 0], [-q * 0.5 / 1.5, q * 0.5 / 1.5], rtol=1e-12)


def test_probabilities_are_the_softmax_of_scores_with_the_factor_of_a_mixture():
    """The whole of it, put together from scikit-learn's parts with the width and strength that were chosen."""
    points, labels = blobs()
    folds = folds_of(labels)
    target = np.eye(3)[labels] - 1 / 3
    unit = kernel._typical(kernel._squares(points))
    width, strength = kernel._chosen(kernel._squares(points) / unit, target)
    scores = np.empty((36, 3))
    for rest, out in folds:
        model = KernelRidge(alpha=strength, kernel="rbf", gamma=1 / (width * unit))
        scores[out] = 1 / 3 + model.fit(points[rest], target[rest]).predict(points[out])
    asked = np.concatenate([out for _, out in folds])
    factor = kernel._factor(scores[asked], labels[asked])
    found = kernel_answers(points, labels, 3, folds)
    np.testing.assert_allclose(found, softmax(factor * scores, axis=1), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1)


@given(st.integers(0, 1000), st.floats(-1e3, 1e3), st.floats(0.01, 100))
@settings(max_examples=15, deadline=None)
def test_neither_a_shift_nor_a_unit_changes_the_answers(seed, shift, unit):
    """Distances in their own median decide; rows in another order are the same rows."""
    points, labels = blobs(seed=seed)
    folds = folds_of(labels)
    found = kernel_answers(points, labels, 3, folds)
    np.testing.assert_allclose(kernel_answers(points * unit + shift, labels, 3, folds), found, atol=1e-6)
    order = np.random.default_rng(seed).permutation(36)
    place = np.argsort(order)
    turned = [(place[rest], place[out]) for rest, out in folds]
    np.testing.assert_allclose(
        kernel_answers(points[order], labels[order], 3, turned), found[order], atol=1e-6
    )


def test_a_row_s_own_label_has_no_say():
    """Another label of one row changes its answer only as far as the classes' shares and the choices change."""
    points, labels = blobs(rows=60)
    points[0] = points[labels == 0].mean(axis=0)
    other = labels.copy()
    other[0] = 2
    folds = folds_of(labels)
    before, after = (kernel_answers(points, each, 3, folds)[0] for each in (labels, other))
    assert before.argmax() == after.argmax() == 0


def test_repeats_are_averaged():
    """Two cuts are the mean of what each says, with one factor for both."""
    points, labels = blobs()
    once, again = folds_of(labels), folds_of(labels, seed=1)
    both = kernel_answers(points, labels, 3, [*once, *again])
    parts = [kernel_answers(points, labels, 3, each) for each in (once, again)]
    np.testing.assert_allclose(both, np.mean(parts, axis=0), atol=0.05)
    np.testing.assert_allclose(both.sum(axis=1), 1)


def test_errors_of_rows_left_out_together():
    """Every strength's error is that of fits without one part and without the other."""
    points, labels = blobs(rows=14)
    target = np.eye(3)[labels] - 1 / 3
    squares, parts = kernel._squares(points), [np.arange(9), np.arange(9, 14)]
    found = kernel._errors(1.0, squares, target, parts)
    slow = [
        np.sum((target - kernel._left_out(np.exp(-squares), each, target, parts)) ** 2)
        for each in kernel._STRENGTHS
    ]
    np.testing.assert_allclose(found, slow, rtol=1e-8)


@pytest.mark.parametrize("count", [3, 5, 20])
def test_twins_within_a_group_choose_no_narrow_kernel(count):
    """Equal rows of a group foretell one another's class; the folds, which keep them together, choose by others."""
    points, labels = blobs(rows=60, classes=2, width=2, seed=3)
    twins, codes = np.repeat(points, 4, axis=0), np.repeat(labels, 4)
    twins = twins + 1e-6 * np.arange(240)[:, None]
    groups = (np.arange(240) // 4) % count
    folds = make_folds(codes, folds=3, repeats=1, stratify=True, groups=groups, seed=0)
    kept = kernel_answers(twins, codes, 2, folds, groups=groups)
    alone = kernel_answers(points, labels, 2, folds_of(labels))
    assert np.mean(kept.argmax(axis=1) == codes) > np.mean(alone.argmax(axis=1) == labels) - 0.05


def test_wide_rows_are_read_in_blocks():
    """Distances do not depend on how many columns are read at once."""
    points = np.random.default_rng(0).integers(0, 256, (5, 2 * kernel._COLUMNS + 3)).astype(np.float32)
    differences = points[:, None].astype(np.float64) - points
    np.testing.assert_allclose(kernel._squares(points), (differences**2).sum(axis=2), rtol=1e-9, atol=1e-3)


def test_what_is_not_finite_is_told():
    """One sentence with the row."""
    points, labels = blobs()
    points[4, 1] = np.nan
    with pytest.raises(InputError, match="row 4 is not"):
        kernel_answers(points, labels, 3, folds_of(labels))


@pytest.mark.parametrize(
    "points", [np.zeros((6, 2)), np.ones((6, 1)) * 1e30, np.repeat([[0.0], [1.0]], 3, axis=0)]
)
def test_rows_that_are_equal(points):
    """Equal rows say nothing of one another's classes beyond their shares, and break nothing."""
    labels = np.array([0, 1, 0, 1, 0, 1])
    found = kernel_answers(points, labels, 2, folds_of(labels))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_factor_is_not_dulled_by_wrong_labels():
    """Scores of 1 and 0: with a tenth of the labels wrong the factor is that of a floor of a tenth, and large."""
    scores = np.tile(np.eye(2), (500, 1))
    right = np.tile([0, 1], 500)
    wrong = np.where(np.arange(1000) % 20 < 2, 1 - right, right)
    assert kernel._factor(scores, right) > 32
    # without a floor the most probable factor is log(9), where a softmax says .9
    assert kernel._factor(scores, wrong) > 3 * np.log(9)
