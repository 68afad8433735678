"""Any Equinox module as a network: one of gorae's layers, or a function of one row.

Letters: a batch of rows, ``inputs`` numbers each, becomes ``outputs`` numbers.
"""

import inspect
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from gorae import nn
from gorae.errors import InputError, ParameterError
from gorae.models.network import Network

__all__ = ["Maker", "ModuleNetwork", "ModuleShape", "Template", "maker_of"]

_SIZES = ("inputs", "outputs")


@dataclass(frozen=True)
class Maker:
    """Makes modules by a user's function; equal functions with equal arguments are equal makers.

    Args:
        function: `key -> module`, or one that takes `inputs` and `outputs` besides, by these names.
        arguments: what else it is called with.
        key_name: the name that it takes the key by; "" where it is the first argument.
    """

    function: Callable[..., Any]
    arguments: tuple[tuple[str, Any], ...] = ()
    key_name: str = ""

    def __call__(self, key: PRNGKeyArray) -> Any:
        """Return a new module."""
        named = dict(self.arguments)
        return (
            self.function(key, **named)
            if not self.key_name
            else self.function(**{self.key_name: key}, **named)
        )


@dataclass(frozen=True)
class Template:
    """Makes modules of the structure that another has, their arrays zeros; equal structures are equal.

    Args:
        structure: the tree of a module.
        leaves: its leaves; of an array its shape and type.
    """

    structure: Any
    leaves: tuple[Any, ...]

    @classmethod
    def of(cls, module: Any) -> "Template":
        """Return the structure of a module.

        Raises:
            ParameterError: when it has a static field that cannot be compared, such as an array.
        """
        leaves, structure = jax.tree.flatten(module)
        held = tuple(
            _Blank(tuple(leaf.shape), leaf.dtype)
            if eqx.is_array(leaf) or isinstance(leaf, np.ndarray)
            else leaf
            for leaf in leaves
        )
        made = cls(structure, held)
        try:
            hash(made)
        except TypeError as error:
            raise ParameterError(
                f"module has a static field or a leaf that has no hash ({error}); keep arrays in fields that "
                "are not static."
            ) from error
        return made

    def __call__(self, key: PRNGKeyArray) -> Any:
        """Return a module of zeros."""
        leaves = [
            jnp.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, _Blank) else leaf for leaf in self.leaves
        ]
        return jax.tree.unflatten(self.structure, leaves)


@dataclass(frozen=True)
class _Blank:
    """The shape and the type of an array."""

    shape: tuple[int, ...]
    dtype: Any


def maker_of(module: Any, inputs: int, outputs: int) -> Maker | Template:
    """Return what makes modules: a template of the module given, or the function given.

    Args:
        module: an `equinox.Module`, or a function or class that is called with a key.
        inputs: numbers in a row, for a function that asks for them.
        outputs: numbers in an answer.

    Raises:
        ParameterError: when it is neither.

    Example:
        >>> maker_of(lambda key, outputs: None, 4, 3).arguments
        (('outputs', 3),)
    """
    if isinstance(module, eqx.Module):
        return Template.of(module)
    if not callable(module):
        raise ParameterError(
            "module must be an equinox.Module, or a function of a random key that makes one, got "
            f"{type(module).__name__}."
        )
    named: dict[str, Any] = {}
    function = module
    if isinstance(module, partial) and not module.args:
        function, named = module.func, dict(module.keywords)
    try:
        asked = inspect.signature(function).parameters
    except (TypeError, ValueError):
        asked = {}
    sizes = dict(zip(_SIZES, (inputs, outputs), strict=True))
    named |= {name: sizes[name] for name in _SIZES if name in asked and name not in named}
    made = Maker(function, tuple(sorted(named.items())), "key" if "key" in asked else "")
    if not isinstance(made, Hashable) or not _has_hash(made):
        raise ParameterError(f"module must be a function that has a hash, got {module!r:.80}.")
    return made


