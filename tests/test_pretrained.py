"""Estimators whose tokens begin with vectors that were learned elsewhere."""

import warnings

import jax
import numpy as np
import pytest
from sklearn.base import clone

import gorae
from gorae import nn
from gorae.data import Vectors
from gorae.errors import DataError, ParameterError
from gorae.estimators import load
from gorae.estimators.together import Fit, fit_together
from sequence_cases import calls, classifier, regressor, series

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CALLS, LABELS = calls()
GIVEN = {"open": [9.0, 8, 7, 6, 5], "Read": [1.0, 2, 3, 4, 5], "never": [0.0] * 5}
TAGGER = {"hidden": 4, "filters": 4, "word_width": 3, "character_width": 3, "letters": 4, "row_length": 8}


def vector_of(model, token):
    """Return a token's vector in the first member, whatever has become of it."""
    from gorae.estimators.learned import answering_problem
    from gorae.train.problem import assemble

    learned = model._learned
    member = learned.members[0]
    network = assemble(answering_problem(learned.shape), member.parameters, member.buffers)
    if isinstance(model, gorae.SequenceTagger):
        code = model._coding.words.encode([token])[0]
    else:
        code = learned.encoding.codes[model.sequences_in_.codes[token]]
    return np.asarray(network.embedding.vectors)[code]


def test_tokens_begin_with_their_vectors():
    """With a step of no length tokens are what they were given, capitals aside; others are as they would be."""
    still = {"learning_rate": 1e-30, "epochs": 1, "tol": 0}
    model, plain = (classifier(**still, vectors=v).fit(CALLS, LABELS) for v in (GIVEN, None))

    np.testing.assert_array_equal(vector_of(model, "open"), GIVEN["open"])
    np.testing.assert_array_equal(vector_of(model, "read"), GIVEN["Read"])
    np.testing.assert_array_equal(vector_of(model, "close"), vector_of(plain, "close"))
    assert np.abs(vector_of(plain, "open")).max() < 1


@pytest.mark.parametrize("make", [classifier, regressor])
def test_vectors_learn_or_stay(make):
    """They move in training unless they are frozen; those of other tokens move either way."""
    targets = LABELS if make is classifier else (LABELS == "open").astype(float)
    frozen, free = (
        make(epochs=3, vectors=GIVEN, freeze_vectors=f, weight_decay=0.1).fit(CALLS, targets)
        for f in (True, False)
    )
    start = make(epochs=1, learning_rate=1e-30).fit(CALLS, targets)

    np.testing.assert_array_equal(vector_of(frozen, "open"), GIVEN["open"])
    assert np.abs(vector_of(free, "open") - GIVEN["open"]).max() > 1e-3
    assert np.abs(vector_of(frozen, "close") - vector_of(start, "close")).max() > 1e-3


def test_a_file_needs_no_vectors(tmp_path):
    """What was saved answers bitwise the same, knows no path, and goes on training where it was frozen."""
    path = tmp_path / "v.vec"
    path.write_text("".join(f"{token} {' '.join(map(str, row))}\n" for token, row in GIVEN.items()))
    model = classifier(epochs=2, vectors=str(path), freeze_vectors=True, members=2).fit(CALLS, LABELS)
    model.save(tmp_path / "m.gorae")
    path.unlink()

    back = load(tmp_path / "m.gorae")

    np.testing.assert_array_equal(back.predict_proba(CALLS), model.predict_proba(CALLS))
    assert back.vectors is None
    assert b"v.vec" not in (tmp_path / "m.gorae").read_bytes()
    back.partial_fit(CALLS, LABELS)
    np.testing.assert_array_equal(vector_of(back, "open"), GIVEN["open"])


