"""`gorae.audit`: planted mistakes come first, bad input is told, tables are read as a study reads them."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score
from sklearn.naive_bayes import GaussianNB

import gorae
from gorae.errors import DataError, FileExistsRefusal, ParameterError
from gorae.evidence import audit_labels, nearest, neighbour_shares
from gorae.trust import audit as audit_of_rows
from gorae.trust import gathering
from gorae.trust.audit import audit_rows, mixture_weight, noise_interval
from study_cases import people

SHARE = 0.1


@cache
def digits():
    """A third of the digits, and labels of which a tenth is another digit."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:600], y[:600]
    draw = np.random.default_rng(0)
    changed = draw.choice(len(y), round(SHARE * len(y)), replace=False)
    given = y.copy()
    given[changed] = (y[changed] + draw.integers(1, 10, len(changed))) % 10
    return X, y, given


@cache
def digits_audit():
    """The audit of those digits."""
    X, _, given = digits()
    return gorae.audit(X, given, repeats=2, image_shape=(8, 8), name="digits")


def precision_of(order, changed):
    """The average precision of an order of rows."""
    places = np.empty(len(order))
    places[order] = -np.arange(len(order))
    return average_precision_score(changed, places)


def test_planted_mistakes_come_first():
    """The ranking is above neighbours alone, a weaker method, and far above chance, the share of mistakes."""
    X, y, given = digits()
    found = digits_audit()
    reached = precision_of(found.found.found.order, given != y)
    shares = neighbour_shares(X, given, 10)
    weaker = precision_of(audit_labels(shares, given).order, given != y)
    assert reached > weaker > 3 * SHARE
    low, high = found.interval
    assert low < SHARE < high
    suspects = found.wrong_rows
    assert np.mean(given[suspects] != y[suspects]) > 0.8


def test_few_rows_are_judged_by_a_kernel_and_many_by_networks(monkeypatch):
    """Both find the planted mistakes; weights, which the kernel knows not, need networks; the method says which."""
    X, y, given = digits()
    assert "least squares with a Gaussian kernel" in digits_audit().facts["method"]
    gathered = []
    gather = audit_of_rows.gather
    monkeypatch.setattr(audit_of_rows, "gather", lambda *a, **k: gathered.append(1) or gather(*a, **k))
    weighed = gorae.audit(X, given, repeats=1, image_shape=(8, 8), sample_weight=np.ones(len(y)))
    monkeypatch.setattr(audit_of_rows, "_KERNEL_ROWS", len(y) - 1)
    many = gorae.audit(X, given, repeats=1, image_shape=(8, 8))
    assert len(gathered) == 2
    for found in (weighed, many):
        assert "networks and nearest neighbours" in found.facts["method"]
        assert precision_of(found.found.found.order, given != y) > 0.8


@pytest.mark.parametrize("count", [3, 10])
def test_few_groups_do_not_spoil_the_ranking(count):
    """Patients or places, a few hundred rows each, are no reason to find fewer mistakes."""
    X, y, given = digits()
    groups = np.random.default_rng(1).integers(0, count, len(y))
    found = gorae.audit(X, given, cv=3, repeats=1, image_shape=(8, 8), groups=groups)
    alone = gorae.audit(X, given, cv=3, repeats=1, image_shape=(8, 8))
    reached, plain = (precision_of(each.found.found.order, given != y) for each in (found, alone))
    assert reached > plain - 0.03


def test_wide_rows_are_judged_by_networks():
    """A kernel over millions of numbers would be no matter of seconds."""
    assert audit_of_rows.judged_by_kernel((1000, 50_000), None, None)
    assert not audit_of_rows.judged_by_kernel((1000, 50_001), None, None)
    assert not audit_of_rows.judged_by_kernel((1000, 10), GaussianNB(), None)
    assert not audit_of_rows.judged_by_kernel((1000, 10), None, np.ones(1000))


def test_the_kernel_stays_within_the_memory(monkeypatch):
    """What a kernel of 1,000 rows holds is asked of the budget."""
    monkeypatch.setattr(audit_of_rows, "memory_budget", lambda device: 2 * 8 * 1000 * (4 * 1000 + 10) - 1)
    assert not audit_of_rows.judged_by_kernel((1000, 10), None, None)
    assert audit_of_rows.judged_by_kernel((999, 10), None, None)


def test_groups_are_left_out_together():
    """Five equal rows with one wrong label: their own label has no say where they are a group."""
    X, y, _ = digits()
    X, y = np.repeat(X[:120], 5, axis=0) + 0.01 * (np.arange(600) % 5)[:, None], np.repeat(y[:120], 5)
    given = y.copy()
    given[200:205] = (y[200] + 1) % 10
    groups = np.arange(600) // 5
    told, trusted = (
        gorae.audit(X, given, repeats=1, image_shape=(8, 8), groups=each).found.found.wrong[200:205].mean()
        for each in (groups, None)
    )
    assert told > 0.5 > trusted


