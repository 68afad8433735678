"""`gorae similar` and `gorae.similar`: what is printed, written and refused."""

import csv
import json

import numpy as np
import pytest

import gorae
from cli_cases import run
from gorae.errors import DataError, InputError, ParameterError
from study_cases import as_csv, people, people_study, pictures, pictures_study, values, values_study

assert run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a model of people and rows that it has not seen, two of its own among them."""
    monkeypatch.chdir(tmp_path)
    people_study("knn").save(tmp_path / "people.gorae")
    frame = people(20, seed=3)
    frame.loc[[4, 5]] = people().loc[people_study("knn").model.reference.numbers[:2]].to_numpy()
    (tmp_path / "new.csv").write_text(as_csv(frame))
    return tmp_path


def test_text_table_and_report(folder, run):
    """A summary is printed, a line a row written, and a report with map, groups and repeated rows."""
    ran = run("similar", "people.gorae", "new.csv", "--neighbors", "2", "--target", "income")
    assert ran.code == 0
    assert "groups of variants: " in ran.out
    assert "repeated rows: " in ran.out
    assert ran.out.splitlines()[-1] == "table: new-similar.csv   report: new-similar.html"
    assert "comparing 20 rows with" in ran.err
    with open("new-similar.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    model = people_study("knn").model
    assert [row["prediction"] for row in rows] == model.predict(people_rows(folder)).tolist()
    first = model.explain(people_rows(folder), neighbors=2)
    assert [int(row["nearest_1"]) for row in rows] == [near[0]["row"] for near in first]
    assert [row["label_2"] for row in rows] == [near[1]["label"] for near in first]
    assert rows[4]["repeats"] == f"equal to training row {model.reference.numbers[0]}"
    page = (folder / "new-similar.html").read_text()
    for words in (
        'id="map"',
        "Repeated rows",
        "The most unlike rows",
        "training rows",
        "<title>new row 4: actual ",
    ):
        assert words in page
    assert len(page) < 500_000


def people_rows(folder):
    """The rows of the file as the model takes them."""
    return gorae.read_table(folder / "new.csv")


def test_json(folder, run):
    """`--json --quiet` prints one object with the keys that scripts rely on, and nothing else."""
    ran = run(
        *(
            "similar",
            "people.gorae",
            "new.csv",
            "--json",
            "--quiet",
            "--metric",
            "manhattan",
            "--map",
            "tsne",
        ),
        *("--out", "a/t.csv", "--report", "r.html"),
    )
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert found["schema"] == "gorae.similar/1"
    assert (found["metric"], found["space"], found["map"]["method"]) == ("l1", "inputs", "tsne")
    assert {"row", "prediction", "nearest", "share_farther", "share_low", "group", "repeats"} <= set(
        found["rows"][0]
    )
    assert found["repeats"][0]["equal"]
    assert (found["csv_file"], found["report_file"]) == ("a/t.csv", "r.html")
    assert (folder / "a" / "t.csv").exists()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--metric", "chebychev"], 1, "Did you mean 'chebyshev'"),
        (["--space", "hidden 1"], 1, "space must be one of 'last', 'inputs', 'outputs'"),
        (["--map", "t-sne"], 1, "Did you mean 'tsne'"),
        (["--neighbors", "1000"], 1, "known rows, got 1000"),
        (["--neighbors", "0"], 2, "--neighbors"),
        (["--target", "incme"], 1, "did you mean 'income'"),
        (["--target", "height"], 1, "gaps"),
        (["--out", "x.html"], 2, "would both be 'x.html'"),
        (["--unknown", "0.0001"], 1, "allow at least 0.1"),
    ],
)
def test_refused(folder, run, options, code, words):
    """What cannot be done is told in one sentence, and nothing is written."""
    ran = run("similar", "people.gorae", "new.csv", *options)
    assert ran.code == code
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert not list(folder.glob("*similar*"))


def test_an_existing_table_is_refused(folder, run):
    """A file that exists is left as it was, unless --force is given."""
    (folder / "new-similar.csv").write_text("mine")
    ran = run("similar", "people.gorae", "new.csv")
    assert (ran.code, (folder / "new-similar.csv").read_text()) == (1, "mine")
    assert "--force" in ran.err


def test_a_network_in_every_space(tmp_path):
    """A saved network compares pictures in each of its layers, as it did before it was saved."""
    pictures_study("mlp").save(tmp_path / "pictures.gorae")
    model, again = pictures_study("mlp").model, gorae.load(tmp_path / "pictures.gorae")
    rows = pictures()[0][:7]
    for space in ("last", "hidden 1", "inputs", "outputs"):
        ours, other = (gorae.similar(one, rows, space=space, map=None) for one in (model, again))
        assert np.array_equal(ours.examples.places, other.examples.places)
    known = model.reference.numbers.tolist()
    inputs = gorae.similar(model, rows, space="inputs", neighbors=1)
    for row in range(7):
        assert (inputs.nearest(row)[0]["row"] == row) == (row in known)
    assert {twin.row for twin in inputs.twins if twin.equal} == {row for row in range(7) if row in known}


def test_the_last_layer_is_that_of_explain():
    """The nearest rows are those that `explain` gives."""
    model, rows = pictures_study("mlp").model, pictures()[0][:5]
    found = gorae.similar(model, rows, neighbors=3)
    for row, near in enumerate(model.explain(rows, neighbors=3)):
        assert [one["row"] for one in found.nearest(row)] == [one["row"] for one in near]
        assert [one["distance"] for one in found.nearest(row)] == pytest.approx(
            [one["distance"] for one in near], abs=1e-4
        )


def test_numbers_are_compared_too(tmp_path):
    """A model of numbers tells values, and its map has their shades."""
    X, y = values()
    found = gorae.similar(values_study().model, X[:9], actual=y[:9], neighbors=1)
    assert isinstance(found.nearest(0)[0]["label"], float)
    found.report(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "y below " in page
    assert "var(--shade" in page


def test_variants_that_nothing_explains():
    """Planted variants far from all known rows are a new group, those of a known row are explained by it."""
    rng = np.random.default_rng(0)
    known = rng.normal(size=(120, 4))
    labels = (known[:, 0] > 0).astype(int)
    model = gorae.GaussianBayes().fit(known, labels)
    family = rng.normal(3, 0.05, (9, 4))
    variants = known[7] + rng.normal(0, 0.02, (8, 4))
    rows = np.concatenate([rng.normal(size=(40, 4)), family, variants])
    found = gorae.similar(model, rows, known=known, labels=labels)
    new, old = (found.variants[found.groups[at]] for at in (40, 49))
    assert new.is_new
    assert set(new.rows) == set(range(40, 49))
    assert set(range(49, 57)) <= set(old.rows)
    assert 7 in old.known
    assert old.labels[0][0] == labels[7]
    assert "no class of the training data explains" in page_of(found)


def page_of(found):
    """The report as text."""
    return gorae.report.similarities.render_similarity_report(found.report_facts())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, InputError, "keeps no training rows"),
        ({"known": np.eye(3), "labels": [0]}, DataError, "3 known rows, but 1 labels"),
        ({"known": np.ones((5, 3))}, DataError, "are equal in this space"),
        ({"known": np.eye(3), "neighbors": 4}, ParameterError, "between 1 and the 3 known rows"),
        ({"known": np.eye(3), "unknown": 0.1, "neighbors": 1}, InputError, "CautiousClassifier"),
        ({"known": np.eye(3), "actual": [1], "neighbors": 1}, DataError, "1 actual values"),
        ({"known": np.eye(3), "map": "pcs"}, ParameterError, "Did you mean 'pca'"),
        ({"known": np.eye(3), "X": np.full((1, 3), np.nan)}, InputError, "NaN"),
        ({"known": np.eye(3), "X": np.zeros((0, 3))}, DataError, "no row to compare"),
    ],
)
def test_refused_in_python(options, error, words):
    """What cannot be compared is refused in one sentence."""
    X = np.random.default_rng(0).normal(size=(12, 3))
    model = gorae.GaussianBayes().fit(X, np.arange(12) % 2)
    with pytest.raises(error, match=words):
        gorae.similar(model, options.pop("X", X), **options)


def test_one_row():
    """A single row is compared as many are; a map needs no more of it."""
    X = np.random.default_rng(0).normal(size=(12, 3))
    model = gorae.GaussianBayes().fit(X, np.arange(12) % 2)
    found = gorae.similar(model, X[:1], known=X)
    assert found.nearest(0)[0] == {"row": 0, "label": None, "distance": 0.0}
    assert found.twins[0].other == 0
    assert len(found.map["new"]["points"]) == 1


def test_a_cautious_classifier_says_what_is_unknown():
    """Its own flags and shares stand beside the neighbours in the space of the model within."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(40, 2)), rng.normal(4, 1, size=(40, 2))])
    model = gorae.CautiousClassifier(gorae.GaussianBayes(), cv=2, detector="cosine", random_state=0)
    model.fit(X, np.arange(80) // 40)
    found = gorae.similar(model, X[::9], known=X, unknown=0.1)
    assert np.array_equal(found.unknown, model.predict(X[::9], unknown="flag", false_alarms=0.1)[1])
    assert found.facts["space"] == "inputs"
