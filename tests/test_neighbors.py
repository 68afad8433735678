"""k nearest neighbours: exact search, scikit-learn's answers, votes from one table, the estimators."""

import copy
import gzip
import itertools
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import load_digits, load_iris
from sklearn.neighbors import KNeighborsClassifier as PeerClassifier
from sklearn.neighbors import KNeighborsRegressor as PeerRegressor
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

import gorae.models.neighbors as neighbors_module
from gorae.errors import DamagedFileError, DataError, InputError, NotFittedError, ParameterError
from gorae.estimators.neighbors import KNeighborsClassifier, KNeighborsRegressor
from gorae.models.distances import METRICS, find_metric, pair_ranks, rank_noise, reference_ranks
from gorae.models.neighbors import NeighborIndex, NeighborTable, neighbor_table, restrict
from gorae.models.screening import compressed_screen, difference_screen, find_frame, product_screen
from gorae.models.ties import LOWEST_INDEX, TieRule, choose, scikit_learn_ties
from gorae.models.votes import neighbor_means, neighbor_probabilities, vote_weights

KINDS = ["euclidean", "manhattan", "chebyshev", "cosine"]
MNIST = Path(__file__).parents[1].parent / "shared" / "data" / "mnist"

few = settings(max_examples=30, deadline=None)
grids = arrays(np.float64, (7, 3), elements=st.integers(-4, 4).map(float))


@pytest.fixture
def screened(monkeypatch):
    """Send even small training sets through the float32 screens."""
    monkeypatch.setattr(neighbors_module, "_REFERENCE_ROWS", 0)


@pytest.fixture
def no_reference(monkeypatch):
    """Fail where a query is left to the float64 ranks of all rows."""

    def refuse(*_):
        raise AssertionError("a query was left to the reference")

    monkeypatch.setattr(NeighborIndex, "_by_reference", refuse)


def grid_rows(rows, width=4, levels=3, seed=0):
    """Return rows of few whole numbers: nearly every distance is tied."""
    return np.random.default_rng(seed).integers(0, levels, (rows, width)).astype(float)


def peer_neighbors(train, queries, k, metric):
    """Return scikit-learn's brute-force distances and indices."""
    return NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric).fit(train).kneighbors(queries)


def as_scikit_learn(train, queries, k, metric):
    """Return our table under scikit-learn's rule for ties."""
    rule = scikit_learn_ties(find_metric(metric).kind, len(queries), len(train))
    return NeighborIndex(train, metric).search(queries, k, rule)