def test_suggestions_are_right():
    """Of the rows that are found, most get their true label back."""
    _, y, given = digits()
    found = [row for row in digits_audit().ranking(40) if given[row["row"]] != y[row["row"]]]
    assert np.mean([row["suggested"] == y[row["row"]] for row in found]) > 0.8


def test_neighbours_are_the_nearest_of_both_labels():
    """The row of its own label is another one, and both distances are those of the scaled rows."""
    X, _, given = digits()
    scaled = (X - X.mean()) / X.std()
    for row in digits_audit().ranking(10):
        for name, label in (("same", row["label"]), ("suggested", row["suggested"])):
            others = np.flatnonzero((given == label) & (np.arange(len(X)) != row["row"]))
            places, away = nearest(scaled[others], scaled[[row["row"]]], 1)
            assert row[f"nearest_{name}"] == others[places[0, 0]]
            assert row[f"distance_{name}"] == pytest.approx(away[0, 0], rel=1e-3)


def test_the_audit_repeats_itself():
    """The same seed gives the same ranking, bitwise."""
    X, _, given = digits()
    again = gorae.audit(X, given, repeats=2, image_shape=(8, 8), name="digits")
    assert list(again.ranking()) == list(digits_audit().ranking())


def test_a_clean_data_set_has_few_suspects():
    """Of the digits as they are hardly a label is called wrong."""
    X, y, _ = digits()
    assert len(gorae.audit(X, y, repeats=1).wrong_rows) < 0.01 * len(y)


def faulty():
    """People with all that can be wrong: a leak, a counter, a date, duplicates, text, missing values."""
    frame = people(120)
    frame.insert(0, "number", np.arange(5000, 5120))
    frame["outcome"] = frame["income"].map({"low": 1.0, "middle": 2.0, "high": 3.0})
    frame["code"] = [f"A-{place:04d}" for place in range(120)]
    frame = pd.concat([frame, frame.iloc[[3, 8]]], ignore_index=True)
    frame.loc[121, "income"] = "low" if frame.loc[8, "income"] == "high" else "high"
    return frame


def test_a_faulty_table():
    """Text and missing values are read; leak, counter, equal rows and rows shared with the test are told."""
    frame = faulty()
    X, y = frame.drop(columns="income"), frame["income"]
    found = gorae.audit(X, y, X_test=X.iloc[10:15], y_test=y.iloc[10:15], repeats=1, target="income")
    leaks = {(one.kind, one.subject): one for one in found.leaks}
    assert set(leaks) == {("column", "outcome"), ("identifier", "number"), ("test", "test rows")}
    assert leaks["test", "test rows"].figure == 1.0
    assert found.twins.groups == [[(3, y[3]), (120, y[3])], [(8, y[8]), (121, y[121])]]
    assert (found.twins.repeated, found.twins.disputed) == (2, 1)
    assert found.twins.across == [(place, 10 + place) for place in range(5)]
    assert any("look like an identifier" in note for note in found.notes)
    assert {row["row"] for row in found.ranking()} == set(range(122))


def test_drift_by_a_date_is_told():
    """A date that a class becomes frequent with is told by its name."""
    draw = np.random.default_rng(0)
    late = np.linspace(0.05, 0.95, 200)
    order = draw.permutation(200)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(200), unit="D")
    frame = pd.DataFrame({"day": days, "x": draw.normal(size=200)}).iloc[order]
    y = (draw.random(200) < late).astype(int)[order]
    assert [one.subject for one in gorae.audit(frame, y, repeats=1).leaks] == ["the date in 'day'"]


def test_a_classifier_of_scikit_learn():
    """Another classifier judges alone, in folds that keep groups together, with weights."""
    X, y, given = digits()
    found = gorae.audit(
        X,
        given,
        estimator=GaussianNB(),
        repeats=1,
        cv=3,
        groups=np.arange(len(y)) // 2,
        sample_weight=np.ones(len(y)),
    )
    assert precision_of(found.found.found.order, given != y) > 5 * SHARE
    assert "GaussianNB" in found.facts["method"]


def test_rows_keep_their_numbers():
    """Given numbers are those that are told; a class of a single row is left out, and told."""
    X, _, given = digits()
    labels = np.where(np.arange(200) == 5, "odd", given[:200].astype(str))
    found = gorae.audit(X[:200], labels, repeats=1, row_numbers=np.arange(200) + 1000)
    assert {row["row"] for row in found.ranking()} == set(range(1000, 1200)) - {1005}
    assert "One row whose label is its own alone was not judged." in found.notes


@pytest.mark.parametrize("estimator", [None, GaussianNB()])
def test_labels_that_mean_nothing(estimator):
    """Labels drawn at random are refused in a sentence: nothing can be said of any of them."""
    draw = np.random.default_rng(0)
    with pytest.raises(DataError, match=r"cannot be judged: .* nearly all labels are wrong"):
        gorae.audit(draw.normal(size=(100, 3)), draw.integers(0, 2, 100), repeats=1, estimator=estimator)


