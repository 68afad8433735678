"""What a fold knows of sequences, from its training rows only: its vocabulary, or the unit of each channel.

Rows are stored in the codes of a table of every token that came (`gorae.data.PackedRows`). A fold's own code
of each of them is learned here: the tokens of its training rows, the most frequent first, begin at 2; all
others, which the fold has never seen, are 1, unknown. Series are standardised channel by channel, over real
steps.
"""

from typing import Any

import numpy as np
from jaxtyping import Float32, Int32, Integer

from gorae.data.sequence_rows import PackedRows
from gorae.data.vocabulary import FIRST_TOKEN, UNKNOWN

_ROUND = 64
_BLOCK = 4096


def table_rows(matrix: Any, max_tokens: int) -> int:
    """Return the rows of an embedding for a matrix of tokens: one a code, up to a multiple of 64.

    A few tokens more or less, as in a fold, then make no other network; rows that no code points to are
    never read, and learn nothing.

    Args:
        matrix: packed rows.
        max_tokens: the most tokens that are known.

    Returns:
        How many; 0 where the rows are no tokens.
    """
    if not isinstance(matrix, PackedRows) or matrix.sequences is None or matrix.sequences.channels:
        return 0
    known = min(len(matrix.sequences.table), max_tokens) + FIRST_TOKEN
    return -(-known // _ROUND) * _ROUND


def fold_encoding(
    matrix: PackedRows,
    train: Integer[np.ndarray, " rows"],
    weight: np.ndarray | None,
    *,
    max_tokens: int,
    min_count: int,
    standardise: bool,
) -> dict[str, Any]:
    """Return the fields of a split that say how its rows are read.

    Args:
        matrix: packed rows.
        train: those that the fold learns from.
        weight: one a row of the matrix, or None.
        max_tokens: the most tokens that the fold knows.
        min_count: how often one must come to be known.
        standardise: whether channels are brought to mean 0 and deviation 1.
    """
    kind = matrix.sequences
    assert kind is not None
    nothing = {
        "fill": np.zeros(matrix.shape[1], np.float32),
        "shift": np.zeros(matrix.shape[1], np.float32),
        "scale": np.ones(matrix.shape[1], np.float32),
    }
    if not kind.channels:
        counts = np.zeros(len(kind.table) + FIRST_TOKEN, np.float64)
        for rows in np.array_split(train, max(1, len(train) // _BLOCK)):
            own = np.ones(len(rows)) if weight is None else weight[rows]
            codes = np.asarray(matrix[rows, 1:], np.int64)
            each = np.broadcast_to(own[:, None], codes.shape)
            counts += np.bincount(codes.ravel(), each.ravel(), minlength=len(counts))
        return {**nothing, "codes": known_codes(counts, max_tokens, min_count)}
    if standardise:
        shift, scale = _channel_units(matrix, train, weight, kind.channels)
        nothing["shift"][1:] = np.tile(shift, kind.steps)
        nothing["scale"][1:] = np.tile(scale, kind.steps)
    return nothing


def known_codes(counts: np.ndarray, max_tokens: int, min_count: int) -> Int32[np.ndarray, " tokens"]:
    """Return the fold's code of each code of the table.

    Args:
        counts: how often each came; those of padding and of unknown tokens, 0 and 1, are of no account.
        max_tokens: the most that are known.
        min_count: how often one must have come.

    Example:
        >>> known_codes(np.array([9, 9, 3, 0, 5, 3]), 2, 1).tolist()
        [0, 1, 3, 1, 2, 1]
    """
    codes = np.full(len(counts), UNKNOWN, np.int32)
    codes[0] = 0
    own = counts[FIRST_TOKEN:]
    order = np.argsort(-own, kind="stable")
    order = order[(own[order] >= min_count) & (own[order] > 0)][:max_tokens]
    codes[order + FIRST_TOKEN] = np.arange(FIRST_TOKEN, len(order) + FIRST_TOKEN)
    return codes


def _channel_units(
    matrix: PackedRows, train: np.ndarray, weight: np.ndarray | None, channels: int
) -> tuple[Float32[np.ndarray, " channels"], Float32[np.ndarray, " channels"]]:
    """Return mean, and one over the deviation, of each channel over the real steps of training rows."""
    rows = np.asarray(matrix[train], np.float64)
    steps = rows[:, 1:].reshape(len(rows), -1, channels)
    live = np.arange(steps.shape[1]) < rows[:, :1]
    share = live * (1.0 if weight is None else weight[train][:, None])
    share = share / share.sum()
    shift = np.einsum("nt,ntc->c", share, steps)
    spread = np.sqrt(np.einsum("nt,ntc->c", share, (steps - shift) ** 2))
    flat = spread <= 1e-6 * np.maximum(np.abs(shift), 1e-30)
    return shift.astype(np.float32), (1 / np.where(flat, 1.0, spread)).astype(np.float32)
