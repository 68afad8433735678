"""What every architecture's shape tells those who train, ask, save and compare its networks."""

from collections.abc import Mapping
from typing import Any, Protocol

from jaxtyping import Array, PRNGKeyArray

from gorae.models.network import Network

__all__ = ["NetworkShape"]


class NetworkShape(Protocol):
    """What determines a network's structure: frozen, hashable, compared by value.

    Networks of equal shapes have arrays of equal shapes, and can be stacked into one population. A hidden
    layer is one that `Network.hidden_layers` answers for; its name is in `Network.named_layers`, where the
    hidden ones come first and in the same order.
    """

    @property
    def inputs(self) -> int:
        """Numbers in a row, as the engine stores it."""
        ...

    @property
    def outputs(self) -> int:
        """Numbers in an answer: classes, or targets."""
        ...

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Numbers that each hidden layer answers for a row, all its places together."""
        ...

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """Units of each hidden layer: its width, or its channels where a unit answers at many places."""
        ...

    @property
    def hidden_activations(self) -> tuple[str, ...]:
        """The name of each hidden layer's activation."""
        ...

    @property
    def row_work(self) -> int:
        """Multiplications that one row's answer takes; 0 where each weight is used once."""
        ...

    @property
    def row_numbers(self) -> int:
        """Numbers that one row's gradient keeps; 0 where they are the widths of the weights."""
        ...

    def build(self, key: PRNGKeyArray, hyper: Mapping[str, Array]) -> Network:
        """Make a network with random weights, inside a compiled program.

        Args:
            key: source of the weights.
            hyper: the member's own numbers; "dropout" is one of them.
        """
        ...

    def to_meta(self) -> dict[str, Any]:
        """Return the shape as JSON, for `read_shape`."""
        ...
