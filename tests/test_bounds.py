"""Intervals of one fitted model: they hold, in files, studies, reports and on the command line."""

import copy
import csv
import io
import json

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import gorae
from cli_cases import run
from gorae.errors import DamagedFileError, InputError, ParameterError
from gorae.estimators import KNeighborsRegressor, LinearQuantileRegressor, LinearRegressor, MLPRegressor
from gorae.evidence import thresholds_out_of_fold
from gorae.files import read_container, write_container
from gorae.report import render_report
from gorae.report.pictures import coverage_figure, intervals_figure, set_sizes_figure
from gorae.report.within import within
from gorae.study import load_study_model
from gorae.study.bounded import bounds_finding, fit_with_bounds
from gorae.study.held import sets_finding
from gorae.study.model import KIND
from gorae.trust import fit_bounds, mean_interval_score
from study_cases import as_csv, people, people_study, study_of, values, values_study

assert run


def noisy(rows, seed):
    """Values whose noise grows along the second of two columns, and are far from 0."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (rows, 2)).astype(np.float32)
    return X, 50 + 5 * X[:, 0] + (1.2 + X[:, 1]) * rng.normal(size=rows)


@pytest.fixture(scope="module")
def noisy_study():
    """A study of noisy values, whose intervals are made of quantiles."""
    X, y = noisy(300, 0)
    return study_of(X, y, models=["linear"], task="regression", name="noisy", target="price")


def test_intervals_of_one_model_hold():
    """Over 80 data sets they hold within a point of what is stated, told with a model that is fitted on all."""
    asked, truth = noisy(1000, 10**6)
    shares = []
    for seed in range(80):
        X, y = noisy(200, seed)
        found = fit_bounds(LinearRegression(), X, y, seed=seed)
        for coverage in (0.8, 0.9, 0.95):
            low, high = found.bounds.intervals(found.estimator, asked, coverage).T
            shares.append(np.mean((low <= truth) & (truth <= high)) - coverage)
    found = np.reshape(shares, (80, 3))
    error = found.std(axis=0, ddof=1) / np.sqrt(80)
    assert (np.abs(found.mean(axis=0)) < 0.01 + 2 * error).all()


def test_no_row_states_its_own_coverage():
    """Out of fold the threshold of a row is that of the rows of all other folds."""
    scores, folds = np.arange(20.0), np.repeat([0, 1], 10)
    found = thresholds_out_of_fold(scores, folds, 0.8)
    np.testing.assert_array_equal(found, np.repeat([18.0, 8.0], 10))
    with pytest.raises(InputError, match=r"0\.95 needs at least 19 calibration rows, but there are 10"):
        thresholds_out_of_fold(scores, folds, 0.95)


def test_few_rows_are_kept_of_many(monkeypatch):
    """Of many rows evenly spread ones are kept, with the folds that they were answered in."""
    monkeypatch.setattr("gorae.trust.bounds.MOST_ROWS", 50)
    X, y = noisy(170, 1)
    found = fit_bounds(LinearRegression(), X, y)
    assert len(found.folds) == len(found.rows) == len(found.bounds.targets) == 50
    np.testing.assert_array_equal(found.bounds.targets, y[found.rows])
    np.testing.assert_allclose(found.bounds.answers[:, 0], found.estimator.predict(X[found.rows]), atol=0.5)


def test_quantiles_save_interval_score_where_noise_differs():
    """Intervals of quantiles have the better score where the noise grows, and are wide there."""
    X, y = noisy(600, 2)
    levels = (0.05, 0.5, 0.95)
    plain = fit_bounds(LinearRegression(), X, y)
    found = fit_bounds(LinearQuantileRegressor(levels=levels, epochs=100, random_state=0), X, y)
    assert mean_interval_score(found, 0.9) < 0.95 * mean_interval_score(plain, 0.9)
    widths = np.diff(found.bounds.intervals(found.estimator, np.array([[0.0, -0.9], [0.0, 0.9]]), 0.9))
    assert widths[1] > 3 * widths[0]


def test_time_decides_what_is_fitted():
    """Without time for the folds there are no intervals; without time for quantiles they are plain."""
    X, y = noisy(300, 3)
    estimator = LinearRegressor(epochs=30, batch_size=16, tol=0.0, random_state=0)

    def found(seconds):
        return fit_with_bounds(estimator, X, y, a_fit=seconds, budget=60.0, groups=None, seed=0)

    assert found(3.1) is None
    kinds = [found(seconds)[2]["within"]["by"] for seconds in (2.0, 0.01)]
    assert kinds == ["residuals", "quantiles"]


def test_other_models_have_plain_intervals():
    """Neighbours have no quantiles; four rows are too few for five folds."""
    X, y = noisy(60, 4)
    asked = {"a_fit": 0.1, "budget": 60.0, "groups": None, "seed": 0}
    fitted, bounds, finding = fit_with_bounds(KNeighborsRegressor(), X, y, **asked)
    assert bounds.levels is None
    assert finding["within"]["by"] == "residuals"
    widths = np.diff(bounds.intervals(fitted, X, 0.9))
    np.testing.assert_allclose(widths, np.broadcast_to(widths[0], widths.shape))
    assert fit_with_bounds(KNeighborsRegressor(1), X[:4], y[:4], **asked) is None


def test_groups_are_never_on_both_sides():
    """With a value a group, rows of a group are as wrong as others: nobody has learned from any of them."""
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(30), 4)
    X, y = rng.normal(size=(30, 2))[groups], rng.normal(size=30)[groups]
    grouped = fit_bounds(KNeighborsRegressor(1), X, y, groups=groups)
    assert np.mean(grouped.bounds.answers[:, 0] == grouped.bounds.targets) < 0.1
    assert all(len(np.unique(grouped.folds[groups == g])) == 1 for g in range(30))


def test_a_study_finds_intervals(noisy_study):
    """A study's model has intervals by quantiles, that its findings tell the coverage of, on test rows too."""
    told = noisy_study.findings_["caution"]["within"]
    assert (told["kind"], told["by"]) == ("values", "quantiles")
    for row in told["coverages"]:
        assert row["low"] < row["stated"] < row["high"]
        assert row["share"] == row["held"] / row["rows"]
    X, y = noisy(400, 9)
    low, high = noisy_study.model.predict_interval(X, 0.8).T
    assert 0.7 < np.mean((low <= y) & (y <= high)) < 0.9
    assert [row["stated"] for row in noisy_study.findings_["test"]["within"]] == [0.8, 0.9, 0.95]
    json.dumps(noisy_study.model.facts)


