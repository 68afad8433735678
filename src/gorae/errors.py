"""What gorae raises on purpose; every message says what was wanted, what came and what to do.

The tree (the class after the comma is the built-in or scikit-learn class that it is as well)::

    GoraeError
    ├── InputError, ValueError              a value given by the user cannot be used
    │   ├── DataError                       a data set or table cannot be used as asked
    │   └── ParameterError                  a parameter is out of its range, or its name is unknown
    ├── InputTypeError, TypeError           a value given by the user has the wrong type
    ├── FileError                           reading or writing a file; the message names the path
    │   ├── DamagedFileError                the container is refused: damaged, foreign or hostile
    │   ├── FileExistsRefusal               the output exists and force was not given
    │   └── WriteError                      disk full, read-only, missing folder; the old file is intact
    ├── NotFittedError, sklearn.exceptions.NotFittedError    used before ``fit``
    ├── DeviceError                         a device is missing or cannot be used
    ├── MemoryPlanError                     no plan fits into the memory budget
    └── BudgetError                         no plan fits into the time budget

    GoraeWarning, UserWarning
    ├── DivergenceWarning                   a member left the finite numbers and was frozen
    └── DataWarning                         the data was used, but not as it came

``NotFittedError`` is made when it is first asked for, because its base class needs scikit-learn and
this module is imported by everything, the command line's ``--help`` included.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

__all__ = [
    "BudgetError",
    "DamagedFileError",
    "DataError",
    "DataWarning",
    "DeviceError",
    "DivergenceWarning",
    "FileError",
    "FileExistsRefusal",
    "GoraeError",
    "GoraeWarning",
    "InputError",
    "InputTypeError",
    "MemoryPlanError",
    "NotFittedError",
    "ParameterError",
    "WriteError",
    "as_input_error",
    "closest",
]


class GoraeError(Exception):
    """Every error that gorae raises on purpose."""


class InputError(GoraeError, ValueError):
    """A value given by the user, an array or a parameter, cannot be used."""


class DataError(InputError):
    """A data set or table cannot be used as asked."""


class ParameterError(InputError):
    """A parameter is out of its range, or its name is unknown."""


class InputTypeError(GoraeError, TypeError):
    """A value given by the user has the wrong type."""


class FileError(GoraeError):
    """A file could not be read or written; the message names its path."""


class DamagedFileError(FileError):
    """A container was refused: it is damaged, was made by something else, or is hostile."""


class FileExistsRefusal(FileError):  # noqa: N818  it says what was done: nothing failed, gorae declined
    """The output exists and nothing allowed it to be replaced."""


class WriteError(FileError):
    """A file could not be written; what stood there before is intact."""


class DeviceError(GoraeError):
    """A device is missing or cannot be used."""


class MemoryPlanError(GoraeError):
    """No plan fits into the memory budget."""


class BudgetError(GoraeError):
    """No plan fits into the time budget."""


class GoraeWarning(UserWarning):
    """Every warning that gorae gives on purpose."""


class DivergenceWarning(GoraeWarning):
    """A member left the finite numbers and was frozen at its last finite parameters."""


class DataWarning(GoraeWarning):
    """The data was used, but not as it came; the message says what was changed."""


if TYPE_CHECKING:
    from sklearn.exceptions import NotFittedError as _SklearnNotFitted

    class NotFittedError(GoraeError, _SklearnNotFitted):
        """An estimator was asked for something that only ``fit`` gives it."""


def __getattr__(name: str) -> Any:
    """Make NotFittedError when it is first asked for, and keep it."""
    if name != "NotFittedError":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sklearn.exceptions import NotFittedError as SklearnNotFitted

    about = "An estimator was asked for something that only ``fit`` gives it."
    made = type(name, (GoraeError, SklearnNotFitted), {"__doc__": about, "__module__": __name__})
    # setdefault: of two threads that came here together, both get the class that was kept.
    return globals().setdefault(name, made)


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that looks most like a name, or None where none comes near.

    Upper and lower case count as equal, so that ``"Income"`` finds ``"income"``.

    Args:
        name: What was asked for.
        candidates: What there is.

    Returns:
        The near candidate as it is written, for a "did you mean ...?", or None.

    Example:
        >>> closest("learning_rat", ["learning_rate", "dropout"])
        'learning_rate'
        >>> closest("zzz", ["learning_rate", "dropout"]) is None
        True
    """
    written = {}
    for candidate in candidates:
        written.setdefault(candidate.casefold(), candidate)
    near = get_close_matches(name.casefold(), written, n=1)
    return written[near[0]] if near else None


@contextmanager
def as_input_error() -> Iterator[None]:
    """Let what scikit-learn's validation raises inside the block leave it as gorae's own error.

    A ValueError becomes an InputError, a TypeError an InputTypeError and scikit-learn's
    NotFittedError gorae's, each with the same message, on one line, and chained to what it came from. As they
    derive from the classes they replace, code that expects scikit-learn's keeps working. What is
    a GoraeError already, and everything else, passes unchanged.

    Raises:
        InputError: For a ValueError.
        InputTypeError: For a TypeError.
        NotFittedError: For scikit-learn's NotFittedError.

    Example:
        >>> with as_input_error():
        ...     raise ValueError("X has 3 features, 4 were expected")
        Traceback (most recent call last):
        gorae.errors.InputError: X has 3 features, 4 were expected
    """
    try:
        yield
    except GoraeError:
        raise
    except TypeError as error:
        raise InputTypeError(_one_line(error)) from error
    except ValueError as error:
        # Whoever raised scikit-learn's class has imported it; nobody else pays for the import.
        sklearn = sys.modules.get("sklearn.exceptions")
        if sklearn is not None and isinstance(error, sklearn.NotFittedError):
            raise __getattr__("NotFittedError")(_one_line(error)) from error
        raise InputError(_one_line(error)) from error


def _one_line(error: Exception) -> str:
    """Return another library's message as one line, without the values that it was given."""
    text = re.sub(r":\narray=.*\n(?=Reshape)", ". ", str(error), flags=re.DOTALL)
    text = re.sub(
        r"(Complex data not supported)\n.*", r"\1: real numbers were wanted.", text, flags=re.DOTALL
    )
    return " ".join(text.split())
