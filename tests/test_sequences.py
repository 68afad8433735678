"""Estimators of sequences: what they accept, what a fold knows, and what they do as every estimator does."""

import warnings
from functools import cache

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import SkipTestWarning
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

import gorae
from gorae.data.sequence_rows import PackedRows, pack_rows
from gorae.errors import DamagedFileError, GoraeError, InputError, InputTypeError, NotFittedError
from gorae.estimators import SequenceClassifier, SequenceRegressor, load
from gorae.estimators.loading import estimator_from_state
from gorae.estimators.saving import fitted_state
from gorae.estimators.together import Fit, fit_together
from sequence_cases import calls, classifier, regressor, series

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CALLS, LABELS = calls()
SERIES, VALUES = series()


@pytest.fixture(scope="module")
def of_calls():
    """A classifier of lists of tokens."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classifier(members=2).fit(CALLS, LABELS)


@pytest.fixture(scope="module")
def of_series():
    """A regressor of series."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return regressor().fit(SERIES, VALUES)


def test_it_learns(of_calls, of_series):
    """New sequences, of lengths that never came, are answered right."""
    more, labels = calls(40, seed=1)
    longer, values = series(40, seed=1)

    assert of_calls.score(more, labels) > 0.9
    assert of_series.score(longer, values) > 0.7
    assert of_calls.predict_proba(more).shape == (40, 2)
    assert of_series.predict(longer).shape == (40,)


def test_the_same_sequences_in_other_forms():
    """Texts, lists of tokens, codes, a matrix of codes and bytes that say the same give the same answers."""
    words = [["ab", "cd", "ab"], ["cd", "cd", "ab"]] * 8
    codes = [[{"ab": 5, "cd": 90}[word] for word in row] for row in words]
    forms = {
        "tokens": words,
        "texts": [" ".join(row) for row in words],
        "array of texts": np.array([" ".join(row) for row in words]),
        "codes": codes,
        "arrays of codes": [np.array(row, np.uint8) for row in codes],
        "matrix of codes": np.array(codes),
    }
    y = [0, 1] * 8
    answers = {name: classifier(epochs=3).fit(X, y).predict_proba(X) for name, X in forms.items()}

    for name, found in answers.items():
        np.testing.assert_array_equal(found, answers["tokens"], err_msg=name)
    as_bytes = [bytes(row) for row in codes]
    found = classifier(epochs=3).fit(as_bytes, y).predict_proba(as_bytes)
    np.testing.assert_array_equal(found, classifier(epochs=3).fit(as_bytes, y).predict_proba(as_bytes))


def test_a_series_may_be_an_array():
    """An array (n, T, C) is a list of its rows, and integers are numbers."""
    X = np.arange(48).reshape(8, 3, 2) % 7
    y = X[:, :, 0].sum(axis=1)
    one, other = (regressor(epochs=2).fit(form, y).predict(form) for form in (X, list(X.astype(float))))

    np.testing.assert_array_equal(one, other)


def test_a_row_is_answered_as_it_would_be_alone(of_calls, of_series):
    """What else is asked, and how long it is, changes an answer by nothing but rounding."""
    for model, X in ((of_calls, CALLS), (of_series, SERIES)):
        together = model._answers(X)[0]
        alone = np.concatenate([model._answers([row])[0] for row in X[:5]])
        np.testing.assert_allclose(together[:5], alone, rtol=1e-6, atol=1e-6)


def test_what_was_never_seen_is_unknown(of_calls):
    """Two tokens that no training row has are one and the same; one that it has is not."""
    one, other, known = of_calls.predict_proba([["foo", "read"], ["bar", "read"], ["open", "read"]])

    np.testing.assert_array_equal(one, other)
    assert np.abs(one - known).max() > 0.01


