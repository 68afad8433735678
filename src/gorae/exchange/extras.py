"""What the exchange needs of other packages, imported when it is asked for."""

from importlib import import_module
from typing import Any

from gorae.errors import InputError

__all__ = ["needed"]

_INSTALL = {
    "torch": "PyTorch: pip install torch, or pip install 'gorae[torch]'; for a CPU alone, "
    "pip install torch --index-url https://download.pytorch.org/whl/cpu is far smaller",
    "onnx": "the package onnx: pip install 'gorae[onnx]'",
}


def needed(package: str, what: str) -> Any:
    """Return a package that an extra installs.

    Args:
        package: its name.
        what: what needs it, for the message.

    Raises:
        InputError: when it is not installed; the message says how to install it.

    Example:
        >>> needed("json", "this").dumps({})
        '{}'
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise InputError(f"{what} needs {_INSTALL.get(package, package)}.") from error
