"""A study from end to end: the same seed, untouched test rows, Ctrl-C, time, every kind of task."""

import hashlib
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import gorae.study.ascent as ascent_module
import gorae.study.study as study_module
import gorae.study.winner as winner_module
from gorae.errors import DataError, GoraeWarning, NotFittedError
from gorae.report import render_report
from gorae.study import Study
from gorae.study.progress import Silent
from study_cases import (
    few_fits,
    people,
    people_study,
    pictures_study,
    small_plan,
    study_of,
    values,
    values_study,
)

assert few_fits  # the fixture


class Heard(Silent):
    """Remembers what it hears, and raises once at the step that it is told."""

    def __init__(self, model=None, error=KeyboardInterrupt, at="advanced"):
        self.events, self.model, self.error, self.at = [], model, error, at

    def _hear(self, event, model):
        self.events.append((event, model))
        if (event, model) == (self.at, self.model) and self.error is not None:
            error, self.error = self.error, None
            raise error

    def planned(self, plan):
        """Hear the plan."""
        self._hear("planned", None)

    def started(self, model):
        """Hear a start."""
        self.current = model
        self._hear("started", model)

    def advanced(self, step):
        """Hear a step."""
        self._hear("advanced", self.current)

    def scored(self, row):
        """Hear a row."""
        self._hear("scored", row["model"])

    def closed(self):
        """Hear the end."""
        self.events.append(("closed", None))


def without_times(table):
    """The ladder without the seconds, which no two runs share."""
    return [{key: value for key, value in row.items() if key not in ("seconds", "cost")} for row in table]


def digest(study, X):
    """A hash of everything that the same seed must give again."""
    arrays = [study.model.answers(X)[0].astype("S"), study.model.reference.features]
    parts = [repr(without_times(study.table)), study.best_, repr(study.test_), repr(study.gap_)]
    return hashlib.sha256(
        b"".join([*(a.tobytes() for a in arrays), *(p.encode() for p in parts)])
    ).hexdigest()


def mixed(seed=0):
    """A study of the people with three kinds of models."""
    frame = people()
    X = frame.drop(columns="income")
    return digest(study_of(X, frame["income"], models=["bayes", "knn", "linear"], seed=seed), X)


def test_same_seed_same_study():
    """The same seed gives bitwise the same ladder, test score and predictions, in another process too."""
    here = mixed()
    code = "from test_study_run import mixed; print(mixed())"
    tests = Path(__file__).parent
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=tests, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == here
    assert mixed(seed=1) != here


def test_numpy_state_is_untouched():
    """A study with a seed leaves numpy's global generator as it was."""
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002  the global generator is what is looked at
    study_of(*values(), task="regression", models=["knn"])
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002


@pytest.mark.parametrize("model", ["knn", "linear"])
def test_held_out_rows_change_nothing_but_their_score(model):
    """Other inputs and targets in the held-out rows change the test score, and not a bit of anything else."""
    X, y = values()
    before = values_study(model)
    held = np.setdiff1d(np.arange(50), before.model.reference.numbers)
    other_X, other_y = X.copy(), y.copy()
    other_X[held] *= -100.0
    other_y[held] = other_y[held] ** 2 + 7.5
    after = study_of(other_X, other_y, models=[model], task="regression", name="values", target="y")
    assert len(held) == before.test_["rows"] == 10
    assert after.test_ != before.test_
    assert without_times(after.table) == without_times(before.table)
    assert after.gap_ == before.gap_
    np.testing.assert_array_equal(after.predict(X), before.predict(X))
    for part in ("features", "labels", "numbers"):
        np.testing.assert_array_equal(
            getattr(after.model.reference, part), getattr(before.model.reference, part)
        )


