"""Some images of MNIST and their folds, for searches of settings."""

import argparse

import numpy as np
from sklearn.model_selection import StratifiedKFold

from gorae.data.named import load_named

FOLDS = 5


def images(rows: int, folder: str | None, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list]:
    """Return bytes, digits and the folds.

    Args:
        rows: how many images, the first ones.
        folder: with MNIST's idx files; None for GORAE_DATA.
        seed: of the folds.
    """
    mnist = load_named("mnist", data_dir=folder)
    X, y = mnist.X.reshape(len(mnist.X), -1)[:rows], np.asarray(mnist.y)[:rows]
    return X, y, list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(X, y))


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Add the option of where MNIST is."""
    parser.add_argument("--data-dir", default="", help="folder with MNIST's idx files (else GORAE_DATA)")
