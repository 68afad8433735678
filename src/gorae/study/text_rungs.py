"""The rungs of the ladder of texts: a linear model of n-grams, a bag of embeddings, a recurrent network."""

from typing import Any

import numpy as np

from gorae.data.sequence_rows import PackedRows
from gorae.estimators import SequenceClassifier, SequenceRegressor

__all__ = [
    "EMBEDDED",
    "FORM_OF",
    "NAMED",
    "WIDTH",
    "form_of",
    "known_tokens",
    "text_auditor",
    "text_rung",
    "text_settings",
]

FORM_OF = {"linear": "ngrams", "bag": "words", "gru": "words"}
"""The form in which a rung reads texts; the others read their sketch."""

NAMED = {
    "knn": "nearest neighbours by their n-grams",
    "linear": "the linear model of n-grams",
    "bag": "the bag of embeddings",
    "gru": "the recurrent network",
}
"""What the rungs of texts are called in a sentence."""

EMBEDDED = {"linear": 8, "bag": 64, "gru": 64}
"""Numbers of a token's vector."""

WIDTH = 64
"""Numbers of the recurrent network's hidden state."""

_MOST_KNOWN = {"linear": 50_000, "bag": 20_000, "gru": 20_000}
_MANY_ROWS = 2000
_PATIENCE, _PATIENCE_OF_FEW = 3, 10
"""Epochs without improvement; those of few rows are few steps each."""
_LINEAR = ((3e-2, 0.3), (1e-2, 0.01), (3e-2, 0.01))
"""Learning rate and decoupled weight decay."""
_BAG = ((3e-3, 0.01), (1e-2, 0.1))
_GRU = ((3e-3, 0.01),)
_AUDIT_STEPS, _AUDIT_EPOCHS = 400, 15


def form_of(model: str) -> str:
    """Return the form in which a rung reads texts."""
    return FORM_OF.get(model, "sketch")


def known_tokens(model: str, rows: np.ndarray) -> int:
    """Return the most tokens that a rung knows of packed rows."""
    assert isinstance(rows, PackedRows)
    assert rows.sequences is not None
    return min(len(rows.sequences.table), _MOST_KNOWN[model])


def text_settings(model: str) -> list[dict[str, Any]]:
    """Return the settings that a rung of texts tries, the most promising first."""
    tried = {"linear": _LINEAR, "bag": _BAG, "gru": _GRU}[model]
    return [{"learning_rate": rate, "weight_decay": decay} for rate, decay in tried]


def text_rung(model: str, rows: PackedRows, classes: int, **shared: Any) -> Any:
    """Return the unfitted estimator of a rung of texts.

    The linear model is a bag of embeddings as well, of all n-grams: the mean of their vectors, then a linear
    layer, is linear in which n-grams there are, and can be any such function where a vector has as many
    numbers as there are outputs. In vectors of few numbers it learns the few directions that tell.

    Args:
        model: "linear", "bag" or "gru".
        rows: packed, whose kind says how texts became rows.
        classes: how many there are to tell, 0 for regression.
        **shared: parameters of training.
    """
    assert rows.sequences is not None
    kind = SequenceClassifier if classes else SequenceRegressor
    own: dict[str, Any] = {"cell": "bag", "pooling": "mean"}
    if model == "gru":
        own = {"cell": "gru", "width": WIDTH, "pooling": "max", "dropout": 0.2}
    elif model == "bag":
        own |= {"dropout": 0.2}
    many = len(rows) >= _MANY_ROWS
    return kind(
        **own,
        embedding=max(EMBEDDED[model], classes),
        max_tokens=_MOST_KNOWN[model],
        min_count=2 if many else 1,
        max_length=rows.sequences.max_length,
        window=rows.sequences.window,
        optimizer="adamw",
        **{**shared, "patience": _PATIENCE if many else _PATIENCE_OF_FEW},
    )


def text_auditor(rows: np.ndarray, classes: int, seed: int) -> Any:
    """Return the model that labels of texts are audited with: the linear one, as it is tried first.

    Args:
        rows: packed sets of n-grams.
        classes: how many there are.
        seed: of the weights.
    """
    assert isinstance(rows, PackedRows)
    batch = 32
    steps = -(-len(rows) // batch)
    training = {"batch_size": batch, "epochs": max(_AUDIT_EPOCHS, -(-_AUDIT_STEPS // steps))}
    model = text_rung("linear", rows, classes, early_stopping=True, random_state=seed, **training)
    return model.set_params(schedule="cosine", **text_settings("linear")[0])
