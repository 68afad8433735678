"""Taggers written for PyTorch and ONNX answer what `predict_proba` does, for sentences of any length."""

import numpy as np
import pytest

import gorae
from gorae.errors import InputError, NotFittedError
from test_tagger import language

SMALL = {"hidden": 5, "filters": 6, "word_width": 4, "character_width": 3, "letters": 5, "row_length": 8}
FORMS, TAGS = language(30)
ASKED = [*language(5, seed=1, stems=["zor", "lem"])[0], FORMS[0] * 4, ["the"]]
KINDS = {
    "lstm ensemble": {"members": 2},
    "two layers of gru": {"cell": "gru", "layers": 2},
    "frozen words alone": {
        "filters": 0,
        "cell": "rnn",
        "vectors": {"the": [1.0, 2, 3, 4]},
        "freeze_vectors": True,
    },
}


@pytest.fixture(scope="module", params=KINDS, ids=KINDS)
def fitted(request):
    """Return one of the taggers."""
    return gorae.SequenceTagger(**{**SMALL, **KINDS[request.param]}, epochs=2, random_state=0).fit(
        FORMS, TAGS
    )


def close(found, wanted):
    """Compare the answers of padded sentences with those of each."""
    for own, known in zip(found, wanted, strict=True):
        np.testing.assert_allclose(own[: len(known)], known, atol=1e-5)


def test_a_module_answers_what_the_tagger_does(fitted):
    """All sentences together, and one of them alone, whatever their length."""
    torch = pytest.importorskip("torch")
    module, wanted = gorae.to_torch(fitted), fitted.predict_proba(ASKED)

    close(module(torch.tensor(fitted.encode(ASKED))).detach().numpy(), wanted)
    close(module(torch.tensor(fitted.encode(ASKED[1:2]))).detach().numpy(), wanted[1:2])
    assert not module.training


def test_a_module_learns_on(fitted):
    """Its layers are PyTorch's own: every parameter has a gradient where the loss depends on it."""
    torch = pytest.importorskip("torch")
    module = gorae.to_torch(fitted)

    module(torch.tensor(fitted.encode(ASKED)))[0, 0, 0].backward()

    slopes = {name: value.grad for name, value in module.named_parameters()}
    assert slopes["members.0.output.weight"].abs().sum() > 0
    assert slopes["members.0.words.weight"].abs().sum() > 0


def test_onnx_answers_what_the_tagger_does(fitted, tmp_path):
    """The file has any number of sentences and words, and says which words and characters have codes."""
    onnxruntime = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "t.onnx"
    gorae.to_onnx(fitted, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = fitted.predict_proba(ASKED)

    (found,) = session.run(None, {"rows": fitted.encode(ASKED).astype(np.float32)})

    close(found, wanted)
    (alone,) = session.run(None, {"rows": fitted.encode(ASKED[2:3]).astype(np.float32)})
    close(alone, wanted[2:3])
    told = {prop.key for prop in onnx.load(path).metadata_props}
    assert {"classes", "words", "characters", "estimator"} <= told


def test_encoded_sentences_are_what_the_docstring_says():
    """Where a sentence begins, the word's code, its characters; zeros behind."""
    tagger = gorae.SequenceTagger(**{**SMALL, "letters": 3}, epochs=1, min_count=1).fit(
        [["a", "pod"]] * 2, [["D", "N"]] * 2
    )
    words, letters = tagger._coding.words, tagger._coding.characters

    found = tagger.encode(["a", ["pod", "eel", "a"]])

    code = {word: words.encode([word])[0] for word in ("a", "pod", "eel")}
    spelled = {word: letters.encode(word).tolist() for word in code}
    assert found[0].tolist() == [[1, code["a"], *spelled["a"], 0, 0], [0] * 5, [0] * 5]
    assert found[1, :, 0].tolist() == [1, 0, 0]
    assert found[1, 0].tolist() == [1, code["pod"], *spelled["pod"]]
    assert code["eel"] == 1


def test_a_chain_is_refused():
    """Tags of a chain are no layer's answer; what is not fitted has none."""
    pytest.importorskip("torch")
    chained = gorae.SequenceTagger(**SMALL, decoder="crf", epochs=1).fit(FORMS, TAGS)

    with pytest.raises(
        InputError, match="decoder='crf' looks for the best chain of tags, .* decoder='softmax'"
    ):
        gorae.to_torch(chained)
    with pytest.raises(NotFittedError):
        gorae.to_torch(gorae.SequenceTagger())
