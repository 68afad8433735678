"""Caution from a file: taken only if every part is what it has to be, since a right hash proves no origin."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gorae.errors import DamagedFileError
from gorae.evidence import SCALINGS, Scaling
from gorae.trust.answers import Space
from gorae.trust.caution import Caution
from gorae.trust.detectors import DETECTORS

_OF_FEATURES = {
    "distance": ("features",),
    "cosine": ("features",),
    "mahalanobis": ("means", "factor"),
    "gaussian mixture": ("weights", "means", "variances"),
}


def caution_from_state(
    arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], *, classes: int, width: int, is_network: bool
) -> Caution:
    """Return what `Caution.to_state` was given, for a model of so many classes and features.

    Raises:
        DamagedFileError: if a part is missing, or does not fit the model or the others.
    """
    detector, kind = meta.get("detector"), meta.get("scaling")
    _want(isinstance(detector, str) and detector in DETECTORS, f"no detector is called {detector!r:.80}")
    _want(isinstance(kind, str) and kind in SCALINGS, f"no scaling is called {kind!r:.80}")
    kept = {name.removeprefix("kept/"): a for name, a in arrays.items() if name.startswith("kept/")}
    rest = {name: array for name, array in arrays.items() if not name.startswith("kept/")}
    wanted = {"weight", "bias", "novelty", "strangeness"} | (set() if is_network else {"shift", "scale"})
    _want(set(rest) == wanted, "its calibration is incomplete")
    _want(set(kept) == set(_OF_FEATURES.get(str(detector), ())), "its detector keeps other things")
    for array in [*kept.values(), *rest.values()]:
        _want(array.dtype.kind == "f" and array.size > 0, "its calibration is no numbers")
        _want(bool(np.isfinite(array).all()), "its calibration is not finite")
    _want(rest["weight"].shape == rest["bias"].shape == (classes,), "its scaling is of other classes")
    for name in ("novelty", "strangeness"):
        _want(rest[name].ndim == 1 and bool((np.diff(rest[name]) >= 0).all()), "its scores are not sorted")
    _check_kept(kept, width)
    scaling = Scaling(str(kind), rest["weight"], rest["bias"])
    space = None if is_network else Space(rest["shift"], rest["scale"])
    if space is not None:
        _want(space.shift.shape == space.scale.shape == (width,), "its columns are of another width")
    return Caution(scaling, str(detector), kept, rest["novelty"], rest["strangeness"], space)


def _check_kept(kept: Mapping[str, np.ndarray], width: int) -> None:
    """Refuse what a detector cannot have kept of features of this width."""
    for name, array in kept.items():
        if name == "weights":
            _want(array.shape == kept["means"].shape[:1] and bool((array > 0).all()), "its weights are none")
        else:
            _want(array.ndim == 2 and array.shape[1] == width, "its features have another width")
    if "factor" in kept:
        factor = kept["factor"]
        _want(factor.shape == (width, width) and bool((np.diag(factor) > 0).all()), "its covariance is none")
    if "variances" in kept:
        sound = kept["variances"].shape == kept["means"].shape and bool((kept["variances"] > 0).all())
        _want(sound, "its variances are none")


def _want(sound: bool, otherwise: str) -> None:
    """Raise unless a part is sound."""
    if not sound:
        raise DamagedFileError(f"{otherwise}.")
