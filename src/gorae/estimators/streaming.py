"""Fitting a network estimator to rows that do not fit into memory.

The rows are read three times and more: once for the targets, where they come with the rows; once for the
columns' means and deviations; and once an epoch. An epoch is a pass over the blocks in an order of its own;
the engine trains every member on one block, whose rows it shuffles, while threads read the next ones and
write them as the engine stores rows. To the engine each block is an epoch of its own, from whose end members
go on with the next block: schedules span all of them, and patience counts in epochs of all rows. The rows
that early stopping watches stay in memory, at the start of every block's array.

What comes out does not depend on threads or on how far they are ahead: the order of the blocks follows from
the seed and the epoch, that of a block's rows from the member's own key.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gorae.backend import select_devices
from gorae.data import Affine, Stream, Waiting, block_bounds, fit_affine, fit_affine_of_blocks, in_blocks
from gorae.data.folds import cut_stop_rows
from gorae.errors import DataError, ParameterError
from gorae.estimators.given import given_rows
from gorae.estimators.learned import Learned, encoding_of, encoding_only, set_learned
from gorae.estimators.parameters import check_choice, check_count, check_flag, check_real, root_seed
from gorae.estimators.population import Recipe, padded_count, shape_of
from gorae.estimators.storage import DTYPES, anchor_of, stored_rows
from gorae.estimators.telling import tell_outcome
from gorae.estimators.training_rows import TrainingRows, check_training_rows
from gorae.train import History, MemberResult, SharedRows, SplitRows, train

_SAMPLE = 256
_ENDLESS = 1 << 30
Bounds = tuple[int, int]


@dataclass(frozen=True)
class Streamed:
    """Rows to stream, checked: where blocks lie, how they are stored, and which rows are watched.

    Args:
        stream: the rows.
        bounds: of all blocks.
        rows: targets and classes of all rows.
        train: for each row whether it is learned from; the others are watched.
        anchors: what is subtracted from columns and targets before they are stored.
        is_bytes: whether rows stay bytes.
    """

    stream: Stream
    bounds: list[Bounds]
    rows: TrainingRows
    train: np.ndarray
    anchors: tuple[np.ndarray, np.ndarray]
    is_bytes: bool

    @property
    def targets(self) -> np.ndarray:
        """The targets of all rows as the engine stores them."""
        if self.rows.classes is not None:
            return np.asarray(self.rows.targets, np.int32)
        return (self.rows.targets - self.anchors[1]).astype(np.float32)


@dataclass(frozen=True)
class Block:
    """A block as the engine reads it: the watched rows first, then its own; and its part of the split."""

    shared: SharedRows
    split: SplitRows


def fit_stream(
    estimator: Any, stream: Stream, y: Any, sample_weight: Any = None, *, groups: Any = None
) -> None:
    """Train the estimator's members on a stream and set what was learned.

    Args:
        estimator: a network estimator.
        stream: the rows.
        y: targets, one a row, in memory; None for those that a dataset's items have.
        sample_weight: None: rows of a stream count alike.
        groups: None.

    Raises:
        ParameterError: for what cannot be done block by block.
        DataError: when a row cannot be used.
    """
    _refuse_what_needs_all(estimator, sample_weight, groups)
    data = _checked(estimator, stream, _targets(stream) if y is None else y)
    seed = root_seed(estimator.random_state)
    data = replace(data, train=_training_rows(estimator, data, seed))
    recipe, one_epoch = _recipe(estimator, data)
    encoding = _encoding(estimator, data)
    members = check_count("members", estimator.members)
    waiting = Waiting()
    blocks = _blocks(data, encoding, recipe, one_epoch, seed, waiting)
    results, interrupted = _train(estimator, recipe, blocks, members, seed)
    kept = [
        (stream_of, _by_epochs(result, len(data.bounds)))
        for stream_of, result in enumerate(results)
        if result is not None
    ]
    if data.rows.classes is not None:
        estimator.classes_ = data.rows.classes
    learned = Learned(
        shape=shape_of(recipe.problem),
        encoding=encoding_only(encoding_of(encoding)),
        anchor=data.anchors[0],
        target_anchor=data.anchors[1],
        flat_target=data.rows.flat,
        seed=seed,
        streams=tuple(place for place, _ in kept),
        members=tuple(result for _, result in kept),
        levels=recipe.levels,
    )
    set_learned(estimator, learned)
    estimator.waiting_ = waiting
    tell_outcome([(one_epoch, result) for _, result in kept], interrupted, members, quick=True)


def _refuse_what_needs_all(estimator: Any, sample_weight: Any, groups: Any) -> None:
    """Refuse what only a look at all rows at once gives a meaning.

    Raises:
        ParameterError: naming it.
    """
    if getattr(estimator, "_reads_sequences", False):
        raise ParameterError(
            f"{type(estimator).__name__} reads no streams: its tokens are counted over all rows; give it a "
            "token file (gorae.data.write_tokens), which is memory-mapped."
        )
    asked = {
        "sample_weight": sample_weight is not None,
        "groups": groups is not None,
        "class_weight": getattr(estimator, "class_weight", None) is not None,
        "warm_start": bool(getattr(estimator, "warm_start", False)),
        "checkpoint": getattr(estimator, "checkpoint", None) is not None,
    }
    wrong = [name for name, is_set in asked.items() if is_set]
    if wrong:
        raise ParameterError(
            f"{' and '.join(wrong)} cannot be used with a stream, which is never in memory as a whole; leave "
            f"{'them' if len(wrong) > 1 else 'it'} at the default."
        )


def _targets(stream: Stream) -> np.ndarray:
    """Return the targets that come with the rows.

    Raises:
        DataError: when there are none.
    """
    found: list[Any] = []
    for targets in in_blocks(stream, stream_bounds(stream), lambda bounds, rows, targets: targets):
        found += targets
    if len(found) != len(stream):
        raise DataError("the stream's rows have no targets; give y, one target a row.")
    return np.asarray(found)


def stream_bounds(stream: Stream) -> list[Bounds]:
    """Return the blocks of a stream before its rows are known."""
    first, _ = stream.read(0, 1) if len(stream) else (np.zeros((1, 1)), [])
    return block_bounds(stream, int(first.nbytes))


def _checked(estimator: Any, stream: Stream, y: Any) -> Streamed:
    """Return a stream with its targets, checked, and what is stored of it.

    Raises:
        DataError: when rows and targets do not fit together.
    """
    bounds = stream_bounds(stream)
    rows = check_training_rows(estimator, np.zeros((len(stream), 1), np.uint8), y, None, first=True)
    places = np.unique(np.linspace(0, len(stream) - 1, min(_SAMPLE, len(stream))).astype(int))
    some = in_blocks(stream, [(int(p), int(p) + 1) for p in places], lambda bounds, rows, _: rows)
    sample = np.concatenate(list(some))
    _check_finite(sample, places)
    matrix = given_rows(estimator, sample, reset=True)
    is_bytes = matrix.dtype == np.uint8
    standard = _scale_kind(estimator, is_bytes) == "standard"
    anchor = anchor_of(matrix) if standard else np.zeros(matrix.shape[1])
    target_anchor = np.zeros(0) if rows.classes is not None else anchor_of(rows.targets)
    everything = np.ones(len(stream), bool)
    return Streamed(stream, bounds, rows, everything, (anchor, target_anchor), is_bytes)


def _scale_kind(estimator: Any, is_bytes: bool) -> str:
    """Return how inputs are scaled."""
    check_choice("scale", estimator.scale, ["auto", "standard", "common", None])
    if estimator.scale == "auto":
        return "common" if is_bytes else "standard"
    return "none" if estimator.scale is None else estimator.scale


def _training_rows(estimator: Any, data: Streamed, seed: int) -> np.ndarray:
    """Return for each row whether it is learned from; the others are cut off for early stopping."""
    learned = np.ones(len(data.stream), bool)
    fraction = check_real(
        "validation_fraction",
        getattr(estimator, "validation_fraction", 0.1),
        0,
        1,
        open_low=True,
        open_high=True,
    )
    if check_flag("early_stopping", getattr(estimator, "early_stopping", False)):
        classify = data.rows.classes is not None
        values = data.rows.targets if classify else data.rows.targets[:, 0]
        everything = np.arange(len(learned), dtype=np.int32)
        _, stop = cut_stop_rows(everything, values, fraction=fraction, seed=seed, stratify=classify)
        learned[stop] = False
    return learned


def _recipe(estimator: Any, data: Streamed) -> tuple[Recipe, Recipe]:
    """Return what the engine is asked for in blocks, and in epochs."""
    counts = [int(data.train[low:high].sum()) for low, high in data.bounds]
    outputs = len(data.rows.classes) if data.rows.classes is not None else data.rows.targets.shape[1]
    recipe = estimator._recipe(len(data.anchors[0]), outputs, max(counts))
    hyper, blocks = dict(recipe.hyper), len(data.bounds)
    watched = not data.train.all()
    hyper["epochs"] = int(hyper["epochs"]) * blocks
    hyper["patience"] = min(_ENDLESS, int(hyper["patience"]) * blocks) if watched else _ENDLESS
    hyper["tol"] = 0.0
    return replace(recipe, hyper=hyper, merge=False), recipe


def _encoding(estimator: Any, data: Streamed) -> SplitRows:
    """Return how rows and targets are scaled, learned from the training rows in one pass."""
    kind = _scale_kind(estimator, data.is_bytes)

    def learned_from(bounds: Bounds, rows: np.ndarray, _: Any) -> np.ndarray:
        return _those(_stored(data, bounds, rows), data.train[slice(*bounds)])

    inputs = fit_affine_of_blocks(in_blocks(data.stream, data.bounds, learned_from), kind=kind)
    parts = {name: np.asarray(getattr(inputs, name), np.float32) for name in ("fill", "shift", "scale")}
    if data.rows.classes is not None:
        units = Affine(*(np.zeros(0) for _ in range(3)))
    else:
        units = fit_affine(data.targets[data.train])
    parts["target_shift"] = np.asarray(units.shift, np.float32)
    parts["target_scale"] = np.where(units.scale > 0, units.scale, 1.0).astype(np.float32)
    return encoding_only(parts)


def _stored(data: Streamed, bounds: Bounds, rows: np.ndarray) -> np.ndarray:
    """Return rows of a block as the engine stores them.

    Raises:
        DataError: when a value is missing or infinite, or rows have another width.
    """
    matrix = rows.reshape(len(rows), -1)
    matrix = matrix if matrix.dtype in DTYPES else matrix.astype(DTYPES[0])
    width = len(data.anchors[0])
    if matrix.shape[1] != width:
        raise DataError(f"rows from number {bounds[0]} on have {matrix.shape[1]} numbers, the first {width}.")
    _check_finite(matrix, range(*bounds))
    if matrix.dtype == np.uint8 and not data.is_bytes:
        matrix = matrix.astype(np.float32)
    return stored_rows(matrix, data.anchors[0])


def _those(rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the chosen rows, without a copy where these are all."""
    return rows if chosen.all() else rows[chosen]


