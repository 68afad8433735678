"""Studies of texts: their ladder, what is learned from, and models that read texts again from a file."""

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

import gorae
from gorae.backend import select_devices
from gorae.data import TextEncoding
from gorae.data.ngrams import counted_ngrams, ngram_set
from gorae.data.sequence_rows import PackedRows
from gorae.errors import DamagedFileError, DataError, DataWarning, ParameterError
from gorae.search import nested_folds
from gorae.study.ladder import climb
from gorae.study.marked_texts import marked_texts
from gorae.study.plan import OF_TEXTS, choose_models
from gorae.study.prepare import prepare
from gorae.study.text_plan import make_text_plan
from gorae.study.text_rungs import form_of
from text_cases import lengths, reviews, small_text_plan, text_study

SPEED = 1e11


@cache
def linear_study():
    """A study of reviews by the linear model of n-grams."""
    data = reviews()
    return text_study(data.drop("label"), data["label"], name="reviews", target="label")


@pytest.fixture
def saved(tmp_path):
    """The model of that study, from its file."""
    path = tmp_path / "reviews.gorae"
    linear_study().save(path)
    return gorae.load(path)


@pytest.mark.parametrize("model", ["bag", "gru", "linear"])
def test_every_rung_learns(model):
    """Each model of sequences is scored on nested folds, with a vocabulary of its own in each."""
    data = prepare(reviews(60).drop("label"), reviews(60)["label"], hold_out=False)
    rows = data.in_form(form_of(model)).rows
    plan = small_text_plan(data.texts.rows, 2, ("chance", model), budget=60, speed=SPEED)
    folds = nested_folds(rows.strata, outer=2, inner=0, stratify=True, seed=0)
    found = climb(
        model, rows, plan, folds, seed=0, device=None, devices=select_devices(), tell=lambda step: None
    )[model]

    assert isinstance(rows.matrix, PackedRows)
    assert np.isfinite(found.outputs).all()
    assert len(found.histories) == 2
    if model == "linear":
        assert np.mean(found.fold_scores) > 0.6


def test_the_ladder_of_texts():
    """Rows that are texts have chance, neighbours, the linear model, the bag and the recurrent network."""
    assert choose_models(None, "classification", texts=True) == OF_TEXTS
    assert choose_models(["gru", "linear"], "regression", texts=True) == ("chance", "linear", "gru")
    assert not {"bag", "gru"} & set(choose_models(None, "classification"))


def test_models_of_other_rows_are_refused():
    """A model of columns is refused for texts and one of texts for columns, with what to do instead."""
    with pytest.raises(
        ParameterError, match="'mlp' reads columns, and these rows are texts; those that read"
    ):
        choose_models(["mlp"], "classification", texts=True)
    with pytest.raises(ParameterError, match="'gru' reads texts, and these rows are none"):
        choose_models(["gru"], "classification")


def test_the_plan_leaves_out_what_there_is_no_time_for():
    """The recurrent network goes first, then the bag, and both are told."""
    forms = prepare(reviews(60).drop("label"), reviews(60)["label"]).texts.rows
    rich = make_text_plan(forms, 2, OF_TEXTS, budget=1e6, speed=SPEED)
    poor = make_text_plan(forms, 2, OF_TEXTS, budget=0.1, speed=SPEED)

    assert rich.models == OF_TEXTS
    assert not rich.gave_up
    assert poor.models == ("chance", "knn", "linear")
    assert [told.split(":")[0] for told in poor.gave_up[:2]] == [
        "the recurrent network",
        "the bag of embeddings",
    ]


def test_a_study_of_texts():
    """Its model answers for texts in a table and in a list, and better than chance."""
    study = linear_study()

    assert [row["model"] for row in study.table] == ["chance", "linear"]
    assert study.findings_["data"]["texts"] == "review"
    assert study.model.predict(["wonderful wonderful", "dreadful dreadful"]).tolist() == ["good", "bad"]
    np.testing.assert_array_equal(study.predict(reviews()), study.predict(reviews()["review"].to_list()))