def test_folds_have_the_vectors_of_their_own_tokens():
    """In a population a fold becomes what it is alone, bitwise, with vectors learned or frozen."""
    rows = np.arange(40)
    for frozen in (False, True):
        settings = {"epochs": 3, "vectors": Vectors(("open",), np.full((1, 5), 0.5, np.float32))}
        one, other = classifier(**settings, freeze_vectors=frozen), classifier(**settings, learning_rate=0.1)
        assert fit_together([Fit(one, rows), Fit(other, rows)], CALLS, LABELS) == [None, None]
        alone = clone(one).fit([CALLS[row] for row in rows], LABELS[rows])

        np.testing.assert_array_equal(one.predict_proba(CALLS), alone.predict_proba(CALLS))


def test_a_tagger_begins_with_vectors(tmp_path):
    """Known words have theirs; frozen ones stay, others learn; the file needs none."""
    forms, tags = [["A", "whale"], ["the", "Pod"]] * 6, [["D", "N"]] * 12
    given = {"whale": [1.0, 2, 3], "POD": [4.0, 5, 6]}
    settings = {**TAGGER, "epochs": 2, "random_state": 0, "vectors": given}
    frozen, free = (
        gorae.SequenceTagger(**settings, freeze_vectors=f).fit(forms, tags) for f in (True, False)
    )

    np.testing.assert_array_equal(vector_of(frozen, "pod"), [4, 5, 6])
    assert 1e-4 < np.abs(vector_of(free, "whale") - [1, 2, 3]).max() < 0.5
    frozen.save(tmp_path / "t.gorae")
    back = gorae.load(tmp_path / "t.gorae")
    np.testing.assert_array_equal(back.predict_proba(forms)[0], frozen.predict_proba(forms)[0])


def test_files_from_before_there_were_vectors_load(tmp_path):
    """A network's structure that says nothing of frozen vectors has none."""
    from gorae.estimators.loading import estimator_from_state
    from gorae.estimators.saving import fitted_state

    model = classifier(epochs=1).fit(CALLS, LABELS)
    arrays, meta = fitted_state(model)
    network = {name: value for name, value in meta["network"].items() if name != "frozen"}
    parameters = {k: v for k, v in meta["parameters"].items() if k != "freeze_vectors"}

    back = estimator_from_state(arrays, {**meta, "network": network, "parameters": parameters})

    np.testing.assert_array_equal(back.predict_proba(CALLS), model.predict_proba(CALLS))


def test_some_rows_of_an_embedding_are_given():
    """Given rows stand in the place of learnt ones, which then have no slope; the others have theirs."""
    layer = nn.Embedding.create(jax.random.key(0), 3, 2, partly=True)
    given = nn.Embedding(layer.table, nn.Buffer(np.ones((3, 2))), np.array([False, True, False]))
    x = np.array([[1, 2]])

    def total(parameters, rest):
        return nn.combine(parameters, rest)(x, nn.inference())[0].sum()

    slopes = jax.grad(total)(*nn.partition(given))

    np.testing.assert_array_equal(given(x, nn.inference())[0][0], [[1, 1], layer.table[2]])
    np.testing.assert_array_equal(given.vectors[1:], [[1, 1], layer.table[2]])
    np.testing.assert_array_equal(slopes.table, [[0, 0], [0, 0], [1, 1]])


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (lambda: classifier(vectors={"open": [1.0]}).fit(CALLS, LABELS), ParameterError, "set embedding=1"),
        (lambda: classifier(freeze_vectors=True).fit(CALLS, LABELS), ParameterError, "needs vectors"),
        (lambda: classifier(freeze_vectors=1).fit(CALLS, LABELS), ParameterError, "must be True or False"),
        (lambda: classifier(vectors={"x": [1.0]}).fit(CALLS, LABELS), DataError, "none of the 6 tokens"),
        (lambda: regressor(vectors=GIVEN).fit(*series()), ParameterError, "vectors are for tokens"),
        (
            lambda: gorae.SequenceTagger(vectors={"a": [1.0]}).fit([["a", "b"]] * 2, [["X", "Y"]] * 2),
            ParameterError,
            "set word_width=1",
        ),
    ],
)
def test_what_does_not_fit_is_told(make, error, told):
    """Each mistake is one sentence that says what to do."""
    with pytest.raises(error, match=told), warnings.catch_warnings():
        make()
