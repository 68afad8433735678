"""Layers that feed each other as one likes: residual sums, branches that join again."""

import abc
from collections.abc import Sequence
from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from gorae.errors import InputError, ParameterError
from gorae.nn.checks import known_name
from gorae.nn.layer import Context, Layer
from gorae.nn.parameters import Buffer

__all__ = ["COMBINATIONS", "Combine", "Concatenate", "Constant", "Graph", "Join", "Reduce"]

COMBINATIONS = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
"""How two batches may become one."""

_REDUCTIONS = {"mean": jnp.mean, "sum": jnp.sum, "max": jnp.max, "min": jnp.min}


class Join(eqx.Module):
    """Makes one batch of several; it learns nothing."""

    @abc.abstractmethod
    def __call__(self, *parts: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Return the batches as one.

        Args:
            parts: Each with rows on the first axis.
        """


@final
class Combine(Join):
    """Two batches become one, number by number.

    Args:
        kind: One of `COMBINATIONS`.

    Example:
        >>> import jax.numpy as jnp
        >>> Combine("add")(jnp.ones((2, 3)), jnp.ones((2, 1))).tolist()
        [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]
    """

    kind: str = eqx.field(static=True)

    def __check_init__(self):
        known_name("combination", self.kind, COMBINATIONS)

    def __call__(self, *parts: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Return the sum, difference, product, quotient, larger or smaller number."""
        first, second = parts
        return getattr(jnp, self.kind)(first, second)


@final
class Concatenate(Join):
    """Batches become one whose rows hold theirs one after the other.

    Args:
        axis: Along which axis; the batch's own is 0.

    Example:
        >>> import jax.numpy as jnp
        >>> Concatenate(-1)(jnp.ones((2, 3)), jnp.ones((2, 4))).shape
        (2, 7)
    """

    axis: int = eqx.field(static=True, default=-1)

    def __call__(self, *parts: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Return the batches side by side."""
        return jnp.concatenate(parts, axis=self.axis)


@final
class Constant(Layer):
    """Answers the same for every row, whatever the row is.

    Args:
        value: The answer for a row: learnt, or a `Buffer`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> Constant(jnp.ones(4))(jnp.zeros((2, 3)), inference())[0].shape
        (2, 4)
    """

    value: Float[Array, "..."] | Buffer

    def __call__(
        self, x: Float[Array, "batch ..."], context: Context
    ) -> tuple[Float[Array, "batch ..."], "Constant"]:
        """Return the value once a row."""
        value = self.value.value if isinstance(self.value, Buffer) else self.value
        return jnp.broadcast_to(value, (x.shape[0], *value.shape)), self


@final
class Reduce(Layer):
    """Axes of each row become one number: their mean, sum, largest or smallest.

    Args:
        kind: "mean", "sum", "max" or "min".
        axes: Which axes, where the batch's own is 0.
        keep: Whether they stay, with one cell.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> Reduce("mean", (1, 2))(jnp.ones((5, 7, 7, 16)), inference())[0].shape
        (5, 16)
    """

    kind: str = eqx.field(static=True)
    axes: tuple[int, ...] = eqx.field(static=True)
    keep: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        known_name("reduction", self.kind, _REDUCTIONS)
        if 0 in self.axes:
            raise ParameterError("the batch's own axis, 0, cannot be reduced: rows do not meet.")

    def __call__(
        self, x: Float[Array, "batch ..."], context: Context
    ) -> tuple[Float[Array, "batch ..."], "Reduce"]:
        """Return the batch without these axes."""
        return _REDUCTIONS[self.kind](x, axis=self.axes, keepdims=self.keep), self


@final
class Graph(Layer):
    """Layers of which each reads what any earlier ones have answered.

    Slot 0 is the batch; slot i + 1 is what node i answers; the last node's answer is the graph's. A layer
    that draws does so from the context's key folded with its place.

    Args:
        nodes: Layers, which read one slot, and joins, which read several.
        inputs: For each node the slots that it reads, all earlier than its own.
        names: What the nodes are called; "" for one that nobody asks for.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import Activation, Dense, inference
        >>> nodes = (Dense.create(jax.random.key(0), 3, 3), Activation.create("relu"), Combine("add"))
        >>> residual = Graph(nodes, inputs=((0,), (1,), (0, 2)), names=("dense", "", ""))
        >>> residual(jnp.ones((5, 3)), inference())[0].shape
        (5, 3)

    References:
        He, Zhang, Ren, Sun 2016, "Deep residual learning for image recognition", figure 2.
    """

    nodes: tuple[Layer | Join, ...]
    inputs: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)

    def __check_init__(self):
        if not len(self.nodes) == len(self.inputs) == len(self.names):
            raise ParameterError(
                f"a graph has one list of inputs and one name a node, got {len(self.nodes)} nodes, "
                f"{len(self.inputs)} lists and {len(self.names)} names."
            )
        for place, slots in enumerate(self.inputs):
            if not slots or not all(0 <= slot <= place for slot in slots):
                raise ParameterError(f"node {place} must read slots from 0 to {place}, got {slots}.")

    def __call__(
        self, x: Float[Array, "batch ..."], context: Context
    ) -> tuple[Float[Array, "batch ..."], "Graph"]:
        """Return the last node's answer, and the graph with all layers as they are after the pass."""
        slots, nodes = self._pass(x, context)
        return slots[-1], Graph(tuple(nodes), self.inputs, self.names)

    def slots(self, x: Float[Array, "batch ..."], context: Context) -> list[Float[Array, "batch ..."]]:
        """Return the batch and what each node answers."""
        return self._pass(x, context)[0]

    def _pass(self, x: Array, context: Context) -> tuple[list[Array], Sequence[Any]]:
        """Return all slots, and the nodes as they are after the pass."""
        slots, after = [x], []
        for place, (node, wanted) in enumerate(zip(self.nodes, self.inputs, strict=True)):
            parts = [slots[slot] for slot in wanted]
            if isinstance(node, Join):
                answer = node(*parts)
            else:
                if len(parts) != 1:
                    raise InputError(f"node {place} is a layer, which reads one slot, got {wanted}.")
                answer, node = node(parts[0], context.fold(place))
            slots.append(answer)
            after.append(node)
        return slots, after
