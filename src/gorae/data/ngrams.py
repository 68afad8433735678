r"""Counts of hashed n-grams: a sequence of any length as one row of fixed width.

An n-gram (n tokens in a row) falls into one of a fixed number of bins, by a hash that is the same in every
process and on every machine; the row holds how many fell into each. Nothing is learned, so no fold can know
anything of another's rows, and a sequence of a million calls takes some tens of milliseconds. The codes
$c_0 .. c_{n-1}$ of an n-gram are hashed by Horner's rule, each step mixed:

$h_0 = \mathrm{mix}(n)$, $h_{k+1} = \mathrm{mix}(h_k + c_k)$, bin $= h_n \bmod B$,

in whole numbers of 64 bits; mix is the finalizer of SplitMix64, a bijection.

References:
    Weinberger et al. 2009, "Feature hashing for large scale multitask learning", section 2 (unsigned here:
    counts stay counts).
    Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", figure 17 (mix64variant13).
"""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64, Integer, UInt8, UInt64

from gorae.errors import DataError, ParameterError

__all__ = ["counted_ngrams", "hash_tokens", "hashed_ngrams", "ngram_set", "ngram_shares", "ngram_sketch"]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_LONGEST = 16
_MOST_BINS = 1 << 24
_BLOCK = 1 << 20


def hashed_ngrams(
    sequences: Sequence[Any], *, lengths: Sequence[int] = (1, 2), bins: int = 4096
) -> Float32[np.ndarray, "n bins"]:
    """Count the hashed n-grams of sequences.

    Args:
        sequences: One array or list of whole numbers a sequence, such as a vocabulary's codes, or of texts
            (hashed by `hash_tokens`); a memory-mapped token file will do. A sequence that is shorter than an
            n-gram has none of that length.
        lengths: Which n; 1 counts tokens whatever their order.
        bins: Width of a row. Of V different n-grams about V / (2 bins) share a bin with another.

    Returns:
        The counts; a row sums to the n-grams of its sequence.

    Raises:
        DataError: If there is no sequence, or one is neither whole numbers nor texts.
        ParameterError: If `lengths` or `bins` is out of range.

    Example:
        >>> counts = hashed_ngrams([[5, 5, 7], [7]], lengths=(1, 2), bins=512)
        >>> counts.shape, counts.sum(axis=1).tolist(), counts.max().item()
        ((2, 512), [5.0, 1.0], 2.0)
    """
    wanted = _lengths(lengths)
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or not 1 <= bins <= _MOST_BINS:
        raise ParameterError(f"bins must be a whole number from 1 to {_MOST_BINS:,}, got {bins!r}.")
    if len(sequences) == 0:
        raise DataError("n-grams need at least one sequence, got none.")
    counts = np.zeros((len(sequences), bins), np.float32)
    for row, sequence in enumerate(sequences):
        for start in range(0, max(len(sequence), 1), _BLOCK):
            codes = _codes(sequence[start : start + _BLOCK + max(wanted) - 1], row)
            for n in wanted:
                # the n-grams that begin in this block
                found = _hashes(codes[: _BLOCK + n - 1], n) % np.uint64(bins)
                counts[row] += np.bincount(found.astype(np.int64), minlength=bins)
    return counts


def counted_ngrams(
    sequence: Any, lengths: Sequence[int] = (1, 2)
) -> tuple[UInt64[np.ndarray, " ngrams"], Int64[np.ndarray, " ngrams"]]:
    """Return the hash of every different n-gram of one sequence, and how often it comes.

    Args:
        sequence: Whole numbers or texts, as in `hashed_ngrams`.
        lengths: Which n.

    Returns:
        Hashes of 64 bits, rising within each length, and counts.

    Raises:
        DataError: If it holds neither whole numbers nor texts.
        ParameterError: If `lengths` is out of range.

    Example:
        >>> counted_ngrams(["a", "whale", "a"], lengths=(1,))[1].tolist()
        [1, 2]
    """
    codes = _codes(sequence, 0)
    found = [np.unique(_hashes(codes, n), return_counts=True) for n in _lengths(lengths)]
    hashes, counts = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return hashes, counts.astype(np.int64)


def ngram_set(
    hashes: UInt64[np.ndarray, " ngrams"],
    counts: Int64[np.ndarray, " ngrams"],
    *,
    bins: int = 1 << 18,
    most: int = 1024,
) -> Int64[np.ndarray, " kept"]:
    r"""Return n-grams with their counts as a set of whole numbers, for models that ask what is there.

    An n-gram that came c times is there as $1 + \lfloor \log_2 c \rfloor$ numbers, one for each doubling:
    what is linear in the set can follow any function of the doublings of a count, its logarithm among them.

    Args:
        hashes: What `counted_ngrams` gave.
        counts: How often each came.
        bins: The numbers are below it; two n-grams that share one are taken for one.
        most: Numbers that are kept at most: those of the highest counts, and of equal counts those that the
            hash puts first, which are from anywhere in the sequence.

    Returns:
        The numbers, rising, all different.

    Example:
        >>> hashes, counts = counted_ngrams(["a"] * 5 + ["b"], lengths=(1,))
        >>> len(ngram_set(hashes, counts)), len(ngram_set(hashes, counts, most=2))
        (4, 2)
    """
    doublings = np.frexp(counts)[1] - 1
    levels = np.concatenate(
        [np.full((doublings >= level).sum(), level) for level in range(doublings.max() + 1)]
    )
    places = np.concatenate([np.flatnonzero(doublings >= level) for level in range(doublings.max() + 1)])
    weight = counts[places] >> levels
    kept = np.argsort(-weight, kind="stable")[:most]
    return np.unique(_mix(hashes[places[kept]] + levels[kept].astype(np.uint64)) % np.uint64(bins)).astype(
        np.int64
    )