def _check_finite(rows: np.ndarray, numbers: Sequence[int] | np.ndarray) -> None:
    """Refuse rows that lack a value, or have an infinite one.

    Raises:
        DataError: naming the row by its number, and the column.
    """
    if rows.dtype.kind != "f" or np.isfinite(rows).all():
        return
    row, column = (int(n) for n in np.argwhere(~np.isfinite(rows.reshape(len(rows), -1)))[0])
    raise DataError(
        f"row {int(numbers[row])}, column {column} (from 0) of the stream is missing or infinite; fill such "
        "values in the source."
    )


def _blocks(
    data: Streamed, encoding: SplitRows, recipe: Recipe, epochs: Recipe, seed: int, waiting: Waiting
) -> Iterator[Block]:
    """Yield the blocks of all epochs as the engine reads them."""
    stops = np.flatnonzero(~data.train)
    watched = [np.zeros((0, len(data.anchors[0])), np.uint8 if data.is_bytes else np.float32)]

    def stop_rows(bounds: Bounds, rows: np.ndarray, _: Any) -> np.ndarray:
        return _stored(data, bounds, rows)[~data.train[slice(*bounds)]]

    if len(stops):
        watched += list(in_blocks(data.stream, data.bounds, stop_rows))
    kept, targets = np.concatenate(watched), data.targets
    kept_targets = targets[stops]
    trained = padded_count(max(int(data.train[low:high].sum()) for low, high in data.bounds))
    held = padded_count(len(kept) + trained)
    watch = padded_count(len(kept)) if len(kept) else 0

    def block(bounds: Bounds, rows: np.ndarray, _: Any) -> Block:
        own = data.train[slice(*bounds)]
        stored = _those(_stored(data, bounds, rows), own)
        count = len(stored)
        everything = _filled(held, kept, stored)
        shared = SharedRows(everything, _filled(held, kept_targets, targets[slice(*bounds)][own]))
        split = encoding._replace(
            train_rows=_filled(trained, np.arange(len(kept), len(kept) + count, dtype=np.int32)),
            train_weight=_filled(trained, np.ones(count, np.float32)),
            train_count=np.int32(count),
            stop_rows=_filled(watch, np.arange(len(kept), dtype=np.int32)),
            stop_weight=_filled(watch, np.ones(len(kept), np.float32)),
            stop_count=np.int32(len(kept)),
        )
        return Block(shared, split)

    rounds = int(epochs.hyper["epochs"])
    yield from in_blocks(data.stream, _order(data.bounds, seed, rounds), block, waiting)


