"""Initial weights: from which distribution a weight array is drawn before training.

An initializer is a function ``(key, shape, fan_in, fan_out) -> float32 array``. Its variance is
chosen such that the signals (fan_in: how many inputs each output sums), the gradients (fan_out:
how many outputs each input feeds), or both in between keep their size from layer to layer:

============== ============================ ==============================================
name           variance                     derived for
============== ============================ ==============================================
glorot         2 / (fan_in + fan_out)       a slope of 1 at 0: tanh, sigmoid, linear
he             2 / fan_in                   ReLU, which halves the signal's second moment
lecun          1 / fan_in                   inputs of mean 0 and variance 1; SELU
============== ============================ ==============================================

A uniform distribution on [-a, a] has variance a² / 3, hence a = sqrt(3 variance). The normal ones
are not truncated.

References:
    LeCun, Bottou, Orr, Müller 1998, "Efficient BackProp", section 4.6, equation 16.
    Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks", equations 12 and 16.
    He, Zhang, Ren, Sun 2015, "Delving deep into rectifiers", equation 10.
    Saxe, McClelland, Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks", section 3 (orthogonal).
    Mezzadri 2007, "How to generate random matrices from the classical compact groups", section 5.
    Klambauer, Unterthiner, Mayr, Hochreiter 2017, "Self-normalizing neural networks" (LeCun, SELU).
"""

from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from gorae.errors import ParameterError
from gorae.nn.checks import known_name

__all__ = [
    "INITIALIZERS",
    "Initializer",
    "constant",
    "default_initialization",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "initializer",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "zeros",
]

Initializer = Callable[[PRNGKeyArray, tuple[int, ...], int, int], Float[Array, "*shape"]]


def glorot_uniform(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Uniform on ±sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, equation 16)."""
    return _uniform(key, shape, 2 / (fan_in + fan_out))


def glorot_normal(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, equation 12)."""
    return _normal(key, shape, 2 / (fan_in + fan_out))


def he_uniform(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Uniform on ±sqrt(6 / fan_in): the variance of He et al. 2015, equation 10."""
    return _uniform(key, shape, 2 / fan_in)


def he_normal(key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Float[Array, "*shape"]:
    """Normal with variance 2 / fan_in (He et al. 2015, equation 10)."""
    return _normal(key, shape, 2 / fan_in)


def lecun_uniform(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Uniform on ±sqrt(3 / fan_in) (LeCun et al. 1998, equation 16)."""
    return _uniform(key, shape, 1 / fan_in)


def lecun_normal(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Normal with variance 1 / fan_in (LeCun et al. 1998, equation 16)."""
    return _normal(key, shape, 1 / fan_in)


def orthogonal(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Orthonormal rows or columns, whichever are fewer, uniformly distributed (Haar).

    All axes but the last are taken together as rows. A standard normal matrix A = QR, with the
    diagonal of R made positive, gives a Q that is uniformly distributed; without the sign its
    distribution would be an accident of the QR algorithm.

    Args:
        key: Source of randomness.
        shape: Two or more axes.
        fan_in: Not used; orthogonal weights keep the signal's length at any fan.
        fan_out: Not used.

    Returns:
        W with WᵀW = I where it is tall, WWᵀ = I where it is wide.

    Raises:
        ParameterError: If the shape has fewer than two axes.

    References:
        Saxe et al. 2014, section 3; Mezzadri 2007, section 5.
    """
    if len(shape) < 2:
        raise ParameterError(f"orthogonal initialization needs a shape of two or more axes, got {shape}.")
    rows, columns = prod(shape[:-1]), shape[-1]
    tall = jax.random.normal(key, (max(rows, columns), min(rows, columns)), jnp.float32)
    q, r = jnp.linalg.qr(tall)
    q = q * jnp.where(jnp.diagonal(r) < 0, -1, 1)
    return (q if rows >= columns else q.T).reshape(shape)


def zeros(key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Float[Array, "*shape"]:
    """All 0: right for biases and convex models; hidden layers would never tell their units apart."""
    return jnp.zeros(shape, jnp.float32)


def constant(value: float) -> Initializer:
    """Return the initializer that fills with a value.

    Example:
        >>> import jax
        >>> constant(0.5)(jax.random.key(0), (2,), 1, 1).tolist()
        [0.5, 0.5]
    """

    def fill(key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Float[Array, "*shape"]:
        return jnp.full(shape, value, jnp.float32)

    return fill


INITIALIZERS: Mapping[str, Initializer] = MappingProxyType(
    {
        "glorot_uniform": glorot_uniform,
        "glorot_normal": glorot_normal,
        "he_uniform": he_uniform,
        "he_normal": he_normal,
        "lecun_uniform": lecun_uniform,
        "lecun_normal": lecun_normal,
        "orthogonal": orthogonal,
        "zeros": zeros,
    }
)
"""The initializers by name; `constant` is made from a value and has no name."""

_RECTIFIERS = frozenset({"relu", "leaky_relu", "prelu", "elu", "gelu", "softplus", "maxout"})


def initializer(name_or_function: str | Initializer) -> Initializer:
    """Return the initializer of a name, or the function that was given.

    Raises:
        ParameterError: If there is no such name; the message tells the near one.

    Example:
        >>> import jax
        >>> initializer("he_normal")(jax.random.key(0), (5, 3), 5, 3).shape
        (5, 3)
    """
    if callable(name_or_function):
        return name_or_function
    return INITIALIZERS[known_name("initialization", name_or_function, INITIALIZERS)]


def default_initialization(activation: str) -> str:
    """Return the name of the initializer that suits what follows the layer.

    He (normal) before the ReLU family, LeCun (normal) before SELU, Glorot (uniform) before all
    others, the last layer's identity and softmax among them.

    Args:
        activation: Name of an activation, or "prelu" or "maxout".

    Example:
        >>> default_initialization("relu"), default_initialization("tanh")
        ('he_normal', 'glorot_uniform')
    """
    if activation in _RECTIFIERS:
        return "he_normal"
    return "lecun_normal" if activation == "selu" else "glorot_uniform"


def _uniform(key: PRNGKeyArray, shape: tuple[int, ...], variance: float) -> Float[Array, "*shape"]:
    bound = (3 * variance) ** 0.5
    return jax.random.uniform(key, shape, jnp.float32, -bound, bound)


def _normal(key: PRNGKeyArray, shape: tuple[int, ...], variance: float) -> Float[Array, "*shape"]:
    return jax.random.normal(key, shape, jnp.float32) * variance**0.5
