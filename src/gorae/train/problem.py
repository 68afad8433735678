"""What one program is made for: the static description of a member, and its arrays.

`train` knows no model: it is handed `build`, which makes one from a key and the member's own numbers, and
`layers`, which says which of its parameters belong together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from gorae import nn
from gorae.backend import own_numerics
from gorae.data.folds import size_class
from gorae.errors import ParameterError, closest
from gorae.train.augmenting import Augmenting

_LEVELS = "levels"
_LARGEST_COUNT = (1 << 32) - 1
_PADDED_BYTES = 1 << 26

HYPER: dict[str, float] = {
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "l1": 0.0,
    "momentum": 0.9,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "tol": 0.0,
    "clip": 0.0,
}
"""Every member's real numbers and their defaults; each is a float32 scalar in the program."""

COUNTS: dict[str, int] = {"epochs": 100, "patience": 1 << 30, "seed": 0, "stream": 0}
"""Every member's whole numbers and their defaults; each is a uint32 scalar in the program."""


@dataclass(frozen=True)
class Problem:
    """The part of a training program that is fixed when it is compiled; equal problems share one program.

    Args:
        build: `(key, hyper) -> model`, hashable and compared by value (a frozen dataclass, say).
        layers: groups a tree of parameters: `parameters -> {layer name: [arrays]}`, in the order of the data.
        objective: a name of `objectives.OBJECTIVES`.
        optimizer: a name of `optimizers.OPTIMIZERS`.
        schedule: a name of `schedules.SCHEDULES`.
        batch_size: rows a step.
        classes: number of classes, or 0 for regression.
        missing: whether rows may hold NaN, to be filled with the fold's own value.
        shuffle: whether each epoch visits the rows in a new order (a full batch needs none).
        micro_batch: rows whose gradients are computed at once and summed over the batch, so that what they
            need stays near the processor; 0 takes the whole batch. It divides the batch.
        augmenting: what of the rows, which are images, may change from step to step; None for nothing.
        row_work: multiplications that one row's answer takes; 0 where each weight is used once.
        row_numbers: numbers that one row's gradient keeps; 0 for an estimate by the weights' widths.
        clip: whether a gradient longer than the member's number `clip` is shortened to that length.
        divided_from: with how many workers on a step of one member alone is divided by the rows of its batch,
            where no layer takes statistics over rows; 0 for never. It pays where products are small: XLA
            itself divides large ones, and better.
        bucket: batches whose rows are sorted together by their first stored number, which is a sequence's
            length, so that rows of a batch are about equally long; 0 leaves rows as they are shuffled.
        on_host: of networks that are dense layers and nothing else, with weights and biases in turn, the
            activation between them, where CPUs are to train them by NumPy (`train.on_host`): so few and small
            steps that compiling would take longer. Empty for a compiled program.
    """

    build: Callable[[Array, Mapping[str, Array]], Any]
    layers: Callable[[Any], Mapping[str, list[Array]]]
    objective: str
    optimizer: str = "adam"
    schedule: str = "constant"
    batch_size: int = 128
    classes: int = 0
    missing: bool = False
    shuffle: bool = True
    micro_batch: int = 0
    augmenting: Augmenting | None = None
    row_work: int = 0
    row_numbers: int = 0
    clip: bool = False
    divided_from: int = 0
    bucket: int = 0
    on_host: str = ""


class SharedRows(NamedTuple):
    """What all members read: the rows as they are stored, and the targets.

    Shapes: rows `(n, features...)` uint8 or float32; targets `(n,)` int32 or `(n, outputs)` float32.
    """

    rows: Any
    targets: Any


class SplitRows(NamedTuple):
    """What the members of one split read: the fold's own encoding, and its rows as padded positions.

    Shapes: fill, shift, scale `(features,)`; target_shift, target_scale `(outputs,)`, used in regression
    only; train_* `(N,)` with `train_count` real ones; stop_* `(V,)` with `stop_count` real ones, where V = 0
    means no early stopping. `codes` `(tokens,)` is the fold's own code of each stored token, where rows are
    sequences of tokens behind their length.
    """

    fill: Any
    shift: Any
    scale: Any
    target_shift: Any
    target_scale: Any
    train_rows: Any
    train_weight: Any
    train_count: Any
    stop_rows: Any
    stop_weight: Any
    stop_count: Any
    codes: Any = None


def hyper_scalars(**values: Any) -> dict[str, Any]:
    """Return one member's numbers with their defaults filled in, as float32 and uint32 scalars.

    `levels` of quantiles, which have no default, are an array: members whose levels differ share a program,
    as long as they have equally many.

    Raises:
        ParameterError: for a name that no member has, or a number that its type cannot hold.
    """
    numbers: dict[str, Any] = {name: np.float32(default) for name, default in HYPER.items()}
    numbers.update({name: np.uint32(default) for name, default in COUNTS.items()})
    for name, value in values.items():
        if name == _LEVELS:
            numbers[name] = _levels(value)
            continue
        if name not in numbers:
            near = closest(name, list(numbers))
            hint = f" Did you mean {near!r}?" if near else ""
            raise ParameterError(f"a member has the numbers {list(numbers)}, not {name!r}.{hint}")
        if name in HYPER:
            if not abs(value) <= np.finfo(np.float32).max:
                raise ParameterError(f"{name} must be a finite float32 number, got {value!r}.")
            numbers[name] = np.float32(value)
        else:
            if not 0 <= value <= _LARGEST_COUNT:
                raise ParameterError(f"{name} must be from 0 to {_LARGEST_COUNT}, got {value!r}.")
            numbers[name] = np.uint32(value)
    return numbers