def test_a_fold_knows_its_own_tokens_only():
    """Tokens of held-out rows change nothing of a fold's model: neither that they are there, nor how often."""
    train, held = np.arange(32), np.arange(32, 48)
    strange = [[*row[:-2], "strange", "stranger"] if place >= 32 else row for place, row in enumerate(CALLS)]

    def of_fold(X):
        model = classifier(epochs=3)
        assert fit_together([Fit(model, train)], X, LABELS) == [None]
        return model

    one, other = of_fold(CALLS), of_fold(strange)
    alone = classifier(epochs=3).fit([CALLS[place] for place in train], LABELS[train])
    questions = [CALLS[place] for place in held]
    np.testing.assert_array_equal(one.predict_proba(questions), other.predict_proba(questions))
    np.testing.assert_array_equal(one.predict_proba(questions), alone.predict_proba(questions))
    strangers = other.predict_proba([["strange"], ["never"]])
    np.testing.assert_array_equal(strangers[0], strangers[1])


def test_series_are_standardised_over_real_steps():
    """Each channel of the training rows has mean 0 and deviation 1, padding not counted, a flat one mean 0."""
    X = [np.array([[1.0, 7.0]]), np.array([[2.0, 7.0], [3.0, 7.0], [6.0, 7.0]])]
    model = regressor(epochs=1).fit(X, [0.0, 1.0])
    shift, scale = model._learned.encoding.shift, model._learned.encoding.scale
    values = np.array([1.0, 2.0, 3.0, 6.0])

    assert shift.tolist() == [0.0, *[3.0, 7.0] * 3]
    np.testing.assert_allclose(scale, [1.0, *[1 / values.std(), 1.0] * 3], rtol=1e-6)


def test_weights_count_as_copies():
    """In a full batch a weight of 3 is three copies, and weight 0 is a row that is not there."""
    X, y = CALLS[:12], LABELS[:12]
    weight = np.array([1.0, 3.0, 0.0] * 4)
    copies = np.repeat(np.arange(12), weight.astype(int))
    full = {"batch_size": 100, "epochs": 5}
    one = classifier(**full).fit(X, y, sample_weight=weight)
    other = classifier(**full).fit([X[place] for place in copies], y[copies])

    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=1e-4, atol=1e-5)


def test_saved_and_loaded(of_calls, of_series, tmp_path):
    """A file answers bitwise the same, for unknown tokens too; only known tokens are in it."""
    rare = classifier(epochs=2, max_tokens=3).fit(CALLS, LABELS)
    for place, (model, X) in enumerate(
        [(of_calls, [*CALLS, ["never"]]), (of_series, SERIES), (rare, [*CALLS, ["never", "seek"]])]
    ):
        path = tmp_path / f"{place}.gorae"
        model.save(path)
        again = load(path)
        np.testing.assert_array_equal(again._answers(X), model._answers(X))
        again.save(tmp_path / "again.gorae")
    assert len(load(tmp_path / "2.gorae").sequences_in_.table) == 3


def test_clone_refit_and_members(of_calls):
    """A clone fitted anew is bitwise the model, members are as many as asked and their mean is the answer."""
    again = clone(of_calls).fit(CALLS, LABELS)

    np.testing.assert_array_equal(again.predict_proba(CALLS), of_calls.predict_proba(CALLS))
    np.testing.assert_allclose(
        of_calls.member_proba_(CALLS).mean(axis=0), of_calls.predict_proba(CALLS), rtol=1e-6
    )
    assert of_calls.hidden_features(CALLS).shape == (48, 6)
    assert of_calls.layer_names_ == ["sequence", "output"]


def test_an_ensemble_knows_where_it_disagrees():
    """The two parts of the uncertainty of texts add up to the entropy of the ensemble's answer."""
    careful = gorae.CautiousClassifier(classifier(members=3, epochs=2), cv=2).fit(CALLS, LABELS)
    found, stated = careful.uncertainty(CALLS), careful.estimator_.predict_proba(CALLS)

    np.testing.assert_allclose(found.aleatoric + found.epistemic, found.total, atol=1e-12)
    np.testing.assert_allclose(found.total, -(stated * np.log(stated)).sum(axis=1), rtol=1e-4, atol=1e-5)
    assert found.epistemic.max() > 0


