import importlib
import pickle
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError as SklearnNotFitted

from gorae import errors

BASES = {
    "BudgetError": (errors.GoraeError,),
    "DamagedFileError": (errors.FileError,),
    "DataError": (errors.InputError,),
    "DeviceError": (errors.GoraeError,),
    "FileError": (errors.GoraeError,),
    "FileExistsRefusal": (errors.FileError,),
    "GoraeError": (Exception,),
    "InputError": (errors.GoraeError, ValueError),
    "InputTypeError": (errors.GoraeError, TypeError),
    "MemoryPlanError": (errors.GoraeError,),
    "NotFittedError": (errors.GoraeError, SklearnNotFitted),
    "ParameterError": (errors.InputError,),
    "WriteError": (errors.FileError,),
    "GoraeWarning": (UserWarning,),
    "DataWarning": (errors.GoraeWarning,),
    "DivergenceWarning": (errors.GoraeWarning,),
}


@pytest.mark.parametrize("name", BASES)
def test_bases(name: str) -> None:
    """Each class derives from exactly the classes that the tree says."""
    assert getattr(errors, name).__bases__ == BASES[name]


def test_tree_is_complete() -> None:
    """Every class of the module is in the tree of its docstring, and there is no other."""
    drawn = {word.strip("├└│─, ") for line in (errors.__doc__ or "").splitlines() for word in line.split()}

    classes = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}

    assert classes == set(BASES)
    assert classes <= drawn


def test_import_is_light() -> None:
    """Importing the module imports neither scikit-learn nor numpy nor jax."""
    code = "import sys, gorae.errors; print({'sklearn', 'numpy', 'jax'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_not_fitted_is_kept() -> None:
    """NotFittedError is the same class each time it is asked for."""
    assert errors.NotFittedError is importlib.import_module("gorae.errors").NotFittedError


def test_not_fitted_pickles() -> None:
    """A NotFittedError comes back from another process as itself, as joblib needs it."""
    error = pickle.loads(pickle.dumps(errors.NotFittedError("call fit first")))

    assert type(error) is errors.NotFittedError
    assert str(error) == "call fit first"


def test_unknown_name() -> None:
    """A name that the module does not have is an AttributeError as in any module."""
    with pytest.raises(AttributeError, match=r"module 'gorae\.errors' has no attribute 'NoSuchError'"):
        errors.NoSuchError  # noqa: B018  looking it up is what is tested


@pytest.mark.parametrize(
    ("name", "candidates", "near"),
    [
        ("incme", ["age", "income", "city"], "income"),
        ("Income", ["age", "income"], "income"),
        ("learning_rate", ["Learning_Rate"], "Learning_Rate"),
        ("income", ["age", "city"], None),
        ("income", [], None),
        ("", ["age"], None),
    ],
)
def test_closest(name: str, candidates: list[str], near: str | None) -> None:
    """The near name is found whatever its case, and none where nothing is near."""
    assert errors.closest(name, candidates) == near


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1), st.lists(st.text()))
def test_closest_to_itself(name: str, others: list[str]) -> None:
    """A candidate equal to the name but for its case is always what is found."""
    near = errors.closest(name, [*others, name])

    assert near is not None
    assert near.casefold() == name.casefold()


@pytest.mark.parametrize(
    ("raised", "wanted"),
    [
        (ValueError("bad"), errors.InputError),
        (TypeError("bad"), errors.InputTypeError),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), errors.InputError),
        (SklearnNotFitted("bad"), errors.NotFittedError),
    ],
)
def test_as_input_error(raised: Exception, wanted: type[Exception]) -> None:
    """What scikit-learn raises becomes gorae's class with the same message, chained to its cause."""
    with pytest.raises(wanted) as caught, errors.as_input_error():
        raise raised

    assert type(caught.value) is wanted
    assert str(caught.value) == str(raised)
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize(
    "make",
    [lambda: errors.DataError("mine"), lambda: errors.NotFittedError("mine"), lambda: KeyError("other")],
)
def test_as_input_error_passes(make: Callable[[], Exception]) -> None:
    """Errors of gorae's own, and those that are no ValueError or TypeError, leave the block unchanged."""
    raised = make()

    with pytest.raises(type(raised)) as caught, errors.as_input_error():
        raise raised

    assert caught.value is raised


def test_as_input_error_without_error() -> None:
    """A block that raises nothing runs to its end."""
    done = []

    with errors.as_input_error():
        done.append(1)

    assert done == [1]
