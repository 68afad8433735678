"""SequenceTagger: what it learns, how it answers, what it refuses, and its files."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import gorae
from gorae.errors import DamagedFileError, DataError, InputTypeError, NotFittedError, ParameterError
from gorae.evidence import uncertainty

SIZES = {"hidden": 8, "filters": 8, "word_width": 8, "character_width": 6, "letters": 8, "row_length": 16}
FAST = {**SIZES, "learning_rate": 0.02, "epochs": 25, "random_state": 0}

STEMS = ["mar", "tol", "ven", "rik", "sul", "dap", "bem", "kor", "fil", "gan", "hup", "jat"]
TAGS = {"a": "NOUN", "is": "VERB", "o": "ADJ"}


def language(sentences, seed=0, stems=STEMS):
    """Return sentences of a made language, in which the ending decides a word's tag, and "the" is no such word."""
    rng = np.random.default_rng(seed)
    forms, tags = [], []
    for _ in range(sentences):
        ends = rng.choice(list(TAGS), rng.integers(1, 6))
        forms.append(["the", *(str(rng.choice(stems)) + str(end) for end in ends)])
        tags.append(["DET", *(TAGS[end] for end in ends)])
    return forms, tags


@pytest.fixture(scope="module")
def fitted():
    """Return a tagger of two members that has learned the language."""
    return gorae.SequenceTagger(**FAST, members=2).fit(*language(120))


@pytest.fixture(scope="module")
def chained():
    """Return a tagger with a conditional random field that has learned the language."""
    return gorae.SequenceTagger(**FAST, decoder="crf").fit(*language(120))


@pytest.mark.parametrize("name", ["fitted", "chained"])
def test_it_learns_and_knows_new_words_by_their_spelling(name, request):
    """Words of other stems, all unknown, are tagged by their endings."""
    tagger = request.getfixturevalue(name)
    forms, tags = language(40, seed=1, stems=["zor", "lem", "pix", "quam"])

    assert tagger.score(*language(40, seed=2)) > 0.97
    assert tagger.score(forms, tags) > 0.9


def test_without_characters_new_words_are_a_guess():
    """Characters left out, unknown words are tagged far worse."""
    forms, tags = language(40, seed=1, stems=["zor", "lem", "pix", "quam"])

    tagger = gorae.SequenceTagger(**{**FAST, "filters": 0}).fit(*language(120))

    assert tagger.score(*language(40, seed=2)) > 0.97
    assert tagger.score(forms, tags) < 0.75


def test_neighbours_decide_where_the_word_does_not():
    """A word that is a verb behind "to" and a noun behind "a" is tagged by its neighbour."""
    forms = [["to", "walk"], ["a", "walk"], ["to", "talk"], ["a", "talk"]] * 8
    tags = [["P", "VERB"], ["D", "NOUN"], ["P", "VERB"], ["D", "NOUN"]] * 8

    tagger = gorae.SequenceTagger(**FAST).fit(forms, tags)

    assert tagger.predict(["a walk", "to walk"]) == [["D", "NOUN"], ["P", "VERB"]]


def test_members_answer_for_themselves(fitted, chained):
    """The mean of members is the answer, a lone chain is itself; where they disagree is uncertainty of the model."""
    forms, _ = language(5, seed=3)
    each, mean = fitted.member_proba_(forms), fitted.predict_proba(forms)

    assert [own.shape for own in each] == [(2, len(words), len(fitted.classes_)) for words in forms]
    for own, wanted in zip(each, mean, strict=True):
        np.testing.assert_allclose(own.mean(axis=0), wanted, rtol=1e-5, atol=1e-7)
        assert (uncertainty(own).epistemic >= 0).all()
    for own, wanted in zip(chained.member_proba_(forms), chained.predict_proba(forms), strict=True):
        np.testing.assert_array_equal(own, wanted[None])