def test_going_on():
    """Ten epochs and ten more are bitwise twenty; rows of a later partial fit may hold new tokens."""
    whole = classifier(epochs=6).fit(CALLS, LABELS)
    parts = classifier(epochs=3, warm_start=True).fit(CALLS, LABELS).fit(CALLS, LABELS)
    np.testing.assert_array_equal(parts.predict_proba(CALLS), whole.predict_proba(CALLS))

    model = classifier()
    for start in (0, 16, 32):
        model.partial_fit(CALLS[start : start + 16], LABELS[start : start + 16], classes=["close", "open"])
    before = model.predict_proba([["new"]])
    model.partial_fit([["new"], ["read"]], ["open", "close"])
    assert np.abs(model.predict_proba([["new"]]) - before).max() > 0


def test_in_scikit_learns_hands():
    """Cross-validation cuts lists; out-of-fold predictions are those of models fitted on the parts."""
    model = classifier(epochs=15)

    assert cross_val_score(model, CALLS, LABELS, cv=3).mean() > 0.8
    assert cross_val_predict(model, CALLS, LABELS, cv=3, method="predict_proba").shape == (48, 2)
    assert cross_val_score(regressor(epochs=2), SERIES, VALUES, cv=2).shape == (2,)


def test_a_search():
    """Settings and folds are one population; the best is fitted on all rows and answers lists."""
    space = {"dropout": [0.0, 0.2], "clip": [1.0, 5.0]}
    search = gorae.SearchCV(classifier(epochs=15), space, cv=3).fit(CALLS, LABELS)
    more, labels = calls(20, seed=3)

    assert search.best_score_ > 0.8
    assert search.score(more, labels) > 0.8


def test_a_search_over_a_pipeline():
    """Lists go through a pipeline as they are."""
    space = {"sequenceclassifier__dropout": [0.0, 0.1]}
    search = gorae.SearchCV(make_pipeline(classifier(epochs=2)), space, cv=2).fit(CALLS, LABELS)

    assert search.predict(CALLS).shape == (48,)


def test_what_makes_rows_cannot_be_searched():
    """The sentence says that sequences become rows once."""
    search = gorae.SearchCV(classifier(epochs=1), {"max_length": [4, 8]}, cv=2, error_score="raise")

    with pytest.raises(InputError, match="set them before, and leave them"):
        search.fit(CALLS, LABELS)


def test_a_cautious_classifier():
    """Calibration, prediction sets and flags work on lists; a strange row is stranger than a known one."""
    model = gorae.CautiousClassifier(classifier(epochs=10), cv=3).fit(CALLS, LABELS)

    assert model.predict(CALLS).shape == (48,)
    assert model.predict_set(CALLS, 0.8).shape == (48, 2)
    assert model.novelty_score([["open"], ["foo"] * 8]).shape == (2,)


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "bag", "pooling": "attention"},
        {"cell": "lstm", "layers": 2, "bidirectional": True, "pooling": "max", "truncate": 3},
    ],
    ids=["bag", "two layers"],
)
def test_other_networks(options):
    """Cells, directions, poolings and dropout are trained, saved and answered alike."""
    model = classifier(**options, dropout=0.1, epochs=20).fit(CALLS, LABELS)

    assert model.score(CALLS, LABELS) > 0.8


def test_what_is_kept_of_a_long_one():
    """With max_length 2 the head, or the tail, decides alone, in training and in prediction."""
    head, tail = (
        classifier(epochs=40, max_length=2, window=window).fit([row + ["read"] * 4 for row in CALLS], LABELS)
        for window in ("head", "tail")
    )

    assert (head.predict_proba([["stat", "seek"]]) == head.predict_proba([["stat", "seek", "open"]])).all()
    assert (tail.predict_proba([["stat", "seek"]]) == tail.predict_proba([["open", "stat", "seek"]])).all()
    assert head.n_features_in_ == 3


def test_checks_of_scikit_learn_are_for_arrays():
    """The tags say that X is no matrix, and scikit-learn then asks for no more than that it can be cloned."""
    for model in (SequenceClassifier(), SequenceRegressor()):
        assert not model.__sklearn_tags__().input_tags.two_d_array
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SkipTestWarning)
            for same, check in estimator_checks_generator(model):
                check(same)


NAN = [np.ones((2, 2)), np.array([[1.0, 2.0], [np.nan, 1.0]])]