def test_held_out_rows_of_a_table_change_nothing():
    """Other categories, outliers and gaps in a table's held-out rows change nothing but the test score."""
    frame = people()
    X = frame.drop(columns="income")
    before = people_study("knn")
    held = np.setdiff1d(np.arange(60), before.model.reference.numbers)
    other = X.copy()
    other.loc[held, "city"] = "Atlantis"
    other.loc[held[::2], "age"] = 100_000
    other.loc[held[1::2], "height"] = np.nan
    after = study_of(other, frame["income"], models=["knn"], name="people", target="income")
    assert after.test_ != before.test_
    assert without_times(after.table) == without_times(before.table)
    np.testing.assert_array_equal(after.predict_proba(X), before.predict_proba(X))


def test_what_a_study_finds():
    """A study of a table has a ladder, a winner, a test score, a gap and predictions in the user's labels."""
    study = people_study("bayes")
    assert [row["model"] for row in study.table] == ["chance", "bayes"]
    row = study.table[1]
    assert row["low"] < row["score"] < row["high"]
    assert (row["metric"], row["fits"]) == ("accuracy", 15)
    assert (study.best_, study.test_["rows"], study.interrupted_) == ("bayes", 12, False)
    assert study.gap_.verdict in ("fits well", "overfits", "underfits")
    assert set(study.predict(people(7, seed=5).drop(columns="income"))) <= {"low", "middle", "high"}
    stated = study.predict_proba(people(7, seed=5))
    np.testing.assert_allclose(stated.sum(axis=1), 1.0)


@pytest.mark.parametrize(("study", "inside"), [(people_study, False), (pictures_study, True)])
def test_winner_is_diagnosed(study, inside):
    """The winner is looked at from without, and a network from within; the report tells the same."""
    fitted = study()
    looked = "; ".join(fitted.diagnosis_.looked_at)
    told = fitted.findings_["diagnosis"]
    assert ("the gradients of 2 layers" in looked) == inside
    assert "rows that its models did not learn from" in looked + str(fitted.diagnosis_)
    assert [v["illness"] for v in told["verdicts"]] == [v.illness for v in fitted.diagnosis_]
    assert "Diagnosis" in render_report(fitted.findings_)


def test_regression_is_first_class():
    """A regression is scored by R² with RMSE beside it, and its report has residuals and learning curves."""
    study = values_study("linear")
    assert study.table[1]["metric"] == "r2"
    assert study.table[1]["other"]["rmse"] > 0
    assert study.test_["rmse"] > 0
    assert study.predict(values()[0]).dtype == np.float64
    assert {"residuals", "curves", "gradient_norms", "hardest"} <= set(study.findings_)
    assert "confusion" not in study.findings_


def test_pictures_are_studied_as_bytes(tmp_path):
    """Byte pictures are learned, their hardest ones are shown as pictures, the report is one file."""
    study = pictures_study("mlp")
    assert study.table[1]["score"] > 0.8
    assert study.model.affine is None
    assert study.findings_["hardest"][0]["image"].shape == (3, 4)
    study.report(tmp_path / "pictures.html")
    assert "data:image/png" in (tmp_path / "pictures.html").read_text()


def test_linear_weights_are_shown_as_pictures():
    """The weights of a linear model of pictures are shown as pictures, one a class."""
    shown = pictures_study("linear").findings_["weights"]
    assert [weight["label"] for weight in shown] == ["0", "1"]
    assert shown[0]["image"].shape == (3, 4)


def test_ensemble_alone():
    """An ensemble without the single network on the ladder is scored and its curves are its members'."""
    study = study_of(*values(), models=["ensemble"], task="regression")
    assert [row["model"] for row in study.table] == ["chance", "ensemble"]
    assert [curve["member"] for curve in study.findings_["curves"]] == ["member 1", "member 2"]
    assert len(study.model.estimator.history_) == 2
    assert study.table[1]["fits"] == 3 * 2 * 2 + 3 * 2


