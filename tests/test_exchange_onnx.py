"""Networks of gorae as ONNX files: a runtime's answers, what is written beside them, and refusals."""

import json
import sys

import numpy as np
import pytest

from exchange_cases import CALIBRATIONS, FITS, LAYERS, answered, calibrated, fitted
from gorae.errors import FileExistsRefusal, InputError, WriteError
from gorae.estimators import MLPClassifier
from gorae.exchange import to_onnx

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


def answer(path, rows):
    """What ONNX Runtime answers for rows, in the type that the file asks for."""
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    kind = np.float64 if given.type == "tensor(double)" else np.float32
    return session.run(None, {given.name: rows.astype(kind)})[0]


@pytest.mark.parametrize("name", FITS)
def test_fitted_networks_answer_alike(name, tmp_path):
    """A runtime answers what the estimator does, to 1e-5 of the size of the answer, for any number of rows."""
    case = fitted(name)
    to_onnx(case.model, tmp_path / "model.onnx")

    for count in (1, 7):
        found = answer(tmp_path / "model.onnx", case.rows[:count])
        np.testing.assert_allclose(found, case.answers[:count], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("kind", "curve"), CALIBRATIONS)
def test_calibrated_probabilities_are_alike(kind, curve, tmp_path):
    """A runtime calibrates as the model does, whatever it has learned of its probabilities."""
    model, rows = calibrated(kind, curve)
    to_onnx(model, tmp_path / "model.onnx")

    np.testing.assert_allclose(answer(tmp_path / "model.onnx", rows), model.predict_proba(rows), atol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_answer_alike(name, tmp_path):
    """A runtime answers what a layer does, images with their channels last."""
    case = answered(name)
    to_onnx(case.model, tmp_path / "layer.onnx", input_shape=case.rows.shape[1:])

    np.testing.assert_allclose(answer(tmp_path / "layer.onnx", case.rows), case.answers, rtol=1e-5, atol=1e-5)


def test_labels_and_columns_are_told(tmp_path):
    """The metadata hold the classes in the order of the probabilities, and the columns' names."""
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"length": [0.0, 1.0, 4.0, 5.0], "width": [1.0, 0.0, 1.0, 0.0]})
    model = MLPClassifier((2,), epochs=1, random_state=0).fit(table, ["a", "a", "b", "b"])
    to_onnx(model, tmp_path / "model.onnx")
    written = onnx.load(tmp_path / "model.onnx")
    told = {prop.key: json.loads(prop.value) for prop in written.metadata_props}

    assert told == {"estimator": "MLPClassifier", "classes": ["a", "b"], "columns": ["length", "width"]}
    assert [value.name for value in written.graph.output] == ["probabilities"]


def test_the_same_model_is_the_same_file(tmp_path):
    """Bytes follow from the model alone."""
    model = fitted("prelu").model
    to_onnx(model, tmp_path / "one.onnx")
    to_onnx(model, tmp_path / "two.onnx")

    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_files_are_not_lost(tmp_path):
    """An existing file stays without force, a missing folder is named, and nothing is left behind."""
    model, path = fitted("prelu").model, tmp_path / "model.onnx"
    path.write_text("mine")

    with pytest.raises(FileExistsRefusal, match=r"model\.onnx"):
        to_onnx(model, path, force=False)
    with pytest.raises(WriteError, match="nowhere"):
        to_onnx(model, tmp_path / "nowhere" / "model.onnx")
    assert path.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def test_without_the_package(monkeypatch, tmp_path):
    """Where onnx is missing, the error says which extra brings it."""
    monkeypatch.setitem(sys.modules, "onnx", None)

    with pytest.raises(InputError, match=r"to_onnx needs the package onnx: pip install 'gorae\[onnx\]'"):
        to_onnx(fitted("prelu").model, tmp_path / "model.onnx")
