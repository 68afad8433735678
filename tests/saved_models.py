"""Fitted models of every kind, to be saved and loaded."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from gorae.estimators import (
    CNNClassifier,
    CNNRegressor,
    GaussianBayes,
    KNeighborsClassifier,
    KNeighborsRegressor,
    LinearClassifier,
    LinearQuantileRegressor,
    LinearRegressor,
    MLPClassifier,
    MLPQuantileRegressor,
    MLPRegressor,
    NeuralClassifier,
    NeuralRegressor,
    Perceptron,
    WeightSearchClassifier,
)
from gorae.models import ConvPart, DensePart, GlobalPoolPart, ResidualPart

RNG = np.random.default_rng(8)
X = RNG.normal(size=(60, 4)) + 5
CODES = (X[:, 0] > 5).astype(int)
NUMBERS = X @ [1.0, 2.0, 0.0, -1.0] + 100

MODELS = [
    MLPClassifier((8,), batch_size=16, epochs=8, members=2, random_state=0),
    MLPClassifier([6, 5], activation="maxout", normalization="batch", dropout=0.2, epochs=8),
    MLPClassifier((6,), activation="prelu", normalization="layer", early_stopping=True, epochs=8),
    MLPRegressor((8,), batch_size=16, epochs=8),
    LinearClassifier(epochs=8, class_weight={1: 2.0}),
    LinearClassifier("hinge", epochs=8),
    LinearRegressor(epochs=8),
    MLPQuantileRegressor((8,), levels=(0.1, 0.9), batch_size=16, epochs=8, members=2),
    LinearQuantileRegressor(levels=(0.2, 0.5, 0.8), epochs=8),
    NeuralClassifier(members=2, epochs=4),
    NeuralRegressor(epochs=4, batch_size=16),
    CNNClassifier((ConvPart(2), ResidualPart(3), DensePart(2)), normalization="batch", dropout=0.1, epochs=4),
    CNNRegressor((ConvPart(2, (1, 2)), GlobalPoolPart()), activation="prelu", image_shape=(1, 4), epochs=4),
    Perceptron(epochs=8, members=3),
    WeightSearchClassifier("local", n_trials=40, random_state=0),
    WeightSearchClassifier("exhaustive", loss="hinge", values=(-1, 1)),
    GaussianBayes(),
    KNeighborsClassifier(3),
    KNeighborsRegressor(3, weights="distance"),
]


def fitted(model: Any) -> Any:
    """Return the model, fitted to what it predicts."""
    return model.fit(X, CODES if is_classifier(model) else NUMBERS)
