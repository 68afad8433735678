"""The model of a study: from a table's columns to answers, in one file that loads without running code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gorae.data import Affine, TableEncoding, TextEncoding
from gorae.errors import InputError, ParameterError
from gorae.estimators.network import NetworkEstimator
from gorae.estimators.saving import fitted_state, labels_to_meta
from gorae.evidence import nearest
from gorae.files import write_container
from gorae.study.inputs import input_matrix, new_frame
from gorae.trust import (
    Bounds,
    Calibration,
    Panel,
)

KIND = "study-model"
AFFINE_PARTS = ("fill", "shift", "scale")
_NO_CAUTION = (
    "this model has not learned what is unknown to it; gorae fit and gorae search learn it for classes "
    "of at least 5 rows, where a quarter of their time suffices."
)

_NO_BOUNDS = (
    "this model has not learned within what its answers are right; gorae fit and gorae search learn it where "
    "a quarter of their time suffices."
)
_NO_VALUES = "this model answers classes, which have no intervals; use predict_set."


@dataclass(frozen=True)
class Reference:
    """Training rows to compare new rows with.

    Args:
        features: `(rows, width)`: the last hidden layer, or the scaled inputs where there is none.
        numbers: where each row stood in the data that the study was given, or the number given with it.
        labels: class codes, or values.
        inputs: `(rows, columns)` what the estimator reads of each row, to compare rows in its other layers;
            None where that is too much to keep, or the features are the inputs already.
    """

    features: np.ndarray
    numbers: np.ndarray
    labels: np.ndarray
    inputs: np.ndarray | None = None


@dataclass(frozen=True)
class StudyModel:
    """A fitted model with its encoding: it takes rows as the study was given them.

    Args:
        name: the rung it is ("mlp", "ensemble", "knn", ...).
        estimator: the fitted estimator.
        encoding: how a table, or its column of texts, becomes a matrix, or None.
        affine: how the matrix is filled and scaled, or None where the estimator does it.
        classes: class labels, or None for regression.
        feature_names: names of the matrix's columns.
        target: the name of the target, or None.
        reference: training rows to explain answers with.
        calibration: how probabilities are scaled, or None.
        panel: says which rows are unlike the training data, or None.
        bounds: what makes intervals of values, or None.
        facts: what the study found, as JSON: data, ladder, test, gap.
    """

    name: str
    estimator: Any
    encoding: TableEncoding | TextEncoding | None
    affine: Affine | None
    classes: np.ndarray | None
    feature_names: tuple[str, ...]
    target: str | None
    reference: Reference | None
    calibration: Calibration | None = None
    panel: Panel | None = None
    bounds: Bounds | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def given(self, X: Any) -> pl.DataFrame | np.ndarray:
        """Return rows before they are encoded: a table, or numbers where the study was given those."""
        if self.encoding is not None:
            return new_frame(X, self.encoding)
        return input_matrix(X, None, self.feature_names)

    def matrix(self, X: Any) -> np.ndarray:
        """Return rows as the estimator reads them."""
        matrix = input_matrix(X, self.encoding, self.feature_names)
        return matrix if self.affine is None else self.affine.apply(matrix)

    @property
    def column_places(self) -> dict[str, tuple[int, ...]]:
        """Which columns of the matrix each column of the table became."""
        if isinstance(self.encoding, TextEncoding):
            return {self.encoding.column: tuple(range(len(self.feature_names)))}
        if self.encoding is None:
            return {name: (place,) for place, name in enumerate(self.feature_names)}
        ends = np.cumsum([code.width for code in self.encoding.codes]).tolist()
        return {
            code.name: tuple(range(end - code.width, end))
            for code, end in zip(self.encoding.codes, ends, strict=True)
        }

    def predict(self, X: Any) -> np.ndarray:
        """Return the class label, or the value, of each row."""
        return self.answers(X)[0]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, `(n, classes)`, in the order of `classes`.

        Raises:
            InputError: for a regression model.
        """
        if self.classes is None:
            raise InputError("this model predicts numbers and has no class probabilities; use predict.")
        return probabilities(self.estimator, self.matrix(X), len(self.classes), self.calibration)

    def known_share(self, X: Any) -> np.ndarray:
        """Return the share of known rows that are at least as strange as each row (a conformal p-value).

        Raises:
            InputError: for a model that has learned none.
        """
        return self._panel.known_shares(self.matrix(X))

    def are_unknown(self, X: Any, false_alarms: float = 0.01) -> np.ndarray:
        """Return which rows are unlike the training data, where so many known rows may be flagged, `(n,)`.

        Raises:
            InputError: for a model that has learned none.
            DataError: when it saw too few rows to state such a share: 0.01 needs 99 that are kept from it.
        """
        return self._panel.are_unknown(self.matrix(X), false_alarms)

    def predict_set(self, X: Any, coverage: float = 0.9) -> np.ndarray:
        """Return which classes each row may have, `(n, classes)`; the true one is in it with that coverage.

        Raises:
            InputError: for a model that has learned none.
            DataError: when it saw too few rows to state such a coverage.
        """
        if self.calibration is None or self.classes is None:
            raise InputError(_NO_CAUTION)
        own = np.asarray(self.estimator.classes_, np.int64)
        sets = np.zeros((len(X), len(self.classes)), bool)
        matrix = self.matrix(X)
        sets[:, own] = self.calibration.sets(self.estimator.predict_proba(matrix), coverage, matrix)
        return sets

    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:
        """Return what each row's value lies between, `(n, 2)`, with the stated coverage.

        Raises:
            InputError: for a model that has learned none, or that saw too few rows to state such a coverage.
        """
        if self.bounds is None:
            raise InputError(_NO_BOUNDS if self.classes is None else _NO_VALUES)
        return self.bounds.intervals(self.estimator, self.matrix(X), coverage)

    @property
    def _panel(self) -> Panel:
        """What says which rows are unlike the training data."""
        if self.panel is None:
            raise InputError(_NO_CAUTION)
        return self.panel

    def answers(self, X: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Return predictions and, for classes, their probabilities, asking the estimator once."""
        return self.answers_of(self.matrix(X))

    def answers_of(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the same for rows as `matrix` gives them."""
        if self.classes is None:
            return np.asarray(self.estimator.predict(matrix), np.float64).reshape(-1), None
        stated = probabilities(self.estimator, matrix, len(self.classes), self.calibration)
        return self.classes[np.argmax(stated, axis=1)], stated

    @property
    def space(self) -> str:
        """The space in which `explain` compares rows, and what a distance of 1 is in it, in words."""
        if isinstance(self.estimator, NetworkEstimator):
            widths = self.estimator._learned.shape.hidden_widths
            if widths:
                first = " of the first network" if self.name == "ensemble" else ""
                return (
                    f"the last hidden layer{first} ({widths[-1]} units; 1 is a step of 1 in the "
                    "activation of one unit)"
                )
        elif self.reads_texts and self.affine is None:
            return "the counts of n-grams (361 is the distance of texts that share none)"
        elif self.affine is None:
            return "the input columns as they are (1 is a step of 1 in one column)"
        if len(self.feature_names) > 1 and self._scaled_alike():
            return "the input columns, all scaled by one number (1 is their common standard deviation)"
        return "the input columns, scaled (1 is a standard deviation of one column)"

    @property
    def reads_texts(self) -> bool:
        """Whether rows are texts."""
        return isinstance(self.encoding, TextEncoding)

    @property
    def has_hidden_layers(self) -> bool:
        """Whether rows are compared in a hidden layer, and not in the inputs."""
        is_network = isinstance(self.estimator, NetworkEstimator)
        return is_network and bool(self.estimator._learned.shape.hidden_widths)

    def _scaled_alike(self) -> bool:
        """Return whether one number scales all columns, as it does for pictures."""
        scale = self.estimator._learned.encoding.scale if self.affine is None else self.affine.scale
        return len(np.unique(np.asarray(scale)[np.asarray(scale) != 0])) == 1

    def explain(self, X: Any, *, neighbors: int = 5) -> list[list[dict[str, Any]]]:
        """Return the training rows that each row resembles most, nearest first.

        Distance is Euclidean in the last hidden layer (of the first network of an ensemble); for models
        without one, in the scaled inputs. `space` says which, in words.

        Args:
            X: rows.
            neighbors: how many for each.

        Returns:
            For each row a list of {"row": number in the training data (from 0), "label", "distance"}.

        Raises:
            ParameterError: when more are asked for than the model keeps.
            InputError: when the model keeps none.
        """
        if self.reference is None:
            raise InputError("this model keeps no training rows to compare with.")
        kept = len(self.reference.numbers)
        if not 1 <= neighbors <= kept:
            raise ParameterError(f"neighbors must be between 1 and the {kept} rows kept, got {neighbors!r}.")
        asked = features_of(self.estimator, self.matrix(X))
        index, distances = nearest(self.reference.features, asked, neighbors)
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
            stored.update({f"affine/{n}": np.asarray(getattr(self.affine, n)) for n in AFFINE_PARTS})
        if self.reference is not None:
            stored["reference/features"] = self.reference.features
            stored["reference/numbers"] = self.reference.numbers
            stored["reference/labels"] = self.reference.labels
            if self.reference.inputs is not None:
                stored["reference/inputs"] = self.reference.inputs
        more: dict[str, Any] = {"calibration": None, "panel": None, "bounds": None}
        cautions = {"calibration": self.calibration, "panel": self.panel, "bounds": self.bounds}
        for part, known in cautions.items():
            if known is not None:
                own, more[part] = known.to_state()
                stored.update({f"{part}/{name}": array for name, array in own.items()})
        if isinstance(self.encoding, TextEncoding):
            known = self.encoding.to_arrays()
            stored.update({f"encoding/{name}": array for name, array in known.items()})
        facts = {
            "name": self.name,
            "estimator": meta,
            "encoding": None if self.encoding is None else self.encoding.to_meta(),
            "affine": self.affine is not None,
            "classes": None if self.classes is None else labels_to_meta(self.classes),
            "feature_names": list(self.feature_names),
            "target": self.target,
            "reference": self.reference is not None,
            **more,
            "facts": dict(self.facts),
        }
        write_container(path, stored, facts, kind=KIND, force=force)

    def _label(self, code: Any) -> Any:
        """Return a class label or a value as Python's own."""
        value = self.classes[int(code)] if self.classes is not None else code
        return value.item() if isinstance(value, np.generic) else value


def probabilities(
    estimator: Any, matrix: np.ndarray, classes: int, calibration: Calibration | None = None
) -> np.ndarray:
    """Return class probabilities, with a column of 0 for a class that the estimator never saw."""
    answer = np.zeros((len(matrix), classes))
    stated = estimator.predict_proba(matrix)
    if calibration is not None:
        stated = calibration.probabilities(stated)
    answer[:, np.asarray(estimator.classes_, np.int64)] = stated
    return answer


def features_of(estimator: Any, matrix: np.ndarray) -> np.ndarray:
    """Return the space in which rows are compared: the last hidden layer, or the scaled inputs."""
    if isinstance(estimator, NetworkEstimator):
        return np.asarray(estimator.hidden_features(matrix), np.float32)
    return np.asarray(matrix, np.float32)