@pytest.mark.parametrize("model", ["noisy", "linear", "knn"])
def test_saved_and_loaded(model, noisy_study, tmp_path):
    """A loaded model has bitwise the same intervals."""
    fitted = (noisy_study if model == "noisy" else values_study(model)).model
    X = noisy(20, 6)[0] if model == "noisy" else values()[0]
    fitted.save(tmp_path / "model.gorae")
    loaded = gorae.load(tmp_path / "model.gorae")
    np.testing.assert_array_equal(loaded.predict_interval(X, 0.8), fitted.predict_interval(X, 0.8))


def test_bad_questions(noisy_study):
    """Coverages that cannot be stated, and models of classes, are refused in a sentence."""
    X = noisy(3, 7)[0]
    with pytest.raises(ParameterError, match="level must lie between 0 and 1"):
        noisy_study.model.predict_interval(X, 1.0)
    with pytest.raises(InputError, match=r"0\.999 needs at least 999 calibration rows"):
        noisy_study.model.predict_interval(X, 0.999)
    with pytest.raises(InputError, match="answers classes, which have no intervals; use predict_set"):
        people_study("bayes").model.predict_interval(people(3))


DAMAGES = {
    "no answers": lambda m, a: a.pop("bounds/answers"),
    "no targets": lambda m, a: a.pop("bounds/targets"),
    "fewer targets": lambda m, a: a.update({"bounds/targets": a["bounds/targets"][1:]}),
    "targets that are not finite": lambda m, a: a.update({"bounds/targets": a["bounds/targets"] * np.nan}),
    "answers of whole numbers": lambda m, a: a.update(
        {"bounds/answers": a["bounds/answers"].astype(np.int64)}
    ),
    "no rows": lambda m, a: a.update({f"bounds/{n}": a[f"bounds/{n}"][:0] for n in ("answers", "targets")}),
    "fewer levels": lambda m, a: m["bounds"]["levels"].pop(),
    "other levels": lambda m, a: m["bounds"].update(levels=[0.01, 0.02, 0.1, 0.5, 0.9, 0.95, 0.975]),
    "levels that are none": lambda m, a: m["bounds"].update(levels="high"),
    "quantiles without levels": lambda m, a: m["bounds"].update(levels=None),
    "no quantiles": lambda m, a: m["bounds"].update(quantiles=None),
    "an estimator without quantiles": lambda m, a: m["bounds"].update(quantiles=m["estimator"]),
    "bounds that are none": lambda m, a: m.update(bounds=[1]),
    "classes too": lambda m, a: m.update(classes={"kind": "text", "values": ["a", "b"]}),
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory, noisy_study):
    """The metadata and arrays of a model's file."""
    path = tmp_path_factory.mktemp("model") / "model.gorae"
    noisy_study.save(path)
    container = read_container(path)
    return container.meta, container.arrays


