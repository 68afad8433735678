"""gorae trains populations of models: a fit gives the model and the evidence.

Names are loaded when they are first used, so that importing gorae is quick and changes nothing: no JAX, numpy
or Python state.
"""

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gorae.data import load_images, load_named, read_conllu, read_table
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
        SequenceClassifier,
        SequenceRegressor,
        SequenceTagger,
        WeightSearchClassifier,
        diagnose,
    )
    from gorae.exchange import from_torch, to_onnx, to_torch
    from gorae.explanation import integrated_gradients, partial_dependence, permutation_importance
    from gorae.models import ConvPart, DensePart, GlobalPoolPart, PoolPart, ResidualPart
    from gorae.nn import Augmentation
    from gorae.search import SearchCV, ensemble_from_search
    from gorae.study import Study, audit, load, look, similar
    from gorae.trust import CautiousClassifier, CautiousRegressor, learning_curve

_HOMES = {
    "Augmentation": "gorae.nn",
    "CNNClassifier": "gorae.estimators",
    "CNNRegressor": "gorae.estimators",
    "ConvPart": "gorae.models",
    "DensePart": "gorae.models",
    "GlobalPoolPart": "gorae.models",
    "PoolPart": "gorae.models",
    "ResidualPart": "gorae.models",
    "CautiousClassifier": "gorae.trust",
    "CautiousRegressor": "gorae.trust",
    "GaussianBayes": "gorae.estimators",
    "KNeighborsClassifier": "gorae.estimators",
    "KNeighborsRegressor": "gorae.estimators",
    "LinearClassifier": "gorae.estimators",
    "LinearQuantileRegressor": "gorae.estimators",
    "LinearRegressor": "gorae.estimators",
    "MLPClassifier": "gorae.estimators",
    "MLPQuantileRegressor": "gorae.estimators",
    "MLPRegressor": "gorae.estimators",
    "NeuralClassifier": "gorae.estimators",
    "NeuralRegressor": "gorae.estimators",
    "Perceptron": "gorae.estimators",
    "SearchCV": "gorae.search",
    "SequenceClassifier": "gorae.estimators",
    "SequenceRegressor": "gorae.estimators",
    "SequenceTagger": "gorae.estimators",
    "Study": "gorae.study",
    "ensemble_from_search": "gorae.search",
    "WeightSearchClassifier": "gorae.estimators",
    "diagnose": "gorae.estimators",
    "from_torch": "gorae.exchange",
    "integrated_gradients": "gorae.explanation",
    "partial_dependence": "gorae.explanation",
    "permutation_importance": "gorae.explanation",
    "audit": "gorae.study",
    "learning_curve": "gorae.trust",
    "load": "gorae.study",
    "load_images": "gorae.data",
    "load_named": "gorae.data",
    "look": "gorae.study",
    "read_conllu": "gorae.data",
    "read_table": "gorae.data",
    "to_onnx": "gorae.exchange",
    "to_torch": "gorae.exchange",
    "similar": "gorae.study",
}
_PARTS = (
    "backend",
    "data",
    "errors",
    "estimators",
    "evidence",
    "exchange",
    "explanation",
    "files",
    "models",
    "nn",
    "report",
    "search",
    "similarity",
    "trust",
)

__all__ = [
    "Augmentation",
    "CNNClassifier",
    "CNNRegressor",
    "CautiousClassifier",
    "CautiousRegressor",
    "ConvPart",
    "DensePart",
    "GaussianBayes",
    "GlobalPoolPart",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "LinearClassifier",
    "LinearQuantileRegressor",
    "LinearRegressor",
    "MLPClassifier",
    "MLPQuantileRegressor",
    "MLPRegressor",
    "NeuralClassifier",
    "NeuralRegressor",
    "Perceptron",
    "PoolPart",
    "ResidualPart",
    "SearchCV",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
    "Study",
    "WeightSearchClassifier",
    "audit",
    "diagnose",
    "ensemble_from_search",
    "from_torch",
    "integrated_gradients",
    "learning_curve",
    "load",
    "load_images",
    "load_named",
    "look",
    "partial_dependence",
    "permutation_importance",
    "read_conllu",
    "read_table",
    "similar",
    "to_onnx",
    "to_torch",
]

logging.getLogger("gorae").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """Load a public name, or a part, when it is first used."""
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("gorae")
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in (*_PARTS, "study", "train"):
        return importlib.import_module(f"gorae.{name}")
    raise AttributeError(f"module 'gorae' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted([*globals(), *__all__, *_PARTS, "__version__"])
