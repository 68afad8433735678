"""What an estimator of sequences is given, checked, and in the form that the engine stores."""

from typing import Any

from gorae.data.sequence_rows import PackedRows, SequenceKind, pack_rows, text_tokenizer
from gorae.errors import InputError, ParameterError


def sequence_reader(estimator: Any) -> Any | None:
    """Return the estimator whose parameters say how sequences are read: itself, or the one that it wraps."""
    inner = estimator
    while inner is not None:
        if getattr(inner, "_reads_sequences", False):
            return inner
        inner = getattr(inner, "estimator", None)
    return None


def check_read_alike(reader: Any, kind: SequenceKind) -> None:
    """Refuse parameters that say another way for sequences to become rows than the one they came by.

    Raises:
        ParameterError: in a search over them, and where they changed between two calls of `partial_fit`.
    """
    same = (kind.max_length, kind.window) == (reader.max_length, reader.window)
    if kind.tokenizer is not None:
        same &= kind.tokenizer == text_tokenizer(reader.tokenizer)
    if not same:
        raise ParameterError(
            "tokenizer, max_length and window say how sequences become rows, which is done once for all "
            "settings of a search and for all calls that go on with a fit: set them before, and leave them."
        )


def packed_sequences(estimator: Any, X: Any, *, reset: bool) -> PackedRows:
    """Return rows as one matrix, in the form of an earlier fit's unless `reset`.

    Args:
        estimator: whose `sequences_in_` and `n_features_in_` are set (`reset`), or followed.
        X: sequences, or rows that are packed already.
        reset: whether the rows decide how later ones are read.

    Raises:
        InputError: when they cannot be used.
    """
    reader = sequence_reader(estimator)
    known: SequenceKind | None = None if reset else getattr(estimator, "sequences_in_", None)
    if not reset and known is None:
        raise InputError(f"this {type(estimator).__name__} is not fitted yet: it has seen no sequence.")
    assert reader is not None
    rows = pack_rows(
        X,
        tokenizer=reader.tokenizer,
        max_length=reader.max_length,
        window=reader.window,
        like=known,
    )
    if reset:
        estimator.sequences_in_ = rows.sequences
        estimator.n_features_in_ = rows.shape[1]
    return rows
