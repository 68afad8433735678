"""Activations: functions of single numbers (softmax: of a row), finite in value and slope everywhere.

Where a formula holds an exponential, it is written such that the exponential's argument is never
large and positive, also in the branch that is not taken: its gradient would be NaN otherwise.
"""

from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gorae.errors import InputTypeError
from gorae.nn.checks import known_name
from gorae.nn.layer import Context, Layer

__all__ = [
    "ACTIVATION_NAMES",
    "Activation",
    "activation",
    "elu",
    "gelu",
    "identity",
    "leaky_relu",
    "relu",
    "selu",
    "sigmoid",
    "softmax",
    "softplus",
    "step",
    "tanh",
]

ActivationFunction = Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]]


def sigmoid(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """1 / (1 + exp(-x))."""
    return jax.nn.sigmoid(x)


def tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x))."""
    return jnp.tanh(x)


def softmax(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """exp(x_i) / sum_j exp(x_j) over the last axis."""
    return jax.nn.softmax(x, axis=-1)


def softplus(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """log(1 + exp(x)); its slope is the sigmoid."""
    return jax.nn.softplus(x)


def relu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """max(0, x); its slope at 0 is taken as 0."""
    return jax.nn.relu(x)


def leaky_relu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """X where positive, 0.01 x elsewhere (Maas et al. 2013)."""
    return jax.nn.leaky_relu(x, negative_slope=0.01)


def elu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """X where positive, exp(x) - 1 elsewhere (Clevert et al. 2016)."""
    return jax.nn.elu(x)


def selu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """1.0507 times x where positive, times 1.6733 (exp(x) - 1) elsewhere (Klambauer et al. 2017)."""
    return jax.nn.selu(x)


def gelu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """X times the standard normal distribution function at x, exact (Hendrycks and Gimpel 2016)."""
    return jax.nn.gelu(x, approximate=False)


def identity(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return x itself."""
    return x


def step(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """1 where positive, 0 elsewhere; its slope is 0, so only the perceptron's rule learns with it."""
    return (x > 0).astype(x.dtype)


_FUNCTIONS = (sigmoid, tanh, softmax, softplus, relu, leaky_relu, elu, selu, gelu, identity, step)
ACTIVATION_NAMES: tuple[str, ...] = tuple(function.__name__ for function in _FUNCTIONS)
"""The names that `activation` knows."""


def activation(name_or_function: str | ActivationFunction) -> ActivationFunction:
    """Return the activation of a name, or the function that was given.

    Args:
        name_or_function: One of `ACTIVATION_NAMES`, or any function of an array to one of the
            same shape. A function should live in a module: two lambdas are never equal, so a
            model made with each is compiled anew.

    Raises:
        ParameterError: If there is no such name; the message tells the near one.
        InputTypeError: If it is neither a name nor a function.

    Example:
        >>> import jax.numpy as jnp
        >>> float(activation("relu")(jnp.float32(-3)))
        0.0
    """
    if callable(name_or_function):
        return name_or_function
    if not isinstance(name_or_function, str):
        raise InputTypeError(f"activation must be a name or a function, got {name_or_function!r}.")
    name = known_name("activation", name_or_function, ACTIVATION_NAMES)
    return _FUNCTIONS[ACTIVATION_NAMES.index(name)]


@final
class Activation(Layer):
    """Applies an activation; has no parameters.

    Args:
        function: Function of an array to one of the same shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> outputs, _ = Activation.create("relu")(jnp.array([[-1.0, 2.0]]), inference())
        >>> outputs.tolist()
        [[0.0, 2.0]]
    """

    function: ActivationFunction = eqx.field(static=True)

    @classmethod
    def create(cls, name_or_function: str | ActivationFunction) -> "Activation":
        """Make the layer of a named activation or of a function; errors as in `activation`."""
        return cls(activation(name_or_function))

    def __call__(
        self, x: Float[Array, " batch *features"], context: Context
    ) -> tuple[Float[Array, " batch *features"], "Activation"]:
        """Apply the function to every row; softmax to the features that are real, if some are padding."""
        if context.units is not None and self.function is softmax:
            x = jnp.where(jnp.arange(x.shape[-1]) < context.units, x, -jnp.inf)
        return self.function(x), self