@pytest.mark.parametrize("damage", DAMAGES)
def test_files_with_bounds_that_are_none(parts, tmp_path, damage):
    """A file with a right hash whose intervals do not fit its model is refused as damaged, by its path."""
    meta, arrays = copy.deepcopy(parts[0]), dict(parts[1])
    DAMAGES[damage](meta, arrays)
    write_container(tmp_path / "changed.gorae", arrays, meta, kind=KIND)
    with pytest.raises(DamagedFileError, match=r"changed\.gorae"):
        load_study_model(tmp_path / "changed.gorae")


def test_files_of_before(parts, tmp_path):
    """A file that knows nothing of intervals is loaded, and says so when it is asked."""
    meta = {key: part for key, part in parts[0].items() if key != "bounds"}
    arrays = {key: part for key, part in parts[1].items() if not key.startswith("bounds/")}
    write_container(tmp_path / "old.gorae", arrays, meta, kind=KIND)
    with pytest.raises(InputError, match="has not learned within what its answers are right"):
        gorae.load(tmp_path / "old.gorae").predict_interval(noisy(3, 0)[0])


def test_intervals_on_the_command_line(run, tmp_path, noisy_study):
    """--coverage adds two columns, or fields of JSON; a coverage that cannot be stated ends with code 1."""
    noisy_study.save(tmp_path / "noisy.gorae")
    X = noisy(4, 8)[0]
    names = noisy_study.model.feature_names
    (tmp_path / "new.csv").write_text("\n".join([",".join(names), *(",".join(map(str, row)) for row in X)]))
    files = (tmp_path / "noisy.gorae", tmp_path / "new.csv")
    wanted = noisy_study.model.predict_interval(X, 0.8)
    header, *rows = csv.reader(io.StringIO(run("predict", *files, "--coverage", 0.8).out))
    assert header == ["prediction", "low", "high"]
    np.testing.assert_allclose([[float(cell) for cell in row[1:]] for row in rows], wanted, rtol=1e-6)
    found = json.loads(run("predict", *files, "--coverage", 0.8, "--json").out)
    assert found["coverage"] == 0.8
    np.testing.assert_allclose(found["intervals"], wanted, rtol=1e-6)
    ran = run("predict", *files, "--coverage", 0.999)
    assert (ran.code, ran.out) == (1, "")
    assert "needs at least 999 calibration rows" in ran.err
    assert run("predict", *files, "--coverage", 1).code == 2


