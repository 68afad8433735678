"""The order in which an epoch visits its rows: a random permutation that depends on no padding."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt32

_GOLDEN = 0x9E3779B9
_SECOND = 0x7F4A7C15
_ODD = (0x2C1B3C6D, 0x297A2D39)
_INVERSES = tuple(pow(odd, -1, 1 << 32) for odd in _ODD)

Words = Any
"""32-bit words, of JAX or of NumPy: what is done to them below is the same for both."""


def epoch_order(
    hyper: Mapping[str, Array], epoch: Int[Array, ""], count: Int[Array, ""], padded: int
) -> Int[Array, " padded"]:
    """Return a random order of 0..count-1, followed by zeros.

    One sort of 32-bit words, random bits above and the position below: a sort of keys with values takes four
    times as long. The bits come from a hash of (seed, stream, epoch, position): a shuffle needs no
    cryptographic generator (threefry took eight times as long, and a second to compile). With n rows,
    32 - log2 n bits are random, so that most of 100,000 rows have equals; the position is scrambled by a
    bijection of its own, so that equals do not follow one another in the order of the data.

    Args:
        hyper: the member's numbers; `seed` and `stream` decide.
        epoch: which epoch, from 0.
        count: how many rows there are.
        padded: the length of the result, at least `count`; changes nothing about the order.

    Returns:
        Positions.

    Example:
        >>> hyper = {"seed": jnp.uint32(0), "stream": jnp.uint32(0)}
        >>> sorted(epoch_order(hyper, jnp.int32(0), jnp.int32(3), 5)[:3].tolist())
        [0, 1, 2]
    """
    first, second = _keys(*map(jnp.asarray, (hyper["seed"], hyper["stream"], epoch)))
    position = jnp.arange(padded, dtype=jnp.uint32)
    words = _mix(_mix(position ^ first) + second)
    bits = jnp.uint32(32) - jax.lax.clz(jnp.maximum(count.astype(jnp.uint32), 2) - 1)
    low = (jnp.uint32(1) << bits) - 1
    packed = (words & ~low) | _scramble(position, bits, first, second)
    packed = jax.lax.sort(jnp.where(position < count, packed, jnp.uint32(0xFFFFFFFF)), is_stable=False)
    order = _unscramble(packed & low, bits, first, second).astype(jnp.int32)
    return jnp.where(position < count, order, 0)


def orders_on_host(
    hyper: Mapping[str, UInt32[np.ndarray, " members"]], epoch: Int[np.ndarray, " members"], count: int
) -> Int[np.ndarray, "members count"]:
    """Return the orders of several members by NumPy: bitwise those of `epoch_order`, without its padding.

    Args:
        hyper: the members' numbers; `seed` and `stream` decide.
        epoch: which epoch each is at, from 0.
        count: how many rows there are.

    Example:
        >>> hyper = {"seed": np.uint32([0]), "stream": np.uint32([0])}
        >>> sorted(orders_on_host(hyper, np.int32([0]), 3)[0].tolist())
        [0, 1, 2]
    """
    first, second = (key[:, None] for key in _keys(hyper["seed"], hyper["stream"], epoch))
    position = np.arange(count, dtype=np.uint32)
    words = _mix(_mix(position ^ first) + second)
    bits = np.uint32((max(count, 2) - 1).bit_length())
    low = (np.uint32(1) << bits) - np.uint32(1)
    packed = np.sort((words & ~low) | _scramble(position, bits, first, second), axis=1)
    return _unscramble(packed & low, bits, first, second).astype(np.int64)


def sorted_by_length(
    order: Int[Array, " padded"],
    lengths: Array,
    hyper: Mapping[str, Array],
    epoch: Int[Array, ""],
    count: Int[Array, ""],
    *,
    batch: int,
    bucket: int,
) -> Int[Array, " padded"]:
    """Return an order in which the rows of a batch are about equally long.

    The order is cut into buckets of `bucket` batches; each is sorted by length, rows of equal length staying
    as they were. Full batches are then put in a random order, so that no epoch goes from short to long.

    Args:
        order: a random order, from `epoch_order`.
        lengths: of the rows, in that order.
        hyper: the member's numbers.
        epoch: which epoch, from 0.
        count: how many rows there are; what stands behind them stays there.
        batch: rows of a batch.
        bucket: batches of a bucket.

    Returns:
        The same positions.

    References:
        Khomenko et al. 2016, "Accelerating recurrent neural network training using sequence bucketing and
        multi-GPU data parallelization", section 3.
    """
    padded = order.shape[0]
    place = jnp.arange(padded)
    last = jnp.iinfo(jnp.int32).max
    size = jnp.where(place < count, lengths.astype(jnp.int32), last)
    part = jnp.where(place < count, place // (batch * bucket), last)
    *_, order = jax.lax.sort((part, size, order), num_keys=2)
    full = count // batch
    batches = epoch_order(hyper, epoch, full, -(-padded // batch))
    number = place // batch
    moved = jnp.where(number < full, batches[number], number) * batch + place % batch
    return order[jnp.minimum(moved, padded - 1)]


def _keys(seed: Words, stream: Words, epoch: Words) -> tuple[Words, Words]:
    """Return the two words that decide an epoch's order."""
    words = []
    for start in (_GOLDEN, _SECOND):
        word = np.uint32(start)
        for part in (seed, stream, epoch.astype(np.uint32)):
            word = _mix(word + _mix(part + word))
        words.append(word)
    return words[0], words[1]


def _mix(x: Words) -> Words:
    """Return 32-bit words scrambled: a bijection in which every input bit moves every output bit.

    References:
        Wellons 2018, "Prospecting for Hash Functions" (the two-round xorshift-multiply with least bias).
    """
    x = (x ^ (x >> 16)) * np.uint32(0x21F0AAAD)
    x = (x ^ (x >> 15)) * np.uint32(0xD35A2D97)
    return x ^ (x >> 15)


def _scramble(x: Words, bits: Words, *keys: Words) -> Words:
    """Return numbers below 2^bits, scrambled among themselves by steps that have an inverse."""
    low = (np.uint32(1) << bits) - 1
    for key, odd in zip(keys, _ODD, strict=True):
        x = ((x ^ key) * np.uint32(odd)) & low
        x = x ^ (x >> ((bits + 1) // 2))  # twice by half of the bits or more shifts all of them out
    return x


def _unscramble(x: Words, bits: Words, *keys: Words) -> Words:
    """Return what `_scramble` was given."""
    low = (np.uint32(1) << bits) - 1
    for key, inverse in zip(reversed(keys), reversed(_INVERSES), strict=True):
        x = x ^ (x >> ((bits + 1) // 2))
        x = ((x * np.uint32(inverse)) ^ key) & low
    return x