def _levels(levels: Any) -> np.ndarray:
    """Return levels of quantiles as the program reads them.

    Raises:
        ParameterError: where float32 holds one of them only as 0 or 1.
    """
    found = np.array(levels, np.float32)
    if found.ndim != 1 or not len(found) or not ((found > 0) & (found < 1)).all():
        raise ParameterError(f"levels must lie between 0 and 1, as float32 numbers, got {levels!r}.")
    return found


def member_key(hyper: Mapping[str, Array]) -> Array:
    """Return the member's own random key: from the root seed and its stream, never from its place.

    The key is put together by hand because `jax.random.key` adds the user's `jax_random_seed_offset`.
    """
    words = jnp.stack([jnp.zeros((), jnp.uint32), jnp.asarray(hyper["seed"], jnp.uint32)])
    return jax.random.fold_in(jax.random.wrap_key_data(words, impl="threefry2x32"), hyper["stream"])


@lru_cache(maxsize=256)
def _skeleton(problem: Problem) -> tuple[Any, Any, Any]:
    """Return parameters, buffers (both as shapes) and the static rest of the problem's model."""
    hyper = {name: jax.ShapeDtypeStruct((), value.dtype) for name, value in hyper_scalars().items()}
    with own_numerics():
        model = eqx.filter_eval_shape(lambda h: problem.build(member_key(h), h), hyper)
    parameters, rest = nn.partition(model)
    buffers, static = eqx.partition(rest, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    return parameters, buffers, static


def split_model(model: Any) -> tuple[Any, Any]:
    """Return the model's parameters and its buffers (arrays that no gradient reaches)."""
    parameters, rest = nn.partition(model)
    return parameters, eqx.filter(rest, eqx.is_array)


def assemble(problem: Problem, parameters: Any, buffers: Any) -> Any:
    """Return the model made of these parameters and buffers."""
    _, _, static = _skeleton(problem)
    return nn.combine(parameters, eqx.combine(buffers, static))


def parameter_shapes(problem: Problem) -> tuple[Any, Any]:
    """Return the shapes of the problem's parameters and buffers, without making any."""
    parameters, buffers, _ = _skeleton(problem)
    return parameters, buffers


def layer_names(problem: Problem) -> list[str]:
    """Return the names of the layers that have parameters, in the order of the data."""
    return list(problem.layers(_skeleton(problem)[0]))


def encode(rows: Array, split: SplitRows, missing: bool) -> Array:
    """Return stored rows as the model reads them: filled, shifted and scaled by the fold's own numbers.

    Of tokens the fold's codes are looked up; the length before them stays.
    """
    if split.codes is not None:
        stored = rows.astype(jnp.int32)
        codes = jnp.take(split.codes, stored[:, 1:], mode="clip")
        return jnp.concatenate([stored[:, :1], codes], axis=1)
    x = rows.astype(jnp.float32)
    if missing:
        x = jnp.where(jnp.isnan(x), split.fill, x)
    return (x - split.shift) * split.scale


def encode_target(target: Array, split: SplitRows, classes: int) -> Array:
    """Return a batch of targets as the objective reads it: class codes, or values in the fold's own unit."""
    return target if classes else (target - split.target_shift) * split.target_scale


def as_read(split: SplitRows, *, weighed: bool = False) -> SplitRows:
    """Return a split as the program reads it: training weights with mean 1, and padding that repeats a row.

    The mean is taken here, in float64 over the real rows, so that it does not depend on the padding; and what
    stands in the padding is one of the split's own rows, so that no other row is even looked at. With
    `weighed` training weights stay as they are.
    """
    count, stops = int(split.train_count), int(split.stop_count)
    weight = np.zeros(len(split.train_weight), np.float64)
    weight[:count] = split.train_weight[:count]
    mean = 1.0 if weighed else weight[:count].mean() if count else 0.0
    return split._replace(
        train_rows=_repeating(split.train_rows, count),
        train_weight=(weight / mean if mean > 0 else weight).astype(np.float32),
        stop_rows=_repeating(split.stop_rows, stops),
        stop_weight=np.where(np.arange(len(split.stop_weight)) < stops, split.stop_weight, 0).astype(
            np.float32
        ),
    )


def _repeating(rows: np.ndarray, count: int) -> np.ndarray:
    """Return padded positions with the first one in the padding."""
    return np.where(np.arange(len(rows)) < count, rows, rows[:1]).astype(np.int32) if count else rows


def with_spare_rows(array: np.ndarray) -> np.ndarray:
    """Return rows with zero rows up to a size class, so that data of nearby sizes share a program.

    Large arrays stay as they are: a copy would cost more than a compilation.
    """
    extra = size_class(len(array)) - len(array)
    if extra == 0 or array.nbytes > _PADDED_BYTES:
        return array
    return np.concatenate([array, np.zeros((extra, *array.shape[1:]), array.dtype)])
