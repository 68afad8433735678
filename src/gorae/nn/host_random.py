"""Random numbers of JAX keys, drawn by NumPy: where compiling what draws them would take longest.

The generator is JAX's own, threefry with 20 rounds, in the partitionable form: number i of an array depends
on the key and on i alone. Uniform numbers are bitwise JAX's; normal ones differ in their last bits.

References:
    Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3 (threefry).
    Giles 2012, "Approximating the erfinv function", GPU Computing Gems, table 5 (single precision).
"""

from math import prod

import numpy as np
from jaxtyping import Float32, UInt32

__all__ = ["Key", "fold_in", "key_of_seed", "split", "unit_normal", "unit_uniform"]

Key = UInt32[np.ndarray, "2"]
"""The two words of a key."""

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_ROUNDS = 5
_MANTISSA = 9
_ONE = 0x3F800000

_CENTRAL = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)
_TAIL = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
)
_TAIL_FROM = 5.0


def key_of_seed(seed: int) -> Key:
    """Return the key of a seed below 2^32, as `jax.random.key` has it.

    Example:
        >>> key_of_seed(7).tolist()
        [0, 7]
    """
    return np.array([0, seed], np.uint32)


def fold_in(key: Key, number: int) -> Key:
    """Return the key that a key and a number below 2^32 make: `jax.random.fold_in`.

    Example:
        >>> fold_in(key_of_seed(0), 1).tolist()
        [928981903, 3453687069]
    """
    return np.concatenate(_threefry(key, np.zeros(1, np.uint32), np.array([number], np.uint32)))


def split(key: Key, count: int) -> UInt32[np.ndarray, "count 2"]:
    """Return new keys: `jax.random.split`.

    Example:
        >>> split(key_of_seed(0), 3).shape
        (3, 2)
    """
    return np.stack(_threefry(key, np.zeros(count, np.uint32), np.arange(count, dtype=np.uint32)), axis=1)


def unit_uniform(key: Key, shape: tuple[int, ...]) -> Float32[np.ndarray, "*shape"]:
    """Draw uniform numbers on [-1, 1).

    Example:
        >>> bool((abs(unit_uniform(key_of_seed(0), (3, 2))) <= 1).all())
        True
    """
    return _uniform(key, shape, np.float32(-1))


def unit_normal(key: Key, shape: tuple[int, ...]) -> Float32[np.ndarray, "*shape"]:
    """Draw normal numbers of variance 1/2: erfinv(u) of uniform u.

    Example:
        >>> unit_normal(key_of_seed(0), (3, 2)).dtype
        dtype('float32')
    """
    lowest = np.nextafter(np.float32(-1), np.float32(0))
    return _erfinv(_uniform(key, shape, lowest))


def _uniform(key: Key, shape: tuple[int, ...], low: np.float32) -> Float32[np.ndarray, "*shape"]:
    """Draw uniform numbers on [low, 1): 23 random bits behind the point of a number from 1 to 2, less 1."""
    place = np.arange(prod(shape), dtype=np.uint32)
    first, second = _threefry(key, np.zeros_like(place), place)
    words = ((first ^ second) >> _MANTISSA) | np.uint32(_ONE)
    unit = words.view(np.float32) - np.float32(1)
    return np.maximum(unit * (np.float32(1) - low) + low, low).reshape(shape)


def _erfinv(x: Float32[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """Return the inverse of erf as XLA has it in 32 bits: it is 3e-6 from the exact one, relatively."""
    w = -np.log1p(-x * x)
    central, tail = (np.full_like(w, coefficients[0]) for coefficients in (_CENTRAL, _TAIL))
    for c, t in zip(_CENTRAL[1:], _TAIL[1:], strict=True):
        central = np.float32(c) + central * (w - np.float32(2.5))
        tail = np.float32(t) + tail * (np.sqrt(w) - np.float32(3))
    return np.where(w < np.float32(_TAIL_FROM), central, tail) * x


def _threefry(
    key: Key, first: UInt32[np.ndarray, " count"], second: UInt32[np.ndarray, " count"]
) -> tuple[UInt32[np.ndarray, " count"], UInt32[np.ndarray, " count"]]:
    """Return two words for each counter of two words: threefry-2x32 with 20 rounds."""
    keys = (key[:1], key[1:], key[:1] ^ key[1:] ^ np.uint32(_PARITY))
    x, y = first + keys[0], second + keys[1]
    for group in range(_ROUNDS):
        for turn in _ROTATIONS[group % 2]:
            x = x + y
            y = ((y << turn) | (y >> (32 - turn))) ^ x
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x, y
