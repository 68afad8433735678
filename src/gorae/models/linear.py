"""Linear model: one dense layer from inputs to outputs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

from jaxtyping import Array, Float, PRNGKeyArray

from gorae import nn
from gorae.models.network import Network
from gorae.nn.checks import known_name, positive_integer

__all__ = ["Linear", "LinearShape", "build_linear"]


@dataclass(frozen=True)
class LinearShape:
    """What determines a linear model's structure; hashable, so that it may be a static argument.

    Args:
        inputs: Numbers in a row.
        outputs: Numbers in an output row: classes, or targets.
        initialization: Where training starts. With zeros all classes start equally likely, and a
            convex objective ends in the same place from anywhere.

    Raises:
        ParameterError: If a value is out of its range or a name is unknown.

    Example:
        >>> LinearShape(inputs=4, outputs=3)
        LinearShape(inputs=4, outputs=3, initialization='zeros')
    """

    inputs: int
    outputs: int
    initialization: str = "zeros"

    def __post_init__(self):
        object.__setattr__(self, "inputs", positive_integer("inputs", self.inputs))
        object.__setattr__(self, "outputs", positive_integer("outputs", self.outputs))
        known_name("initialization", self.initialization, nn.INITIALIZERS)

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Nothing: no layer is hidden."""
        return ()

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """Nothing: no layer is hidden."""
        return ()

    @property
    def hidden_activations(self) -> tuple[str, ...]:
        """Nothing: no layer is hidden."""
        return ()

    @property
    def row_work(self) -> int:
        """Nothing to tell: each weight is used once."""
        return 0

    @property
    def row_numbers(self) -> int:
        """Nothing to tell: a layer keeps its width."""
        return 0

    def build(self, key: PRNGKeyArray, hyper: Mapping[str, Array]) -> "Linear":
        """Make a linear model; a member's numbers decide nothing about it."""
        return build_linear(key, self)

    def to_meta(self) -> dict[str, Any]:
        """Return the shape as JSON."""
        return asdict(self)


@final
class Linear(Network):
    """y = xW + b.

    Args:
        head: The one layer.
    """

    head: nn.Dense

    def __call__(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch outputs"], "Linear"]:
        """Return the outputs and the model itself.

        Raises:
            InputError: If the batch has another number of inputs than the model.
        """
        outputs, head = self.head(x, context)
        return outputs, Linear(head)

    def features(self, x: Float[Array, "batch inputs"], context: nn.Context) -> Float[Array, "batch inputs"]:
        """Return the inputs themselves: nothing is hidden."""
        return x

    def hidden_layers(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch width"], ...]:
        """Return nothing: no layer is hidden."""
        return ()

    def named_layers(self) -> tuple[tuple[str, nn.Layer], ...]:
        """Return the output layer."""
        return (("output", self.head),)


def build_linear(key: PRNGKeyArray, shape: LinearShape) -> Linear:
    """Make a linear model.

    Args:
        key: Source of the initial weights, if they are random.
        shape: The structure.

    Returns:
        A model of float32 arrays.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae import nn
        >>> model = build_linear(jax.random.key(0), LinearShape(inputs=4, outputs=3))
        >>> model(jnp.ones((5, 4)), nn.inference())[0].shape
        (5, 3)
    """
    return Linear(nn.Dense.create(key, shape.inputs, shape.outputs, shape.initialization))
