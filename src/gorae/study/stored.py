"""The model of a study, from its file: every part is checked before anything is made of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from gorae.data import Affine, TableEncoding, TextEncoding
from gorae.errors import DamagedFileError
from gorae.estimators.loading import estimator_from_state
from gorae.estimators.saving import labels_from_meta
from gorae.estimators.sequence_files import known_to_any
from gorae.files import read_container
from gorae.search.races import under
from gorae.study.model import AFFINE_PARTS, KIND, Reference, StudyModel
from gorae.trust import Panel, bounds_from_state, calibration_from_state, features_width, panel_from_state


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
        kept = (arrays[f"reference/{n}"] for n in ("features", "numbers", "labels"))
        reference = Reference(*kept, inputs=arrays.get("reference/inputs"))
    estimator = estimator_from_state(under("estimator/", arrays), meta["estimator"])
    calibration = panel = bounds = None
    if meta.get("calibration") is not None:
        calibration = calibration_from_state(
            under("calibration/", arrays), meta["calibration"], len(estimator.classes_)
        )
    if meta.get("panel") is not None:
        panel = panel_from_state(under("panel/", arrays), meta["panel"])
    if meta.get("bounds") is not None:
        bounds = bounds_from_state(under("bounds/", arrays), meta["bounds"], len(meta["feature_names"]))
    return StudyModel(
        name=meta["name"],
        estimator=estimator,
        encoding=_encoding(meta["encoding"], estimator, panel, under("encoding/", arrays)),
        affine=Affine(*(arrays[f"affine/{n}"] for n in AFFINE_PARTS)) if meta["affine"] else None,
        classes=None if meta["classes"] is None else labels_from_meta(meta["classes"]),
        feature_names=tuple(meta["feature_names"]),
        target=meta["target"],
        reference=reference,
        calibration=calibration,
        panel=panel,
        bounds=bounds,
        facts=meta["facts"],
    )


def _encoding(
    meta: Any, estimator: Any, panel: Panel | None, arrays: Mapping[str, np.ndarray]
) -> TableEncoding | TextEncoding | None:
    """Return how a table, or a column of texts, becomes what estimator and judges read; None for numbers.

    Raises:
        DamagedFileError: when it is none that gorae writes, or the judges read something else.
    """
    judges = () if panel is None else panel.judges
    kind = known_to_any([estimator, *(one.estimator for one in judges)])
    if isinstance(meta, Mapping) and "texts" in meta:
        return TextEncoding.from_meta(meta, kind, arrays)
    _want(kind is None, "its estimator reads sequences, which nothing makes of a table")
    return None if meta is None else TableEncoding.from_meta(meta)


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
        parts = [getattr(model.affine, name) for name in AFFINE_PARTS]
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
        _want(model.bounds is None, "it has intervals of values and classes at once")
        _want(hasattr(model.estimator, "predict_proba"), "its estimator gives no probabilities")
        own = np.asarray(model.estimator.classes_)
        _want(classes.ndim == 1 and own.ndim == 1 and own.dtype.kind in "iu", "its classes are damaged")
        _want(
            len(own) > 0 and own.min() >= 0 and own.max() < len(classes),
            "its classes are not its estimator's",
        )
    if model.reference is not None:
        _check_reference(model.reference, classes, features_width(model.estimator), width)


def _check_reference(reference: Reference, classes: np.ndarray | None, width: int, columns: int) -> None:
    """Refuse training rows to compare with that are none."""
    features, numbers, labels = reference.features, reference.numbers, reference.labels
    sound = features.ndim == 2 and features.dtype.kind == "f" and bool(np.isfinite(features).all())
    sound = sound and features.shape[1] == width
    sound = sound and numbers.shape == labels.shape == features.shape[:1] and numbers.dtype.kind in "iu"
    inputs = reference.inputs
    if inputs is not None:
        sound = sound and inputs.shape == (len(numbers), columns) and inputs.dtype in (np.uint8, np.float32)
        sound = sound and bool(np.isfinite(inputs).all())
    if sound and classes is not None:
        sound = labels.dtype.kind in "iu" and bool(((labels >= 0) & (labels < len(classes))).all())
    _want(sound and labels.dtype.kind in "iuf", "its training rows are damaged")


def _want(sound: bool, otherwise: str) -> None:
    """Raise unless a part is sound."""
    if not sound:
        raise DamagedFileError(f"{otherwise}.")