@pytest.mark.parametrize(
    ("X", "told"),
    [
        ([["a"], []], r"row 1 \(from 0\) is empty"),
        (["a whale", " "], r"row 1 \(from 0\) is empty"),
        ([[1, 2], [3, -4]], r"row 1 \(from 0\) of X holds -4"),
        ([[1, 2], [3.5, 4.0]], r"row 1 \(from 0\) of X must be .* got floats"),
        (np.ones((3, 4)), "must hold whole numbers, got float64"),
        (np.ones((3, 4, 2, 2)), r"\(rows, steps, channels\) of numbers, got float64 of shape \(3, 4, 2, 2\)"),
        ([["a"], [1, 2]], r"row 0 is a list of tokens and row 1 \(from 0\) is a list of whole numbers"),
        ([["a"], "a"], r"row 0 is a list of tokens and row 1 \(from 0\) is a text"),
        ([["a"], None], r"row 1 \(from 0\) of X must be a text"),
        (NAN, r"row 1, step 1, channel 0 \(from 0\) has nan"),
        ([np.ones((2, 2)), np.ones((2, 3))], r"\(steps, 2\), but row 1 \(from 0\) has the shape \(2, 3\)"),
        ([np.ones((2, 2)), np.ones((0, 2))], r"row 1 \(from 0\) is empty"),
        ([], "at least one sequence"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_told(X, told):
    """One sentence that names the row."""
    with pytest.raises(InputError, match=told):
        classifier().fit(X, [0, 1])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cell": "lstn"}, "Did you mean 'lstm'"),
        ({"cell": "bag", "pooling": "last"}, "needs a recurrent cell"),
        ({"pooling": "median"}, "pooling must be one of"),
        ({"window": "middle"}, "window must be one of"),
        ({"max_length": 0}, "max_length must be None or a whole number"),
        ({"tokenizer": "word"}, "Did you mean 'words'"),
        ({"clip": 0.0}, "clip must be"),
        ({"truncate": 0}, "truncate must be an integer of at least 1"),
        ({"scale": "common"}, "scale must be"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
    ids=str,
)
def test_parameters_are_checked(options, told):
    """A value that makes no network is told in one sentence."""
    with pytest.raises(InputError, match=told):
        classifier(**options).fit(["a b", "c d"], [0, 1])


def test_later_rows_must_be_of_the_same_kind(of_calls, of_series):
    """What was fitted to tokens refuses numbers, with what was wanted and what came."""
    with pytest.raises(
        InputError, match="must hold a list of tokens a row, as in the fit, but row 0 is a list"
    ):
        of_calls.predict([[1, 2]])
    with pytest.raises(InputError, match=r"\(steps, 2\), but row 0 \(from 0\) has the shape \(3, 4\)"):
        of_series.predict([np.ones((3, 4))])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        classifier().predict(CALLS)
    for nothing in ("a text", 7):
        with pytest.raises(InputTypeError, match="X must be a list of sequences"):
            of_calls.predict(nothing)


def test_rows_know_what_they_are():
    """Parts of packed rows know their kind; packing them again changes nothing."""
    rows = pack_rows(CALLS)
    part = rows[3:5]

    assert isinstance(part, PackedRows)
    assert part.sequences == rows.sequences
    assert pack_rows(part) is part


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "prose"}, "none that gorae writes"),
        ({"steps": 3}, "do not fit its network"),
        ({"steps": -1}, "no whole numbers"),
        ({"channels": 2}, "do not fit its network"),
        ({"table": ["b", "a"]}, "not sorted"),
        ({"table": [1, 2]}, "what is no token"),
        ({"table": ["a"]}, "one code a token"),
        ({"tokenizer": {"name": "exec"}}, "tokenizer that gorae does not write"),
        ({"more": 1}, "none that gorae writes"),
    ],
    ids=str,
)
def test_a_file_that_says_something_else_is_refused(of_calls, change, told):
    """What a file says of its sequences must fit its network and its codes."""
    arrays, meta = of_calls._state()

    with pytest.raises(GoraeError, match=told):
        SequenceClassifier._from_state(arrays, {**meta, "sequences": {**meta["sequences"], **change}})