@pytest.mark.parametrize(
    ("labels", "options", "told"),
    [
        (np.arange(20), {"task": "classification"}, "fewer than two rows to a class"),
        (np.arange(20) / 3, {}, "numbers with fractions, which look like a quantity"),
        (np.zeros(20, int), {}, "at least two classes"),
        (["a"] * 19 + ["b"], {}, "at least two classes of two rows"),
        (np.arange(20) % 2, {"sample_weight": [1.0]}, "one weight a row, 20, got the shape"),
        (np.arange(19) % 2, {}, "X has 20 rows, but y has 19"),
    ],
)
def test_what_cannot_be_audited_is_told(labels, options, told):
    """One sentence, before anything is trained."""
    with pytest.raises(DataError, match=told):
        gorae.audit(np.random.default_rng(0).normal(size=(20, 2)), labels, **options)


@pytest.mark.parametrize("options", [{"cv": 1}, {"repeats": 0}, {"task": "regression"}, {"random_state": -1}])
def test_parameters_out_of_range(options):
    """What is no number of folds or repeats is refused by name."""
    with pytest.raises(ParameterError, match=next(iter(options))):
        gorae.audit(np.zeros((20, 2)), np.arange(20) % 2, **options)


def test_files(tmp_path):
    """The CSV file has a line a row, in the order of the ranking; nothing is replaced unasked."""
    found, path = digits_audit(), tmp_path / "ranking.csv"
    found.to_csv(path)
    table = pd.read_csv(path)
    assert table["rank"].tolist() == list(range(1, 601))
    assert table["row"].tolist() == [row["row"] for row in found.ranking()]
    assert table["nearest_suggested"].notna().equals(table["label"] != table["suggested"])
    with pytest.raises(FileExistsRefusal):
        found.to_csv(path)
    found.report(tmp_path / "report.html")
    assert "gorae audit: digits" in (tmp_path / "report.html").read_text()


# --- parts


def test_the_weight_of_a_mixture():
    """It is the best of a fine grid, and 0 or 1 where one side is always better."""
    draw = np.random.default_rng(0)
    one, other = draw.dirichlet(np.ones(3), 200), draw.dirichlet(np.ones(3), 200)
    labels = np.where(draw.random(200) < 0.5, one.argmax(axis=1), other.argmax(axis=1))
    found, rows = mixture_weight(one, other, labels), np.arange(200)
    grid = np.linspace(0, 1, 1001)
    score = [np.log((1 - w) * one + w * other)[rows, labels].mean() for w in grid]
    assert found == pytest.approx(grid[np.argmax(score)], abs=0.01)
    sure, even = np.eye(3)[labels] * 0.97 + 0.01, np.full((200, 3), 1 / 3)
    assert mixture_weight(sure, even, labels) < 1e-3
    assert mixture_weight(even, sure, labels) > 1 - 1e-3


def test_the_interval_is_wilsons_where_classes_are_alike():
    """With equally many mistakes in every class it is nearly that of one share of all rows; more rows narrow it."""
    stated = np.tile(np.array([[0.9, 0.1]] * 9 + [[0.1, 0.9]]), (20, 1))
    labels = np.zeros(200, int)
    stated, labels = np.concatenate([stated, stated[:, ::-1]]), np.concatenate([labels, labels + 1])
    low, high = noise_interval(audit_labels(stated, labels), labels)
    assert low < 0.1 < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.1 * 0.9 / 400), rel=0.05)
    many = np.tile(stated, (4, 1)), np.tile(labels, 4)
    narrow = noise_interval(audit_labels(*many), many[1])
    assert narrow[1] - narrow[0] == pytest.approx((high - low) / 2, rel=0.05)


def test_no_row_votes_for_itself():
    """Shares among nearest rows are those by sorting all distances; rows of a group have no say in it."""
    draw = np.random.default_rng(0)
    rows, codes, groups = draw.normal(size=(40, 3)), draw.integers(0, 3, 40), np.arange(40) // 4
    found = neighbour_shares(rows, codes, 3, k=5, groups=groups)
    for row in range(40):
        away = np.linalg.norm(rows - rows[row], axis=1)
        away[groups == groups[row]] = np.inf
        votes = np.bincount(codes[np.argsort(away)[:5]], minlength=3)
        np.testing.assert_allclose(found[row], votes / 5)


def test_neighbours_of_one_group():
    """Where no other row has a say all classes are alike."""
    found = neighbour_shares([[0.0], [1.0]], [0, 1], 2, groups=["a", "a"])
    np.testing.assert_array_equal(found, 0.5)


def test_rows_learned_from_are_not_asked_without_detectors(monkeypatch):
    """A twin answers for rows that it has not seen, and for no others."""
    asked = []
    ask = gathering.ask

    def counted(estimator, X, classes, space):
        asked.append(len(X))
        return ask(estimator, X, classes, space)

    monkeypatch.setattr(gathering, "ask", counted)
    X, y, _ = digits()
    audit_rows(X[:100], y[:100], X[:100], estimator=GaussianNB(), cv=4, repeats=2)
    assert asked == [25] * 8
