"""gorae trains populations of models: a fit gives the model and the evidence.

Names are loaded when they are first used, so that importing gorae is quick and changes nothing: no JAX, numpy
or Python state.
"""

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gorae.data import load_named, read_table
    from gorae.estimators import (
        GaussianBayes,
        KNeighborsClassifier,
        KNeighborsRegressor,
        LinearClassifier,
        LinearRegressor,
        MLPClassifier,
        MLPRegressor,
        Perceptron,
        WeightSearchClassifier,
        diagnose,
    )
    from gorae.search import SearchCV, ensemble_from_search
    from gorae.study import Study, audit, load
    from gorae.trust import CautiousClassifier, CautiousRegressor

_HOMES = {
    "CautiousClassifier": "gorae.trust",
    "CautiousRegressor": "gorae.trust",
    "GaussianBayes": "gorae.estimators",
    "KNeighborsClassifier": "gorae.estimators",
    "KNeighborsRegressor": "gorae.estimators",
    "LinearClassifier": "gorae.estimators",
    "LinearRegressor": "gorae.estimators",
    "MLPClassifier": "gorae.estimators",
    "MLPRegressor": "gorae.estimators",
    "Perceptron": "gorae.estimators",
    "SearchCV": "gorae.search",
    "Study": "gorae.study",
    "ensemble_from_search": "gorae.search",
    "WeightSearchClassifier": "gorae.estimators",
    "diagnose": "gorae.estimators",
    "audit": "gorae.study",
    "load": "gorae.study",
    "load_named": "gorae.data",
    "read_table": "gorae.data",
}
_PARTS = (
    "backend",
    "data",
    "errors",
    "estimators",
    "evidence",
    "files",
    "models",
    "nn",
    "report",
    "search",
    "trust",
)

__all__ = [
    "CautiousClassifier",
    "CautiousRegressor",
    "GaussianBayes",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "LinearClassifier",
    "LinearRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "Perceptron",
    "SearchCV",
    "Study",
    "WeightSearchClassifier",
    "audit",
    "diagnose",
    "ensemble_from_search",
    "load",
    "load_named",
    "read_table",
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
