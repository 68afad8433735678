"""Saved estimators come back as they were; files that cannot be are refused (DESIGN contract 7)."""

import getpass
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gorae.estimators
from gorae.errors import DamagedFileError, FileError, FileExistsRefusal, InputError
from gorae.estimators import (
    GaussianBayes,
    LinearClassifier,
    MLPClassifier,
    load,
)
from gorae.estimators.loading import ESTIMATORS
from gorae.estimators.saving import KIND, labels_from_meta, labels_to_meta
from gorae.files import read_container, write_container
from saved_models import CODES, MODELS, X, fitted

ANSWERS = ("predict", "predict_quantiles", "predict_proba", "decision_function", "hidden_features")
LEARNED = (
    "coef_",
    "n_iter_",
    "loss_curve_",
    "validation_scores_",
    "classes_",
    "layer_names_",
    "n_features_in_",
    "levels_",
)


def answers(model: Any) -> list[np.ndarray]:
    """Return all that a model says of the rows, and what it has learned."""
    said = [getattr(model, name)(X) for name in ANSWERS if hasattr(model, name)]
    return said + [np.asarray(getattr(model, name)) for name in LEARNED if hasattr(model, name)]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_round_trip(model: Any, tmp_path: Path) -> None:
    """A loaded estimator has the parameters of the saved one and answers bitwise as it does."""
    fitted(model).save(tmp_path / "model.gorae")

    loaded = load(tmp_path / "model.gorae")

    assert type(loaded) is type(model)
    assert repr(loaded) == repr(model).replace("[6, 5]", "(6, 5)")
    for found, wanted in zip(answers(loaded), answers(model), strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


def test_every_estimator_can_be_loaded() -> None:
    """The closed list of classes holds every public estimator, each tested above or in a file of its own."""
    public = {name for name in gorae.estimators.__all__ if isinstance(getattr(gorae.estimators, name), type)}

    of_sequences = {
        "SequenceClassifier",
        "SequenceRegressor",
        "SequenceTagger",
    }  # saved in tests of their own
    assert set(ESTIMATORS) == public == {type(model).__name__ for model in MODELS} | of_sequences


def test_loaded_model_goes_on(tmp_path: Path) -> None:
    """A loaded model trains on from where it was, with the optimizer anew."""
    model = MLPClassifier((8,), optimizer="sgd", batch_size=16, epochs=8, random_state=0)
    fitted(model).save(tmp_path / "model.gorae")

    loaded = load(tmp_path / "model.gorae").partial_fit(X, CODES)

    assert loaded.n_iter_ == 9
    np.testing.assert_array_equal(loaded.predict_proba(X), model.partial_fit(X, CODES).predict_proba(X))


def test_feature_names_come_back(tmp_path: Path) -> None:
    """Names of columns are kept, and columns in another order refused, after loading as before."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "é", "d"])
    LinearClassifier(epochs=8).fit(frame, CODES).save(tmp_path / "model.gorae")

    loaded = load(tmp_path / "model.gorae")

    assert loaded.feature_names_in_.tolist() == ["a", "b", "é", "d"]
    with pytest.raises(InputError, match="The feature names should match"):
        loaded.predict(frame[["b", "a", "é", "d"]])


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["ant", "bée"]),
        np.array(["ant", "bee"], dtype=object),
        np.array([False, True]),
        np.array([-5, 2**60]),
        np.array([0.0, 3.0], dtype=np.float32),
        np.array([3, 250], dtype=np.uint8),
    ],
    ids=lambda labels: labels.dtype.name,
)
def test_labels_come_back(labels: np.ndarray) -> None:
    """Labels of every kind come back as they were, in their own type."""
    found = labels_from_meta(labels_to_meta(labels))

    assert found.dtype == labels.dtype
    np.testing.assert_array_equal(found, labels)


def test_labels_that_no_file_holds() -> None:
    """Labels that JSON cannot hold are refused when they are saved."""
    with pytest.raises(InputError, match="class labels must be strings, numbers or truth values to be saved"):
        labels_to_meta(np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]"))


def test_nothing_of_the_machine_is_stored(tmp_path: Path) -> None:
    """A file holds no path, no user and no generator; such parameters have their defaults after loading."""
    model = MLPClassifier(
        (8,),
        batch_size=16,
        epochs=2,
        checkpoint=tmp_path / "kept",
        random_state=np.random.RandomState(0),
        verbose=False,
        device="auto",
    )
    fitted(model).save(tmp_path / "model.gorae")
    content = (tmp_path / "model.gorae").read_bytes()

    loaded = load(tmp_path / "model.gorae")

    for name in (str(tmp_path), os.getcwd(), str(Path.home()), getpass.getuser() + "/"):
        assert name.encode() not in content
    assert (loaded.checkpoint, loaded.random_state, loaded.device) == (None, None, None)
    assert (tmp_path / "model.gorae").stat().st_mode & 0o777 == 0o600


def test_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    """With force=False an existing file stays as it is."""
    path = tmp_path / "model.gorae"
    path.write_bytes(b"mine")

    with pytest.raises(FileExistsRefusal, match=r"model\.gorae"):
        fitted(GaussianBayes()).save(path, force=False)

    assert path.read_bytes() == b"mine"


def test_other_kinds_are_refused(tmp_path: Path) -> None:
    """A container that holds something else is refused with its kind; a missing file with its path."""
    write_container(tmp_path / "other.gorae", {}, {}, kind="member-checkpoint")

    with pytest.raises(FileError, match="holds a 'member-checkpoint'; a 'estimator' was wanted"):
        load(tmp_path / "other.gorae")
    with pytest.raises(FileError, match=r"There is no file .*missing\.gorae"):
        load(tmp_path / "missing.gorae")


@pytest.mark.parametrize("name", ["BaseEstimator", "os.system", "", None, 3, ["MLPClassifier"]])
def test_unknown_class(name: Any, tmp_path: Path) -> None:
    """A file that names a class that is not on the list is refused with the name and the path."""
    write_container(tmp_path / "model.gorae", {}, {"class": name}, kind=KIND)

    with pytest.raises(DamagedFileError, match=r"model\.gorae' is refused: .* unknown class"):
        load(tmp_path / "model.gorae")


def test_no_code_runs(tmp_path: Path) -> None:
    """Loading imports, executes and opens nothing but the file (an audit hook in a new process looks on)."""
    for place, model in enumerate(MODELS):
        fitted(model).save(tmp_path / f"{place}.gorae")
    program = """
import sys
from pathlib import Path
from gorae.estimators import load
seen, folder = [], sys.argv[1]
def hook(event, arguments):
    if event in ("import", "exec", "compile", "marshal.loads", "pickle.find_class") or event.startswith(
        ("os.", "socket.", "subprocess.", "ctypes.", "shutil.", "urllib.")
    ) or event == "open" and not str(arguments[0]).startswith(folder):
        seen.append((event, str(arguments)[:200]))
paths = [str(path) for path in Path(folder).iterdir()]
sys.addaudithook(hook)
for path in paths:
    load(path)
found = list(seen)
print(found)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_damaged_container(tmp_path: Path) -> None:
    """One flipped bit anywhere in a file is refused."""
    fitted(LinearClassifier(epochs=8)).save(tmp_path / "model.gorae")
    content = (tmp_path / "model.gorae").read_bytes()
    for place in range(0, len(content), len(content) // 40):
        flipped = bytearray(content)
        flipped[place] ^= 4
        (tmp_path / "model.gorae").write_bytes(flipped)

        with pytest.raises(DamagedFileError, match="is refused"):
            load(tmp_path / "model.gorae")


def test_set_parameters_do_not_spoil_a_file(tmp_path: Path) -> None:
    """Parameters that were changed after the fit are stored, and the network stays the fitted one."""
    model = fitted(MLPClassifier((8,), batch_size=16, epochs=8, random_state=0)).set_params(
        hidden=(99,), epochs=-1
    )
    expected = model.predict_proba(X)
    model.save(tmp_path / "model.gorae")

    loaded = load(tmp_path / "model.gorae")

    assert (loaded.hidden, loaded.epochs) == ((99,), -1)
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)


def test_container_holds_arrays_and_json(tmp_path: Path) -> None:
    """What the file holds can be read without the class: arrays by name, and the class's name."""
    fitted(LinearClassifier(epochs=8)).save(tmp_path / "model.gorae")

    container = read_container(tmp_path / "model.gorae")

    assert container.kind == "estimator"
    assert container.meta["class"] == "LinearClassifier"
    assert container.arrays["member/0/0"].shape == (4, 2)