def test_codes_that_point_nowhere_are_refused(of_calls, of_series):
    """Every code of a file must be a row of the embedding; series have none; both need their kind."""
    arrays, meta = of_calls._state()
    codes = arrays["encoding/codes"]
    for wrong in (codes + 1000, -codes, codes[:-1], codes.astype(np.float32)):
        with pytest.raises(GoraeError, match="code"):
            SequenceClassifier._from_state({**arrays, "encoding/codes": wrong}, meta)
    for model in (of_calls, of_series):
        arrays, meta = model._state()
        with pytest.raises(GoraeError):
            type(model)._from_state(arrays, {k: v for k, v in meta.items() if k != "sequences"})
    with pytest.raises(GoraeError, match="series have no codes"):
        SequenceRegressor._from_state({**arrays, "encoding/codes": codes}, meta)
    larger = {**meta, "network": {**meta["network"], "width": 10**6}}
    with pytest.raises(GoraeError):
        SequenceRegressor._from_state(arrays, larger)


def test_codes_stay_whole_numbers():
    """Rows of tokens are stored in two bytes a step; where there are more tokens, or longer rows, in four."""
    few = pack_rows([["a", "b"], ["b"]])
    many = pack_rows([np.arange(70_000), np.array([69_999])], max_length=3, window="tail")
    again = pack_rows(many, like=pack_rows([[69_999]]).sequences)
    series = pack_rows([np.ones((2, 1))])

    assert [part.dtype for part in (few, many, again, series)] == [np.uint16, np.int32, np.uint16, np.float32]
    assert many[0].tolist() == [3, 69_999, 70_000, 70_001]
    assert again.tolist() == [[1, 1], [1, 2]]
    assert pack_rows([np.zeros(70_000, int)]).dtype == np.int32


@cache
def long_tables(kind):
    """A fitted bag over more tokens than the header of a file holds: texts, or whole numbers."""
    rng = np.random.default_rng(0)
    numbers = [rng.choice(1500, 60, replace=False) for _ in range(40)]
    X = numbers if kind == "ids" else [[f"고래{number}" for number in row] for row in numbers]
    return classifier(cell="bag", epochs=1, tol=0).fit(X, np.arange(40) % 2), X


@pytest.mark.parametrize("kind", ["ids", "tokens"])
def test_a_long_table_of_tokens_is_kept_in_arrays(kind, tmp_path):
    """A model that knows over a thousand tokens answers bitwise the same from its file."""
    model, X = long_tables(kind)
    model.save(tmp_path / "long.gorae")

    assert model._state()[1]["sequences"]["table"] is None
    np.testing.assert_array_equal(load(tmp_path / "long.gorae").predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("ids", "encoding/ids", lambda array: array[::-1].copy()),
        ("ids", "encoding/ids", lambda array: array.astype(np.int32)),
        ("ids", "encoding/ids", lambda array: array[:-1]),
        ("ids", "encoding/ids", lambda array: None),
        ("tokens", "encoding/texts", lambda array: array[:-1]),
        ("tokens", "encoding/texts", lambda array: array + np.uint8(99)),
        ("tokens", "encoding/ends", lambda array: array[::-1].copy()),
        ("tokens", "encoding/ends", lambda array: -array),
        ("tokens", "encoding/ends", lambda array: None),
    ],
)
def test_damaged_long_tables(kind, name, change):
    """A table that is cut, turned round, of another type or missing is refused as damage."""
    arrays, meta = fitted_state(long_tables(kind)[0])
    changed = change(arrays[name])
    arrays = {key: array for key, array in arrays.items() if key != name}
    arrays |= {} if changed is None else {name: changed}

    with pytest.raises(DamagedFileError):
        estimator_from_state(arrays, meta)


def test_two_tables_of_tokens():
    """A file that has a table in its header and one in its arrays is refused."""
    arrays, meta = fitted_state(classifier(cell="bag", epochs=1, tol=0).fit(*calls()))

    with pytest.raises(DamagedFileError, match="two tables"):
        estimator_from_state({**arrays, "encoding/ids": np.arange(3)}, meta)