def test_sets_on_the_command_line(run, tmp_path):
    """For classes --coverage adds one column with the set's classes, of which a larger coverage has more."""
    people_study("bayes").save(tmp_path / "people.gorae")
    new = people(7, seed=4).drop(columns="income")
    (tmp_path / "new.csv").write_text(as_csv(new))
    files = (tmp_path / "people.gorae", tmp_path / "new.csv")
    held = people_study("bayes").model.predict_set(new, 0.9)
    header, *rows = csv.reader(io.StringIO(run("predict", *files, "--coverage", 0.9, "--unknown", 0.2).out))
    assert header[-3:] == ["set", "unknown", "known share"]
    names = np.array(["high", "low", "middle"])
    assert [row[-3].split(";") if row[-3] else [] for row in rows] == [names[each].tolist() for each in held]
    found = json.loads(run("predict", *files, "--coverage", 0.9, "--json").out)
    assert found["sets"] == [names[each].tolist() for each in held]


def test_a_class_with_a_semicolon(run, tmp_path):
    """In a set, the name of a class that holds the separator is put in quotes."""
    X, y = noisy(60, 1)
    names = np.where(y > 50, "a;b", "c")
    study = study_of(X, names, models=["bayes"])
    study.save(tmp_path / "model.gorae")
    (tmp_path / "new.csv").write_text("x0,x1\n0,0\n")
    ran = run("predict", tmp_path / "model.gorae", tmp_path / "new.csv", "--coverage", 0.95)
    (cell,) = [row[-1] for row in list(csv.reader(io.StringIO(ran.out)))[1:]]
    assert set(next(csv.reader([cell], delimiter=";"), [])) <= {"a;b", "c"}


def test_the_report_tells_of_intervals(noisy_study):
    """The page has the section with its table and both pictures, and a link to it."""
    page = render_report(noisy_study.findings_)
    section = page[page.index('<section id="within">') :].partition("</section>")[0]
    assert section.count("<svg") == 2
    assert "Within what are its answers right?" in section
    assert "wide where values scatter" in section
    assert "mean width" in section
    assert "test rows" in section
    assert '<a href="#within">Intervals</a>' in page


def test_the_report_tells_of_sets():
    """For classes the section tells how many classes sets have."""
    page = render_report(people_study("bayes").findings_)
    section = page[page.index('<section id="within">') :].partition("</section>")[0]
    assert "How many classes hold the right one?" in section
    assert "mean number of classes" in section
    assert '<a href="#within">Sets of classes</a>' in page


def test_sets_out_of_fold():
    """Sets of a model that knows the shares exactly hold what is stated, and are larger for more."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1, 1, 1], size=3000)
    codes = np.array([rng.choice(3, p=row) for row in shares])
    told = sets_finding(shares, codes, np.arange(3000) % 5)
    for row in told["coverages"]:
        assert abs(row["share"] - row["stated"]) < 0.02
        assert sum(row["sizes"]) == 3000
    sizes = [row["size"] for row in told["coverages"]]
    assert sizes == sorted(sizes)


def test_what_is_missing_is_left_out():
    """Without findings there is no section; too few rows state less, or nothing."""
    assert within(None) is None
    assert within({"within": {"kind": "values", "coverages": []}}) is None
    stated = [
        [row["stated"] for row in bounds_finding(fit_bounds(LinearRegression(), *noisy(n, 0)))["coverages"]]
        for n in (5, 12, 13, 30)
    ]
    assert stated == [[0.8], [0.8, 0.9], [0.8, 0.9], [0.8, 0.9, 0.95]]


def test_pictures_of_nothing():
    """Pictures without rows are refused; those of huge and of tiny numbers are drawn."""
    for draw in (
        lambda: coverage_figure([]),
        lambda: intervals_figure({}),
        lambda: set_sizes_figure([0, 0], 0.9),
    ):
        with pytest.raises(InputError):
            draw()
    for size in (1e-9, 1e12):
        rows = {key: [size, 2 * size] for key in ("predicted", "low", "high", "actual")}
        assert "2 of 2 values" in intervals_figure(rows | {"stated": 0.9}, target="<b>")


def test_networks_are_bounded_as_one_population():
    """The network that is fitted on all rows is bitwise the one that is fitted alone."""
    X, y = noisy(40, 2)
    network = MLPRegressor((4,), epochs=3, tol=0.0, random_state=0)
    alone = MLPRegressor((4,), epochs=3, tol=0.0, random_state=0).fit(X, y)
    np.testing.assert_array_equal(fit_bounds(network, X, y).estimator.predict(X), alone.predict(X))
