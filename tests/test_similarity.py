"""What rows resemble: spaces of a model, nearest examples, groups of variants, maps."""

import builtins
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import kstest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gorae
from gorae.errors import DataError, InputError, InputTypeError, NotFittedError, ParameterError
from gorae.evidence import nearest
from gorae.similarity import (
    ALONE,
    METRICS,
    check_metric,
    draw_map,
    find_groups,
    nearest_examples,
    open_space,
    space_names,
)

SCIPY = {"l2": "euclidean", "l1": "cityblock", "cosine": "cosine", "chebyshev": "chebyshev"}


@pytest.fixture(scope="module")
def network():
    """A network of two hidden layers and two members, and the rows that it was fitted on."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) * [1, 5, 0.1] + [0, 100, 0]
    y = (X[:, 0] > 0).astype(int) + (X[:, 2] > 0.1)
    model = gorae.MLPClassifier(hidden=(7, 4), epochs=3, members=2, early_stopping=False, random_state=0)
    return model.fit(X, y), X, y


def planted(seed=0, rows=200, width=6):
    """Normal rows, and after them eight variants of one row and six of another, both within the rest."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(rows, width))
    first = base[0] + rng.normal(0, 0.02, (8, width))
    second = base[1] + rng.normal(0, 0.02, (6, width))
    return np.concatenate([base, first, second])


