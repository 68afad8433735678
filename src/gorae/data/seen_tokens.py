"""Which tokens came in the rows that were learned from, by their hashes: what a bin of n-grams cannot tell.

A model of hashed n-grams knows bins. A word that never came falls into a bin that some n-gram was learned in
as often as such bins are many: of 50,000 in 262,144 a fifth of the words. A hash of 32 bits a token tells
nearly all of them apart (100,000 tokens: 2 in 100,000 new ones are taken for known).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt32

from gorae.data.ngrams import hash_tokens
from gorae.errors import DamagedFileError

__all__ = ["SeenTokens", "token_hashes"]

_ARRAY = "seen"


def token_hashes(tokens: Iterable[str]) -> list[int]:
    """Return the hashes of the different tokens of a row.

    Example:
        >>> token_hashes(["NtClose", "NtClose"])
        [218744656]
    """
    return hash_tokens(list(set(tokens))).tolist()


@dataclass(frozen=True, eq=False)
class SeenTokens:
    """The tokens that came.

    Args:
        hashes: Of each, rising.

    Example:
        >>> seen = SeenTokens.of([["a", "whale"], ["a", "pod"]])
        >>> len(seen.hashes), seen.knows(["a", "shark"]).tolist(), seen.runs(["a", "shark", "a", "pod"])
        (3, [True, False], [['a'], ['a', 'pod']])
    """

    hashes: UInt32[np.ndarray, " tokens"]

    @classmethod
    def of(cls, rows: Iterable[Iterable[str]]) -> "SeenTokens":
        """Return the tokens of rows."""
        found: set[int] = set()
        for tokens in rows:
            found.update(token_hashes(tokens))
        return cls.of_hashes(found)

    @classmethod
    def of_hashes(cls, hashes: Iterable[int]) -> "SeenTokens":
        """Return the tokens of these hashes, all different."""
        return cls(np.array(sorted(hashes), np.uint32))

    def knows(self, tokens: Sequence[str]) -> Bool[np.ndarray, " tokens"]:
        """Return which tokens came."""
        own = hash_tokens(tokens).astype(np.uint32)
        if not len(self.hashes):
            return np.zeros(len(own), bool)
        at = np.minimum(np.searchsorted(self.hashes, own), len(self.hashes) - 1)
        return self.hashes[at] == own

    def runs(self, tokens: Sequence[str]) -> list[list[str]]:
        """Return the parts of a sequence between tokens that never came."""
        known = self.knows(tokens)
        ends = np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2).tolist()
        return [list(tokens[start:end]) for start, end in ends]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return them as arrays, for a file."""
        return {_ARRAY: self.hashes}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "SeenTokens | None":
        """Return what `to_arrays` gave; None where a file has none, as those of before have.

        Raises:
            DamagedFileError: If it is none that `to_arrays` gives.
        """
        hashes = arrays.get(_ARRAY)
        if hashes is None:
            return None
        if hashes.dtype != np.uint32 or hashes.ndim != 1 or (hashes[1:] <= hashes[:-1]).any():
            raise DamagedFileError("its hashes of known tokens are not different ones, rising.")
        return cls(hashes)
