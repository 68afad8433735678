"""The command line on texts: fitted, predicted, told about, explained and refused."""

import json

import polars as pl
import pytest

from cli_cases import run
from study_cases import as_csv, few_fits
from text_cases import few_text_fits, lengths, reviews

assert run
assert few_fits
assert few_text_fits


@pytest.fixture
def folder(tmp_path, few_fits, few_text_fits, monkeypatch):
    """A folder with `reviews.csv`, which commands are run in."""
    monkeypatch.chdir(tmp_path)
    reviews().write_csv(tmp_path / "reviews.csv")
    return tmp_path


def test_from_a_file_of_texts_to_answers(folder, run):
    """`fit` tells the texts by their content; `predict`, `info`, `explain` and `similar` take the model."""
    fitted = run("fit", "reviews.csv", "--target", "label", "--models", "linear")
    assert fitted.code == 0
    assert "note: The texts of 'review' were cut into words in small letters and punctuation." in fitted.out

    (folder / "new.csv").write_text("review\nso wonderful\n\n?\n")
    predicted = run("predict", "reviews.gorae", "new.csv")
    assert predicted.code == 0
    assert len(predicted.out.splitlines()) == 4
    (folder / "far.csv").write_text("review\nxyzzy plugh\nso wonderful\n")
    assert (
        "1 of 2 texts hold nothing that the model has learned from"
        in run("predict", "reviews.gorae", "far.csv").err
    )

    assert "  review: texts, cut into words" in run("info", "reviews.gorae").out.splitlines()
    one = run("explain", "reviews.gorae", "reviews.csv", "--row", 3)
    assert one.code == 0
    assert "the nearest training examples:" in one.out
    assert "without any word to" in one.out
    told = json.loads(run("explain", "reviews.gorae", "reviews.csv", "--row", 3, "--json").out)
    assert {"token", "value", "unknown"} == set(told["attributions"]["tokens"][0])
    assert run("similar", "reviews.gorae", "reviews.csv").code == 0


def test_traces_of_a_file_without_a_header(folder, run):
    """A label, a tab and a trace a line are a table like any other."""
    rows = [f"{label}\t{text}" for text, label in reviews().iter_rows()]
    (folder / "traces.txt").write_text("\n".join(rows))
    ran = run("fit", "traces.txt", "--no-header", "--target", "c0", "--models", "linear", "--json")

    assert ran.code == 0
    assert json.loads(ran.out)["data"]["classes"] == ["bad", "good"]
    assert (
        "The texts of 'c1' were cut into words in small letters and punctuation."
        in json.loads(ran.out)["notes"]
    )


def test_traces_with_commas(folder, run):
    """Calls with commas between them, in quotes, are cut there."""
    (folder / "calls.csv").write_text(as_csv(lengths().to_pandas()))
    ran = run("fit", "calls.csv", "--target", "sevens", "--task", "regression", "--models", "knn")

    assert ran.code == 0
    assert "note: The texts of 'trace' were cut into calls, between white space or commas." in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (
            ("fit", "reviews.csv", "--target", "label", "--models", "mlp"),
            1,
            "'mlp' reads columns, and these rows are texts",
        ),
        (("fit", "reviews.csv", "--target", "label", "--text", "revew"), 1, "did you mean 'review'?"),
        (
            ("fit", "reviews.csv", "--target", "label", "--text", "label"),
            2,
            "cannot be --target or --drop too",
        ),
        (("fit", "digits", "--text", "review"), 2, "--text is for files; the data set 'digits' has no texts"),
        (("fit", "digits", "--models", "gru"), 1, "name the column of texts with text=... (--text COLUMN)"),
    ],
)
def test_what_is_refused(folder, run, arguments, code, told):
    """A mistake has one sentence, and nothing is trained."""
    ran = run(*arguments)

    assert ran.code == code
    assert told in ran.err


def test_what_texts_do_not_have(folder, run):
    """Questions for columns and for images have a sentence of their own for a model of texts."""
    run("fit", "reviews.csv", "--target", "label", "--models", "knn")
    all_rows = run("explain", "reviews.gorae", "reviews.csv", "--target", "label")
    other = run("predict", "reviews.gorae", "digits")

    assert all_rows.code == 1
    assert (
        "learned from texts, a single column on which all of its answers depend; --row tells" in all_rows.err
    )
    assert other.code == 1
    assert "needs its columns ['review']" in other.err


