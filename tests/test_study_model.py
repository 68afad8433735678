"""The model of a study: one file that gives the same answers again, and takes nothing else for one."""

import copy
import random
import re
from dataclasses import replace

import numpy as np
import pytest

import gorae
from gorae.errors import (
    DamagedFileError,
    DataError,
    FileError,
    FileExistsRefusal,
    GoraeError,
    InputError,
    ParameterError,
)
from gorae.estimators import GaussianBayes
from gorae.files import read_container, write_container
from gorae.study import load_study_model
from gorae.study.model import KIND
from study_cases import people, people_study, pictures, pictures_study, study_of, values, values_study

PEOPLE = people(25, seed=3).drop(columns="income")
CASES = [
    *((people_study, model, PEOPLE) for model in ("bayes", "knn", "linear", "mlp", "ensemble")),
    *((values_study, model, values()[0]) for model in ("knn", "linear", "mlp", "ensemble")),
    *((pictures_study, model, pictures()[0]) for model in ("bayes", "knn", "linear", "mlp")),
]


@pytest.mark.parametrize(("study", "model", "X"), CASES, ids=[f"{s.__name__}-{m}" for s, m, _ in CASES])
def test_saved_and_loaded(study, model, X, tmp_path):
    """A loaded model of every kind answers and explains bitwise as the one that was saved."""
    fitted = study(model).model
    fitted.save(tmp_path / "model.gorae")
    loaded = gorae.load(tmp_path / "model.gorae")
    assert (loaded.name, loaded.target, loaded.feature_names) == (model, fitted.target, fitted.feature_names)
    for before, after in zip(fitted.answers(X), loaded.answers(X), strict=True):
        np.testing.assert_array_equal(after, before)
    assert loaded.explain(X[:3], neighbors=3) == fitted.explain(X[:3], neighbors=3)
    assert loaded.facts["best"] == model


def test_load_knows_both_kinds(tmp_path):
    """`gorae.load` opens a bare estimator and a study's model, and refuses a file of another kind."""
    GaussianBayes().fit([[0.0], [1.0], [4.0], [5.0]], [0, 0, 1, 1]).save(tmp_path / "bayes.gorae")
    assert type(gorae.load(tmp_path / "bayes.gorae")).__name__ == "GaussianBayes"
    with pytest.raises(FileError, match=r"bayes\.gorae"):
        load_study_model(tmp_path / "bayes.gorae")
    write_container(tmp_path / "other.gorae", {}, {}, kind="search")
    with pytest.raises(FileError, match="holds a 'search', not a model"):
        gorae.load(tmp_path / "other.gorae")


def test_existing_file_is_kept(tmp_path):
    """Without force an existing file is refused and left as it is."""
    (tmp_path / "model.gorae").write_text("mine")
    with pytest.raises(FileExistsRefusal):
        people_study("knn").save(tmp_path / "model.gorae", force=False)
    assert (tmp_path / "model.gorae").read_text() == "mine"


@pytest.mark.parametrize("study", [people_study, values_study, pictures_study])
def test_a_training_row_is_nearest_to_itself(study):
    """A row that was learned from is explained by itself, at distance 0, with its own label."""
    model = study("linear").model
    X, y = {
        people_study: (people().drop(columns="income"), people()["income"].to_numpy()),
        values_study: values(),
        pictures_study: pictures(),
    }[study]
    row = int(model.reference.numbers[4])
    nearest = model.explain(X[row : row + 1], neighbors=2)[0]
    assert nearest[0]["row"] == row
    assert nearest[0]["distance"] < 1e-5
    assert nearest[0]["label"] == y[row]
    assert nearest[0]["distance"] <= nearest[1]["distance"]


@pytest.mark.parametrize(
    ("study", "model", "words"),
    [
        (people_study, "mlp", r"the last hidden layer \(\d+ units;"),
        (people_study, "ensemble", r"the last hidden layer of the first network \(\d+ units;"),
        (people_study, "linear", "the input columns, scaled \\(1 is a standard deviation of one column"),
        (values_study, "knn", "the input columns, scaled"),
        (pictures_study, "knn", r"the input columns as they are \(1 is a step of 1"),
        (pictures_study, "linear", "the input columns, all scaled by one number"),
    ],
)
def test_space(study, model, words):
    """A model says in which space it compares rows, and what a distance of 1 is there."""
    assert re.match(words, study(model).model.space)


def test_rows_are_called_by_the_numbers_given():
    """Rows that were given numbers are named by them in explanations and among the hardest examples."""
    X, y = values()
    numbers = np.arange(len(X)) * 3 + 100
    study = study_of(X, y, models=["knn"], task="regression", row_numbers=numbers)
    reference = study.model.reference
    assert set(reference.numbers) <= set(numbers)
    place = int(np.flatnonzero(numbers == reference.numbers[4])[0])
    assert study.model.explain(X[place : place + 1], neighbors=1)[0][0]["row"] == numbers[place]
    for example in study.findings_["hardest"]:
        assert example["actual"] == y[np.flatnonzero(numbers == example["row"])[0]]


@pytest.mark.parametrize("numbers", [[1, 2], np.arange(50.0), ["a"] * 50])
def test_row_numbers_that_are_none(numbers):
    """Row numbers must be one whole number a row."""
    with pytest.raises(DataError, match="row_numbers must be one whole number a row: there are 50 rows"):
        study_of(*values(), task="regression", row_numbers=numbers)


