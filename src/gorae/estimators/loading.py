"""Loading fitted estimators from files, without running code: a closed list of classes, and arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gorae.errors import DamagedFileError, InputError, InputTypeError
from gorae.estimators.bayes import GaussianBayes
from gorae.estimators.cnn import CNNClassifier, CNNRegressor
from gorae.estimators.linear import LinearClassifier, LinearRegressor
from gorae.estimators.mlp import MLPClassifier, MLPRegressor
from gorae.estimators.neighbors import KNeighborsClassifier, KNeighborsRegressor
from gorae.estimators.perceptron import Perceptron
from gorae.estimators.quantiles import LinearQuantileRegressor, MLPQuantileRegressor
from gorae.estimators.saving import KIND, Stateful
from gorae.estimators.weight_search import WeightSearchClassifier
from gorae.files import read_container

ESTIMATORS: Mapping[str, type[Stateful]] = {
    "CNNClassifier": CNNClassifier,
    "CNNRegressor": CNNRegressor,
    "GaussianBayes": GaussianBayes,
    "KNeighborsClassifier": KNeighborsClassifier,
    "KNeighborsRegressor": KNeighborsRegressor,
    "LinearClassifier": LinearClassifier,
    "LinearQuantileRegressor": LinearQuantileRegressor,
    "LinearRegressor": LinearRegressor,
    "MLPClassifier": MLPClassifier,
    "MLPQuantileRegressor": MLPQuantileRegressor,
    "MLPRegressor": MLPRegressor,
    "Perceptron": Perceptron,
    "WeightSearchClassifier": WeightSearchClassifier,
}
"""Every class that a file can be loaded as; a name that is not here is refused."""

_STUMBLES = (InputError, InputTypeError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def load(path: str | Path) -> Any:
    """Return the fitted estimator that a file holds; nothing in the file is run.

    Args:
        path: a file that an estimator's `save` wrote.

    Returns:
        The estimator; it answers bitwise as the saved one did on the same machine. Parameters that belong to
        a machine (`checkpoint`, `verbose`, a `device` other than the CPU) have their defaults.

    Raises:
        FileError: when the file is missing or holds something else.
        DamagedFileError: when it is damaged, hostile, or not gorae's.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "and.gorae")
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
        >>> Perceptron(random_state=0).fit(X, y).save(path)
        >>> load(path).predict(X).tolist()
        [0, 0, 0, 1]
    """
    container = read_container(path, kind=KIND)
    try:
        return estimator_from_state(container.arrays, container.meta)
    except DamagedFileError as error:
        raise DamagedFileError(f"{str(path)!r} is refused: {error}") from error


def estimator_from_state(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Any:
    """Return the estimator that `fitted_state` told about.

    Raises:
        DamagedFileError: when it is of no class of gorae's, or does not fit together.
    """
    name = meta.get("class") if isinstance(meta, Mapping) else None
    if not isinstance(name, str) or name not in ESTIMATORS:
        raise DamagedFileError(f"it holds an estimator of the unknown class {name!r:.80}.")
    rest = {key: value for key, value in meta.items() if key != "class"}
    try:
        return ESTIMATORS[name]._from_state(arrays, rest)
    except _STUMBLES as error:  # what a reader stumbles over is the file's fault, whatever it is
        reason = str(error) or type(error).__name__
        raise DamagedFileError(f"its {name} does not fit together ({reason:.200}).") from error