def test_fits_of_the_ladder_add_up():
    """Beside the single network an ensemble counts its further members only: 12 + 3 fits, and 3 more."""
    study = study_of(*values(), models=["mlp", "ensemble"], task="regression")
    assert [row["fits"] for row in study.table] == [3, 15, 3]
    assert "its row counts only the further members" in render_report(study.findings_)


def test_single_split(monkeypatch):
    """A plan of a single split still gives an interval, a gap with a verdict, and a report."""
    monkeypatch.setattr(
        study_module, "make_plan", lambda *a, **o: replace(small_plan(*a, **o), outer=1, inner=1)
    )
    frame = people(80)
    study = Study(models=["bayes", "knn"], random_state=0).fit(frame.drop(columns="income"), frame["income"])
    row = study.table[1]
    assert row["low"] < row["score"] < row["high"]
    assert study.gap_.low < study.gap_.high
    assert "confusion" in study.findings_
    assert (study.findings_["plan"]["outer"], study.findings_["plan"]["repeats"]) == (1, 1)
    assert study.findings_["predicted"] == {"rows": 13, "folds": 1, "tried": 2}
    page = render_report(study.findings_)
    assert "These are the 13 rows of one held-out split" in page
    assert page.count("in cross-validation") == 0


def test_targets_without_any_pattern(few_fits):
    """On targets of pure noise the interval covers chance, and the comparison says that nothing is better."""
    X = np.random.default_rng(0).normal(size=(90, 3))
    y = np.random.default_rng(1).permutation(np.arange(90) % 2)
    study = Study(models=["bayes", "knn"], random_state=0).fit(X, y)
    for row in study.table:
        assert row["low"] < 0.5 < row["high"]
    told = study.findings_["comparison"]
    assert told["simpler"] == "chance"
    assert (
        "not shown to be better" in told["sentence"] or "No model is better than chance" in told["sentence"]
    )
    assert study.best_ != "chance"


def test_groups(few_fits):
    """With groups the study learns, scores and tests on whole groups, and the test interval counts groups."""
    X, y = values(60)
    groups = np.arange(60) // 3
    shifted = y + np.random.default_rng(0).normal(0, 1, 20)[groups]
    alone = Study(models=["knn"], task="regression").fit(X, shifted)
    grouped = Study(models=["knn"], task="regression").fit(X, shifted, groups=groups)
    assert grouped.test_["rows"] % 3 == 0
    learned = grouped.model.reference.numbers
    assert not set(groups[learned]) & set(groups[np.setdiff1d(np.arange(60), learned)])
    assert grouped.table[1] != alone.table[1]


def test_tiny_and_rare(few_fits):
    """Ten rows, or a class of one row, give a study, not a failure."""
    X, y = values(12)
    assert Study(models=["knn", "bayes"]).fit(X, np.arange(12) % 2).test_["rows"] == 3
    rare = Study(models=["bayes", "knn"]).fit(X, ["a"] * 6 + ["b"] * 5 + ["c"])
    assert rare.model.classes.tolist() == ["a", "b", "c"]
    assert any("'c' has a single row" in note for note in rare.findings_["data"]["notes"])
    assert Study(models=["knn"]).fit(X, y).table[1]["metric"] == "r2"


def test_used_before_fit():
    """A study that is not fitted says so, also after a fit that failed."""
    study = Study()
    for ask in (lambda: study.table, lambda: study.predict([[0.0]]), lambda: study.report("x.html")):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            ask()
    with pytest.raises(DataError):
        study.fit([[0.0]], [1])
    with pytest.raises(NotFittedError):
        _ = study.model


def test_listener_hears_it_all(few_fits):
    """A listener hears the plan, each model's start, steps and row, and the end."""
    heard = Heard()
    Study(models=["bayes", "linear"]).fit(*values_of_classes(), listener=heard)
    events = list(dict.fromkeys(heard.events))
    wanted = [("planned", None)]
    wanted += [
        (event, m) for m in ("chance", "bayes", "linear") for event in ("started", "advanced", "scored")
    ]
    assert events == [*wanted, ("closed", None)]


