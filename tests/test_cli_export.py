"""`gorae export`: a model of a study as an ONNX file, and what is refused."""

import json

import numpy as np
import pytest

from cli_cases import run
from gorae.study.inputs import input_matrix
from study_cases import people, people_study, values_study

assert run
pytest.importorskip("onnx", reason="the extra onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with models, which commands are run in."""
    monkeypatch.chdir(tmp_path)
    people_study("mlp").save(tmp_path / "people.gorae")
    people_study("bayes").save(tmp_path / "bayes.gorae")
    values_study("linear").save(tmp_path / "values.gorae")
    return tmp_path


def answer(path, rows):
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"rows": rows.astype(np.float32)})[0]


def test_classes(folder, run):
    """The file answers the model's calibrated probabilities from the matrix that its table becomes."""
    ran = run("export", "people.gorae", "people.onnx", "--json")
    told = json.loads(ran.out)
    model = people_study("mlp").model
    new = people(7, seed=4).drop(columns="income")
    rows = input_matrix(new, model.encoding, model.feature_names)

    assert (ran.code, ran.err) == (0, "")
    assert (told["schema"], told["output"]["name"]) == ("gorae.export/1", "probabilities")
    assert told["columns"] == list(model.feature_names)
    assert told["classes"] == ["high", "low", "middle"]
    np.testing.assert_allclose(answer("people.onnx", rows), model.predict_proba(new), rtol=1e-5, atol=1e-5)


def test_values(folder, run):
    """A model of numbers answers them; what was written is told on standard error."""
    ran = run("export", "values.gorae", "values.onnx")
    rows = np.random.default_rng(0).normal(size=(5, 3))

    assert (ran.code, ran.out) == (0, "")
    assert "rows, float32 of shape ['n', 3]" in ran.err
    assert "become values, float32 of shape ['n']" in ran.err
    np.testing.assert_allclose(
        answer("values.onnx", rows), values_study("linear").model.predict(rows), rtol=1e-5, atol=1e-5
    )


def test_refusals(folder, run):
    """What is no network, has another name, or would be replaced, is refused; --force replaces it."""
    assert "got GaussianBayes" in run("export", "bayes.gorae", "bayes.onnx").err
    assert "must be the name of an ONNX file" in run("export", "values.gorae", "values.pt").err
    (folder / "values.onnx").write_text("mine")
    assert "give --force" in run("export", "values.gorae", "values.onnx").err
    assert (folder / "values.onnx").read_text() == "mine"
    ran = run("export", "values.gorae", "values.onnx", "--force", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert not (folder / "bayes.onnx").exists()