def test_a_sentence_is_tagged_as_it_would_be_alone(fitted):
    """What else is asked, and in which order, changes no tag and hardly a probability."""
    forms, _ = language(30, seed=3)
    forms.append(forms[0] * 20)  # longer than a row of training
    together, turned = fitted.predict_proba(forms), fitted.predict_proba(forms[::-1])[::-1]

    for place in (0, 7, 30):
        alone = fitted.predict_proba([forms[place]])[0]
        np.testing.assert_allclose(together[place], alone, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(turned[place], alone, rtol=1e-4, atol=1e-6)
    assert [len(tags) for tags in fitted.predict(forms)] == [len(words) for words in forms]


@pytest.mark.parametrize("name", ["fitted", "chained"])
def test_probabilities_sum_to_one(name, request):
    """Each word has a distribution over the tags, whose largest is the tag where there is no doubt."""
    tagger = request.getfixturevalue(name)
    forms, _ = language(10, seed=4)

    shares, tags = tagger.predict_proba(forms), tagger.predict(forms)

    for own, words, row in zip(shares, forms, tags, strict=True):
        assert own.shape == (len(words), len(tagger.classes_))
        np.testing.assert_allclose(own.sum(axis=1), 1, rtol=1e-4)
        sure = own.max(axis=1) > 0.9
        assert (tagger.classes_[own.argmax(axis=1)] == row)[sure].all()


def test_texts_are_cut_into_words(fitted):
    """A text and its words are tagged alike; `tag` shows the words."""
    text, words = "the mara tolis, veno", ["the", "mara", "tolis", ",", "veno"]

    assert fitted.predict([text]) == fitted.predict([words])
    assert [word for word, _ in fitted.tag([text])[0]] == words


@pytest.mark.parametrize("name", ["fitted", "chained"])
def test_a_file_answers_as_the_tagger_did(name, request, tmp_path):
    """What was saved comes back: bitwise the same probabilities, the same vocabularies and parameters."""
    tagger = request.getfixturevalue(name)
    forms, _ = language(10, seed=5)
    tagger.save(tmp_path / "t.gorae")

    back = gorae.load(tmp_path / "t.gorae")

    for one, other in zip(tagger.predict_proba(forms), back.predict_proba(forms), strict=True):
        np.testing.assert_array_equal(one, other)
    assert back.predict(forms) == tagger.predict(forms)
    assert back._coding == tagger._coding
    assert back.get_params()["hidden"] == 8
    assert not hasattr(back, "n_features_in_")


def test_files_that_do_not_fit_together_are_refused(fitted):
    """Metadata that promise more than the arrays hold, and vocabularies of another network, are damage."""
    from gorae.estimators.loading import estimator_from_state
    from gorae.estimators.saving import fitted_state

    arrays, meta = fitted_state(fitted)
    estimator_from_state(arrays, meta)
    network = meta["network"]
    changes = [
        {"network": {**network, "words": 10**9}},
        {"network": {**network, "words": network["words"] + 1}},
        {"network": {**network, "hidden": 9}},
        {"network": {**network, "layers": 50}},
        {"network": {**network, "inputs": network["inputs"] + 1}},
        {"network": {**network, "cell": "gru"}},
        {"network": {**network, "extra": 1}},
        {"letters": 7},
        {"letters": "8"},
        {"classes": {"kind": "text", "values": ["a", "b"]}},
    ]
    for change in changes:
        with pytest.raises(DamagedFileError):
            estimator_from_state(arrays, {**meta, **change})
    for name in ("words/tokens", "words/ends", "characters/counts", "member/0/0"):
        with pytest.raises(DamagedFileError):
            estimator_from_state({k: v for k, v in arrays.items() if k != name}, meta)
        with pytest.raises(DamagedFileError):
            estimator_from_state({**arrays, name: arrays[name][:-1]}, meta)


def test_a_refit_is_bitwise_the_same(fitted):
    """The same sentences and seed give the same model, and the first member of two is a fit of one."""
    forms, _ = language(5, seed=6)
    alone = gorae.SequenceTagger(**FAST).fit(*language(120))

    again = clone(fitted).fit(*language(120))

    for one, other in zip(fitted.predict_proba(forms), again.predict_proba(forms), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(alone.history_[0].train_loss, fitted.history_[0].train_loss)


def test_early_stopping_watches_sentences_that_are_not_learned(fitted):
    """Half of the sentences are cut off: their loss and right tags are told, the vocabulary has none of them."""
    forms, tags = language(200)
    settings = {**FAST, "early_stopping": True, "validation_fraction": 0.5}
    tagger = gorae.SequenceTagger(**settings).fit(forms, tags)

    history = tagger.history_[0]

    assert np.isfinite(history.validation_loss).all()
    assert 0.9 < history.validation_score.max() <= 1
    assert sum(tagger._coding.words.counts) < 0.8 * sum(map(len, forms))
    assert np.isnan(fitted.history_[0].validation_loss).all()


def test_it_is_an_estimator_of_scikit_learn():
    """It is cloned, and cross-validated on lists of sentences."""
    scores = cross_val_score(gorae.SequenceTagger(**FAST), *language(200), cv=2)

    assert scores.min() > 0.9
    with pytest.raises(NotFittedError):
        gorae.SequenceTagger().predict(["a"])


def test_a_treebank_is_learned_by_its_universal_tags(tmp_path):
    """What `read_conllu` gives is learned and scored without more words."""
    rest = "\t_" * 5
    lines = ["1\tto\t_\tPART\tTO" + rest, "2\tgo\t_\tVERB\tVB" + rest, "", ""]
    (tmp_path / "a.conllu").write_text("\n".join(lines) * 8)
    sentences = gorae.read_conllu(tmp_path / "a.conllu")

    tagger = gorae.SequenceTagger(**FAST).fit(sentences)

    assert tagger.classes_.tolist() == ["PART", "VERB"]
    assert tagger.score(sentences) == 1.0
    assert tagger.predict(sentences)[0] == ["PART", "VERB"]


FINE = [["a", "b"]], [["X", "Y"]]


@pytest.mark.parametrize(
    ("sentences", "tags", "error", "told"),
    [
        ("a b", [["X", "Y"]], InputTypeError, "must be a list, .* got str; give \\[sentence\\]"),
        (3, FINE[1], InputTypeError, "got int"),
        ([], [], DataError, "at least one sentence"),
        ([["a", "b"], []], [["X", "Y"], []], DataError, r"sentence 1 \(from 0\) has no word"),
        (["..", " "], [["X"], []], DataError, r"sentence 1 \(from 0\) has no word"),
        ([["a", ""]], FINE[1], DataError, r"word 1 of sentence 0 \(from 0\) is empty"),
        ([["a", 3]], FINE[1], InputTypeError, r"word 1 of sentence 0 \(from 0\) must be a text, got int"),
        ([3], FINE[1], InputTypeError, r"sentence 0 \(from 0\) must be a text or a list of words"),
        (FINE[0], None, InputTypeError, "tags must be given"),
        (FINE[0], "XY", InputTypeError, "tags must be a list of lists"),
        (FINE[0], ["XY"], InputTypeError, r"tags of sentence 0 \(from 0\) must be a list, got 'XY'"),
        (FINE[0], [], DataError, "tags for 1 sentences, got them for 0"),
        (FINE[0], [["X"]], DataError, r"sentence 0 \(from 0\) has 2 words and 1 tags; .*: a b"),
        (FINE[0], [["X", 1]], DataError, "all texts or all whole numbers, got both"),
        (FINE[0], [["X", None]], DataError, "all texts or all whole numbers, got None"),
        (FINE[0], [["X", "X"]], DataError, "one class only: 'X'"),
    ],
)
def test_what_cannot_be_learned_is_told(sentences, tags, error, told):
    """Each mistake is one sentence with its place, and the tagger stays unfitted."""
    tagger = gorae.SequenceTagger(**FAST)

    with pytest.raises(error, match=told):
        tagger.fit(sentences, tags)

    assert not hasattr(tagger, "classes_")


def test_a_treebank_without_tags_is_told():
    """An underscore in the place of a tag is no tag."""
    sentences = gorae.data.Sentences((("a", "b"),), (("X", "_"),), (("_", "_"),))

    with pytest.raises(DataError, match=r"word 1 of sentence 0 \(from 0\) has no tag"):
        gorae.SequenceTagger(**FAST).fit(sentences)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"decoder": "viterbi"}, "decoder must be one of"),
        ({"letters": 0}, "letters must be"),
        ({"letters": 10**6}, "letters must be a whole number from 1 to 1,000"),
        ({"row_length": 0}, "row_length must be"),
        ({"min_count": 0}, "min_count must be"),
        ({"word_dropout": 1}, "word_dropout must be"),
        ({"cell": "gruu"}, "Did you mean 'gru'"),
        ({"hidden": 0}, "hidden must be"),
        ({"checkpoint": 3}, "checkpoint must be"),
    ],
)
def test_wrong_parameters_are_told(parameters, told):
    """A parameter out of its range is named."""
    with pytest.raises(ParameterError, match=told):
        gorae.SequenceTagger(**{**FAST, **parameters}).fit(*FINE)
