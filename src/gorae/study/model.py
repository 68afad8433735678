"""The model of a study: from a table's columns to answers, in one file that loads without running code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from gorae.data import Affine, TableEncoding
from gorae.errors import DamagedFileError, InputError, ParameterError
from gorae.estimators.loading import estimator_from_state
from gorae.estimators.network import NetworkEstimator
from gorae.estimators.saving import fitted_state, labels_from_meta, labels_to_meta
from gorae.evidence import nearest
from gorae.files import read_container, write_container
from gorae.models import MLPShape
from gorae.search.races import under
from gorae.study.inputs import input_matrix
from gorae.trust import (
    Calibration,
    Panel,
    calibration_from_state,
    features_width,
    panel_from_state,
)

KIND = "study-model"
_AFFINE = ("fill", "shift", "scale")
_NO_CAUTION = (
    "this model has not learned what is unknown to it; gorae fit learns it for classes of at least 5 rows, "
    "where a quarter of its time suffices."
)


@dataclass(frozen=True)
class Reference:
    """Training rows to compare new rows with.

    Args:
        features: `(rows, width)`: the last hidden layer, or the scaled inputs where there is none.
        numbers: where each row stood in the data that the study was given, or the number given with it.
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
        calibration: how probabilities are scaled, or None.
        panel: says which rows are unlike the training data, or None.
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
    calibration: Calibration | None = None
    panel: Panel | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def matrix(self, X: Any) -> np.ndarray:
        """Return rows as the estimator reads them."""
        matrix = input_matrix(X, self.encoding, self.feature_names)
        return matrix if self.affine is None else self.affine.apply(matrix)

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
        sets[:, own] = self.calibration.sets(self.estimator.predict_proba(self.matrix(X)), coverage)
        return sets

    @property
    def _panel(self) -> Panel:
        """What says which rows are unlike the training data."""
        if self.panel is None:
            raise InputError(_NO_CAUTION)
        return self.panel

    def answers(self, X: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Return predictions and, for classes, their probabilities, asking the estimator once."""
        if self.classes is None:
            return np.asarray(self.estimator.predict(self.matrix(X)), np.float64).reshape(-1), None
        stated = self.predict_proba(X)
        return self.classes[np.argmax(stated, axis=1)], stated

    @property
    def space(self) -> str:
        """The space in which `explain` compares rows, and what a distance of 1 is in it, in words."""
        if isinstance(self.estimator, NetworkEstimator):
            shape = self.estimator._learned.shape
            if isinstance(shape, MLPShape) and shape.hidden:
                first = " of the first network" if self.name == "ensemble" else ""
                return (
                    f"the last hidden layer{first} ({shape.hidden[-1]} units; 1 is a step of 1 in the "
                    "activation of one unit)"
                )
        elif self.affine is None:
            return "the input columns as they are (1 is a step of 1 in one column)"
        if len(self.feature_names) > 1 and self._scaled_alike():
            return "the input columns, all scaled by one number (1 is their common standard deviation)"
        return "the input columns, scaled (1 is a standard deviation of one column)"

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
            stored.update({f"affine/{n}": np.asarray(getattr(self.affine, n)) for n in _AFFINE})
        if self.reference is not None:
            stored["reference/features"] = self.reference.features
            stored["reference/numbers"] = self.reference.numbers
            stored["reference/labels"] = self.reference.labels
        more: dict[str, Any] = {"calibration": None, "panel": None}
        for part, known in (("calibration", self.calibration), ("panel", self.panel)):
            if known is not None:
                own, more[part] = known.to_state()
                stored.update({f"{part}/{name}": array for name, array in own.items()})
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


def load_study_model(path: str | Path) -> StudyModel:
    """Return the model of a study that a file holds.

    Raises:
        FileError: when the file is missing, or holds something else.
        DamagedFileError: when it is damaged or not gorae's.
    """
    container = read_container(path, kind=KIND)
    try:
        model = _restored(container.meta, container.arrays)
        _check_parts(model)
    except (DamagedFileError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DamagedFileError(f"the file {str(path)!r} holds no sound model of a study: {error}") from error
    return model


def _restored(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> StudyModel:
    """Return the model that the parts of a file make, unchecked."""
    reference = None
    if meta["reference"]:
        reference = Reference(*(arrays[f"reference/{n}"] for n in ("features", "numbers", "labels")))
    estimator = estimator_from_state(under("estimator/", arrays), meta["estimator"])
    calibration = panel = None
    if meta.get("calibration") is not None:
        calibration = calibration_from_state(
            under("calibration/", arrays), meta["calibration"], len(estimator.classes_)
        )
    if meta.get("panel") is not None:
        panel = panel_from_state(under("panel/", arrays), meta["panel"])
    return StudyModel(
        name=meta["name"],
        estimator=estimator,
        encoding=None if meta["encoding"] is None else TableEncoding.from_meta(meta["encoding"]),
        affine=Affine(*(arrays[f"affine/{n}"] for n in _AFFINE)) if meta["affine"] else None,
        classes=None if meta["classes"] is None else labels_from_meta(meta["classes"]),
        feature_names=tuple(meta["feature_names"]),
        target=meta["target"],
        reference=reference,
        calibration=calibration,
        panel=panel,
        facts=meta["facts"],
    )


def _check_parts(model: StudyModel) -> None:
    """Refuse a file whose parts do not belong together: a right hash only says that it is undamaged."""
    width, classes = len(model.feature_names), model.classes
    texts = [model.name, *model.feature_names, *([] if model.target is None else [model.target])]
    _want(all(isinstance(text, str) for text in texts), "its names are no text")
    _want(isinstance(model.facts, Mapping), "its facts are none")
    _want(model.estimator.n_features_in_ == width, "its estimator reads another number of columns")
    _want(
        model.encoding is None or len(model.encoding.feature_names) == width, "its encoding has another width"
    )
    if model.affine is not None:
        parts = [getattr(model.affine, name) for name in _AFFINE]
        sound = all(part.shape == (width,) and part.dtype.kind == "f" for part in parts)
        _want(sound and all(np.isfinite(part).all() for part in parts), "its scaling is damaged")
    if model.panel is not None:
        _want(
            model.panel.judges[0].estimator.n_features_in_ == width,
            "its judges read another number of columns",
        )
    if classes is None:
        _want(not isinstance(model.estimator, ClassifierMixin), "its classes are missing")
    else:
        _want(hasattr(model.estimator, "predict_proba"), "its estimator gives no probabilities")
        own = np.asarray(model.estimator.classes_)
        _want(classes.ndim == 1 and own.ndim == 1 and own.dtype.kind in "iu", "its classes are damaged")
        _want(
            len(own) > 0 and own.min() >= 0 and own.max() < len(classes),
            "its classes are not its estimator's",
        )
    if model.reference is not None:
        _check_reference(model.reference, classes, features_width(model.estimator))


def _check_reference(reference: Reference, classes: np.ndarray | None, width: int) -> None:
    """Refuse training rows to compare with that are none."""
    features, numbers, labels = reference.features, reference.numbers, reference.labels
    sound = features.ndim == 2 and features.dtype.kind == "f" and bool(np.isfinite(features).all())
    sound = sound and features.shape[1] == width
    sound = sound and numbers.shape == labels.shape == features.shape[:1] and numbers.dtype.kind in "iu"
    if sound and classes is not None:
        sound = labels.dtype.kind in "iu" and bool(((labels >= 0) & (labels < len(classes))).all())
    _want(sound and labels.dtype.kind in "iuf", "its training rows are damaged")


def _want(sound: bool, otherwise: str) -> None:
    """Raise unless a part is sound."""
    if not sound:
        raise DamagedFileError(f"{otherwise}.")
