"""ONNX files of networks over sequences: with nothing but the file, texts become rows and rows answers."""

import json
import re
import unicodedata
import zlib

import numpy as np
import pytest

import gorae
from gorae.data import Calls, Characters, Words
from gorae.data.tokenizers import tokenizer_rule
from gorae.estimators import SequenceClassifier, SequenceRegressor
from gorae.exchange import to_onnx
from test_tagger import language
from text_cases import reviews, text_study

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

TEXTS = [
    "A whale, a WHALE! Don't go: 3.14 고래",
    "the pod of whales... café",
    "nobody@sea.org said so, sadly",
    "so sad; so bad; so it goes",
] * 4
LABELS = ["+", "+", "-", "-"] * 4
ASKED = ["A sad whale?", "nothing KNOWN", "고래 고래 cafe\u0301 don't", "so, so, so, so, so, so, so, so"]


class FileReader:
    """Reads texts by what an ONNX file says, as somebody without gorae would."""

    def __init__(self, path):
        self.session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        told = {k: json.loads(v) for k, v in self.session.get_modelmeta().custom_metadata_map.items()}
        self.how, self.classes = told["sequences"], told.get("classes")
        self.codes = {token: place + 2 for place, token in enumerate(told["tokens"])}

    def answers(self, texts):
        """What the runtime answers for texts."""
        rows = np.array([self.row(text) for text in texts], np.float32)
        return self.session.run(None, {"rows": rows})[0]

    def row(self, text):
        """One text as a row: its length, codes and zeros."""
        steps = self.how["steps"]
        tokens = self.tokens(text) if self.how["kind"] == "text" else list(text)
        if self.how["ngrams"]:
            tokens = self.ngrams(tokens)
        head = {"head": steps, "tail": 0, "head_tail": steps - steps // 2}[self.how["window"]]
        if len(tokens) > steps:
            tokens = tokens[:head] + tokens[len(tokens) - (steps - head) :]
        codes = [self.codes.get(token, 1) for token in tokens]
        return [len(codes), *codes] + [0] * (steps - len(codes))

    def tokens(self, text):
        """The tokens of one text."""
        cut, text = self.how["tokenizer"], text[: self.how["most_characters"]]
        if cut["name"] == "bytes":
            return [f"{byte:02x}" for byte in text.encode()]
        if cut["name"] == "calls":
            parts = text.split(cut["separator"]) if cut["separator"] else text.replace(",", " ").split()
            return [part.strip() for part in parts if part.strip()]
        text = unicodedata.normalize(cut["normal_form"], text)
        text = text.lower() if cut["lower"] else text
        if cut["name"] == "characters":
            found = list(text)
        else:
            found = [match[0] for match in re.finditer(cut["pattern"], text, re.IGNORECASE)]
        if cut.get("clitics"):
            apart = re.compile(cut["clitics_pattern"], re.IGNORECASE)
            found = [part for word in found for part in apart.split(word) if part]
        return [token[: self.how["longest_token"]] for token in found] or [self.how["empty"]]

    def ngrams(self, tokens):
        """The numbers of a text's n-grams, in plain whole numbers."""
        rules, own = self.how["ngrams"], [zlib.crc32(token.encode()) for token in tokens]
        counts = {}
        for size in rules["lengths"]:
            for start in range(len(own) - size + 1):
                found = mix(size)
                for code in own[start : start + size]:
                    found = mix(found + code)
                counts[size, found] = counts.get((size, found), 0) + 1
        levels = [
            (-(count >> level), level, size, found)
            for (size, found), count in counts.items()
            for level in range(count.bit_length())
        ]
        kept = sorted(levels)[: rules["most"]]
        return sorted({mix(found + level) % rules["bins"] for _, level, _, found in kept})


def mix(x):
    """SplitMix64's finalizer, in whole numbers modulo 2**64."""
    whole = (1 << 64) - 1
    x = (x + 0x9E3779B97F4A7C15) & whole
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & whole
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & whole
    return x ^ (x >> 31)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tokenizer": Words(clitics=True), "max_length": 5, "window": "tail"},
        {"tokenizer": Characters(lower=True), "max_length": 9, "window": "head_tail"},
        {"tokenizer": "bytes"},
        {"tokenizer": Calls(";"), "min_count": 2},
    ],
    ids=["words", "clitics", "characters", "bytes", "calls"],
)
def test_texts_are_answered_from_the_file_alone(options, tmp_path):
    """Cut and coded by the metadata, raw texts have the probabilities that the classifier states."""
    model = SequenceClassifier(cell="bag", embedding=3, epochs=2, random_state=0, **options)
    to_onnx(model.fit(TEXTS, LABELS), tmp_path / "m.onnx")
    reader = FileReader(tmp_path / "m.onnx")

    assert reader.classes == ["+", "-"]
    np.testing.assert_allclose(reader.answers(ASKED), model.predict_proba(ASKED), rtol=0, atol=1e-6)


