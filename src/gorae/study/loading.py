"""Loading any model file of gorae, by what it says it holds."""

from pathlib import Path
from typing import Any

from gorae.errors import FileError, InputError
from gorae.estimators.loading import load as load_estimator
from gorae.estimators.saving import KIND as ESTIMATOR
from gorae.files import read_meta
from gorae.study.model import KIND as STUDY
from gorae.study.stored import load_study_model


def load(path: str | Path, *, module: Any = None) -> Any:
    """Return the fitted estimator, or the model of a study, that a file holds; no code of the file is run.

    Args:
        path: a file that `save` wrote.
        module: for a network that is a module of one's own: the module, or the function that makes it, that
            it was fitted with; the file holds its arrays, and no code.

    Raises:
        FileError: when the file is missing or holds no model.
        DamagedFileError: when it is damaged, hostile, or not gorae's.
        InputError: when a module is not the file's.

    Example:
        >>> import tempfile, os
        >>> from gorae.estimators import GaussianBayes
        >>> path = os.path.join(tempfile.mkdtemp(), "bayes.gorae")
        >>> GaussianBayes().fit([[0.0], [1.0], [4.0], [5.0]], [0, 0, 1, 1]).save(path)
        >>> load(path).predict([[4.5]]).tolist()
        [1]
    """
    kind = read_meta(path).kind
    if kind == STUDY:
        if module is not None:
            raise InputError(f"module is for a network of your own, but {str(path)!r} holds a study's model.")
        return load_study_model(path)
    if kind == ESTIMATOR:
        return load_estimator(path, module=module)
    raise FileError(f"{str(path)!r} is a gorae file, but holds a {kind!r}, not a model.")
