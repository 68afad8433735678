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
are not truncated. In every case a weight is a number that depends on the key and on the weight's place alone,
read row after row, times one factor that depends on the fans alone (`unit_initializer`, `initial_factor`):
what is drawn for a large array begins with what is drawn for a small one (with `jax_threefry_partitionable`,
JAX's default).

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
import numpy as np
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
    "initial_factor",
    "initializer",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "unit_initializer",
    "zeros",
]

Initializer = Callable[[PRNGKeyArray, tuple[int, ...], int, int], Float[Array, "*shape"]]


def glorot_uniform(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Uniform on ±sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, equation 16)."""
    return _unit_uniform(key, shape) * initial_factor("glorot_uniform", fan_in, fan_out)


def glorot_normal(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, equation 12)."""
    return _unit_normal(key, shape) * initial_factor("glorot_normal", fan_in, fan_out)


def he_uniform(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Uniform on ±sqrt(6 / fan_in): the variance of He et al. 2015, equation 10."""
    return _unit_uniform(key, shape) * initial_factor("he_uniform", fan_in, fan_out)


def he_normal(key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Float[Array, "*shape"]:
    """Normal with variance 2 / fan_in (He et al. 2015, equation 10)."""
    return _unit_normal(key, shape) * initial_factor("he_normal", fan_in, fan_out)


def lecun_uniform(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Uniform on ±sqrt(3 / fan_in) (LeCun et al. 1998, equation 16)."""
    return _unit_uniform(key, shape) * initial_factor("lecun_uniform", fan_in, fan_out)


def lecun_normal(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "*shape"]:
    """Normal with variance 1 / fan_in (LeCun et al. 1998, equation 16)."""
    return _unit_normal(key, shape) * initial_factor("lecun_normal", fan_in, fan_out)


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


def unit_initializer(name: str) -> Initializer:
    """Return what an initializer draws before it is multiplied by `initial_factor`; the fans do not matter.

    Args:
        name: One of `INITIALIZERS` but for "orthogonal", which has no such factor.

    Example:
        >>> import jax
        >>> small, large = (unit_initializer("he_normal")(jax.random.key(0), (n, 2), 1, 1) for n in (3, 5))
        >>> (small == large[:3]).all().item()
        True
    """
    if name == "zeros":
        return zeros
    draw = _unit_uniform if name.endswith("_uniform") else _unit_normal
    return lambda key, shape, fan_in, fan_out: draw(key, shape)


def initial_factor(name: str, fan_in: int, fan_out: int) -> float:
    """Return what an initializer multiplies the numbers of `unit_initializer` by.

    Args:
        name: One of `INITIALIZERS` but for "orthogonal".
        fan_in: How many inputs each output sums.
        fan_out: How many outputs each input feeds.

    Example:
        >>> initial_factor("glorot_uniform", 4, 2), initial_factor("he_normal", 4, 2)
        (1.0, 1.0)
    """
    if name == "zeros":
        return 1.0
    family, _, distribution = name.partition("_")
    variance = {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in, "lecun": 1 / fan_in}[family]
    drawn = 1 / 3 if distribution == "uniform" else 1 / 2
    return (variance / drawn) ** 0.5


def _unit_uniform(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    """Draw uniform numbers on [-1, 1)."""
    return jax.random.uniform(key, shape, jnp.float32, -1, 1)


def _unit_normal(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    """Draw normal numbers of variance 1/2: erfinv(u), the last factor of which is left to the caller.

    `jax.random.normal` multiplies by sqrt(2), and the compiler may make one factor of that and the next.
    """
    lowest = np.nextafter(np.float32(-1), np.float32(0))
    return jax.lax.erf_inv(jax.random.uniform(key, shape, jnp.float32, lowest, 1))
