"""What a model file holds of sequences: of what kind they are, and the tokens that are known."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gorae.data.sequence_rows import SequenceKind
from gorae.errors import DamagedFileError
from gorae.estimators.meta_reading import read_mapping
from gorae.models.sequence import SequenceShape

_CODES = "encoding/codes"
_FIRST = 2


def sequences_to_file(estimator: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return meta and arrays of a fitted estimator of sequences; nothing of another one.

    Tokens that are unknown to the model are left out: what is not in the table is unknown as well.
    """
    kind: SequenceKind | None = getattr(estimator, "sequences_in_", None)
    if kind is None:
        return {}, {}
    codes = estimator._learned.encoding.codes
    if codes is None:
        return {"sequences": kind.to_meta()}, {}
    known = np.flatnonzero(codes[_FIRST:] >= _FIRST)
    kind = replace(kind, table=tuple(kind.table[place] for place in known))
    return {"sequences": kind.to_meta()}, {_CODES: np.concatenate([codes[:_FIRST], codes[_FIRST:][known]])}


def sequences_from_file(
    shape: Any, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]
) -> SequenceKind | None:
    """Return the kind of the sequences that a file's networks read, if they read any.

    Raises:
        DamagedFileError: when it does not fit the network.
    """
    if not isinstance(shape, SequenceShape):
        if "sequences" in meta or _CODES in arrays:
            raise DamagedFileError("it has sequences, but no network that reads them.")
        return None
    kind = SequenceKind.from_meta(read_mapping(meta, "sequences"))
    if kind.columns != shape.inputs or kind.channels != shape.channels:
        raise DamagedFileError("its sequences do not fit its network.")
    if kind.channels:
        if _CODES in arrays:
            raise DamagedFileError("series have no codes.")
        return kind
    codes = arrays.get(_CODES)
    if codes is None or codes.dtype != np.int32 or codes.shape != (len(kind.table) + _FIRST,):
        raise DamagedFileError("there must be one code a token.")
    if codes.min() < 0 or codes.max() >= shape.tokens:
        raise DamagedFileError("a token's code is none of the embedding.")
    return kind