def _order(bounds: list[Bounds], seed: int, rounds: int) -> Iterable[Bounds]:
    """Yield the blocks of all epochs, those of each in an order of its own."""
    for epoch in range(rounds):
        for place in np.random.default_rng((seed, epoch)).permutation(len(bounds)):
            yield bounds[place]


def _filled(size: int, *parts: np.ndarray) -> np.ndarray:
    """Return arrays one after the other, with zeros up to a size."""
    found = np.zeros((size, *parts[0].shape[1:]), parts[0].dtype)
    start = 0
    for part in parts:
        found[start : start + len(part)] = part
        start += len(part)
    return found


def _train(
    estimator: Any, recipe: Recipe, blocks: Iterator[Block], members: int, seed: int
) -> tuple[list[MemberResult | None], bool]:
    """Train all members block by block; return them with a record a block, and whether Ctrl-C came."""
    devices = select_devices(estimator.device)
    results: list[MemberResult | None] = [None] * members
    parts: list[list[History]] = [[] for _ in range(members)]
    interrupted = False
    for number, block in enumerate(blocks, start=1):
        going = [i for i, result in enumerate(results) if result is None or not result.stopped]
        if not going or interrupted:
            break
        states = [None if results[i] is None else results[i].state for i in going]  # pyright: ignore[reportOptionalMemberAccess]
        jobs = [
            recipe.member(0, seed=seed, stream=i, state=state) for i, state in zip(going, states, strict=True)
        ]
        outcome = train(
            recipe.problem, block.shared, [block.split], jobs, devices=devices, keep_state=True, until=number
        )
        for i, result in zip(going, outcome.results, strict=True):
            if result is not None:
                results[i] = result
                parts[i].append(result.history)
        interrupted = outcome.interrupted
    blocks.close()  # pyright: ignore[reportAttributeAccessIssue]  a generator; its threads end here
    whole = [
        None if result is None else result._replace(history=_joined(own), state=None)
        for result, own in zip(results, parts, strict=True)
    ]
    return whole, interrupted


def _joined(parts: list[History]) -> History:
    """Return the records of all blocks."""
    return History(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _by_epochs(result: MemberResult, blocks: int) -> MemberResult:
    """Return a member whose records and counts are of epochs, the last of which may be a part of one."""
    epochs = -(-result.epochs // blocks)
    ends = [slice(epoch * blocks, (epoch + 1) * blocks) for epoch in range(epochs)]
    own = result.history
    history = History(
        np.array([own.train_loss[part].mean() for part in ends], np.float32),
        np.array([own.validation_loss[part][-1] for part in ends], np.float32),
        np.array([own.validation_score[part][-1] for part in ends], np.float32),
        np.stack([own.gradient_norms[part][0] for part in ends]),
    )
    return result._replace(history=history, epochs=epochs, best_epoch=-(-result.best_epoch // blocks))
