"""What each token of a text adds to a network's answer."""

import numpy as np
import pytest

from gorae import LinearClassifier
from gorae.data.ngrams import counted_ngrams, ngram_set, ngram_shares
from gorae.errors import DataError, InputTypeError, ParameterError
from gorae.explanation import integrated_gradients, token_attributions
from sequence_cases import calls, classifier, regressor, series


@pytest.fixture(scope="module")
def bag():
    """A bag of embeddings over calls, of three networks."""
    return classifier(cell="bag", members=3, tol=0).fit(*calls())


@pytest.fixture(scope="module")
def recurrent():
    """A recurrent network over calls."""
    return classifier(pooling="max").fit(*calls())


def log_odds(model, rows):
    """Each member's score of the predicted class against the other, averaged over the members."""
    scores = model.member_scores_(rows).mean(axis=0)
    own = np.argmax(model.predict_proba(rows), axis=1)
    return scores[np.arange(len(own)), own] - scores[np.arange(len(own)), 1 - own]


def test_of_a_bag_by_hand(bag):
    """A bag is linear in its vectors: token t of T adds (w_own - w_other) . E[t] / T, averaged over members."""
    row = ["read", "open", "stat", "open"]
    found = token_attributions(bag, [row])
    codes = np.asarray(bag._learned.encoding.codes)
    kind, own = bag.sequences_in_, bag.classes_.tolist().index(found.of[0])
    by_hand = np.zeros(4)
    for member in bag._members:
        table = np.asarray(member.parameters.reader.embedding.table)
        weight = np.asarray(member.parameters.head.weight)
        vectors = table[codes[[kind.codes[token] for token in row]]]
        by_hand += vectors @ (weight[:, own] - weight[:, 1 - own]) / 4 / 3

    np.testing.assert_allclose(found.values[0], by_hand, atol=1e-6)
    assert (found.members, found.output) == (3, "logit")


def test_vectors_that_stay_are_those_explained():
    """Where given vectors stay as they are, what drifts behind them is not what the answer is made of."""
    rows, y = calls()
    names = sorted({token for row in rows for token in row})
    vectors = {name: np.eye(len(names), 4)[place] for place, name in enumerate(names)}
    options = {"embedding": 4, "vectors": vectors, "freeze_vectors": True}
    model = classifier(cell="bag", optimizer="adamw", weight_decay=5.0, tol=0, **options).fit(rows, y)
    asked = rows[:6]

    found = token_attributions(model, asked)

    np.testing.assert_allclose(found.end, log_odds(model, asked), atol=1e-5)


@pytest.mark.parametrize("which", ["bag", "recurrent"])
def test_all_tokens_add_up(which, request):
    """What all tokens add is the answer less that without vectors, which ends at the model's own answer."""
    model = request.getfixturevalue(which)
    rows = calls(6, seed=4)[0]
    found = token_attributions(model, rows, steps=200)

    np.testing.assert_allclose(found.end, log_odds(model, rows), atol=1e-4)
    sums = np.array([values.sum() for values in found.values])
    np.testing.assert_allclose(sums, found.end - found.start, rtol=0.01)
    np.testing.assert_allclose(found.gap, found.end - found.start - sums, atol=1e-9)


def test_a_token_for_each_step(recurrent):
    """Each row has a value for each of its own tokens, none for padding, whatever stands beside it."""
    rows = [["open"], ["read", "close", "stat"]]
    found = token_attributions(recurrent, rows)

    assert [len(values) for values in found.values] == [1, 3]
    alone = token_attributions(recurrent, rows[1:])
    np.testing.assert_allclose(found.values[1], alone.values[0], atol=1e-6)


def test_another_class(bag):
    """Of two classes, what speaks for one speaks as much against the other."""
    one, other = (token_attributions(bag, [["open", "read"]], of=label) for label in ("open", "close"))

    np.testing.assert_allclose(one.values[0], -other.values[0], atol=1e-6)


def test_the_telling_token_is_found(recurrent):
    """Of a trace the call that decides its class adds most."""
    rows, labels = calls(8, seed=7)
    found = token_attributions(recurrent, rows, of="open")
    hits = [
        row[int(np.argmax(np.abs(values)))] == label
        for row, label, values in zip(rows, labels, found.values, strict=True)
    ]

    assert np.mean(hits) > 0.7


def test_values_are_in_the_unit_of_the_targets():
    """A regressor's attributions are told in the unit of y, far from 0 as it is."""
    rows, _ = calls()
    targets = 1000.0 + 50.0 * np.array([row.count("open") for row in rows])
    model = regressor(cell="bag", tol=0).fit(rows, targets)
    found = token_attributions(model, rows[:3])

    np.testing.assert_allclose(found.end, model.predict(rows[:3]), rtol=1e-4)
    assert found.output == "value"


def test_what_is_refused(bag):
    """Series, models without a gradient and unknown classes are refused with what to do."""
    with pytest.raises(DataError, match="are for networks that read tokens; see integrated_gradients"):
        token_attributions(regressor(epochs=1, tol=0).fit(*series()), series()[0])
    with pytest.raises(DataError, match="are for networks that read tokens"):
        token_attributions(LinearClassifier(epochs=5, tol=0).fit([[0.0], [1.0]] * 5, [0, 1] * 5), [[0.0]])
    with pytest.raises(DataError, match="gorae.explanation.token_attributions tells what each token adds"):
        integrated_gradients(bag, [["open"]])
    with pytest.raises(ParameterError, match="Did you mean 'open'"):
        token_attributions(bag, [["open"]], of="opem")
    with pytest.raises(InputTypeError, match="need a fitted network"):
        token_attributions("bag", [["open"]])


def test_shares_by_hand():
    """Of "a b a" with a value of 1 for "a", 4 for the pair "a b": each "a" has a half, "b" 2, the first "a" 2."""
    told = ["a", "b", "a"]
    single = ngram_set(*counted_ngrams(["a"], (1,)))
    pair_and_singles = set(ngram_set(*counted_ngrams(["a", "b"], (1, 2))).tolist())
    singles = set(ngram_set(*counted_ngrams(["a", "b"], (1,))).tolist())
    pair = np.array(sorted(pair_and_singles - singles))
    found = ngram_shares(told, np.concatenate([single, pair]), np.array([1.0, 4.0]))

    np.testing.assert_allclose(found, [2.5, 2.0, 0.5])


@pytest.mark.parametrize("bins", [1 << 18, 5])
def test_shares_sum_up(bins):
    """Tokens share all values of a set out among them, also where n-grams share a number."""
    rng = np.random.default_rng(0)
    told = rng.choice(list("abcde"), 40).tolist()
    numbers = ngram_set(*counted_ngrams(told), bins=bins)
    values = rng.normal(size=len(numbers))

    assert ngram_shares(told, numbers, values, bins=bins).sum() == pytest.approx(values.sum())