@pytest.mark.parametrize(("metric", "expected"), [("l1", 7.0), ("l2", 5.0), ("chebyshev", 4.0)])
def test_distances_worked_by_hand(metric, expected):
    """From (0, 0) to (3, 4) it is 7 by l1, 5 by l2 and 4 by Chebyshev."""
    assert nearest([[3.0, 4.0]], [[0.0, 0.0]], 1, metric=metric)[1] == pytest.approx(expected)
    found = nearest_examples(np.array([[3.0, 4.0], [9.0, 9.0]]), np.zeros((1, 2)), 1, metric=metric)
    assert found.distances[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
@given(st.integers(2, 9), st.integers(1, 7), st.sampled_from([1, 3, 17]), st.integers(0, 99))
def test_distances_are_scipys(metric, known, queries, width, seed):
    """At odd shapes distances and rows are those that scipy gives, in both searches."""
    rng = np.random.default_rng(seed)
    rows, asked = rng.normal(size=(known, width)), rng.normal(size=(queries, width))
    table = np.sort(cdist(asked, rows, SCIPY[metric]), axis=1)
    assert np.allclose(nearest(rows, asked, known, metric=metric)[1], table, atol=1e-12)
    assert np.allclose(nearest_examples(rows, asked, known, metric=metric).distances, table, atol=1e-12)


def test_metric_names():
    """scikit-learn's names are understood; a wrong one is told with the near one."""
    assert [check_metric(name) for name in ("euclidean", "Manhattan", "linf", "cosine")] == [
        *("l2", "l1", "chebyshev", "cosine")
    ]
    with pytest.raises(ParameterError, match="Did you mean 'chebyshev'"):
        check_metric("chebychev")


def test_hidden_layers_are_the_forward_pass(network):
    """Each layer is what the first member's weights give by hand, and the inputs are what it reads."""
    model, X, _ = network
    learned = model._learned
    read = ((X - learned.anchor) - learned.encoding.shift) * learned.encoding.scale
    assert np.allclose(open_space(model, X, "inputs").of(X), read, atol=1e-5)
    layer = read
    for name, part in zip(("hidden 1", "hidden 2"), learned.members[0].parameters.body.layers, strict=True):
        dense = part.layers[0]
        layer = np.maximum(layer @ np.asarray(dense.weight) + np.asarray(dense.bias), 0)
        assert np.allclose(model.hidden_features(X, name), layer, atol=1e-5)
    assert np.array_equal(model.hidden_features(X, -1), model.hidden_features(X, "hidden 2"))
    assert np.allclose(model.hidden_features(X), model.hidden_features(X, 1), atol=1e-6)
    mean = model.member_scores_(X).mean(axis=0)
    assert np.allclose(open_space(model, X, "outputs").of(X), mean, atol=1e-6)


def test_names_of_spaces(network):
    """A network has its inputs, its hidden layers and its outputs; "last" is the last hidden one."""
    model, X, y = network
    assert space_names(model) == ("inputs", "hidden 1", "hidden 2", "outputs")
    assert open_space(model, X).name == "hidden 2"
    assert open_space(gorae.GaussianBayes().fit(X, y), X).name == "inputs"


@pytest.mark.parametrize(
    ("name", "words"),
    [("hiden 1", "Did you mean 'hidden 1'"), (2, "between -2 and 1"), ("zzz", "must be one of 'last'")],
)
def test_unknown_spaces(network, name, words):
    """A space that a model does not have is refused with what it has."""
    model, X, _ = network
    with pytest.raises(ParameterError, match=words):
        open_space(model, X, name)
    with pytest.raises(ParameterError):
        model.hidden_features(X, name)


def test_a_model_without_hidden_layers(network):
    """A layer of a linear model is refused; its last space is its scaled inputs."""
    _, X, y = network
    linear = gorae.LinearClassifier(epochs=2, early_stopping=False).fit(X, y)
    with pytest.raises(ParameterError, match="no hidden layer"):
        linear.hidden_features(X, 0)
    assert np.allclose(open_space(linear, X).of(X), linear.hidden_features(X), atol=1e-5)


def test_models_within_models(network):
    """The model inside a pipeline is asked, with rows as the pipeline's steps leave them."""
    _, X, y = network
    inner = gorae.MLPClassifier(hidden=(5,), epochs=2, early_stopping=False, random_state=0)
    pipe = make_pipeline(StandardScaler(), inner).fit(X, y)
    want = pipe[-1].hidden_features(pipe[0].transform(X))
    assert np.allclose(open_space(pipe, X).of(X), want)


def test_what_is_no_model(network):
    """What cannot predict, is not fitted, or reads no numbers is refused in one sentence."""
    _, X, _ = network
    with pytest.raises(InputTypeError, match="fitted model"):
        open_space(object(), X)
    with pytest.raises(NotFittedError, match="not fitted"):
        open_space(gorae.GaussianBayes(), X)


def test_shares_are_even_for_rows_of_the_same_kind():
    """Of new rows of the same kind, shares of farther known rows are even between 0 and 1."""
    rng = np.random.default_rng(1)
    found = nearest_examples(rng.normal(size=(1000, 4)), rng.normal(size=(400, 4)))
    assert kstest(found.farther, "uniform").pvalue > 0.01
    assert ((found.low <= found.farther) & (found.farther <= found.high)).all()


def test_a_far_row_and_a_copy():
    """No known row is as far as one at the end of the world; every one is as far as a copy."""
    known = np.random.default_rng(2).normal(size=(50, 3))
    found = nearest_examples(known, np.concatenate([known[:1], known[:1] + 1e6]), 1)
    assert found.farther.tolist() == [1.0, 0.0]
    assert found.places[0, 0] == 0
    assert found.high[1] > 0


@pytest.mark.parametrize(
    ("known", "queries", "k", "error", "words"),
    [
        (np.zeros((1, 2)), np.zeros((1, 2)), 1, DataError, "at least 2"),
        (np.ones((3, 2)), np.zeros((1, 2)), 1, DataError, "are equal in this space"),
        (np.eye(3), np.zeros((1, 2)), 1, DataError, "have 3 numbers"),
        (np.eye(3), np.zeros((1, 3)), 4, ParameterError, "between 1 and the 3 known rows, got 4"),
        (np.eye(3), np.zeros((1, 3)), True, ParameterError, "neighbors"),
    ],
)
def test_examples_refused(known, queries, k, error, words):
    """Too few known rows, constant columns, other widths and too many neighbours are refused."""
    with pytest.raises(error, match=words):
        nearest_examples(known, queries, k)


@pytest.mark.parametrize("metric", METRICS)
def test_planted_variants_are_found(metric):
    """Variants of one row are a group of their own, with the row itself, under every metric."""
    found = find_groups(planted(), metric=metric)
    assert found.labels[200:208].tolist() == [0] * 8
    assert found.labels[208:].tolist() == [1] * 6
    assert (found.labels[0], found.labels[1]) == (0, 1)
    assert np.sum(found.labels[2:200] != ALONE) <= 1
    assert (found.inside < found.outside).all()


@pytest.mark.parametrize("rows", [30, 500])
@pytest.mark.parametrize("width", [1, 2, 5, 20])
def test_none_are_invented_in_even_noise(rows, width):
    """Even noise has no group of variants."""
    for seed in range(4):
        found = find_groups(np.random.default_rng(seed).random((rows, width)))
        assert (found.labels == ALONE).all()


def test_groups_do_not_depend_on_the_order_or_on_copies():
    """Rows in another order, or repeated, are in the groups that they were in."""
    rows = planted()
    order = np.random.default_rng(3).permutation(len(rows))
    labels = find_groups(rows).labels
    assert np.array_equal(find_groups(rows[order]).labels, labels[order])
    assert np.array_equal(find_groups(np.repeat(rows, 3, axis=0)).labels, np.repeat(labels, 3))


def test_groups_far_from_everything_and_from_each_other():
    """Large groups that no neighbour joins are joined by the nearest of their rows, and are told apart."""
    rng = np.random.default_rng(4)
    centres = np.array([[0.0, 0], [60, 0], [0, 60], [61, 61]])
    rows = np.concatenate([centre + rng.normal(size=(90, 2)) for centre in centres])
    labels = find_groups(rows).labels.reshape(4, 90)
    assert sorted({int(np.median(part)) for part in labels}) == [0, 1, 2, 3]
    assert all(len(set(part[part != ALONE])) == 1 for part in labels)


@pytest.mark.parametrize("rows", [np.zeros((0, 2)), np.zeros((1, 2)), np.ones((40, 3)), np.eye(9)])
def test_no_groups_where_there_can_be_none(rows):
    """No rows, one row, equal rows, and fewer than twice a group are in no group."""
    assert find_groups(rows).labels.tolist() == [ALONE] * len(rows)


@given(st.integers(0, 999))
def test_a_turned_space_has_the_same_map(seed):
    """A rotation of the rows leaves all distances on the map of the largest variance."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(17, 4)) * [8, 4, 2, 1]
    turned = rows @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + rng.normal(size=4)
    ours, other = draw_map(rows), draw_map(turned)
    assert np.allclose(cdist(ours.points, ours.points), cdist(other.points, other.points), atol=1e-8)
    assert ours.shares == pytest.approx(other.shares)


def test_the_map_is_the_first_two_components():
    """Points and shares are scikit-learn's, but for signs that do not depend on the solver."""
    rows = np.random.default_rng(5).normal(size=(30, 5)) * [5, 3, 1, 1, 1]
    model = PCA(2, svd_solver="full").fit(rows[:20])
    found = draw_map(rows, learn=20)
    assert np.allclose(np.abs(found.points), np.abs(model.transform(rows)))
    assert found.shares == pytest.approx(tuple(model.explained_variance_ratio_))
    assert found.trust is not None
    assert 0.5 < found.trust <= 1
    assert np.array_equal(draw_map(rows, learn=20).points, found.points)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_copies_stand_on_one_spot(method):
    """Equal rows have one place on a map, or for t-SNE places nearer than nearly all others."""
    rows = np.random.default_rng(6).normal(size=(40, 3))
    rows[1] = rows[0]
    points = draw_map(rows, method).points
    away = np.linalg.norm(points[0] - points, axis=1)
    assert away[1] <= (1e-9 if method == "pca" else np.sort(away)[3])


def test_a_narrow_map():
    """One column makes a line, three rows a map without a judgement."""
    found = draw_map(np.array([[1.0], [2.0], [4.0]]))
    assert found.points[:, 1].tolist() == [0, 0, 0]
    assert found.trust is None


@pytest.mark.parametrize(
    ("rows", "method", "error", "words"),
    [
        (np.zeros((2, 2)), "pca", DataError, "at least 3 rows"),
        (np.ones((5, 2)), "tsne", DataError, "all 5 rows are equal"),
        (np.eye(5), "t-sne", ParameterError, "Did you mean 'tsne'"),
    ],
)
def test_maps_refused(rows, method, error, words):
    """Too few rows, equal rows and unknown methods are refused."""
    with pytest.raises(error, match=words):
        draw_map(rows, method)


def test_umap():
    """Groups that lie apart stay apart on a map by UMAP: a row's nearest point is of its own group."""
    pytest.importorskip("umap", reason="the extra map is not installed")
    draw = np.random.default_rng(0)
    rows = np.concatenate([draw.normal(0, 1, (40, 5)), draw.normal(12, 1, (40, 5))])
    found = draw_map(rows, "umap")
    assert found.points.shape == (80, 2)
    away = np.linalg.norm(found.points[:, None] - found.points, axis=2)
    np.fill_diagonal(away, np.inf)
    np.testing.assert_array_equal(away.argmin(axis=1) < 40, np.arange(80) < 40)


def test_umap_that_is_not_installed(monkeypatch):
    """Without umap-learn one sentence says what to install."""
    maps = import_module("gorae.similarity.maps")

    def missing(name, *_, **__):
        if name == "umap":
            raise ImportError(name)
        return builtins.__import__(name)

    monkeypatch.setattr(maps, "import_module", missing)
    with pytest.raises(InputError, match=r'pip install "gorae\[map\]"'):
        draw_map(np.eye(30), "umap")
