"""`gorae fit`, `predict` and `info` with treebanks: a tagger, how often it is right, and the tags of new words."""

import csv
import io
import json

import numpy as np
import pytest

import gorae
from cli_cases import run
from gorae.data import Sentences, read_conllu
from gorae.errors import DataError, ParameterError
from gorae.study.frequent_tags import fit_frequent_tags
from gorae.study.treebank import train_on_treebank
from test_tagger import language

assert run

SMALL = {
    "hidden": 6,
    "filters": 8,
    "word_width": 6,
    "character_width": 5,
    "letters": 6,
    "row_length": 8,
    "batch_size": 4,
    "learning_rate": 0.03,
    "epochs": 6,
}


def conllu(forms, tags):
    """Return sentences as CoNLL-U, with a comment, a range and a word that is not written in each."""
    lines = []
    for words, own in zip(forms, tags, strict=True):
        lines += ["# text", "1-2\tx" + "\t_" * 8]
        for place, (word, tag) in enumerate(zip(words, own, strict=True), start=1):
            lines.append(f"{place}\t{word}\t_\t{tag}\tx{tag}" + "\t_" * 5)
        lines += ["1.1\ty" + "\t_" * 8, ""]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def small():
    """Let taggers of this module be small by default."""
    patch = pytest.MonkeyPatch()
    names = gorae.SequenceTagger.__init__.__kwdefaults__
    for name, value in SMALL.items():
        if name == "hidden":
            patch.setattr(gorae.SequenceTagger.__init__, "__defaults__", (value,))
        else:
            patch.setitem(names, name, value)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small):
    """A folder with a treebank and one to test on."""
    path = tmp_path_factory.mktemp("tagging")
    (path / "made.conllu").write_text(conllu(*language(120)))
    forms, tags = language(30, seed=1)
    forms[0], tags[0] = [*forms[0], "zora"], [*tags[0], "NOUN"]
    (path / "dev.conllu").write_text(conllu(forms, tags))
    (path / "new.txt").write_text("the mara tolis\n\nThe veno, the zora\n")
    return path


@pytest.fixture(scope="module")
def model(folder, small):
    """A tagger that `train_on_treebank` made, in its file."""
    made = train_on_treebank(
        read_conllu(folder / "made.conllu"), read_conllu(folder / "dev.conllu"), name="made"
    )
    made.save(folder / "saved.gorae")
    return made


def test_fit_trains_a_tagger_and_says_how_often_it_is_right(folder, run, monkeypatch, tmp_path):
    """A table of known and unknown words beside the most frequent tag; the file is a tagger; info tells of it."""
    monkeypatch.chdir(tmp_path)
    ran = run("fit", folder / "made.conllu", "--test", folder / "dev.conllu")

    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].split() == ["words", "number", "right", "95", "%", "interval", "most", "frequent", "tag"]
    assert [line.split()[0] for line in lines[1:4]] == ["all", "known", "unknown"]
    assert "learned 4 universal tags from 120 sentences" in ran.out
    assert "held apart" in ran.out
    tagger = gorae.load("made.gorae")
    dev = read_conllu(folder / "dev.conllu")
    assert float(lines[1].split()[2]) == pytest.approx(tagger.score(dev), abs=1e-4)
    told = run("info", "made.gorae")
    assert "learned 4 universal tags from 120 sentences" in told.out
    assert run("fit", folder / "made.conllu").code == 1  # the file exists


def test_json_and_the_languages_own_tags(folder, run, tmp_path):
    """With --json one object; with --target xpos the fifth column is learned, and written."""
    ran = run("fit", folder / "made.conllu", "--target", "xpos", "--json", "--out", tmp_path)

    found = json.loads(ran.out)
    assert (found["schema"], found["data"]["set"]) == ("gorae.fit-tagger/1", "language")
    assert found["data"]["tags"] == ["xADJ", "xDET", "xNOUN", "xVERB"]
    assert found["test"]["kind"] == "held out"
    assert found["data"]["sentences"] + found["test"]["sentences"] == 120
    out = tmp_path / "x.conllu"
    assert run("predict", tmp_path / "made.gorae", folder / "dev.conllu", "--out", out).code == 0
    again = read_conllu(out)
    assert again.universal == read_conllu(folder / "dev.conllu").universal
    assert set(np.concatenate(again.language)) <= set(found["data"]["tags"])