def test_a_file_answers_as_the_study(saved):
    """Loaded again, the model gives bitwise the same probabilities, shares of known rows and neighbours."""
    model, texts = linear_study().model, reviews(20, seed=5)

    np.testing.assert_array_equal(saved.predict_proba(texts), model.predict_proba(texts))
    np.testing.assert_array_equal(saved.known_share(texts), model.known_share(texts))
    assert saved.explain(texts) == model.explain(texts)


def test_texts_that_say_nothing(saved):
    """Empty, missing, unknown and very long texts have an answer like any other."""
    found = saved.predict_proba(["", None, "xyzzy", "the whale " * 5000])

    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[0], found[1])


def test_neighbours_of_texts(tmp_path):
    """A study whose winner compares texts by their n-grams is saved and asked like any other; it marks no word."""
    data = reviews()
    study = text_study(data.drop("label"), data["label"], models=["knn"])
    study.save(tmp_path / "knn.gorae")
    again = gorae.load(tmp_path / "knn.gorae")

    np.testing.assert_array_equal(again.predict_proba(data), study.predict_proba(data))
    assert again.space.startswith("the counts of n-grams")
    assert study.findings_["marked"] is None


def test_values_of_traces():
    """Numbers are predicted from traces of calls, with intervals."""
    data = lengths(60)
    study = text_study(data.drop("sevens"), data["sevens"], models=["linear"], task="regression")

    assert study.model.encoding.tokens_in_words == "calls"
    assert study.model.predict(["7,7,7,7,7,7", "3,3,3,3,3,3"]).shape == (2,)
    assert study.model.predict_interval(data[:3], 0.8).shape == (3, 2)


def test_missing_texts_of_a_list():
    """None and NaN are texts that are missing, also in a list or an array of objects."""
    data = reviews(60)
    texts = data["review"].to_list()
    gaps = [None, float("nan"), *texts[2:]]
    for given in (gaps, np.array(gaps, object)):
        found = prepare(given, data["label"])

        assert found.texts is not None
        assert any("2 of" in note or "1 of" in note for note in found.notes)


def test_what_says_nothing_is_left_out():
    """A running number and a file's name beside the texts are left out, and told."""
    data = reviews(60).with_columns(
        pl.int_range(60).alias("id"), pl.Series("file", [f"{row}.txt" for row in range(60)])
    )
    found = prepare(data.drop("label"), data["label"])

    assert found.texts is not None
    assert found.notes[0] == (
        "Left out beside the texts of 'review', as they say nothing of a row: 'id', 'file'."
    )


def test_other_columns_beside_texts():
    """A table with columns that tell stays one, with a word on its texts; named, the texts are alone."""
    data = reviews(60).with_columns(stars=pl.int_range(60) % 5)
    with pytest.warns(DataWarning, match="to learn from them alone, give text='review'"):
        table = prepare(data.drop("label"), data["label"])
    with pytest.warns(DataWarning, match="Learned from the texts of 'review' alone: 'stars' was left out"):
        texts = prepare(data.drop("label"), data["label"], text="review")

    assert table.texts is None
    assert "stars" in table.feature_names
    assert texts.texts is not None


def test_two_columns_of_texts():
    """Which of two columns of texts is meant must be said."""
    data = reviews(30).with_columns(pl.col("review").str.to_uppercase().alias("title"))
    with pytest.raises(DataError, match="the columns 'review', 'title' all hold texts, and a model learns"):
        prepare(data.drop("label"), data["label"])


def test_single_words_are_texts_where_it_is_said():
    """A lone column of many single words is refused with what to do, and read by characters if named."""
    words = pl.DataFrame({"name": [f"{'rossi' if row % 2 else 'nowak'}{row}" for row in range(120)]})
    with pytest.raises(DataError, match="To learn from its texts, give text='name' \\(--text name\\)"):
        prepare(words, np.arange(120) % 2)

    assert prepare(words, np.arange(120) % 2, text="name").encoding.tokens("Rossi") == list("rossi")


def test_text_that_is_not_there():
    """A column that is not there, and rows of numbers, have no texts."""
    with pytest.raises(DataError, match="has no column 'revew' \\(did you mean 'review'\\?\\)"):
        prepare(reviews().drop("label"), reviews()["label"], text="revew")
    with pytest.raises(
        ParameterError, match="names a column of a table, but the rows are an array of numbers"
    ):
        prepare(np.zeros((20, 3)), np.arange(20) % 2, text="review")