def test_bad_questions():
    """More neighbours than rows kept, probabilities of a regression: refused with the numbers."""
    model = values_study("linear").model
    with pytest.raises(ParameterError, match="between 1 and the 40 rows kept, got 41"):
        model.explain(values()[0], neighbors=41)
    with pytest.raises(InputError, match="predicts numbers and has no class probabilities"):
        model.predict_proba(values()[0])
    with pytest.raises(InputError, match="keeps no training rows"):
        replace(model, reference=None).explain(values()[0])


def test_columns_in_any_order():
    """A table's columns are read by name: reordered and extra ones change nothing, missing ones are named."""
    model = people_study("bayes").model
    shuffled = PEOPLE.assign(extra=1)[["member", "extra", "city", "height", "age"]]
    np.testing.assert_array_equal(model.predict_proba(shuffled), model.predict_proba(PEOPLE))
    with pytest.raises(InputError, match="has no column 'height'"):
        model.predict(PEOPLE.drop(columns="height"))


def test_an_unseen_category_counts_as_none():
    """A category that was never seen, or a gap where there was none, still gets an answer."""
    model = people_study("bayes").model
    new = PEOPLE.assign(city="Atlantis", height=np.nan)
    assert np.isfinite(model.predict_proba(new)).all()


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The metadata and arrays of a model's file."""
    path = tmp_path_factory.mktemp("model") / "model.gorae"
    people_study("linear").save(path)
    container = read_container(path)
    return container.meta, container.arrays


def load_of(folder, meta, arrays):
    """What loading a file with these parts and a right hash gives."""
    path = folder / "changed.gorae"
    write_container(path, arrays, meta, kind=KIND)
    return load_study_model(path)


DAMAGES = {
    "no name": lambda m, a: m.pop("name"),
    "a name that is no text": lambda m, a: m.update(name=3),
    "no estimator": lambda m, a: m.pop("estimator"),
    "an unknown estimator": lambda m, a: m["estimator"].update({"class": "os.system"}),
    "an encoding that is none": lambda m, a: m["encoding"].update(codes=[{"name": "x"}]),
    "an encoding of fewer columns": lambda m, a: m["encoding"]["codes"].pop(),
    "more names than columns": lambda m, a: m["feature_names"].append("more"),
    "names that are none": lambda m, a: m.update(feature_names=3),
    "no classes": lambda m, a: m.update(classes=None),
    "one class": lambda m, a: m["classes"].update(values=["low"]),
    "classes of an odd kind": lambda m, a: m["classes"].update(kind="O,i8"),
    "facts that are none": lambda m, a: m.update(facts=[1]),
    "a scaling of another width": lambda m, a: a.update({"affine/scale": np.ones(99)}),
    "a scaling that is not finite": lambda m, a: a.update({"affine/shift": a["affine/shift"] * np.nan}),
    "no scaling": lambda m, a: a.pop("affine/fill"),
    "training rows of another number": lambda m, a: a.update({"reference/labels": np.zeros(3, np.int64)}),
    "labels beyond the classes": lambda m, a: a.update({"reference/labels": a["reference/labels"] + 9}),
    "features that are bytes": lambda m, a: a.update({"reference/features": np.zeros((48, 4), np.uint8)}),
    "features that are not finite": lambda m, a: a.update({"reference/features": np.full((48, 4), np.nan)}),
    "features of another width": lambda m, a: a.update({"reference/features": np.zeros((48, 3), np.float32)}),
    "a class twice": lambda m, a: m["classes"].update(values=["low", "low", "middle"]),
    "no parameters": lambda m, a: a.pop("estimator/member/0/0"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_parts_that_do_not_belong_together(parts, tmp_path, damage):
    """A file with a right hash but parts that do not belong together is refused as damaged, by its path."""
    meta, arrays = copy.deepcopy(parts[0]), dict(parts[1])
    assert load_of(tmp_path, meta, arrays).name == "linear"
    DAMAGES[damage](meta, arrays)
    with pytest.raises(DamagedFileError, match=r"changed\.gorae"):
        load_of(tmp_path, meta, arrays)


def test_hostile_metadata(parts, tmp_path):
    """Whatever stands in any place of the metadata, loading and answering raise gorae's own errors only."""
    draw = random.Random(0)
    junk = [None, True, -1, 10**12, 1e308, "", "x" * 50, [], [[]], {}, {"class": "MLPClassifier"}, [None] * 3]
    refused = 0
    for _ in range(150):
        meta = copy.deepcopy(parts[0])
        holder, key = draw.choice(list(places(meta)))
        holder[key] = draw.choice(junk)
        try:
            with np.errstate(all="ignore"):  # a file may well hold numbers that make no sense
                load_of(tmp_path, meta, parts[1]).answers(PEOPLE[:2])
        except GoraeError:
            refused += 1
    assert refused > 50


def places(part):
    """Every place in nested metadata, but for the facts, which are told and not read."""
    items = list(part.items()) if isinstance(part, dict) else list(enumerate(part))
    for key, value in items:
        yield part, key
        if isinstance(value, dict | list) and key != "facts":
            yield from places(value)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-7], lambda b: b"\x80\x04" + b[2:], lambda b: b[:900] + b"X" + b[901:]]
)
def test_damaged_file(tmp_path, damage):
    """A file that is cut short, is a pickle, or has one byte changed is refused as damaged."""
    path = tmp_path / "model.gorae"
    people_study("knn").save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedFileError):
        gorae.load(path)