def test_predict_writes_words_and_tags(folder, model, run, tmp_path):
    """A word and its tag a line; CSV with probabilities; CoNLL-U, of which all else stays; JSON."""
    file, tagger = folder / "saved.gorae", model.tagger
    text = [["the", "mara", "tolis"], ["The", "veno", ",", "the", "zora"]]
    tags = tagger.predict(text)

    plain = run("predict", file, folder / "new.txt").out
    assert plain == "\n".join(
        "".join(f"{word}\t{tag}\n" for word, tag in zip(*both, strict=True))
        for both in zip(text, tags, strict=True)
    )
    run("predict", file, folder / "new.txt", "--out", tmp_path / "a.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert rows[0] == ["sentence", "place", "word", "tag", "probability"]
    assert [row[3] for row in rows[1:]] == tags[0] + tags[1]
    assert all(0 < float(row[4]) <= 1 for row in rows[1:])
    run("predict", file, folder / "new.txt", "--out", tmp_path / "a.conllu")
    assert read_conllu(tmp_path / "a.conllu").universal == tuple(map(tuple, tags))
    run("predict", file, folder / "dev.conllu", "--out", tmp_path / "b.conllu")
    source = (folder / "dev.conllu").read_text().splitlines()
    copied = (tmp_path / "b.conllu").read_text().splitlines()
    assert len(source) == len(copied)
    assert [line for line in copied if not line[:1].isdigit()] == [
        line for line in source if not line[:1].isdigit()
    ]
    found = json.loads(run("predict", file, folder / "new.txt", "--json").out)
    assert found["sentences"][0] == {"words": text[0], "tags": tags[0]}


@pytest.mark.parametrize("name", ["made.txt", "made.tsv", "made"])
def test_a_treebank_under_another_name(folder, model, run, monkeypatch, tmp_path, name):
    """What the file holds decides, not its name: it is learned from, tagged, and written as CoNLL-U."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes((folder / "dev.conllu").read_bytes())
    for options in ((), ("--out", "a.csv"), ("--out", "a.conllu")):
        wanted = run("predict", folder / "saved.gorae", folder / "dev.conllu", *options, "--force").out
        files = [path.read_text() for path in tmp_path.glob("a.*")]
        assert run("predict", folder / "saved.gorae", name, *options, "--force").out == wanted
        assert [path.read_text() for path in tmp_path.glob("a.*")] == files
    assert "is no model, but a treebank (CoNLL-U); info tells of what" in run("info", name).err
    told = run("search", name, "--target", "upos").err
    assert "is a treebank (CoNLL-U): gorae fit trains a tagger on it" in told


def test_fit_tells_a_treebank_by_its_content(folder, small, run, tmp_path):
    """A treebank of another name trains a tagger; no table is looked for in it."""
    (tmp_path / "made").write_bytes((folder / "made.conllu").read_bytes())
    ran = run("fit", tmp_path / "made", "--test", folder / "dev.conllu", "--out", tmp_path, "--quiet")

    assert (ran.code, ran.err) == (0, "")
    assert gorae.load(tmp_path / "made.gorae").classes_.tolist() == ["ADJ", "DET", "NOUN", "VERB"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "said\nthe mara\n", "is a table (its name says so), but a tagger reads a treebank"),
        ("a.txt", "id,said\n1,mara\n2,veno\n", "every line of it has 2 columns between commas"),
        ("a.txt", "mara\tNOUN\nveno\tVERB\n", "every line of it has 2 columns between tabs"),
        ("a.txt", "1\ta" + "\t_" * 8 + "\nthe mara\n", "may be a treebank or not: line 1 of it is one"),
    ],
)
def test_what_is_no_text_is_not_tagged(folder, model, run, tmp_path, name, content, told):
    """A table, and a file that begins like a treebank and is none, have one sentence each."""
    (tmp_path / name).write_text(content)
    ran = run("predict", folder / "saved.gorae", tmp_path / name)

    assert (ran.code, ran.out) == (1, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_fit_of_what_may_be_a_treebank(run, tmp_path):
    """Without a target both ways are told; with one of its own, a table with a running number is a table."""
    rows = [f"{row}\tx{row % 2}" + f"\t{row % 7}" * 8 for row in range(1, 41)]
    (tmp_path / "a.tsv").write_text("\n".join(rows) + "\n")
    ran = run("fit", tmp_path / "a.tsv")
    table = run(
        "fit", tmp_path / "a.tsv", "--no-header", "--target", "c1", "--models", "bayes", "--out", tmp_path
    )

    assert ran.code == 1
    assert "else give --target COLUMN to learn from it as a table" in ran.err
    assert table.code == 0


def test_words_without_a_tag_are_told_by_their_line(folder, small, run, tmp_path):
    """The file, the line of the sentence and the word are named, how many there are, and what could be learned."""
    lines = (folder / "made.conllu").read_text().split("\n")
    second = [place for place, line in enumerate(lines) if line.startswith("2\t")]
    for place in second[:2]:
        cells = lines[place].split("\t")
        lines[place] = "\t".join([*cells[:3], "_", *cells[4:]])
    (tmp_path / "bare.conllu").write_text("\n".join(lines))
    ran = run("fit", tmp_path / "bare.conllu", "--out", tmp_path / "new")
    test = run("fit", folder / "made.conllu", "--test", tmp_path / "bare.conllu", "--out", tmp_path / "new")

    for each in (ran, test):
        assert each.code == 1
        assert (
            f"word 2 ('{lines[3].split()[1]}') of the sentence of '{tmp_path}/bare.conllu' that" in each.err
        )
        assert "begins in line 2 has no tag in the file (2 of 120 sentences have such words)" in each.err
        assert "tags='language' (--target xpos) learns those" in each.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (
            ("fit", "made.conllu", "--task", "regression", "--models", "mlp"),
            2,
            "--models, --task: not for a treebank",
        ),
        (("fit", "made.conllu", "--target", "lemma"), 2, "upos or xpos"),
        (("fit", "none.conllu"), 1, "there is no such file"),
        (("predict", "saved.gorae", "new.txt", "--unknown", "0.1"), 2, "a tagger has none"),
        (("predict", "saved.gorae", "empty.txt"), 1, "no line with words"),
        (("predict", "saved.gorae", "latin.txt"), 1, "line 2 has the byte 0xe9; give --encoding"),
        (("predict", "saved.gorae", "latin.txt", "--encoding", "latin"), 0, ""),
        (("predict", "saved.gorae", "latin.txt", "--encoding", "nope"), 2, "none that is known"),
        (
            ("explain", "saved.gorae", "new.txt", "--row", "0"),
            1,
            "holds a tagger of words; predict, info and export take it",
        ),
        (("search", "made.conllu", "--target", "upos"), 1, "gorae fit trains a tagger on it"),
    ],
)
def test_what_cannot_be_done_is_told(arguments, code, told, folder, model, run, monkeypatch):
    """Options of tables, files that are no text, other commands: one sentence each."""
    monkeypatch.chdir(folder)
    (folder / "empty.txt").write_text("\n \n")
    (folder / "latin.txt").write_bytes("the mara\nthe café\n".encode("latin-1"))

    ran = run(*arguments)

    assert ran.code == code
    assert told in ran.err


def test_what_is_scored_was_not_learned(folder, small):
    """A fifth of the sentences is held out in runs of neighbours; known and unknown words make up all."""
    treebank = read_conllu(folder / "made.conllu")
    made = train_on_treebank(treebank, random_state=3)
    test = made.facts["test"]

    assert made.facts["data"]["sentences"] + test["sentences"] == 120
    assert 20 <= test["sentences"] <= 28
    assert test["known"]["words"] + test["unknown"]["words"] == test["all"]["words"] == test["words"]
    assert test["all"]["low"] < test["all"]["score"] <= test["all"]["high"]
    assert not made.interrupted


def test_training_keeps_to_its_time(folder, small, monkeypatch):
    """Where every epoch takes longer than there is time for, two are trained."""
    import gorae.study.treebank as module

    monkeypatch.setattr(module, "_SLOW", 0.0)
    made = train_on_treebank(read_conllu(folder / "made.conllu"), seconds=0.01)

    assert made.facts["epochs"] == 2
    assert made.tagger.epochs == 2
    assert not made.interrupted


def test_too_little_is_told(folder):
    """Nine sentences leave nothing to hold out; there are two sets of tags; a word without a tag has none."""
    treebank = read_conllu(folder / "made.conllu")
    few = Sentences(treebank.forms[:9], treebank.universal[:9], treebank.language[:9])
    bare = Sentences((("a", "b"),), (("X", "Y"),), (("_", "_"),))

    with pytest.raises(DataError, match="10 at least, got 9"):
        train_on_treebank(few)
    with pytest.raises(ParameterError, match="universal, language, got 'penn'"):
        train_on_treebank(few, tags="penn")
    with pytest.raises(DataError, match=r"word 0 of sentence 0 \(from 0\) has no tag"):
        train_on_treebank(few, bare, tags="language")


def test_the_most_frequent_tag():
    """As written first, then in small letters, then the commonest; ties go by the tag's name."""
    forms = [["May", "may", "may", "it", "it"], ["May", "Run"]]
    tags = [["PROPN", "AUX", "AUX", "PRON", "NOUN"], ["PROPN", "VERB"]]

    found = fit_frequent_tags(forms, tags)

    assert found.predict([["May", "may", "MAY", "run", "it", "eel"]]) == [
        ["PROPN", "AUX", "AUX", "VERB", "NOUN", "AUX"]
    ]
    assert [found.knows(word) for word in ("RUN", "eel")] == [True, False]