def test_test_rows_of_ones_own():
    """Texts of the user's own are scored, and those that were learned from are found among them."""
    data, other = reviews(40), reviews(20, seed=3)
    held = pl.concat([other, data[:2]])
    found = prepare(data.drop("label"), data["label"], X_test=held.drop("label"), y_test=held["label"])

    assert found.seen == 2
    assert found.in_form("words").test.matrix.shape == (22, found.in_form("words").rows.matrix.shape[1])


def test_an_audit_of_texts():
    """A label that was changed is among the most suspicious, and leaks are looked for in no column."""
    data = reviews(80)
    labels = data["label"].to_list()
    labels[10] = "good"
    found = gorae.audit(data.drop("label"), labels, repeats=1)

    assert 10 in [row["row"] for row in found.ranking(12)]
    assert found.facts["space"] == "the counts of their n-grams"


def test_a_word_that_falls_into_a_learned_bin_is_unknown(saved):
    """What never came is unknown though its bin of n-grams was learned; its credit is that of unknown words."""
    model = saved
    known = set(model.encoding.kinds["ngrams"].table)
    words = (f"xyzzy{row}" for row in range(100_000))
    word = next(one for one in words if ngram_set(*counted_ngrams([one], (1,))).item() in known)
    texts = pl.DataFrame({"review": [f"wonderful {word} wonderful", f"{word} {word}"]})
    (row, alone) = marked_texts(model, texts, [0, 1])["rows"]

    assert [one["unknown"] for one in row["tokens"]] == [False, True, False]
    assert row["unknown"]["what"] == "unknown words and n-grams"
    assert row["unknown"]["count"] >= 1
    assert [one["value"] for one in alone["tokens"]] == [None, None]
    assert alone["unknown"]["value"] == pytest.approx(alone["end"] - alone["start"], abs=1e-3)
    assert model.encoding.strange(texts) == 1


@pytest.mark.parametrize("model", ["linear", "bag"])
def test_marks_of_a_file_are_those_of_its_study(tmp_path, model):
    """A model knows the same words before it is saved, when its table holds more, and after."""
    data, texts = reviews(), pl.DataFrame({"review": ["a wonderful xyzzy film", "number 3 was lovely"]})
    study = text_study(data.drop("label"), data["label"], models=[model])
    study.save(tmp_path / "a.gorae")
    told, again = (
        marked_texts(one, texts, [0, 1]) for one in (study.model, gorae.load(tmp_path / "a.gorae"))
    )

    assert [one["unknown"] for one in told["rows"][0]["tokens"]] == [False, False, True, False]
    assert again == told


def test_files_without_known_words_are_read(saved):
    """A file of before holds no hashes of words: what its bins know is known; damaged hashes are refused."""
    old = replace(saved.encoding, seen=None)
    assert old.to_arrays() == {}
    assert old.seen_steps("xyzzy", 1).tolist() == [True]
    kind = saved.encoding.kinds["ngrams"]
    assert TextEncoding.from_meta(old.to_meta(), kind).seen is None
    for hashes in (np.array([2, 1], np.uint32), np.array([1, 2]), np.zeros((1, 1), np.uint32)):
        with pytest.raises(DamagedFileError, match="hashes of known tokens are not different ones"):
            TextEncoding.from_meta(old.to_meta(), kind, {"seen": hashes})


def test_texts_answered_wrongly_are_marked():
    """Wrong test rows are shown by their place in the data, the marks of each add up to its answer."""
    study = linear_study()
    marked, texts = study.findings_["marked"], reviews()
    wrong = {row for row in range(len(texts)) if study.predict(texts[row])[0] != texts["label"][row]}

    assert marked["where"] in ("test", "training")
    for row in marked["rows"]:
        assert row["predicted"] == row["of"] != row["actual"]
        if marked["where"] == "test":
            assert row["row"] in wrong
        added = sum(one["value"] or 0.0 for one in row["tokens"]) + row["unknown"]["value"]
        assert added == pytest.approx(row["end"] - row["start"], abs=1e-3)
        assert [one["token"] for one in row["tokens"]] == study.model.encoding.tokens(
            texts["review"][row["row"]]
        )