def ngram_shares(
    sequence: Any,
    numbers: Integer[np.ndarray, " kept"],
    values: Float[np.ndarray, " kept"],
    *,
    lengths: Sequence[int] = (1, 2),
    bins: int = 1 << 18,
) -> Float64[np.ndarray, " tokens"]:
    """Return values of the numbers of an `ngram_set`, shared out among the tokens that made them.

    A number's value is shared evenly by the n-grams that have it, an n-gram's by its places in the sequence,
    and that of a place by its n tokens; so all shares sum up to all values.

    Args:
        sequence: What the set was made of.
        numbers: The set, or a part of it.
        values: One for each number.
        lengths: Which n.
        bins: Of the set.

    Example:
        >>> told = ["a", "b", "a"]
        >>> numbers = ngram_set(*counted_ngrams(told, (1,)))
        >>> ngram_shares(told, numbers, np.ones(3), lengths=(1,)).tolist()
        [1.0, 1.0, 1.0]
    """
    codes, shares = _codes(sequence, 0), np.zeros(len(sequence))
    order = np.argsort(numbers)
    known, worth = np.asarray(numbers)[order], np.asarray(values, np.float64)[order]
    found = []
    for n in _lengths(lengths):
        hashes, where, counts = np.unique(_hashes(codes, n), return_inverse=True, return_counts=True)
        for level in range(int(np.frexp(counts)[1].max(initial=0))):
            high = np.frexp(counts)[1] - 1 >= level
            own = (_mix(hashes + np.uint64(level)) % np.uint64(bins)).astype(np.int64)
            at = np.minimum(np.searchsorted(known, own), max(len(known) - 1, 0))
            there = high & (known[at] == own) if len(known) else np.zeros(len(own), bool)
            found.append((n, where, counts, at, there))
    sharing = np.zeros(len(known))
    for _, _, _, at, there in found:
        np.add.at(sharing, at[there], 1)
    for n, where, counts, at, there in found:
        each = np.where(there, worth[at] / np.maximum(sharing[at], 1), 0.0) / (counts * n)
        for place in range(n):
            shares[place : place + len(where)] += each[where]
    return shares


def ngram_sketch(
    hashes: UInt64[np.ndarray, " ngrams"], counts: Int64[np.ndarray, " ngrams"], bins: int = 1024
) -> UInt8[np.ndarray, " bins"]:
    r"""Return n-grams with their counts as bytes whose distance tells how unlike two texts are.

    The logarithms $\log(1 + c)$ fall into bins by the hash; their vector, of length 1, times 255 is rounded.
    The squared distance of two such vectors is then twice one less their cosine, whatever the texts' lengths.

    Example:
        >>> ngram_sketch(*counted_ngrams(["a"] * 5 + ["b"], lengths=(1,)), bins=8).max().item()
        238
    """
    found = np.bincount((hashes % np.uint64(bins)).astype(np.int64), np.log1p(counts), minlength=bins)
    return np.round(found * (255 / np.linalg.norm(found))).astype(np.uint8)


def hash_tokens(tokens: Sequence[str]) -> UInt64[np.ndarray, " tokens"]:
    """Return a whole number for each token: the CRC-32 of its UTF-8, the same on every machine.

    Example:
        >>> hash_tokens(["NtClose", "NtClose"]).tolist()
        [218744656, 218744656]
    """
    return np.fromiter(
        (zlib.crc32(token.encode("utf-8", "surrogatepass")) for token in tokens), np.uint64, len(tokens)
    )


def _hashes(codes: UInt64[np.ndarray, " tokens"], n: int) -> UInt64[np.ndarray, " ngrams"]:
    """Return the hash of each run of n codes."""
    count = max(len(codes) - n + 1, 0)
    hashed = np.full(count, _mix(np.full(1, n, np.uint64)))
    for place in range(n):
        hashed = _mix(hashed + codes[place : place + count])
    return hashed


def _mix(x: UInt64[np.ndarray, " numbers"]) -> UInt64[np.ndarray, " numbers"]:
    """Return numbers scrambled: a bijection in which every input bit moves every output bit."""
    x = x + _STEP
    x = (x ^ (x >> _SHIFTS[0])) * _FACTORS[0]
    x = (x ^ (x >> _SHIFTS[1])) * _FACTORS[1]
    return x ^ (x >> _SHIFTS[2])


def _codes(sequence: Any, row: int) -> UInt64[np.ndarray, " tokens"]:
    """Return a part of a sequence as numbers."""
    if len(sequence) and isinstance(sequence[0], str):
        return hash_tokens(sequence)
    codes: Integer[np.ndarray, " tokens"] = np.asarray(sequence)
    if codes.ndim != 1 or (codes.size and codes.dtype.kind not in "iu"):
        raise DataError(
            f"sequence {row} (from 0) must hold whole numbers or texts, got an array of {codes.dtype} with "
            f"{codes.ndim} dimensions."
        )
    return codes.astype(np.int64).astype(np.uint64)


def _lengths(lengths: Any) -> tuple[int, ...]:
    """Return the lengths of n-grams that are wanted."""
    given = tuple(lengths) if isinstance(lengths, Sequence) and not isinstance(lengths, str) else ()
    fine = all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= _LONGEST for n in given)
    if not given or not fine or len(set(given)) != len(given):
        raise ParameterError(
            f"lengths must be different whole numbers from 1 to {_LONGEST}, such as (1, 2), got {lengths!r}."
        )
    return given