def _has_hash(value: Any) -> bool:
    """Return whether a value has a hash, all of its parts too."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


@final
class ModuleNetwork(Network):
    """A module between rows of numbers and answers of numbers.

    Args:
        module: a `gorae.nn.Layer`, which reads batches, or any other Equinox module, which reads one row.
        row: the shape of a row as the module reads it.
    """

    module: Any
    row: tuple[int, ...] = eqx.field(static=True)

    def __call__(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch outputs"], "ModuleNetwork"]:
        """Return the outputs, and the network with the module's buffers as they are after the pass."""
        outputs, module = _apply(self.module, jnp.reshape(x, (x.shape[0], *self.row)), context)
        if outputs.ndim == 1:  # one number a row, without an axis of its own
            outputs = outputs[:, None]
        return outputs, ModuleNetwork(module, self.row)

    def features(self, x: Float[Array, "batch inputs"], context: nn.Context) -> Float[Array, "batch width"]:
        """Return what the last dense layer sees where one is known, else the inputs."""
        found = self.hidden_layers(x, context)
        return found[-1] if found else x

    def hidden_layers(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch width"], ...]:
        """Return what the last dense layer of one of gorae's own structures sees; nothing of others."""
        if not _ends_dense(self.module):
            return ()
        rows = jnp.reshape(x, (x.shape[0], *self.row))
        if isinstance(self.module, nn.Sequential):
            return (nn.Sequential(self.module.layers[:-1])(rows, context)[0],)
        return (self.module.slots(rows, context)[self.module.inputs[-1][0]],)

    def named_layers(self) -> tuple[tuple[str, Any], ...]:
        """Return all but the last dense layer, and that one; or the whole module as "output"."""
        if not _ends_dense(self.module):
            return (("output", self.module),)
        parts = self.module.layers if isinstance(self.module, nn.Sequential) else self.module.nodes
        return (("hidden 1", parts[:-1]), ("output", parts[-1]))


def _ends_dense(module: Any) -> bool:
    """Return whether a module is a sequence or a graph of layers that ends with a dense one."""
    if isinstance(module, nn.Sequential):
        return len(module.layers) > 1 and isinstance(module.layers[-1], nn.Dense)
    if isinstance(module, nn.Graph):
        return len(module.nodes) > 1 and isinstance(module.nodes[-1], nn.Dense) and module.inputs[-1] != (0,)
    return False


def _apply(module: Any, rows: Array, context: nn.Context) -> tuple[Array, Any]:
    """Return what a module answers for a batch, and the module afterwards."""
    if isinstance(module, nn.Layer):
        return module(rows, context)
    ready = eqx.nn.inference_mode(module, value=not context.training)
    if not _takes_key(module):
        return jax.vmap(ready)(rows), module
    if not context.training or context.key is None:
        return jax.vmap(lambda row: ready(row, key=None))(rows), module
    keys = jax.vmap(partial(jax.random.fold_in, context.key))(jnp.arange(rows.shape[0]))
    return jax.vmap(lambda row, key: ready(row, key=key))(rows, keys), module


def _takes_key(module: Any) -> bool:
    """Return whether a module is called with a key besides the row."""
    return "key" in inspect.signature(type(module).__call__).parameters


@dataclass(frozen=True)
class ModuleShape:
    """What determines the structure of a network made of a module; hashable, compared by value.

    Args:
        row: the shape of a row as the module reads it.
        outputs: numbers in an answer: classes, or targets.
        make: what makes modules.

    Raises:
        InputError: when the module does not take such rows, or answers something else.
    """

    row: tuple[int, ...]
    outputs: int
    make: Maker | Template

    @property
    def inputs(self) -> int:
        """Numbers in a row."""
        return prod(self.row)

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """The width of what the last dense layer sees, where that is known."""
        rows = jax.ShapeDtypeStruct((2, self.inputs), jnp.float32)
        hidden = eqx.filter_eval_shape(lambda x: self._blank().hidden_layers(x, nn.inference()), rows)
        return tuple(layer.shape[-1] for layer in hidden)

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """The same."""
        return self.hidden_widths

    @property
    def hidden_activations(self) -> tuple[str, ...]:
        """Unknown: any."""
        return ("identity",) * len(self.hidden_widths)

    @property
    def row_work(self) -> int:
        """Unknown."""
        return 0

    @property
    def row_numbers(self) -> int:
        """Unknown."""
        return 0

    def build(self, key: PRNGKeyArray, hyper: Mapping[str, Array]) -> ModuleNetwork:
        """Make a network; a member's numbers decide nothing about it."""
        return ModuleNetwork(in_float32(self.make(key)), self.row)

    def to_meta(self) -> dict[str, Any]:
        """Return what a file can say of the structure: sizes; what the module does is code."""
        return {"row": list(self.row), "outputs": self.outputs}

    def _blank(self) -> ModuleNetwork:
        """Return a network inside `eval_shape`."""
        return self.build(jax.random.key(0), {})

    def check(self) -> None:
        """Refuse a module that does not take the rows, or answers something else.

        Raises:
            InputError: saying what was wanted and what came.
        """
        rows = jax.ShapeDtypeStruct((2, self.inputs), jnp.float32)
        try:
            made = eqx.filter_eval_shape(lambda: self.make(jax.random.key(0)))
        except Exception as error:  # whatever the user's function does
            raise InputError(f"module could not be made: {_told(error)}.") from error
        if not isinstance(made, eqx.Module):
            kind = (
                "a pair of a module and its state, as equinox.nn.make_with_state makes it, whose state "
                "has no place here; take gorae.nn.BatchNorm"
                if isinstance(made, tuple)
                else type(made).__name__
            )
            raise InputError(f"module must make an equinox.Module, but it made {kind}.")
        try:
            found = eqx.filter_eval_shape(lambda x: self._blank()(x, nn.inference())[0], rows)
        except Exception as error:  # whatever the user's module does
            raise InputError(
                f"module does not take rows of shape {self.row}: {_told(error)}; it is called with "
                + ("a batch and a context." if isinstance(made, nn.Layer) else "one row, as module(x).")
            ) from error
        if found.shape != (2, self.outputs):
            raise InputError(
                f"module must answer {self.outputs} numbers for a row (one a class, or a target), but it "
                f"answers shape {found.shape[1:]}."
            )


def in_float32(module: Any) -> Any:
    """Return a module with all of its floating-point arrays in float32."""

    def cast(leaf: Any) -> Any:
        floating = eqx.is_array(leaf) and jnp.issubdtype(leaf.dtype, jnp.floating)
        return jnp.asarray(leaf, jnp.float32) if floating else leaf

    return jax.tree.map(cast, module)


def _told(error: Exception) -> str:
    """Return an error's message as one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]:.200}".rstrip(".") if lines else type(error).__name__
