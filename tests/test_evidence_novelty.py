"""Scores of strange rows and the parts of uncertainty: by hand, by relations, at their bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis

from gorae.errors import InputError
from gorae.evidence import (
    by_disagreement,
    by_distance,
    by_energy,
    by_largest_logit,
    by_largest_probability,
    fit_class_gaussians,
    uncertainty,
)


@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_the_parts_of_an_entropy(members, classes, seed):
    """They add up, none is negative, disagreement is at most ln min(M, K), and members may change places."""
    stated = np.random.default_rng(seed).dirichlet(np.full(classes, 0.2), (members, 7))
    found = uncertainty(stated)
    np.testing.assert_allclose(found.aleatoric + found.epistemic, found.total, atol=1e-12)
    assert (found.aleatoric >= 0).all()
    assert (found.epistemic >= 0).all()
    assert found.epistemic.max() <= np.log(min(members, classes)) + 1e-12
    np.testing.assert_allclose(uncertainty(stated[::-1]).epistemic, found.epistemic, atol=1e-12)


def test_parts_by_hand():
    """Two members that say (1, 0) and (1/2, 1/2): total h(3/4), aleatoric half of ln 2."""
    found = uncertainty([[[1.0, 0.0]], [[0.5, 0.5]]])
    assert found.total[0] == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))
    assert found.aleatoric[0] == pytest.approx(np.log(2) / 2)
    assert by_disagreement([[[1.0, 0.0]], [[0.5, 0.5]]])[0] == pytest.approx(found.epistemic[0])


def test_scores_of_logits():
    """A constant added to all logits of a row moves energy and largest logit by it, and no probability."""
    logits = np.random.default_rng(0).normal(size=(9, 4)) + 3
    shifts = np.arange(9)
    np.testing.assert_allclose(by_energy(logits + shifts[:, None]), by_energy(logits) - shifts)
    np.testing.assert_allclose(by_largest_logit(logits + shifts[:, None]), by_largest_logit(logits) - shifts)
    np.testing.assert_allclose(by_energy(logits), -np.log(np.exp(logits).sum(axis=1)))
    assert by_largest_probability([[0.2, 0.7, 0.1]])[0] == pytest.approx(0.3)


def test_energy_of_huge_logits():
    """Logits whose exponentials overflow have an energy."""
    assert by_energy([[1000.0, 1000.0]])[0] == pytest.approx(-1000 - np.log(2))


def test_distance_to_the_kth_neighbour():
    """The k-th smallest distance, by sorting all of them."""
    draw = np.random.default_rng(1)
    train, asked = draw.normal(size=(31, 3)) + 4, draw.normal(size=(7, 3))
    for metric, norm in (("l2", 2), ("l1", 1)):
        whole = np.sort(np.linalg.norm(asked[:, None] - train, ord=norm, axis=2), axis=1)
        np.testing.assert_allclose(by_distance(train, asked, k=4, metric=metric), whole[:, 3])


def features(seed=2):
    """Features of three classes that share a slanted covariance."""
    draw = np.random.default_rng(seed)
    codes = np.arange(90) % 3
    slant = np.array([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.3, -0.2, 1.0]])
    return draw.normal(size=(90, 3)) @ slant.T + 10 * codes[:, None] + 100, codes


def test_distances_to_classes_are_those_of_scipy():
    """The squared Mahalanobis distance with the pooled covariance of maximum likelihood."""
    values, codes = features()
    found = fit_class_gaussians(values, codes)
    means = np.stack([values[codes == code].mean(axis=0) for code in range(3)])
    away = values - means[codes]
    inverse = np.linalg.inv(away.T @ away / 90)
    asked = values[:5] + 3
    expected = [[mahalanobis(row, mean, inverse) ** 2 for mean in means] for row in asked]
    np.testing.assert_allclose(found.distances(asked), expected, rtol=1e-4)
    np.testing.assert_allclose(found.scores(asked), np.min(expected, axis=1), rtol=1e-4)


def test_units_of_features_do_not_matter():
    """Scaled, turned and shifted features have the same distances."""
    values, codes = features()
    turned = values @ np.array([[3.0, 1.0, 0.0], [-1.0, 2.0, 0.5], [0.0, 0.2, 5.0]]) - 40
    one, other = fit_class_gaussians(values, codes), fit_class_gaussians(turned, codes)
    np.testing.assert_allclose(one.scores(values), other.scores(turned), rtol=1e-3)


def test_a_feature_that_never_varies():
    """It is no reason to fail, and rows that differ in it are very strange."""
    values, codes = features()
    values = np.column_stack([values, np.full(90, 7.0)])
    found = fit_class_gaussians(values, codes)
    odd = values[:1] + np.array([0.0, 0.0, 0.0, 1.0])
    assert found.scores(odd)[0] > 1000 * found.scores(values).max()


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda: uncertainty([[[0.5, 0.5]]]), "at least 2 members and 2 classes, .* fit with members=5"),
        (lambda: uncertainty([[[0.5, 0.6]], [[0.5, 0.5]]]), "sum to 1 over the classes"),
        (lambda: by_energy([[np.nan, 0.0]]), "logits must be finite, but row 0 is not"),
        (lambda: by_energy([0.0]), r"logits must be \(rows, classes\)"),
        (lambda: fit_class_gaussians([[1.0], [2.0]], [0, 2]), "class 1 has no row"),
        (lambda: fit_class_gaussians([[1.0], [2.0]], [0]), "One label a row is needed"),
        (lambda: fit_class_gaussians([[1.0], [1.0]], [0, 0]), "features do not vary within any class"),
        (
            lambda: fit_class_gaussians(*features()).scores([[1.0]]),
            "features must have 3 columns, but they have 1",
        ),
    ],
)
def test_what_cannot_be_used_is_told(act, told):
    """One sentence with what came."""
    with pytest.raises(InputError, match=told):
        act()
