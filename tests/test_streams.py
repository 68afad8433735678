"""Rows that do not fit into memory: blocks in order, whatever the threads; fits that hold a few blocks."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae.data import Stream, Waiting, as_stream, block_bounds, fit_affine, fit_affine_of_blocks, in_blocks
from gorae.errors import DataError, ParameterError
from gorae.estimators import LinearRegressor, MLPClassifier, NeuralClassifier, SequenceClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = np.random.default_rng(0).normal(5, 3, (90, 3)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 10).astype(int)
OPTIONS = {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, "random_state": 0}


class Items:
    """A dataset of pairs that takes its time, each item another time."""

    def __init__(self, rows, targets=None, seconds=0.0):
        self.rows, self.targets, self.seconds = rows, targets, seconds

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, place):
        time.sleep(self.seconds * (place % 3))
        return self.rows[place] if self.targets is None else (self.rows[place], self.targets[place])


@given(count=st.integers(1, 200), rows=st.integers(1, 50))
def test_blocks_hold_every_row_once(count, rows):
    """Blocks follow on each other, are no larger than asked for, and differ by a row at most."""
    bounds = block_bounds(Stream(np.zeros((count, 1)), block_rows=rows), 1)
    sizes = [high - low for low, high in bounds]

    assert [low for low, _ in bounds] == [0, *(high for _, high in bounds[:-1])]
    assert (bounds[-1][1], max(sizes) <= rows, max(sizes) - min(sizes) <= 1) == (count, True, True)


@settings(max_examples=25)
@given(threads=st.integers(1, 5), ahead=st.integers(1, 4), order=st.permutations(range(5)))
def test_blocks_come_in_the_order_asked_for(threads, ahead, order):
    """Whatever the threads, block k of the order holds the rows of block k."""
    stream = Stream(Items(X[:23]), block_rows=5, threads=threads, ahead=ahead)
    bounds = [block_bounds(stream, 12)[place] for place in order]
    found = list(in_blocks(stream, bounds, lambda bounds, rows, _: rows))

    assert all(np.array_equal(rows, X[low:high]) for rows, (low, high) in zip(found, bounds, strict=True))


def test_threads_read_at_once_and_ahead():
    """Several blocks are read at a time; one that is there is not waited for."""
    together, waiting = threading.Barrier(2), Waiting()

    class Meeting(Items):
        def __getitem__(self, place):
            if place in (0, 6):  # the first of a block each
                together.wait(100)  # raises where the other is not being read
            return super().__getitem__(place)

    blocks = in_blocks(
        Stream(Meeting(X[:24], seconds=0.002), block_rows=6, threads=3, ahead=2),
        [(0, 6), (6, 12), (12, 18), (18, 24)],
        lambda bounds, rows, _: rows,
        waiting,
    )
    np.testing.assert_array_equal(next(blocks), X[:6])
    blocks.close()

    assert 0 < waiting.waited <= waiting.seconds


def test_only_a_few_blocks_are_held():
    """No block is read before one of those ahead of it has been taken."""
    started: list[int] = []

    class Counted(Items):
        def __getitem__(self, place):
            started.append(place)
            return super().__getitem__(place)

    stream = Stream(Counted(X[:40]), block_rows=4, threads=1, ahead=2)
    blocks = in_blocks(stream, block_bounds(stream, 12), lambda bounds, rows, _: rows)
    for taken in range(1, 5):
        next(blocks)
        time.sleep(0.02)
        assert max(started) < (taken + 2) * 4
    blocks.close()


def test_what_a_source_raises_is_told_with_its_row():
    """An item that cannot be read ends the blocks with its number."""

    class Torn(Items):
        def __getitem__(self, place):
            if place == 7:
                raise OSError("disk gone")
            return self.rows[place]

    stream = Stream(Torn(X[:12]), block_rows=3)
    with pytest.raises(
        DataError, match=r"row 7 \(from 0\) of the dataset cannot be read: OSError: disk gone"
    ):
        list(in_blocks(stream, block_bounds(stream, 12), lambda bounds, rows, _: rows))


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 90), max_size=6), kind=st.sampled_from(["standard", "common", "none"]))
def test_scales_of_blocks_are_those_of_all_rows(cuts, kind):
    """Means and deviations do not depend on where rows are cut."""
    blocks = np.split(X, sorted(cuts))
    found, known = fit_affine_of_blocks(blocks, kind=kind), fit_affine(X, kind=kind)

    for name in ("fill", "shift", "scale"):
        np.testing.assert_allclose(getattr(found, name), getattr(known, name), rtol=1e-12)


@pytest.fixture(scope="module")
def known():
    """A fit of a stream in memory."""
    return MLPClassifier((4,), members=2, early_stopping=True, **OPTIONS).fit(Stream(X, block_rows=20), Y)


@pytest.mark.parametrize("kind", ["memory-mapped", "dataset", "many threads"])
def test_a_fit_is_the_same_whatever_reads(known, kind, tmp_path):
    """Threads, how far ahead they are, and where rows lie decide nothing: the members are bitwise the same."""
    np.save(tmp_path / "rows.npy", X)
    streams = {
        "memory-mapped": lambda: Stream(np.load(tmp_path / "rows.npy", mmap_mode="r"), block_rows=20),
        "dataset": lambda: Stream(Items(X, Y, seconds=1e-4), block_rows=20, threads=3),
        "many threads": lambda: Stream(X, block_rows=20, threads=7, ahead=5),
    }
    targets = None if kind == "dataset" else Y
    model = MLPClassifier((4,), members=2, early_stopping=True, **OPTIONS).fit(streams[kind](), targets)

    assert np.array_equal(model.predict_proba(X), known.predict_proba(X))
    assert np.array_equal(model.predict_proba(streams["dataset"]()), known.predict_proba(X))


def test_records_are_of_epochs(known):
    """Histories have one entry an epoch of all rows, as those of rows in memory."""
    assert known.n_iter_ == 3
    assert [len(part) for part in known.history_[0]] == [3, 3, 3, 3]
    assert known.waiting_.seconds > 0


def test_one_block_is_a_fit_in_memory():
    """A stream of a single block trains to bitwise what its rows in memory do."""
    rows = MLPClassifier((4,), tol=0.0, patience=1000, **OPTIONS).fit(X, Y)
    stream = MLPClassifier((4,), **OPTIONS).fit(Stream(X, block_rows=100), Y)

    assert np.array_equal(stream.predict_proba(X), rows.predict_proba(X))


def test_blocks_learn_what_rows_in_memory_do():
    """A regression in blocks finds the line that made the values, in their own unit."""
    values = 1000 + X @ np.array([1.0, -2.0, 0.5])
    model = LinearRegressor(epochs=60, batch_size=8, learning_rate=0.02, random_state=0)

    assert model.fit(Stream(X, block_rows=30), values).score(X, values) > 0.99
    np.testing.assert_allclose(model.coef_.ravel(), [1.0, -2.0, 0.5], atol=0.1)


def test_one_block_with_weights_is_a_fit_in_memory():
    """Weights, those of classes too, and groups decide in a single block what they do in memory."""
    weight, groups = np.linspace(0, 3, 90), np.arange(90) // 9
    options = {**OPTIONS, "early_stopping": True, "class_weight": "balanced"}
    given = {"sample_weight": weight, "groups": groups}
    streamed = MLPClassifier((4,), **options).fit(Stream(X), Y, **given)
    whole = MLPClassifier((4,), **options).fit(X, Y, **given)

    np.testing.assert_allclose(streamed.predict_proba(X), whole.predict_proba(X), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        streamed.history_[0].validation_loss, whole.history_[0].validation_loss, rtol=1e-4
    )


def test_rows_of_weight_0_are_not_there():
    """What they hold changes nothing, even where they fill a block; and only the ratios of weights count."""
    weight = np.r_[np.zeros(20), np.tile([1.0, 0.0, 2.0, 3.0, 0.5], 14)]
    other = np.where(weight[:, None] > 0, X, 77).astype(np.float32)
    labels = np.where(weight > 0, Y, 9)

    one = MLPClassifier((4,), **OPTIONS).fit(Stream(X, block_rows=20), Y, sample_weight=weight)
    two = MLPClassifier((4,), **OPTIONS).fit(Stream(other, block_rows=20), labels, sample_weight=weight * 4)

    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    assert two.classes_.tolist() == [0, 1]


def test_heavy_blocks_count_for_more():
    """Weights have mean 1 over all blocks, not in each: a block of heavy rows pulls as hard as its weight."""
    targets = np.r_[np.zeros(45), np.ones(45)]
    options = {"learning_rate": 0.05, "epochs": 60, "batch_size": 45, "random_state": 0, "scale": None}
    flat = np.zeros((90, 1), np.float32)
    weight = np.r_[np.full(45, 1.0), np.full(45, 3.0)]

    model = LinearRegressor(**options, schedule="cosine").fit(Stream(flat, block_rows=45), targets, weight)

    assert model.predict(flat[:1])[0] == pytest.approx(0.75, abs=0.03)  # without weights 0.5


def test_watched_rows_are_learned_from_by_nobody(known):
    """Rows that early stopping watches change no scale."""
    from gorae.data.folds import cut_stop_rows

    _, stop = cut_stop_rows(np.arange(90, dtype=np.int32), Y, fraction=0.1, seed=0, stratify=True)
    moved = X.copy()
    moved[stop] += 7
    model = MLPClassifier((4,), members=2, early_stopping=True, **OPTIONS).fit(
        Stream(moved, block_rows=20), Y
    )

    assert np.array_equal(model._learned.encoding.shift, known._learned.encoding.shift)
    assert np.array_equal(model._learned.encoding.scale, known._learned.encoding.scale)


def test_bytes_stay_bytes_and_rows_keep_their_shape():
    """Pictures stream as bytes, to a module that reads them as pictures."""
    pictures = np.random.default_rng(1).integers(0, 255, (40, 4, 4, 1)).astype(np.uint8)
    labels = (pictures[:, 0, 0, 0] > 127).astype(int)
    model = NeuralClassifier(**OPTIONS).fit(Stream(pictures, block_rows=16), labels)

    assert model.row_shape_in_ == (4, 4, 1)
    assert model.predict(pictures).shape == (40,)


def test_large_memory_maps_are_streams(tmp_path, monkeypatch):
    """A memory-mapped array is read block by block from a size on, and is rows in memory below it."""
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")

    assert as_stream(mapped) is None
    monkeypatch.setattr("gorae.data.streams._LARGE", 100)
    assert as_stream(mapped) == Stream(mapped)
    assert as_stream(X) is None


def missing():
    rows = X.copy()
    rows[33, 2] = np.nan
    return rows


@pytest.mark.parametrize(
    ("fit", "error", "told"),
    [
        (
            lambda m: m.fit(Stream(X), Y, sample_weight=np.ones(80)),
            ValueError,
            "sample_weight.shape == ",
        ),
        (
            lambda m: m.fit(Stream(X), Y, sample_weight=np.zeros(90)),
            ValueError,
            "at least one non-zero",
        ),
        (lambda m: m.set_params(warm_start=True).fit(Stream(X), Y), ParameterError, "warm_start cannot"),
        (
            lambda m: m.fit(Stream(missing(), block_rows=20), Y),
            DataError,
            r"row 33, column 2 \(from 0\) of the stream is missing",
        ),
        (lambda m: m.fit(Stream(X)), DataError, "rows have no targets; give y"),
        (lambda m: m.fit(Stream(X[:0]), Y[:0]), DataError, "the stream is empty"),
        (lambda m: m.fit(Stream(X), Y[:50]), ValueError, "inconsistent numbers of samples"),
        (lambda m: SequenceClassifier().fit(Stream(X), Y), ParameterError, "reads no streams"),
        (lambda m: Stream(X, threads=0), ParameterError, "threads must be an integer of at least 1, got 0"),
        (lambda m: Stream(3), ParameterError, "a stream's source must be an array"),
    ],
)
def test_refusals(fit, error, told):
    """What cannot be read block by block is refused in one sentence."""
    with pytest.raises(error, match=told):
        fit(MLPClassifier((2,), **OPTIONS))


def test_a_failed_fit_leaves_the_model_as_it_was(known):
    """An estimator that cannot read a stream answers as before."""
    before = known.predict_proba(X)
    with pytest.raises((DataError, ValueError)):
        known.fit(Stream(missing(), block_rows=20), Y)

    assert np.array_equal(known.predict_proba(X), before)
