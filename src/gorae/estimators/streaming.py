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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gorae.backend import select_devices
from gorae.data import Affine, Stream, Waiting, fit_affine, fit_affine_of_blocks, in_blocks
from gorae.data.scaling import Weighted
from gorae.errors import DataError, ParameterError
from gorae.estimators.learned import Learned, encoding_of, encoding_only, set_learned
from gorae.estimators.parameters import check_count, root_seed
from gorae.estimators.population import Recipe, padded_count, shape_of
from gorae.estimators.recipes import AUTO, steps_as_epochs
from gorae.estimators.storage import DTYPES, stored_rows
from gorae.estimators.stream_rows import Bounds, Streamed, check_finite, checked_stream, scale_kind
from gorae.estimators.telling import tell_outcome
from gorae.estimators.uncompiled import compiled_only
from gorae.train import History, MemberResult, SharedRows, SplitRows, train

_ENDLESS = 1 << 30


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
        sample_weight: one a row, in memory, or None.
        groups: a group a row, in memory, which early stopping does not tear apart, or None.

    Raises:
        ParameterError: for what cannot be done block by block.
        DataError: when a row cannot be used.
    """
    _refuse_what_needs_all(estimator)
    seed = root_seed(estimator.random_state)
    data = checked_stream(estimator, stream, y, sample_weight, groups, seed)
    recipe, one_epoch = _recipe(estimator, data)
    encoding = _encoding(estimator, data)
    members = check_count("members", estimator.members)
    waiting = Waiting()
    blocks = _blocks(data, encoding, recipe, one_epoch, seed, waiting)
    results, interrupted = _train(estimator, recipe, blocks, members, seed)
    kept = [
        (stream_of, _by_epochs(result, len(data.learned)))
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


def _refuse_what_needs_all(estimator: Any) -> None:
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
        "warm_start": bool(getattr(estimator, "warm_start", False)),
        "checkpoint": getattr(estimator, "checkpoint", None) is not None,
    }
    wrong = [name for name, is_set in asked.items() if is_set]
    if wrong:
        raise ParameterError(
            f"{' and '.join(wrong)} cannot be used with a stream, which is never in memory as a whole; leave "
            f"{'them' if len(wrong) > 1 else 'it'} at the default."
        )


def _recipe(estimator: Any, data: Streamed) -> tuple[Recipe, Recipe]:
    """Return what the engine is asked for in blocks, and in epochs."""
    counts = [int(data.train[low:high].sum()) for low, high in data.learned]
    outputs = len(data.rows.classes) if data.rows.classes is not None else data.rows.targets.shape[1]
    recipe = estimator._recipe(len(data.anchors[0]), outputs, max(counts))
    if len(counts) > 1:
        recipe = compiled_only(recipe)
    hyper, blocks = dict(recipe.hyper), len(data.learned)
    watched = data.stop.any()
    if estimator.epochs == AUTO:
        hyper["epochs"] = steps_as_epochs(sum(counts), estimator.batch_size)
    hyper["epochs"] = int(hyper["epochs"]) * blocks
    hyper["patience"] = min(_ENDLESS, int(hyper["patience"]) * blocks) if watched else _ENDLESS
    hyper["tol"] = 0.0
    return replace(recipe, hyper=hyper, merge=False), recipe


def _encoding(estimator: Any, data: Streamed) -> SplitRows:
    """Return how rows and targets are scaled, learned from the training rows in one pass."""
    kind = scale_kind(estimator, data.is_bytes)

    def learned_from(bounds: Bounds, rows: np.ndarray, _: Any) -> Weighted:
        own = data.train[slice(*bounds)]
        weight = None if data.weight is None else data.weight[slice(*bounds)][own]
        return Weighted(_those(_stored(data, bounds, rows), own), weight)

    inputs = fit_affine_of_blocks(in_blocks(data.stream, data.bounds, learned_from), kind=kind)
    parts = {name: np.asarray(getattr(inputs, name), np.float32) for name in ("fill", "shift", "scale")}
    if data.rows.classes is not None:
        units = Affine(*(np.zeros(0) for _ in range(3)))
    else:
        units = fit_affine(data.targets, np.flatnonzero(data.train), data.weight)
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
    check_finite(matrix, range(*bounds))
    if matrix.dtype == np.uint8 and not data.is_bytes:
        matrix = matrix.astype(np.float32)
    return stored_rows(matrix, data.anchors[0])


def _those(rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the chosen rows, without a copy where these are all."""
    return rows if chosen.all() else rows[chosen]


def _blocks(
    data: Streamed, encoding: SplitRows, recipe: Recipe, epochs: Recipe, seed: int, waiting: Waiting
) -> Iterator[Block]:
    """Yield the blocks of all epochs as the engine reads them."""
    stops = np.flatnonzero(data.stop)
    watched = [np.zeros((0, len(data.anchors[0])), np.uint8 if data.is_bytes else np.float32)]

    def stop_rows(bounds: Bounds, rows: np.ndarray, _: Any) -> np.ndarray:
        return _stored(data, bounds, rows)[data.stop[slice(*bounds)]]

    if len(stops):
        watched += list(in_blocks(data.stream, data.bounds, stop_rows))
    kept, targets = np.concatenate(watched), data.targets
    kept_targets, weight = targets[stops], data.training_weight()
    trained = padded_count(max(int(data.train[low:high].sum()) for low, high in data.learned))
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
            train_weight=_filled(trained, weight[slice(*bounds)][own]),
            train_count=np.int32(count),
            stop_rows=_filled(watch, np.arange(len(kept), dtype=np.int32)),
            stop_weight=_filled(watch, weight[stops]),
            stop_count=np.int32(len(kept)),
        )
        return Block(shared, split)

    rounds = int(epochs.hyper["epochs"])
    yield from in_blocks(data.stream, _order(data.learned, seed, rounds), block, waiting)


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
            recipe.problem,
            block.shared,
            [block.split],
            jobs,
            devices=devices,
            keep_state=True,
            until=number,
            weighed=True,
            alone=members == 1,
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
