"""Fitted networks and layers, written for other libraries in the tests of each."""

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gorae import nn
from gorae.data.sequence_rows import pack_rows
from gorae.estimators import (
    CNNClassifier,
    LinearClassifier,
    LinearQuantileRegressor,
    MLPClassifier,
    MLPRegressor,
    Perceptron,
    SequenceClassifier,
    SequenceRegressor,
)
from gorae.evidence import Scaling
from gorae.models import ConvPart, DensePart, GlobalPoolPart, PoolPart, ResidualPart
from gorae.study.model import StudyModel
from gorae.trust.calibration import Calibration

ROWS = np.random.default_rng(0).normal(size=(24, 4))
LABELS = np.array(["ant", "bee", "cat"])[np.arange(24) % 3]
YEARS = 2000 + np.arange(24) / 7.0
WORDS = ["ant", "bee", "cat", "dog", "eel", "fox"]
IMAGES = np.random.default_rng(3).normal(size=(24, 64))
PARTS = [ConvPart(3, padding="valid"), PoolPart("max", 2), ConvPart(4, stride=2), DensePart(5)]
FITS: dict[str, Any] = {
    "maxout ensemble": lambda: MLPClassifier((6, 5), activation="maxout", normalization="batch", members=2),
    "prelu": lambda: MLPClassifier((6,), activation="prelu", normalization="layer", dropout=0.2),
    "hinge": lambda: LinearClassifier("hinge", members=2),
    "perceptron": Perceptron,
    "values": lambda: MLPRegressor((5,), activation="gelu", members=2),
    "far from 0": lambda: MLPRegressor((5,), activation="softplus"),
    "cnn": lambda: CNNClassifier(PARTS, normalization="batch"),
    "residual cnn": lambda: CNNClassifier(
        [PoolPart("average", 3, 2), ResidualPart(3, stride=2), GlobalPoolPart()]
    ),
    "both ends": lambda: SequenceClassifier(
        cell="lstm", width=3, embedding=4, layers=2, bidirectional=True, pooling="last", members=2
    ),
    "attention": lambda: SequenceClassifier(cell="gru", width=3, embedding=4, pooling="attention"),
    "bag": lambda: SequenceClassifier(cell="bag", embedding=4, pooling="max"),
    "series": lambda: SequenceRegressor(cell="rnn", width=3, bidirectional=True, pooling="mean"),
    "quantiles": lambda: LinearQuantileRegressor(levels=(0.1, 0.5, 0.9), members=2),
}


class Fitted(NamedTuple):
    """A fitted network, rows that it has not seen, and what it answers for them."""

    model: Any
    rows: np.ndarray
    answers: np.ndarray


@cache
def fitted(name: str) -> Fitted:
    """Return one of the fitted networks."""
    model = FITS[name]().set_params(epochs=2, random_state=0)
    rows = np.random.default_rng(1).normal(size=(7, 4))
    if name == "series":
        waves = [np.random.default_rng(i).normal(size=(1 + i % 5, 2)) for i in range(31)]
        model.fit(waves[:24], [wave.sum() for wave in waves[:24]])
        rows = np.asarray(pack_rows(waves[24:], like=model.sequences_in_))
        return Fitted(model, rows, model.predict(waves[24:]))
    if name in ("values", "far from 0", "quantiles"):
        targets = np.stack([ROWS.sum(1), ROWS[:, 0] * 3 - 1], axis=1) if name == "values" else YEARS
        given = ROWS
        if name == "far from 0":
            far = np.array([1.7e9, 0, 0, 0])
            given, rows = ROWS + far, rows + far
            targets = targets * 1e-3 + 5e6
        model.fit(given, targets)
        answers = model.predict_quantiles(rows) if name == "quantiles" else model.predict(rows)
        return Fitted(model, rows, answers)
    if name.endswith("cnn"):
        rows = np.random.default_rng(1).normal(size=(7, 64))
    if name in ("both ends", "attention", "bag"):
        texts = [" ".join(np.random.default_rng(i).choice(WORDS, 1 + i % 7)) for i in range(31)]
        model.fit(texts[:24], LABELS)
        rows = np.asarray(pack_rows(texts[24:], like=model.sequences_in_))
        return Fitted(model, rows, model.predict_proba(texts[24:]))
    model.fit(IMAGES if name.endswith("cnn") else ROWS, LABELS)
    if hasattr(model, "predict_proba"):
        return Fitted(model, rows, model.predict_proba(rows))
    return Fitted(model, rows, model.decision_function(rows))


def key(seed: int) -> Any:
    return jax.random.key(seed)


