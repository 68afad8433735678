"""`gorae explain`: what pushed one answer, and with --target what all answers depend on."""

import json

import pytest

from cli_cases import run
from gorae.data import load_named
from study_cases import as_csv, people, people_study, pictures, pictures_study, study_of, values, values_study

assert run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with models and `new.csv`, whose rows no model has learned from, which commands run in."""
    monkeypatch.chdir(tmp_path)
    people_study("linear").save(tmp_path / "people.gorae")
    people_study("knn").save(tmp_path / "nearest.gorae")
    (tmp_path / "new.csv").write_text(as_csv(people(80, seed=9)))
    return tmp_path


def test_what_pushed_one_answer(folder, run):
    """For a network the columns that pushed the answer follow the examples, with the row's own values."""
    ran = run("explain", "people.gorae", "new.csv", "--row", "3")
    assert ran.code == 0
    lines = ran.out.splitlines()
    start = lines.index("") + 1
    row = people(80, seed=9).iloc[3]
    assert lines[start].startswith(f"what pushed the score for {lines[0].split()[2]} from ")
    assert any(line.startswith(f"age = {row['age']}") for line in lines[start + 1 :])
    found = json.loads(run("explain", "people.gorae", "new.csv", "--row", "3", "--json").out)
    pushed = found["attributions"]
    assert pushed["of"] == found["prediction"]
    assert sum(one["attribution"] for one in pushed["columns"]) == pytest.approx(
        pushed["end"] - pushed["start"], abs=0.01
    )


def test_no_gradient_to_follow(folder, run):
    """For another model this is left out with one sentence, which --quiet silences."""
    ran = run("explain", "nearest.gorae", "new.csv", "--row", "3")
    assert "knn has no gradient to follow; --target" in ran.err
    assert "" not in ran.out.splitlines()
    found = run("explain", "nearest.gorae", "new.csv", "--row", "3", "--json", "--quiet")
    assert found.err == ""
    assert json.loads(found.out)["attributions"] is None


def test_what_all_answers_depend_on(folder, run):
    """With --target the columns come with importance and interval, the most important first."""
    ran = run("explain", "nearest.gorae", "new.csv", "--target", "income", "--repeats", "4")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith("accuracy 0.")
    assert "on 80 rows" in lines[0]
    assert "(mean of 4 times)" in lines[0]
    assert {line.split()[0] for line in lines[2:6]} == {"age", "city", "height", "member"}
    amounts = [float(line.split()[1]) for line in lines[2:6]]
    assert amounts == sorted(amounts, reverse=True)
    assert lines[-1].startswith("note: columns that say the same share their importance")
    assert not list(folder.glob("*.html"))


def test_json_and_report(folder, run):
    """--json prints one object, and --report writes one page, replaced by force only."""
    ran = run(
        "explain",
        "people.gorae",
        "new.csv",
        "--target",
        "income",
        "--json",
        "--quiet",
        "--report",
        "a/p.html",
    )
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["schema"], found["rows"], found["repeats"]) == ("gorae.importance/1", 80, 10)
    assert set(found["columns"][0]) == {"name", "importance", "low", "high"}
    assert found["dependence"][0]["column"] == found["columns"][0]["name"]
    page = (folder / "a" / "p.html").read_text()
    assert "What pushed single answers" in page
    assert "gorae explain: new.csv" in page
    again = run("explain", "people.gorae", "new.csv", "--target", "income", "--report", "a/p.html")
    assert (again.code, "--force" in again.err) == (1, True)
    assert (
        run(
            "explain", "people.gorae", "new.csv", "--target", "income", "--report", "a/p.html", "--force"
        ).code
        == 0
    )


def test_rows_without_target_are_left_out(folder, run):
    """Rows that have no true answer are left out, with a word about it."""
    text = (folder / "new.csv").read_text().splitlines()
    text[5] = text[5].rsplit(",", 1)[0] + ","
    (folder / "some.csv").write_text("\n".join(text))
    ran = run("explain", "nearest.gorae", "some.csv", "--target", "income")
    assert "1 of 80 rows of 'some.csv' has no 'income' and was left out" in ran.err
    assert "on 79 rows" in ran.out


def test_values(folder, run):
    """A model of numbers is told by R2, on a table of its columns in another order."""
    values_study().save(folder / "values.gorae")
    X, y = values()
    lines = ["y,x2,x0,x1", *(f"{b},{a[2]},{a[0]},{a[1]}" for a, b in zip(X, y, strict=True))]
    (folder / "values.csv").write_text("\n".join(lines))
    ran = run("explain", "values.gorae", "values.csv", "--target", "y")
    assert ran.code == 0
    assert ran.out.splitlines()[2].split()[0] == "x1"
    assert ran.out.startswith("r2 ")


def test_named_data_set(folder, run):
    """A named data set has its own target."""
    iris = load_named("iris")
    study_of(iris.X[::2], iris.y[::2]).save(folder / "iris.gorae")
    ran = run("explain", "iris.gorae", "iris")
    assert "on 150 rows" in ran.out
    assert run("explain", "iris.gorae", "iris", "--target", "species").code == 2


def test_pictures(folder, run):
    """A model of pictures tells of parts of pictures, and its report shows maps."""
    study = pictures_study()
    study.save(folder / "pictures.gorae")
    names = study.model.feature_names
    rows = ["label," + ",".join(names)]
    X, y = pictures(20)
    rows += [f"{label}," + ",".join(map(str, row.ravel())) for row, label in zip(X, y, strict=True)]
    (folder / "pictures.csv").write_text("\n".join(rows))
    ran = run("explain", "pictures.gorae", "pictures.csv", "--target", "label", "--report", "p.html")
    assert ran.code == 0
    assert "row 0, column 3" in ran.out
    assert "data:image/png" in (folder / "p.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["new.csv"], 2, "--row"),
        (["new.csv", "--row", "1", "--target", "income"], 2, "leave one out"),
        (["new.csv", "--row", "1", "--report", "a.html"], 2, "leave one out"),
        (["new.csv", "--target", "incomee"], 1, "did you mean 'income'?"),
        (["new.csv", "--target", "income", "--repeats", "0"], 2, "--repeats"),
        (["few.csv", "--target", "income"], 1, "'height'"),
        (["other.csv", "--target", "income"], 1, "huge"),
        (["one.csv", "--target", "income"], 1, "at least two rows"),
        (["nowhere.csv", "--target", "income"], 1, "nowhere.csv"),
    ],
)
def test_refused(folder, run, arguments, code, told):
    """What cannot be explained is refused in one sentence, with the exit code of its kind."""
    (folder / "few.csv").write_text("age,city,income\n30,Seoul,low\n40,Busan,high\n")
    (folder / "other.csv").write_text(
        "age,height,city,member,income\n30,170,Seoul,True,huge\n31,1,Busan,True,low\n"
    )
    (folder / "one.csv").write_text("age,height,city,member,income\n30,170,Seoul,True,low\n")
    ran = run("explain", "people.gorae", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err
    assert "Traceback" not in ran.err