# Distances


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("euclidean", 5.0),
        ("l2", 5.0),
        ("sqeuclidean", 25.0),
        ("manhattan", 7.0),
        ("l1", 7.0),
        ("cityblock", 7.0),
        ("chebyshev", 4.0),
        ("cosine", 1.0 - 11.0 / (np.sqrt(5.0) * np.sqrt(52.0)) - 5.0 / (np.sqrt(5.0) * np.sqrt(52.0))),
    ],
)
def test_distance_from_1_2_to_4_6_is_as_worked_by_hand(metric, expected):
    """From (1, 2) to (4, 6): sides 3 and 4; q·a = 16, |q|² = 5, |a|² = 52."""
    table = neighbor_table(np.array([[4.0, 6.0]]), np.array([[1.0, 2.0]]), 1, metric)

    assert table.distances[0, 0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_pair_ranks_are_the_reference_ranks(kind):
    """Both ways to a rank agree within the stated noise."""
    random = np.random.default_rng(0)
    rows, query = random.normal(size=(7, 5)) + 3.0, random.normal(size=(1, 5)) + 3.0
    if kind == "cosine":
        expected = 1.0 - (rows @ query[0]) / (np.linalg.norm(rows, axis=1) * np.linalg.norm(query))
    else:
        expected = reference_ranks(query, rows, METRICS[kind])[0]
    noise = rank_noise(float(expected.max()), float(np.linalg.norm(query)), 5, kind)

    assert np.abs(pair_ranks(query[0], rows, kind) - expected).max() <= noise


@pytest.mark.parametrize("metric", ["euclidean", "l2", "manhattan", "chebyshev"])
@pytest.mark.parametrize("load", [load_iris, load_digits])
def test_reference_ranks_round_as_scikit_learn_does(metric, load):
    """Every distance of every pair has the same bits as scikit-learn's."""
    X = load().data
    train, queries = np.ascontiguousarray(X[1::2]), np.ascontiguousarray(X[:60:2])
    distances, indices = peer_neighbors(train, queries, len(train), metric)
    own = METRICS[metric].distances(reference_ranks(queries, train, METRICS[metric]))

    assert np.array_equal(np.take_along_axis(own, indices, axis=1), distances)


def test_unknown_metric_names_the_near_one():
    """The message for a misspelt metric suggests the right one."""
    with pytest.raises(ParameterError, match="Did you mean 'manhattan'"):
        find_metric("manhatan")


# Ties


def test_heap_keeps_what_scikit_learn_keeps_in_a_case_worked_by_hand():
    """The heap of 5, 5, 5 has the third row at its root; 1 evicts it, and the next 1 evicts the first."""
    row = np.array([[5.0, 5.0, 5.0, 1.0, 1.0]])

    assert choose(row, 3, TieRule("heap")).tolist() == [[3, 4, 1]]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("rows", "queries"), [(150, 40), (700, 60), (60, 90)])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev"])
def test_tied_neighbors_are_those_of_scikit_learn(metric, rows, queries, threads):
    """Where nearly all distances tie, the same rows come in the same order, whatever the threads."""
    train, asked = grid_rows(rows), grid_rows(queries, seed=1)
    with threadpool_limits(threads, user_api="openmp"):
        for k in (1, 2, 5, 15):
            peer = peer_neighbors(train, asked, k, metric)
            own = as_scikit_learn(train, asked, k, metric)

            assert np.array_equal(own.indices, peer[1])


def test_beyond_15_tied_neighbors_the_set_is_that_of_scikit_learn():
    """For 20 neighbours the rows are the same; only their order among equals may differ."""
    train, asked = grid_rows(300), grid_rows(50, seed=1)
    peer = peer_neighbors(train, asked, 20, "manhattan")[1]
    own = as_scikit_learn(train, asked, 20, "manhattan").indices

    assert np.array_equal(np.sort(own, axis=1), np.sort(peer, axis=1))


@few
@given(arrays(np.float64, 9, elements=st.integers(0, 3).map(float)), st.integers(1, 9))
def test_lowest_index_rule_sorts_by_rank_then_index(row, k):
    """The rule is a stable sort cut off after k."""
    assert choose(row[None], k, LOWEST_INDEX)[0].tolist() == np.argsort(row, kind="stable")[:k].tolist()


# Screens


@pytest.mark.parametrize("operation", ["product", "sum", "square", "max"])
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_float32_scores_stay_within_the_bound(operation, shift):
    """No score is farther from its rank than the slack allows, for shifted rows as well."""
    random = np.random.default_rng(3)
    train = random.normal(size=(401, 17)) * 10.0 ** random.uniform(-3, 3, 17) + shift
    queries = np.concatenate([train[:3], random.normal(size=(4, 17)) * 50.0 + shift])
    frame = find_frame(train)
    if operation == "product":
        screen = product_screen(train, frame)
    else:
        screen = difference_screen(train, frame, operation)
    kind = {"sum": "manhattan", "max": "chebyshev"}.get(operation, "euclidean")
    placed = frame.place(queries)
    lengths = screen.lengths(placed)
    scores = screen.ranks(screen.encode(placed), lengths) * screen.unit
    exact = np.stack([pair_ranks(query, train, kind) for query in queries]) * screen.unit
    slack = [
        [screen.slack(score, length) for score in row] for row, length in zip(exact, lengths, strict=True)
    ]

    assert (np.abs(scores - exact) <= np.array(slack)).all()


