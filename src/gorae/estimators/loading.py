"""Loading fitted estimators from files, without running code: a closed list of classes, and arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gorae.errors import DamagedFileError, FileError, InputError, InputTypeError
from gorae.estimators.bayes import GaussianBayes
from gorae.estimators.cnn import CNNClassifier, CNNRegressor
from gorae.estimators.given_modules import shape_of_file
from gorae.estimators.linear import LinearClassifier, LinearRegressor
from gorae.estimators.mlp import MLPClassifier, MLPRegressor
from gorae.estimators.neighbors import KNeighborsClassifier, KNeighborsRegressor
from gorae.estimators.neural import NeuralClassifier, NeuralRegressor
from gorae.estimators.perceptron import Perceptron
from gorae.estimators.quantiles import LinearQuantileRegressor, MLPQuantileRegressor
from gorae.estimators.saving import KIND, Stateful
from gorae.estimators.sequences import SequenceClassifier, SequenceRegressor
from gorae.estimators.tagger import SequenceTagger
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
    "NeuralClassifier": NeuralClassifier,
    "NeuralRegressor": NeuralRegressor,
    "Perceptron": Perceptron,
    "SequenceClassifier": SequenceClassifier,
    "SequenceRegressor": SequenceRegressor,
    "SequenceTagger": SequenceTagger,
    "WeightSearchClassifier": WeightSearchClassifier,
}
"""Every class that a file can be loaded as; a name that is not here is refused."""

_OF_MODULES = ("NeuralClassifier", "NeuralRegressor")
_STUMBLES = (InputError, InputTypeError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def load(path: str | Path, *, module: Any = None) -> Any:
    """Return the fitted estimator that a file holds; nothing in the file is run.

    Args:
        path: a file that an estimator's `save` wrote.
        module: for a NeuralClassifier or NeuralRegressor that was fitted with a module of one's own: that
            module, or the function that makes it. The file holds its arrays, and no code.

    Returns:
        The estimator; it answers bitwise as the saved one did on the same machine. Parameters that belong to
        a machine (`checkpoint`, `verbose`, a `device` other than the CPU) have their defaults.

    Raises:
        FileError: when the file is missing or holds something else, or a module is missing.
        DamagedFileError: when it is damaged, hostile, or not gorae's.
        InputError: when a module is another one than the file's.

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
        return estimator_from_state(container.arrays, container.meta, module)
    except DamagedFileError as error:
        raise DamagedFileError(f"{str(path)!r} is refused: {error}") from error


def estimator_from_state(
    arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], module: Any = None
) -> Any:
    """Return the estimator that `fitted_state` told about, its network made of a module where it needs one.

    Raises:
        DamagedFileError: when it is of no class of gorae's, or does not fit together.
    """
    name = meta.get("class") if isinstance(meta, Mapping) else None
    if not isinstance(name, str) or name not in ESTIMATORS:
        raise DamagedFileError(f"it holds an estimator of the unknown class {name!r:.80}.")
    rest = {key: value for key, value in meta.items() if key != "class"}
    if name in _OF_MODULES:
        return _with_module(name, arrays, rest, module)
    if module is not None:
        raise InputError(f"module is for {' and '.join(_OF_MODULES)}, but the file holds a {name}.")
    try:
        return ESTIMATORS[name]._from_state(arrays, rest)
    except _STUMBLES as error:  # what a reader stumbles over is the file's fault, whatever it is
        reason = str(error) or type(error).__name__
        raise DamagedFileError(f"its {name} does not fit together ({reason:.200}).") from error


def _with_module(name: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], module: Any) -> Any:
    """Return an estimator whose network is made of a module.

    Raises:
        FileError: when a module is missing.
        InputError: when it is another one than the file's.
        DamagedFileError: when the rest does not fit together.
    """
    network, parameters = meta.get("network"), meta.get("parameters")
    if not isinstance(network, Mapping) or not isinstance(parameters, Mapping):
        raise DamagedFileError(f"its {name} does not say what it is.")
    if module is None and "module" not in parameters:
        raise FileError(
            f"the network of this {name} is a module of your own, which no file can hold: load it with "
            "load(path, module=...), the module, or the function that makes it, that it was fitted with."
        )
    shape = None if module is None else shape_of_file(network, arrays, module)
    try:
        shape = shape or shape_of_file(network, arrays, None)
        found: Any = ESTIMATORS[name]._from_state(arrays, {**meta, "shape": shape})
    except _STUMBLES as error:
        reason = str(error) or type(error).__name__
        raise DamagedFileError(f"its {name} does not fit together ({reason:.200}).") from error
    found.module = module
    return found