def test_a_search_over_sequences(folder, run):
    """`search --model sequence` tries networks over texts beside simpler models, and its model reads texts."""
    (folder / "space.toml").write_text('cell = ["bag"]\nepochs = [4]\nlearning_rate = [0.003, 0.03]\n')
    options = ("--model", "sequence", "--space", "space.toml", "--folds", 2, "--sampler", "grid", "--json")
    ran = run("search", "reviews.csv", "--target", "label", *options)
    found = json.loads(ran.out)

    assert ran.code == 0
    assert [sorted(one["setting"]) for one in found["ranking"]] == [["cell", "epochs", "learning_rate"]] * 2
    assert run("predict", "reviews-search.gorae", "reviews.csv").code == 0


def test_sequences_of_a_table(folder, run):
    """Rows that are no texts have no model of sequences."""
    ran = run("search", "iris", "--model", "sequence", "--folds", 2)

    assert ran.code == 1
    assert "the model 'sequence' reads texts, and these rows are none" in ran.err


def test_a_folder_of_texts(folder, run):
    """A folder of text files for each class is learned from, and one without classes is answered for."""
    for row, (text, label) in enumerate(reviews().iter_rows()):
        (folder / "said" / label).mkdir(parents=True, exist_ok=True)
        (folder / "said" / label / f"{row:02d}.txt").write_text(text)
    fitted = run("fit", "said", "--models", "linear", "--json")
    predicted = run("predict", "said.gorae", "said/good")
    refused = run("fit", "said/good", "--force")

    assert fitted.code == 0
    assert json.loads(fitted.out)["data"]["classes"] == ["bad", "good"]
    assert len(predicted.out.splitlines()) == 1 + 24
    assert refused.code == 1
    assert "the texts of 'said/good' have no labels to learn from" in refused.err
    assert run("fit", "said", "--target", "label", "--force").code == 2


def test_a_folder_of_other_files(folder, run):
    """Texts that do not end in .txt, and classes of which one alone has texts, are told as what they are."""
    run("fit", "reviews.csv", "--target", "label", "--models", "knn")
    for name in ("good/a.md", "good/b.md", "bad/c.md"):
        (folder / "said" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "said" / name).write_text("a whale")
    (folder / "said" / "ugly").mkdir()
    for arguments in (("fit", "said"), ("curve", "said"), ("predict", "reviews.gorae", "said")):
        ran = run(*arguments)
        assert ran.code == 1
        assert "but 3 files in .md came ('bad/c.md', 'good/a.md', 'good/b.md'), and of its" in ran.err
        assert "'ugly' is empty; rename texts so that they end in .txt" in ran.err
    (folder / "said" / "good" / "a.txt").write_text("a whale")
    (folder / "said" / "good" / "b.txt").write_text("no whale")
    ran = run("fit", "said")

    assert "left out folders without a text (2): 'bad', 'ugly'." in ran.err
    assert "the texts of 'said' are all of one class, 'good'; put those of each other class" in ran.err


def test_a_column_that_holds_no_texts(folder, run):
    """A running number as --text is refused with the column that holds texts; an identifier is told."""
    reviews().with_row_index("row").write_csv("rows.csv")
    refused = run("fit", "rows.csv", "--target", "label", "--text", "row")
    rows = reviews().with_columns(review=pl.format("user-{}", pl.int_range(48)))
    rows.write_csv("users.csv")
    told = run("fit", "users.csv", "--target", "label", "--text", "review", "--models", "knn")

    assert refused.code == 1
    assert "the column 'row' holds numbers (0, 1, 2, ...), no texts; name the column of texts" in refused.err
    assert "('review' looks like one)" in refused.err
    assert told.code == 0
    assert "gorae: The column 'review' looks like an identifier" in told.err
    assert "note: The column 'review' looks like an identifier" in told.out


def test_unknown_words_are_marked(folder, run):
    """Words that a model never learned have no credit of their own: they are marked, and summed."""
    run("fit", "reviews.csv", "--target", "label", "--models", "linear")
    (folder / "new.csv").write_text("review\nwonderful xyzzy story of plugh\na film\n")
    ran = run("explain", "reviews.gorae", "new.csv", "--row", 0)
    found = json.loads(run("explain", "reviews.gorae", "new.csv", "--row", 0, "--json").out)["attributions"]

    assert "(+ for it, - against it, ? unknown):" in ran.out
    assert "?xyzzy" in ran.out
    assert "?plugh" in ran.out
    last = ran.out.splitlines()[-1]
    assert last.startswith(f"({found['unknown']['count']} unknown words and n-grams)")
    assert [one["token"] for one in found["tokens"] if one["unknown"]] == ["xyzzy", "plugh"]
    assert all(one["value"] is None for one in found["tokens"] if one["unknown"])
    told = sum(one["value"] or 0.0 for one in found["tokens"]) + found["unknown"]["value"]
    assert told == pytest.approx(found["end"] - found["start"], abs=1e-3)
    assert "(+ for it, - against it):" in run("explain", "reviews.gorae", "new.csv", "--row", 1).out