def images() -> nn.Sequential:
    """A network of every layer over cells; windows with uneven padding among them."""
    norm = nn.BatchNorm(
        *jnp.linspace(0.5, 2, 8).reshape(2, 4),
        *map(nn.Buffer, jnp.linspace(0.3, 1, 8).reshape(2, 4)),
        0.1,
        1e-5,
    )
    return nn.Sequential(
        (
            nn.Conv.create(key(0), 2, 4, 3, stride=2, padding="same"),
            nn.PerCell(norm),
            nn.Activation.create("relu"),
            nn.Pool.create("average", 3, stride=1, padding=1),
            nn.ConvTransposed.create(key(1), 4, 6, 3, stride=2, padding=((1, 0), (0, 1)), extra=1, groups=2),
            nn.Pool.create("max", (2, 3), stride=(2, 1), padding=1),
            nn.PerCell(nn.PReLU(jnp.linspace(-0.5, 0.5, 6))),
            nn.Pool.create("min", 2),
            nn.PerCell(nn.LayerNorm.create(6)),
            nn.Conv.create(key(2), 6, 5, 2, dilation=2, padding=1),
            nn.Flatten(),
            nn.Activation.create("tanh"),
            nn.BatchNorm.create(40),
            nn.Dense.create(key(3), 40, 3),
            nn.Activation.create("softmax"),
        )
    )


def steps() -> nn.Graph:
    """A graph of every layer that moves or joins."""
    nodes = [
        nn.PerCell(nn.Dense.create(key(0), 4, 6)),  # 1: (5, 6)
        nn.Transpose((0, 2, 1)),  # 2: (6, 5)
        nn.Conv.create(key(1), 5, 3, (3,), padding=1),  # 3: (6, 3)
        nn.Reduce("max", (2,), keep=True),  # 4: (6, 1)
        nn.Combine("subtract"),  # 5: (6, 3)
        nn.GlobalPool.create("average"),  # 6: (3,)
        nn.Constant(jnp.array([1.0, 2.0, 3.0])),  # 7
        nn.Combine("multiply"),  # 8
        nn.Cut((1, 0), (None, 3), (1, 2)),  # 9: (3,) of (6, 5)
        nn.Reorder((2, 0)),  # 10: (2,)
        nn.Concatenate(),  # 11: (5,)
        nn.Reshape((5, 1)),  # 12
        nn.Pad(((1, 0), (0, 1)), 0.5),  # 13: (6, 2)
        nn.Reduce("sum", (1,)),  # 14: (2,)
    ]
    reads = ((0,), (1,), (2,), (3,), (3, 4), (5,), (6,), (6, 7), (2,), (9,), (8, 10), (11,), (12,), (13,))
    return nn.Graph(tuple(nodes), reads, ("",) * len(nodes))


def bends() -> nn.Graph:
    """A graph that answers every named activation side by side."""
    names = nn.ACTIVATION_NAMES
    nodes = (*(nn.Activation.create(name) for name in names), nn.Concatenate())
    return nn.Graph(nodes, (*((0,),) * len(names), tuple(range(1, len(names) + 1))), ("",) * len(nodes))


def tokens() -> nn.Sequential:
    """A network that reads sequences of codes in every way."""
    return nn.Sequential(
        (
            nn.Embedding(3 * jnp.asarray(np.random.default_rng(4).normal(size=(4, 3)), jnp.float32)),
            nn.Recurrent.create(key(0), 3, 4, cell="lstm", layers=2, bidirectional=True),
            nn.Recurrent.create(key(1), 8, 3, cell="gru", bidirectional=True),
            nn.Recurrent.create(key(2), 6, 5, cell="rnn_relu"),
            nn.Recurrent.create(key(3), 5, 2, cell="rnn", bidirectional=True),
        )
    )


LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "images": (images, (7, 8, 2)),
    "steps": (steps, (5, 4)),
    "bends": (bends, (3,)),
    "tokens": (tokens, (6,)),
}


@cache
def answered(name: str) -> Fitted:
    """Return a layer, rows, and what it answers for them."""
    make, shape = LAYERS[name]
    layer = make()
    rows = np.random.default_rng(2).normal(size=(5, *shape)).astype(np.float32)
    return Fitted(layer, rows, np.asarray(layer(jnp.asarray(rows), nn.inference())[0]))


CALIBRATIONS = [
    ("none", (2.0, 0.5, -0.3)),
    ("vector", (1.0, 1.0, 0.0)),
    ("mixture", (1.0, 1.0, 0.0)),
    ("mixture", (0.5, 2.0, -9.0)),
]
"""Kinds with curves: the last one would turn answers round, and stops at the next class."""


def calibrated(kind, curve):
    """A model of a study whose probabilities of three classes are calibrated so; rows, some answered surely."""
    rng = np.random.default_rng(8)
    X, y = rng.normal(size=(60, 4)).astype(np.float32), np.arange(60) % 3
    estimator = MLPClassifier((5,), epochs=3, learning_rate=0.1, random_state=0).fit(X, y)
    plain = kind != "vector"
    scaling = Scaling(
        kind,
        np.full(3, 2.5) if plain else np.array([2.0, 0.5, 1.0]),
        np.zeros(3) if plain else np.array([0.3, -0.2, 0.0]),
        np.array([0.7, 0.2, 0.1] if kind == "mixture" else [1.0, 0.0, 0.0]),
        np.array(curve),
    )
    names = tuple(f"x{place}" for place in range(4))
    calibration = Calibration(scaling, np.zeros(1))
    model = StudyModel("mlp", estimator, None, None, np.arange(3), names, None, None, calibration)
    return model, np.concatenate([X, 300 * X])