def test_compressed_scores_are_lower_bounds():
    """Cauchy and Schwarz: a compressed score is never above the squared distance by more than the slack."""
    random = np.random.default_rng(4)
    train = random.normal(size=(450, 70)) * 0.9 ** np.arange(70)
    queries = random.normal(size=(5, 70)) * 0.9 ** np.arange(70)
    frame = find_frame(train)
    screen = compressed_screen(train, frame)
    assert screen is not None
    placed = frame.place(queries)
    scores, rows = screen.candidates(screen.encode(placed), screen.lengths(placed), 400)
    exact = np.stack([pair_ranks(q, train[r], "euclidean") for q, r in zip(queries, rows, strict=True)])
    slack = np.vectorize(screen.slack)(exact * screen.unit, screen.lengths(placed)[:, None])

    assert (scores <= exact * screen.unit + slack).all()


def test_rows_without_a_main_direction_are_not_compressed():
    """Where the spread is the same in all directions there is nothing to leave out."""
    train = np.random.default_rng(5).normal(size=(500, 80))

    assert compressed_screen(train, find_frame(train)) is None


@pytest.mark.usefixtures("screened", "no_reference")
@pytest.mark.parametrize("metric", METRICS)
def test_screens_alone_find_the_neighbors_of_scikit_learn(metric):
    """On rows in general position every query is settled without the reference, with equal answers."""
    random = np.random.default_rng(6)
    train, queries = random.normal(size=(450, 20)) + 2.0, random.normal(size=(31, 20)) + 2.0
    peer = peer_neighbors(train, queries, 3, metric)
    own = NeighborIndex(train, metric).search(queries, 3)

    assert np.array_equal(own.indices, peer[1])
    np.testing.assert_allclose(own.distances, peer[0], rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("screened")
@pytest.mark.parametrize("metric", METRICS)
def test_ties_behind_a_screen_are_those_of_scikit_learn(metric):
    """Tied queries get scikit-learn's rows on the device's exact scores too (cosine: equal distances)."""
    train, queries = grid_rows(450, 20), grid_rows(31, 20, seed=1)
    peer = peer_neighbors(train, queries, 3, metric)
    own = as_scikit_learn(train, queries, 3, metric)

    np.testing.assert_allclose(own.distances, peer[0], rtol=1e-12, atol=1e-12)
    assert metric == "cosine" or np.array_equal(own.indices, peer[1])


@pytest.mark.usefixtures("screened")
@pytest.mark.parametrize("decay", [0.9, 0.97])
def test_compressed_screen_with_all_that_follows_it_is_exact(monkeypatch, decay):
    """What compression cannot decide the full product does; the answers stay scikit-learn's."""
    monkeypatch.setattr(neighbors_module, "_COMPRESSED_ROWS", 0)
    monkeypatch.setattr(neighbors_module, "_COMPRESSED_QUERIES", 0)
    random = np.random.default_rng(7)
    train, queries = (random.normal(size=(n, 70)) * decay ** np.arange(70) for n in (1300, 150))
    index = NeighborIndex(train, "euclidean")
    own = index.search(queries, 3)

    assert "compressed" in index._made
    assert np.array_equal(own.indices, peer_neighbors(train, queries, 3, "euclidean")[1])


@pytest.mark.usefixtures("screened")
def test_rows_in_two_chunks_are_searched_as_one(monkeypatch):
    """Cutting the training rows into chunks changes nothing."""
    random = np.random.default_rng(8)
    train, queries = random.normal(size=(450, 20)), random.normal(size=(9, 20))
    whole = NeighborIndex(train).search(queries, 3)
    monkeypatch.setattr("gorae.models.screening._CHUNK_ROWS", 300)

    assert np.array_equal(NeighborIndex(train).search(queries, 3).indices, whole.indices)


@pytest.mark.usefixtures("screened")
def test_queries_beyond_float32_are_still_answered():
    """A query a billion billion times farther out than the rows gets its true neighbours."""
    random = np.random.default_rng(9)
    train = random.normal(size=(450, 20))
    queries = np.stack([train[0] * 1e60, np.full(20, 1e18)])

    assert np.array_equal(
        as_scikit_learn(train, queries, 3, "manhattan").indices,
        peer_neighbors(train, queries, 3, "manhattan")[1],
    )


@pytest.mark.usefixtures("screened")
def test_rows_of_zeros_have_cosine_distance_one():
    """A row without direction is at distance 1 from everything, on the screens as in scikit-learn."""
    random = np.random.default_rng(10)
    train = random.normal(size=(450, 20))
    train[7] = 0.0
    queries = np.concatenate([-train[:1], np.zeros((1, 20))])

    np.testing.assert_allclose(
        NeighborIndex(train, "cosine").search(queries, 20).distances,
        peer_neighbors(train, queries, 20, "cosine")[0],
        atol=1e-14,
    )


@pytest.mark.parametrize("metric", KINDS)
def test_no_queries_have_no_neighbors(metric):
    """An empty question has an empty answer of the right width."""
    assert neighbor_table(np.eye(3), np.empty((0, 3)), 2, metric).indices.shape == (0, 2)


def test_distances_beyond_float64_are_refused():
    """Squares of 1e200 overflow: the error says to scale the features."""
    with pytest.raises(DataError, match="scale the features down"):
        neighbor_table(np.array([[1e200], [2e200]]), np.array([[-1e200]]), 1)


# Relations


@few
@given(grids, grids, st.integers(2, 50), st.sampled_from(["euclidean", "manhattan", "chebyshev"]))
def test_scaling_all_features_scales_distances_and_keeps_neighbors(train, queries, factor, metric):
    """d(c q, c a) = c d(q, a)."""
    before = neighbor_table(train, queries, 4, metric)
    after = neighbor_table(factor * train, factor * queries, 4, metric)

    assert np.array_equal(after.indices, before.indices)
    np.testing.assert_allclose(after.distances, factor * before.distances, rtol=1e-14)


@few
@given(grids, grids, st.integers(-99, 99), st.sampled_from(["euclidean", "manhattan", "chebyshev"]))
def test_shifting_everything_changes_nothing(train, queries, shift, metric):
    """d(q + s, a + s) = d(q, a)."""
    before = neighbor_table(train, queries, 4, metric)
    after = neighbor_table(train + shift, queries + shift, 4, metric)

    assert np.array_equal(after.indices, before.indices)
    assert np.array_equal(after.distances, before.distances)


@few
@given(grids, grids, st.permutations(range(7)), st.sampled_from(KINDS))
def test_permuting_training_rows_keeps_distances(train, queries, order, metric):
    """The k smallest distances do not depend on the order of the rows."""
    before = neighbor_table(train, queries, 4, metric)
    after = neighbor_table(train[list(order)], queries, 4, metric)

    np.testing.assert_allclose(after.distances, before.distances, atol=1e-14)


@few
@given(grids, grids, st.integers(1, 6), st.sampled_from(["euclidean", "manhattan", "chebyshev"]))
def test_first_columns_of_a_table_are_the_table_of_a_smaller_k(train, queries, k, metric):
    """One table with the largest k serves every smaller one, ties included."""
    table = neighbor_table(train, queries, 7, metric)

    assert np.array_equal(table.indices[:, :k], neighbor_table(train, queries, k, metric).indices)


@few
@given(grids, arrays(bool, 7), st.sampled_from(["euclidean", "manhattan"]))
def test_restricted_table_is_the_table_of_the_allowed_rows(train, allowed, metric):
    """A table of all rows, restricted to a fold's training rows, is that fold's own table."""
    allowed[0] = True
    k = int(allowed.sum())
    own = restrict(neighbor_table(train, train, 7, metric), allowed, k)
    alone = neighbor_table(train[allowed], train, k, metric)

    assert np.array_equal(own.indices, np.flatnonzero(allowed)[alone.indices])


def test_restricting_to_too_few_rows_says_how_many_there_are():
    """The message names both numbers."""
    table = neighbor_table(np.array([[0.0], [1.0]]), np.array([[0.0]]), 2)
    with pytest.raises(ParameterError, match=r"k=2 .* only 1 among the 2"):
        restrict(table, np.array([True, False]), 2)


def test_without_queries_no_row_is_its_own_neighbor():
    """Row 1 of 0, 1, 4 has 0 as its nearest other."""
    table = neighbor_table(np.array([[0.0], [1.0], [4.0]]), None, 2)

    assert table.indices.tolist() == [[1, 2], [0, 2], [1, 0]]


@pytest.mark.parametrize("k", [0, 4])
def test_number_of_neighbors_must_fit_the_rows(k):
    """The message names the bounds and the number given."""
    with pytest.raises(ParameterError, match=f"between 1 and the 3 training rows, got {k}"):
        neighbor_table(np.zeros((3, 1)), np.zeros((1, 1)), k)


# Votes


def test_neighbors_at_distance_zero_outvote_all_others():
    """1 / 0 is not averaged with anything: weights become 1 there and 0 elsewhere."""
    weights = vote_weights(np.array([[0.0, 0.0, 3.0], [1.0, 2.0, 4.0]]), "distance")

    assert weights.tolist() == [[1.0, 1.0, 0.0], [1.0, 0.5, 0.25]]


def test_votes_and_means_of_a_table_worked_by_hand():
    """Distances 1, 2, 4 weigh 4/7, 2/7, 1/7; classes b, a, b; targets 7, 14, 0."""
    table = NeighborTable(np.array([[1.0, 2.0, 4.0]]), np.array([[2, 0, 1]]))
    codes, targets = np.array([0, 1, 1]), np.array([14.0, 0.0, 7.0])

    assert neighbor_probabilities(table, codes, 2).tolist() == [[1 / 3, 2 / 3]]
    np.testing.assert_allclose(neighbor_probabilities(table, codes, 2, weights="distance"), [[2 / 7, 5 / 7]])
    np.testing.assert_allclose(neighbor_means(table, targets, weights="distance"), [8.0])
    np.testing.assert_allclose(neighbor_means(table, targets, k=2), [10.5])


def test_more_votes_than_neighbors_are_refused():
    """A table of one neighbour cannot answer for two."""
    table = NeighborTable(np.ones((1, 1)), np.zeros((1, 1), int))
    with pytest.raises(ParameterError, match="between 1 and the 1 neighbours of the table, got 2"):
        neighbor_means(table, np.ones(1), k=2)


def test_unknown_weights_are_refused():
    """The message lists what there is."""
    with pytest.raises(ParameterError, match=r"\['uniform', 'distance'\], got 'equal'"):
        vote_weights(np.ones((1, 1)), "equal")


# Estimators


@parametrize_with_checks(
    [
        KNeighborsClassifier(),
        KNeighborsClassifier(3, metric="cosine", weights="distance"),
        KNeighborsRegressor(),
        KNeighborsRegressor(3, metric="manhattan", weights="distance"),
    ]
)
def test_scikit_learn_contract(estimator, check):
    """Every check of scikit-learn's contract passes."""
    check(estimator)


@pytest.fixture(scope="module")
def problems():
    """Return (train, labels, queries): digits, and rows with many copies and ties."""
    X, y = load_digits(return_X_y=True)
    random = np.random.default_rng(11)
    rows = grid_rows(400)
    return {
        "digits": (X[:400], y[:400], X[600:660]),  # not contiguous, which changes scikit-learn's path
        "ties": (np.concatenate([rows, rows[:100]]), random.integers(0, 3, 500), grid_rows(90, seed=2)),
    }


@pytest.mark.parametrize("problem", ["digits", "ties"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("metric", METRICS)
def test_predictions_are_those_of_scikit_learn(problems, problem, metric, weights):
    """Labels are identical and probabilities equal for 1, 3 and 10 neighbours, ties included."""
    X, y, queries = problems[problem]
    for k in (1, 3, 10):
        peer = PeerClassifier(k, metric=metric, weights=weights, algorithm="brute").fit(X, y)
        own = KNeighborsClassifier(k, metric=metric, weights=weights).fit(X, y)

        assert np.array_equal(own.predict(queries), peer.predict(queries))
        assert np.array_equal(own.predict_proba(queries), peer.predict_proba(queries))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_regression_is_that_of_scikit_learn(problems, metric, weights):
    """The means of two targets are equal, ties included."""
    X, y, queries = problems["ties"]
    targets = np.column_stack([y, y**2]).astype(float)
    peer = PeerRegressor(4, metric=metric, weights=weights, algorithm="brute").fit(X, targets)
    own = KNeighborsRegressor(4, metric=metric, weights=weights).fit(X, targets)

    assert np.array_equal(own.predict(queries), peer.predict(queries))


@pytest.mark.parametrize("metric", KINDS)
def test_neighbors_of_the_training_rows_are_those_of_scikit_learn(problems, metric):
    """Without queries each row is left out of its own neighbours, copies of it handled alike."""
    X, y, _ = problems["ties"]
    peer = PeerClassifier(2, metric=metric, algorithm="brute").fit(X, y)
    own = KNeighborsClassifier(2, metric=metric).fit(X, y)

    assert np.array_equal(own.kneighbors()[1], peer.kneighbors()[1])
    assert own.score(None, y) == peer.score(None, y)


@pytest.mark.parametrize("kind", ["list", "float32", "uint8", "int64", "pandas"])
def test_every_kind_of_input_gives_the_same_answer(kind):
    """Lists, bytes, integers, float32 and frames of the same numbers are the same rows."""
    X, y, queries = grid_rows(30), np.arange(30) % 3, grid_rows(7, seed=1)
    make = {"list": np.ndarray.tolist, "pandas": lambda a: pd.DataFrame(a, columns=list("abcd"))}
    convert = make.get(kind, lambda a: a.astype(kind))
    plain = KNeighborsClassifier(4).fit(X, y).predict_proba(queries)

    assert np.array_equal(KNeighborsClassifier(4).fit(convert(X), y).predict_proba(convert(queries)), plain)


def test_too_many_neighbors_are_refused_when_predicting():
    """Fitting 3 rows with 5 neighbours is fine, asking is not; the message names both numbers."""
    model = KNeighborsClassifier(5).fit(np.eye(3), [0, 1, 1])
    with pytest.raises(ParameterError, match="n_neighbors = 5, n_samples_fit = 3"):
        model.predict(np.eye(3))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_neighbors": 0}, "n_neighbors must be a whole number .* got 0"),
        ({"n_neighbors": 2.5}, "n_neighbors must be a whole number .* got 2.5"),
        ({"metric": "cosin"}, "Did you mean 'cosine'"),
        ({"weights": "distances"}, "Did you mean 'distance'"),
    ],
)
def test_wrong_parameters_are_refused_by_fit(parameters, message):
    """The message says what was wanted and names the near one."""
    with pytest.raises(ParameterError, match=message):
        KNeighborsRegressor(**parameters).fit(np.eye(3), np.arange(3.0))


def test_asking_before_fit_raises_our_own_error():
    """NotFittedError is gorae's and scikit-learn's."""
    with pytest.raises(NotFittedError):
        KNeighborsClassifier().predict([[0.0]])


def test_other_features_than_in_training_are_refused():
    """Three features after two are an InputError."""
    with pytest.raises(InputError, match="expecting 2 features"):
        KNeighborsRegressor(1).fit(np.eye(2), [0.0, 1.0]).predict(np.eye(3))


@pytest.mark.usefixtures("screened")
@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_of_a_used_model_answer_alike(twin):
    """Both deepcopy and pickle leave the device's rows behind, and predictions do not change."""
    random = np.random.default_rng(12)
    model = KNeighborsClassifier(3).fit(random.normal(size=(450, 20)), np.arange(450) % 4)
    queries = random.normal(size=(9, 20))
    before = model.predict_proba(queries)
    other = twin(model)

    assert not other._index._made
    assert np.array_equal(other.predict_proba(queries), before)


@pytest.mark.parametrize("labels", [["a", "b"], [3, 7], [True, False]])
def test_classifier_comes_back_from_its_state(labels):
    """Arrays and JSON hold everything: parameters, rows, labels, names."""
    frame = pd.DataFrame(grid_rows(12, 3), columns=["x", "y", "z"])
    model = KNeighborsClassifier(2, metric="l1", weights="distance").fit(frame, np.resize(labels, 12))
    again = KNeighborsClassifier._from_state(*model._state())

    assert again.get_params() == model.get_params()
    assert again.feature_names_in_.tolist() == ["x", "y", "z"]
    assert np.array_equal(again.predict(frame + 0.25), model.predict(frame + 0.25))


def test_regressor_comes_back_from_its_state():
    """Bytes stay bytes."""
    model = KNeighborsRegressor(2).fit(grid_rows(12).astype(np.uint8), np.arange(24.0).reshape(12, 2))
    again = KNeighborsRegressor._from_state(*model._state())

    assert again._index.train.dtype == np.uint8
    assert np.array_equal(again.predict(grid_rows(5)), model.predict(grid_rows(5)))


@pytest.mark.parametrize(
    "damage",
    [{"train": np.zeros(3)}, {"targets": np.zeros(3, np.int64)}, {"targets": np.full(12, 9)}],
)
def test_arrays_that_do_not_fit_together_are_refused(damage):
    """A file with other shapes or codes than a fit makes is a damaged file."""
    model = KNeighborsClassifier(2).fit(grid_rows(12), np.arange(12) % 2)
    rows, meta = model._state()
    with pytest.raises(DamagedFileError):
        KNeighborsClassifier._from_state({**rows, **damage}, meta)


# MNIST


def idx(name):
    """Return the array of one of MNIST's files."""
    raw = gzip.decompress((MNIST / name).read_bytes())
    sizes = np.frombuffer(raw, ">u4", raw[3], 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(sizes)


@pytest.mark.skipif(not MNIST.is_dir(), reason="the four idx files of MNIST are not beside the repository")
def test_predictions_on_mnist_are_those_of_scikit_learn():
    """Of the first 500 test images by L2, and of 30 by L1, every label is identical."""
    X = idx("train-images-idx3-ubyte.gz").reshape(-1, 784)
    y = idx("train-labels-idx1-ubyte.gz")
    queries = idx("t10k-images-idx3-ubyte.gz").reshape(-1, 784)
    wide = X.astype(float)
    for metric, count in (("euclidean", 500), ("manhattan", 30)):
        peer = PeerClassifier(10, metric=metric, algorithm="brute").fit(wide, y)
        own = KNeighborsClassifier(10, metric=metric).fit(X, y)

        assert np.array_equal(own.predict(queries[:count]), peer.predict(queries[:count].astype(float)))


def test_all_metrics_have_scikit_learns_names():
    """Each name is one that scikit-learn's brute force knows."""
    for name, weights in itertools.product(METRICS, ["uniform"]):
        PeerClassifier(1, metric=name, weights=weights, algorithm="brute").fit(np.eye(2), [0, 1])

    assert len(METRICS) == 8