def values_of_classes():
    """The rows of `values` with two classes."""
    X, y = values()
    return X, y > np.median(y)


@pytest.mark.parametrize("model", ["chance", "bayes"])
def test_interrupt_before_a_model(few_fits, model):
    """Ctrl-C before a model beside chance is scored ends the study with nothing."""
    heard = Heard(model)
    study = Study(models=["bayes", "knn"])
    with pytest.raises(KeyboardInterrupt):
        study.fit(*values_of_classes(), listener=heard)
    assert heard.events[-1] == ("closed", None)
    with pytest.raises(NotFittedError):
        _ = study.table


@pytest.mark.parametrize("at", ["started", "advanced"])
@pytest.mark.parametrize("model", ["knn", "linear"])
def test_interrupt_keeps_what_is_scored(few_fits, model, at):
    """Ctrl-C later ends the ladder there: whole rungs only, a warning, a model, a report that says so."""
    heard = Heard(model, at=at)
    study = Study(models=["bayes", "knn", "linear"])
    missing = "knn, linear are" if model == "knn" else "linear is"
    with pytest.warns(GoraeWarning, match=f"Interrupted by Ctrl-C: {missing} missing"):
        study.fit(*values_of_classes(), listener=heard)
    assert [row["model"] for row in study.table] == ["chance", "bayes", "knn"][
        : 3 if model == "linear" else 2
    ]
    assert study.interrupted_
    assert any("Interrupted" in note for note in study.findings_["data"]["notes"])
    assert len(study.predict(values()[0])) == 50


@pytest.mark.parametrize("model", ["bayes", "linear"])
def test_interrupt_while_the_winner_is_fitted(few_fits, monkeypatch, model):
    """The first Ctrl-C in the last fit does not lose the ladder: the winner is fitted whole once more."""
    monkeypatch.setattr(winner_module, "fit_carefully", lambda *_, **__: None)
    wanted = Study(models=[model]).fit(*values_of_classes())
    _interrupt_fits(monkeypatch, model, 1)
    study = Study(models=[model])
    with pytest.warns(GoraeWarning, match=f"Interrupted while {model} was fitted: this is done once more"):
        study.fit(*values_of_classes())
    assert study.interrupted_
    X = values()[0]
    np.testing.assert_array_equal(study.predict_proba(X), wanted.predict_proba(X))


def test_interrupt_while_caution_is_learned(few_fits, monkeypatch):
    """Ctrl-C while the winner is fitted in folds does not lose the ladder either."""
    carefully, left = winner_module.fit_carefully, [1]

    def interrupted(*arguments, **options):
        if left.pop() if left else 0:
            raise KeyboardInterrupt
        return carefully(*arguments, **options)

    wanted = Study(models=["bayes"]).fit(*values_of_classes())
    monkeypatch.setattr(winner_module, "fit_carefully", interrupted)
    study = Study(models=["bayes"])
    with pytest.warns(GoraeWarning, match="Interrupted while bayes was fitted"):
        study.fit(*values_of_classes())
    X = values()[0]
    np.testing.assert_array_equal(study.model.known_share(X), wanted.model.known_share(X))


def test_interrupt_while_the_evidence_is_gathered(few_fits, monkeypatch):
    """Ctrl-C after the last fit loses nothing either: what was cut short is done again."""
    wanted = Study(models=["bayes"]).fit(*values_of_classes())
    compare, left = study_module.compare_ladder, [1]

    def interrupted(*arguments):
        if left.pop() if left else 0:
            raise KeyboardInterrupt
        return compare(*arguments)

    monkeypatch.setattr(study_module, "compare_ladder", interrupted)
    study = Study(models=["bayes"])
    with pytest.warns(GoraeWarning, match="Interrupted while the evidence was gathered"):
        study.fit(*values_of_classes())
    assert study.interrupted_
    assert study.findings_["comparison"] == wanted.findings_["comparison"]
    assert study.test_ == wanted.test_


