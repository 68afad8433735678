"""Data sets of the benchmarks that ask many of them: rows and classes."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from gorae.data.named import load_named

Rows = tuple[np.ndarray, np.ndarray]
Load = Callable[[Path | None], Rows]
CALLS = 342


def digits(_: Path | None) -> Rows:
    """Return the digits of scikit-learn."""
    return _bundled(load_digits)


def iris(_: Path | None) -> Rows:
    """Return Fisher's irises."""
    return _bundled(load_iris)


def wine(_: Path | None) -> Rows:
    """Return the wines of scikit-learn."""
    return _bundled(load_wine)


def breast_cancer(_: Path | None) -> Rows:
    """Return the tumours of scikit-learn."""
    return _bundled(load_breast_cancer)


def _bundled(load: Callable[[], Any]) -> Rows:
    """Return a set that comes with scikit-learn."""
    found = load()
    return found.data, found.target


def mnist(folder: Path | None) -> Rows:
    """Return the 70,000 images of MNIST."""
    return _images("mnist", folder)


def fashion(folder: Path | None) -> Rows:
    """Return the 70,000 images of Fashion-MNIST."""
    return _images("fashion-mnist", folder)


def _images(name: str, folder: Path | None) -> Rows:
    """Return the training and the test images of a set."""
    found = load_named(name, data_dir=None if folder is None else str(folder / name))
    X = np.concatenate([np.asarray(found.X), np.asarray(found.test_X)])
    y = np.concatenate([np.asarray(found.y), np.asarray(found.test_y)])
    return X.reshape(len(X), -1), y


def letter(folder: Path | None) -> Rows:
    """Return the 20,000 letters of Frey and Slate."""
    assert folder is not None
    table = pl.read_csv(folder / "tables" / "letter" / "letter-recognition.data.gz", has_header=False)
    return table[:, 1:].to_numpy().astype(np.float32), table[:, 0].to_numpy().astype(str)


def mal_api(folder: Path | None) -> Rows:
    """Return how often each sample calls each function, as log(1 + n), and its family."""
    assert folder is not None
    calls, families = (_lines(folder / "mal-api-2019" / f"100_{name}.zip") for name in ("calls", "types"))
    counts = [np.bincount(np.array(line.split(","), np.int64), minlength=CALLS) for line in calls]
    return np.log1p(np.array(counts)).astype(np.float32), np.array(families)


def _lines(path: Path) -> list[str]:
    """Return the lines of the one text in an archive."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        return [line.strip() for line in io.TextIOWrapper(file, "utf-8") if line.strip()]


def dry_bean(folder: Path | None) -> Rows:
    """Return the shapes of 13,611 beans and their kinds."""
    assert folder is not None
    table = pl.read_csv(folder / "tables" / "dry-bean" / "dry-bean.csv.gz")
    return table.drop("Class").to_numpy().astype(np.float32), table["Class"].to_numpy().astype(str)


def clamp(folder: Path | None) -> Rows:
    """Return the headers of 5,184 programs and whether they are malware; what is missing is 0."""
    assert folder is not None
    table = pl.read_csv(folder / "clamp" / "ClaMP_Raw-5184.csv.gz", infer_schema_length=None)
    X = table.drop("class").select(pl.all().cast(pl.Float64, strict=False).fill_null(0.0)).to_numpy()
    return X.astype(np.float32), table["class"].to_numpy()


def diabetes(_: Path | None) -> Rows:
    """Return the 442 patients of scikit-learn, and how their diabetes went on."""
    return _bundled(load_diabetes)


def california_housing(folder: Path | None) -> Rows:
    """Return the 20,640 districts of California and the values of their houses."""
    assert folder is not None
    table = pl.read_csv(folder / "tables" / "california-housing" / "california_housing.csv.gz")
    return table.drop("target").to_numpy().astype(np.float32), table["target"].to_numpy()


def protein(folder: Path | None) -> Rows:
    """Return the 45,730 structures of proteins and how far off they are."""
    return _regression("protein", folder)


def bike(folder: Path | None) -> Rows:
    """Return the 17,379 hours of hired bicycles."""
    return _regression("bike", folder)


def elevators(folder: Path | None) -> Rows:
    """Return the 16,599 states of an aeroplane and its elevators."""
    return _regression("elevators", folder)


def _regression(name: str, folder: Path | None) -> Rows:
    """Return a table without a header whose last column is the target."""
    assert folder is not None
    path = folder / "tables" / "uci-regression" / name / "data.csv.gz"
    table = pl.read_csv(path, has_header=False, infer_schema_length=None).cast(pl.Float64).to_numpy()
    return table[:, :-1].astype(np.float32), table[:, -1]
