"""Modules of a user's own as the networks of an estimator: their shape, their weights, their rows."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from gorae import nn
from gorae.backend import Device
from gorae.errors import DamagedFileError, DataError, InputError, ParameterError
from gorae.estimators.meta_reading import checked_count, read_list
from gorae.models.module import ModuleNetwork, ModuleShape, in_float32, maker_of
from gorae.train.problem import split_model

_WIDTH = 64
_FEW = 6
_MOST_AXES = 16
_MOST_INPUTS = 1 << 31


@dataclass(frozen=True)
class GivenWeights:
    """Begins every member with the weights of a module that the user has given.

    Args:
        digest: of all of them.
        parts: parameters and buffers.
    """

    digest: str
    parts: tuple[Any, Any] = field(repr=False, compare=False)

    def __call__(self, hyper: Mapping[str, np.generic], device: Device) -> tuple[Any, Any]:
        """Return parameters and buffers; a member's numbers decide nothing about them."""
        return self.parts


def small_network(key: PRNGKeyArray, inputs: int, outputs: int) -> nn.Sequential:
    """Return what stands for a module where none is given: one hidden layer of 64 rectifiers."""
    first, last = jax.random.split(key)
    return nn.Sequential(
        (
            nn.Flatten(),
            nn.Dense.create(first, inputs, _WIDTH, "he_normal"),
            nn.Activation.create("relu"),
            nn.Dense.create(last, _WIDTH, outputs),
        )
    )


def module_shape(module: Any, row: tuple[int, ...], outputs: int) -> tuple[ModuleShape, GivenWeights | None]:
    """Return the shape of networks made of a module, and the weights that they begin with, if it has any.

    Args:
        module: an `equinox.Module`, a function that makes one of a key, or None for a small network.
        row: the shape of a row as the module reads it.
        outputs: numbers in an answer.

    Raises:
        ParameterError: when it is none of these.
        InputError: when it does not take such rows, or answers something else.
    """
    module = small_network if module is None else module
    shape = ModuleShape(row, outputs, maker_of(module, prod(row), outputs))
    shape.check()
    return shape, _weights(module, row) if isinstance(module, eqx.Module) else None


def _weights(module: Any, row: tuple[int, ...]) -> GivenWeights:
    """Return the weights of a module on the host."""
    parts = jax.tree.map(np.asarray, split_model(ModuleNetwork(in_float32(module), row)))
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(parts):
        digest.update(f"{leaf.shape}{leaf.dtype}".encode())
        digest.update(np.ascontiguousarray(leaf).data)
    return GivenWeights(digest.hexdigest(), parts)


def row_shape(estimator: Any, inputs: int) -> tuple[int, ...]:
    """Return the shape of a row as an estimator's module reads it.

    Raises:
        ParameterError: when `input_shape` is no shape of so many numbers.
    """
    given = estimator.input_shape
    if given is None:
        return vars(estimator).get("row_shape_in_") or (inputs,)
    sizes = (
        tuple(given) if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str) else (given,)
    )
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0 for n in sizes)
    if not sizes or not whole:
        raise ParameterError(f"input_shape must be the shape of a row, such as (28, 28, 1), got {given!r}.")
    if prod(sizes) != inputs:
        raise ParameterError(
            f"input_shape {sizes} needs rows of {prod(sizes)} numbers, but X has {inputs} in a row."
        )
    return tuple(int(n) for n in sizes)


def rows_of_numbers(estimator: Any, X: Any, reset: bool) -> Any:
    """Return rows of any shape as rows of numbers; an estimator that is to learn from them notes the shape.

    Raises:
        DataError: when rows to answer for have another shape than those learned from.
    """
    shape = getattr(X, "shape", ())
    given = tuple(int(n) for n in shape[1:]) if len(shape) > 2 else None
    if reset:
        vars(estimator).pop("row_shape_in_", None)
        if given is not None:
            estimator.row_shape_in_ = given
    known = vars(estimator).get("row_shape_in_")
    if given is None:
        return X
    if known is not None and known != given:
        raise DataError(f"X must hold rows of shape {known}, as those learned from, got {given}.")
    return np.asarray(X).reshape(len(X), prod(given))


def shape_of_file(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], module: Any) -> ModuleShape:
    """Return the shape of the networks that a file holds the arrays of, made of the module that a user gives.

    Args:
        meta: what the file says of the network.
        arrays: all arrays of the file.
        module: an `equinox.Module`, a function that makes one, or None for a small network.

    Raises:
        DamagedFileError: when what the file says is no such thing.
        InputError: when the module is another one than the file's.
    """
    held = sum(array.size for array in arrays.values())
    if set(meta) != {"kind", "row", "outputs"}:
        raise DamagedFileError("the network's structure is none that this version of gorae knows.")
    sizes = read_list(meta, "row", most=_MOST_AXES)
    row = tuple(checked_count(size, "a row's size", 1, _MOST_INPUTS) for size in sizes)
    if not row or prod(row) > _MOST_INPUTS:
        raise DamagedFileError("the network's rows are larger than any that gorae writes.")
    outputs = checked_count(meta["outputs"], "outputs", 1, max(1, held))
    shape, _ = module_shape(module, row, outputs)
    made = eqx.filter_eval_shape(lambda: split_model(shape.build(jax.random.key(0), {})))
    wanted = [tuple(leaf.shape) for leaf in jax.tree.leaves(made)]
    found = [arrays[f"member/0/{j}"].shape for j in range(len(arrays)) if f"member/0/{j}" in arrays]
    if wanted != found:
        raise InputError(
            f"module has arrays of the shapes {_few(wanted)}, but the file holds {_few(found)}: it was "
            "written with another module."
        )
    return shape


def _few(shapes: list[tuple[int, ...]]) -> str:
    """Return the first of several shapes in words."""
    return ", ".join(map(str, shapes[:_FEW])) + (
        f" and {len(shapes) - _FEW} more" if len(shapes) > _FEW else ""
    )