def test_a_loaded_model_writes_what_it_knows(tmp_path):
    """Of a model from a file the tokens are those that it knows; answers are the same."""
    model = SequenceClassifier(cell="gru", width=3, embedding=3, epochs=1, min_count=5, random_state=0)
    model.fit(TEXTS, LABELS).save(tmp_path / "m.gorae")
    to_onnx(gorae.load(tmp_path / "m.gorae"), tmp_path / "m.onnx")
    reader = FileReader(tmp_path / "m.onnx")

    assert "so" in reader.codes
    assert "sad" not in reader.codes
    np.testing.assert_allclose(reader.answers(ASKED), model.predict_proba(ASKED), rtol=0, atol=1e-6)


@pytest.mark.parametrize("rung", ["linear", "bag"])
def test_the_model_of_a_study_is_answered_from_the_file_alone(rung, tmp_path):
    """Calibrated probabilities of raw texts, by their words or their n-grams, as fitted and as loaded."""
    data = reviews(60)
    study = text_study(data.drop("label"), data["label"], models=[rung], name="reviews", target="label")
    study.save(tmp_path / "m.gorae")
    texts = ["a wonderful whale", "dreadful and dreadful", "", "xyzzy " * 400, "the sea, the sea"]
    wanted = study.model.predict_proba(texts)
    for model in (study.model, gorae.load(tmp_path / "m.gorae")):
        to_onnx(model, tmp_path / "m.onnx")
        reader = FileReader(tmp_path / "m.onnx")
        rows = np.asarray(model.matrix(texts), np.float32)

        np.testing.assert_array_equal([reader.row(text) for text in texts], rows)
        np.testing.assert_allclose(reader.answers(texts), wanted, rtol=0, atol=1e-5)


def test_bytes_numbers_and_series(tmp_path):
    """What is no text has its kind, its steps and, where it has codes, its tokens."""
    data = [b"MZ\x00", b"PK\x03\x04", b"MZ", b"PK"]
    model = SequenceClassifier(cell="bag", embedding=2, epochs=1, random_state=0)
    to_onnx(model.fit(data, [0, 1, 0, 1]), tmp_path / "bytes.onnx")
    reader = FileReader(tmp_path / "bytes.onnx")
    assert (reader.how["kind"], reader.how["tokenizer"], len(reader.codes)) == ("bytes", None, 256)
    np.testing.assert_allclose(reader.answers(data), model.predict_proba(data), rtol=0, atol=1e-6)

    numbers = [[5, 9, 5], [7], [5, 5], [7, 7]]
    to_onnx(model.fit(numbers, [0, 1, 0, 1]), tmp_path / "ids.onnx")
    reader = FileReader(tmp_path / "ids.onnx")
    assert reader.codes == {5: 2, 7: 3, 9: 4}
    np.testing.assert_allclose(reader.answers(numbers), model.predict_proba(numbers), rtol=0, atol=1e-6)

    series = SequenceRegressor(cell="rnn", width=2, epochs=1, random_state=0)
    to_onnx(series.fit(np.ones((4, 3, 2)), np.arange(4.0)), tmp_path / "series.onnx")
    told = onnx.load(tmp_path / "series.onnx").metadata_props
    told = {prop.key: json.loads(prop.value) for prop in told}
    assert "tokens" not in told
    assert (told["sequences"]["kind"], told["sequences"]["channels"]) == ("series", 2)


def test_halves_of_characters_are_stored(tmp_path):
    """A token that UTF-8 cannot hold comes back as it was."""
    model = SequenceClassifier(cell="bag", embedding=2, epochs=1, random_state=0)
    to_onnx(model.fit([["\ud800", "b"], ["b"]], [0, 1]), tmp_path / "m.onnx")

    assert FileReader(tmp_path / "m.onnx").codes == {"b": 2, "\ud800": 3}


def test_a_tagger_tells_what_cuts_its_sentences(tmp_path):
    """Beside words and characters, the tokenizer and the letters of a word that are read."""
    forms, tags = language(12)
    sizes = {"hidden": 3, "filters": 2, "word_width": 3, "character_width": 2, "letters": 6, "row_length": 8}
    to_onnx(gorae.SequenceTagger(**sizes, epochs=1, random_state=0).fit(forms, tags), tmp_path / "t.onnx")
    told = {prop.key: json.loads(prop.value) for prop in onnx.load(tmp_path / "t.onnx").metadata_props}

    assert told["letters"] == 6
    assert told["tokenizer"] == tokenizer_rule(Words(clitics=True))
