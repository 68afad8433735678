"""Loading any model file of gorae, by what it says it holds."""

from pathlib import Path
from typing import Any

from gorae.errors import FileError
from gorae.estimators.loading import load as load_estimator
from gorae.estimators.saving import KIND as ESTIMATOR
from gorae.files import read_meta
from gorae.study.model import KIND as STUDY
from gorae.study.stored import load_study_model


def load(path: str | Path) -> Any:
    """Return the fitted estimator, or the model of a study, that a file holds; no code of the file is run.

    Args:
        path: a file that `save` wrote.

    Raises:
        FileError: when the file is missing or holds no model.
        DamagedFileError: when it is damaged, hostile, or not gorae's.

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
        return load_study_model(path)
    if kind == ESTIMATOR:
        return load_estimator(path)
    raise FileError(f"{str(path)!r} is a gorae file, but holds a {kind!r}, not a model.")