def test_second_interrupt_gives_up(few_fits, monkeypatch):
    """A second Ctrl-C in the last fit ends the study with nothing."""
    monkeypatch.setattr(winner_module, "fit_carefully", lambda *_, **__: None)
    _interrupt_fits(monkeypatch, "bayes", 2)
    with pytest.warns(GoraeWarning, match="once more"), pytest.raises(KeyboardInterrupt):
        Study(models=["bayes"]).fit(*values_of_classes())


def _interrupt_fits(monkeypatch, model, times):
    """Let Ctrl-C come in the first fits of the winner, where a network ends with a warning, others do not."""
    make, left = winner_module.final_estimator, [times]

    def interrupted(*arguments, **options):
        estimator = make(*arguments, **options)
        if left[0]:
            left[0] -= 1
            estimator.fit = cut_short
        return estimator

    def cut_short(*_, **__):
        if model == "bayes":
            raise KeyboardInterrupt
        warnings.warn("training was interrupted: the model has 1 of 1 members", GoraeWarning, stacklevel=2)

    monkeypatch.setattr(winner_module, "final_estimator", interrupted)


def test_time_that_is_up_begins_no_model(few_fits, monkeypatch):
    """Once the time is used up no further model begins, which is told; the first one is always scored."""
    clock(monkeypatch, a_rung=0.2)
    study = Study(models=["bayes", "knn", "linear"], time=0.1)
    with pytest.warns(GoraeWarning, match="used up: knn, linear are missing from the ladder"):
        study.fit(*values_of_classes())
    assert [row["model"] for row in study.table] == ["chance", "bayes"]
    assert not study.interrupted_


def test_model_that_takes_far_too_long_is_given_up(few_fits, monkeypatch):
    """A model that takes the study to twice its time is dropped whole, not scored by half."""
    now = clock(monkeypatch, model="knn", a_step=1.0)
    with pytest.warns(GoraeWarning, match="Given up at twice the time of 2 s: knn is missing"):
        study = Study(models=["bayes", "knn"], time=1.5).fit(*values_of_classes())
    assert [row["model"] for row in study.table] == ["chance", "bayes"]
    assert now() == 4.0  # the first step after 3 s is the last


def clock(monkeypatch, *, a_rung=0.0, model=None, a_step=0.0):
    """Let studies go by a clock that nothing moves but a rung, and a step of one model."""
    time, climb = [0.0], ascent_module.climb

    def slowly(rung, *args, tell, **options):
        def told(step):
            time[0] += a_step if rung == model else 0.0
            tell(step)

        time[0] += a_rung
        return climb(rung, *args, tell=told, **options)

    def now():
        return time[0]

    monkeypatch.setattr(ascent_module, "climb", slowly)
    for module in (study_module, ascent_module):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=now))
    return now


def test_report_escapes_hostile_names(few_fits, tmp_path):
    """Names of columns, classes and data that are markup or script reach the report as text only."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    frame = people().rename(columns={"city": evil})
    y = frame.pop("income").map({"low": evil, "middle": "b", "high": "c\u202ed"})
    study = Study(models=["bayes"]).fit(frame, y, name=evil, target=evil)
    study.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


def test_verbose_is_one_line_a_model_off_terminal(few_fits, capsys):
    """Without a terminal a study says the plan and one line a model on standard error, and no bar."""
    Study(models=["bayes"], verbose=1).fit(*values_of_classes())
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0].startswith("plan: 3 outer folds, 2 inner folds to choose settings; ")
    assert [line.split()[0] for line in lines[1:]] == ["chance", "bayes"]
    assert "\x1b" not in captured.err


def test_silent_by_default(few_fits, capsys):
    """A study that is not asked to say anything says nothing, and warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Study(models=["bayes", "knn"]).fit(*values_of_classes())
    assert capsys.readouterr() == ("", "")
