"""The model of a study: from a table's columns to answers, in one file that loads without running code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gorae.data import Affine, TableEncoding
from gorae.errors import DamagedFileError, InputError, ParameterError
from gorae.estimators.loading import estimator_from_state
from gorae.estimators.network import NetworkEstimator
from gorae.estimators.saving import fitted_state, labels_from_meta, labels_to_meta
from gorae.evidence import nearest
from gorae.files import read_container, write_container
from gorae.study.prepare import input_matrix

KIND = "study-model"
_AFFINE = ("fill", "shift", "scale")


@dataclass(frozen=True)
class Reference:
    """Training rows to compare new rows with.

    Args:
        features: `(rows, width)`: the last hidden layer, or the scaled inputs where there is none.
        numbers: where each row stood in the data that the study was given.
        labels: class codes, or values.
    """

    features: np.ndarray
    numbers: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class StudyModel:
    """A fitted model with its encoding: it takes rows as the study was given them.

    Args:
        name: the rung it is ("mlp", "ensemble", "knn", ...).
        estimator: the fitted estimator.
        encoding: how a table becomes a matrix, or None.
        affine: how the matrix is filled and scaled, or None where the estimator does it.
        classes: class labels, or None for regression.
        feature_names: names of the matrix's columns.
        target: the name of the target, or None.
        reference: training rows to explain answers with.
        facts: what the study found, as JSON: data, ladder, test, gap.
    """

    name: str
    estimator: Any
    encoding: TableEncoding | None
    affine: Affine | None
    classes: np.ndarray | None
    feature_names: tuple[str, ...]
    target: str | None
    reference: Reference | None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def matrix(self, X: Any) -> np.ndarray:
        """Return rows as the estimator reads them."""
        return self._scaled(input_matrix(X, self.encoding, len(self.feature_names)))

    def predict(self, X: Any) -> np.ndarray:
        """Return the class label, or the value, of each row."""
        if self.classes is None:
            return np.asarray(self.estimator.predict(self.matrix(X)), np.float64).reshape(-1)
        return self.classes[np.argmax(self.predict_proba(X), axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, `(n, classes)`, in the order of `classes`.

        Raises:
            InputError: for a regression model.
        """
        if self.classes is None:
            raise InputError("this model predicts numbers and has no class probabilities; use predict.")
        return probabilities(self.estimator, self.matrix(X), len(self.classes))

    def explain(self, X: Any, *, neighbors: int = 5) -> list[list[dict[str, Any]]]:
        """Return the training rows that each row resembles most, nearest first.

        Distance is Euclidean in the last hidden layer (of the first network of an ensemble); for models
        without one, in the scaled inputs.

        Args:
            X: rows.
            neighbors: how many for each.

        Returns:
            For each row a list of {"row": number in the training data, "label", "distance"}.

        Raises:
            ParameterError: when more are asked for than the model keeps.
            InputError: when the model keeps none.
        """
        if self.reference is None:
            raise InputError("this model keeps no training rows to compare with.")
        kept = len(self.reference.numbers)
        if not 1 <= neighbors <= kept:
            raise ParameterError(f"neighbors must be between 1 and the {kept} rows kept, got {neighbors!r}.")
        distances, index = _nearest(
            self.reference.features, features_of(self.estimator, self.matrix(X)), neighbors
        )
        return [
            [
                {
                    "row": int(self.reference.numbers[j]),
                    "label": self._label(self.reference.labels[j]),
                    "distance": float(d),
                }
                for j, d in zip(row, away, strict=True)
            ]
            for row, away in zip(index, distances, strict=True)
        ]

    def save(self, path: str | Path, *, force: bool = True) -> None:
        """Write the model to one file, atomically; it loads without running code.

        Raises:
            FileExistsRefusal: when the file exists and `force` is False.
            WriteError: when it cannot be written; an old file is then intact.
        """
        arrays, meta = fitted_state(self.estimator)
        stored = {f"estimator/{name}": array for name, array in arrays.items()}
        if self.affine is not None:
            stored.update({f"affine/{n}": np.asarray(getattr(self.affine, n)) for n in _AFFINE})
        if self.reference is not None:
            stored["reference/features"] = self.reference.features
            stored["reference/numbers"] = self.reference.numbers
            stored["reference/labels"] = self.reference.labels
        facts = {
            "name": self.name,
            "estimator": meta,
            "encoding": None if self.encoding is None else self.encoding.to_meta(),
            "affine": self.affine is not None,
            "classes": None if self.classes is None else labels_to_meta(self.classes),
            "feature_names": list(self.feature_names),
            "target": self.target,
            "reference": self.reference is not None,
            "facts": dict(self.facts),
        }
        write_container(path, stored, facts, kind=KIND, force=force)

    def _scaled(self, matrix: np.ndarray) -> np.ndarray:
        """Return a matrix filled and scaled, where that is this model's part."""
        return matrix if self.affine is None else self.affine.apply(matrix)

    def _label(self, code: Any) -> Any:
        """Return a class label or a value as Python's own."""
        value = self.classes[int(code)] if self.classes is not None else code
        return value.item() if isinstance(value, np.generic) else value


def probabilities(estimator: Any, matrix: np.ndarray, classes: int) -> np.ndarray:
    """Return class probabilities, with a column of 0 for a class that the estimator never saw."""
    answer = np.zeros((len(matrix), classes))
    answer[:, np.asarray(estimator.classes_, np.int64)] = estimator.predict_proba(matrix)
    return answer


def features_of(estimator: Any, matrix: np.ndarray) -> np.ndarray:
    """Return the space in which rows are compared: the last hidden layer, or the scaled inputs."""
    if isinstance(estimator, NetworkEstimator):
        return np.asarray(estimator.hidden_features(matrix), np.float32)
    return np.asarray(matrix, np.float32)


def load_study_model(path: str | Path) -> StudyModel:
    """Return the model of a study that a file holds.

    Raises:
        FileError: when the file is missing, or holds something else.
        DamagedFileError: when it is damaged or not gorae's.
    """
    container = read_container(path, kind=KIND)
    meta, arrays = container.meta, container.arrays
    try:
        own = {
            name.removeprefix("estimator/"): a for name, a in arrays.items() if name.startswith("estimator/")
        }
        classes = None if meta["classes"] is None else labels_from_meta(meta["classes"])
        reference = None
        if meta["reference"]:
            reference = Reference(*(arrays[f"reference/{n}"] for n in ("features", "numbers", "labels")))
        return StudyModel(
            name=meta["name"],
            estimator=estimator_from_state(own, meta["estimator"]),
            encoding=None if meta["encoding"] is None else TableEncoding.from_meta(meta["encoding"]),
            affine=Affine(*(arrays[f"affine/{n}"] for n in _AFFINE)) if meta["affine"] else None,
            classes=classes,
            feature_names=tuple(meta["feature_names"]),
            target=meta["target"],
            reference=reference,
            facts=meta["facts"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, DamagedFileError):
            raise
        raise DamagedFileError(
            f"the file {str(path)!r} lacks parts of a study's model ({error!r})."
        ) from error


def _nearest(features: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return distances and indices of the nearest rows."""
    index, distances = nearest(features, queries, k)
    return distances, index
