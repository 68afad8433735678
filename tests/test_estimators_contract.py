"""Every public estimator keeps scikit-learn's contract: no failure, no expected failure (RELIABILITY R1)."""

import inspect
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import estimator_checks_generator

import gorae.estimators
from gorae.estimators import (
    CNNClassifier,
    CNNRegressor,
    LinearClassifier,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
)
from gorae.models import ConvPart

PUBLIC = [getattr(gorae.estimators, name) for name in gorae.estimators.__all__]
CLASSES = [found for found in PUBLIC if inspect.isclass(found)]
SMALLER = {
    cls: cls([ConvPart(2)], learning_rate=0.02, epochs=60, batch_size=32)
    for cls in (CNNClassifier, CNNRegressor)
}
"""Networks that are small enough to be compiled for every shape that a check has."""
OTHER_LOSSES = [LinearClassifier("hinge"), LinearClassifier("crammer_singer")]
OF_SENTENCES = {SequenceClassifier, SequenceRegressor, SequenceTagger}
"""Rows are sequences: scikit-learn's checks, which give matrices of numbers, have nothing to ask. They have
tests of their own in test_sequences.py and test_tagger.py."""
# It skips itself unless scipy was imported with SCIPY_ARRAY_API set: there is nothing to pass or fail.
NEEDS_AN_ENVIRONMENT = {"check_array_api_input"}


def checks() -> list[Any]:
    """Return every check of scikit-learn's for every estimator, each with a name to read."""
    found = []
    of_matrices = [cls for cls in CLASSES if cls not in OF_SENTENCES]
    for estimator in [SMALLER.get(cls) or cls() for cls in of_matrices] + OTHER_LOSSES:
        for same, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            if name not in NEEDS_AN_ENVIRONMENT:
                found.append(pytest.param(same, check, id=f"{estimator}-{name}"))
    return found


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("estimator", "check"), checks())
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    """The estimator passes scikit-learn's check."""
    check(estimator)


def test_public_classes_are_estimators() -> None:
    """What is public is an estimator, `diagnose`, `load` or `tag_scorer`."""
    others = [found for found in PUBLIC if found not in CLASSES]

    assert all(issubclass(cls, BaseEstimator) for cls in CLASSES)
    assert [found.__name__ for found in others] == ["diagnose", "load", "tag_scorer"]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_parameter_is_told(cls: type) -> None:
    """The docstring of an estimator names each of its parameters in its list of arguments."""
    told = inspect.getdoc(cls).split("Args:")[1]

    missing = [name for name in inspect.signature(cls).parameters if f"\n    {name}: " not in told]

    assert missing == []


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_page_in_a_notebook(cls: type) -> None:
    """A notebook shows an estimator as scikit-learn shows its own."""
    page = cls()._repr_html_()

    assert cls.__name__ in page
