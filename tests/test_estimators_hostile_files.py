"""Files that anybody may have written: metadata and arrays that do not fit together are refused."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae.errors import DamagedFileError, FileError, GoraeError
from gorae.estimators import CNNRegressor
from gorae.estimators.loading import estimator_from_state
from gorae.estimators.saving import fitted_state, labels_from_meta
from gorae.files.meta import meta_to_json
from saved_models import MODELS, X, fitted

HOSTILE = [
    None,
    True,
    -1,
    0,
    3,
    2**62,
    1e300,
    float("nan"),
    "x",
    "relu",
    [],
    {},
    [[]],
    [2**62],
    [1] * 50,
    {"pairs": 1},
]


STATES: dict[str, tuple[dict[str, np.ndarray], dict[str, Any]]] = {}


def state(model: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return arrays and metadata of a fitted model, as a file gives them back."""
    if str(model) not in STATES:
        arrays, meta = fitted_state(fitted(model))
        STATES[str(model)] = arrays, as_json(meta)
    arrays, meta = STATES[str(model)]
    return dict(arrays), deepcopy(meta)


def as_json(value: Any) -> Any:
    """Return metadata as JSON gives it back: tuples are lists."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list | tuple) else value


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in metadata: what holds it, and its key or index there."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield value, key
        yield from places(item)


def load_or_refuse(arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
    """Load a state that is likely not to fit together: a sound estimator, or gorae's refusal.

    A sound one answers with what is finite, and can be saved again.
    """
    try:
        estimator = estimator_from_state(arrays, meta)
    except DamagedFileError:
        return
    except FileError:  # a network of the user's own is in want of its module
        assert meta["class"] in ("NeuralClassifier", "NeuralRegressor")
        return
    meta_to_json(fitted_state(estimator)[1])
    with np.errstate(all="ignore"):  # a file may hold numbers that make no sense, but no others
        try:
            answers = estimator.predict(X[:, : estimator.n_features_in_])
            if hasattr(estimator, "predict_proba"):
                answers = estimator.predict_proba(X[:, : estimator.n_features_in_])
        except GoraeError:
            return
    assert answers.dtype.kind != "f" or np.isfinite(answers).all()


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("model", MODELS, ids=str)
@settings(max_examples=40)
@given(data=st.data())
def test_hostile_metadata(model: Any, data: st.DataObject) -> None:
    """Whatever stands at one place of the metadata, loading gives an estimator or refuses the file."""
    arrays, meta = state(model)
    spots = list(places(meta))
    holder, key = spots[data.draw(st.integers(0, len(spots) - 1))]
    if data.draw(st.booleans()):
        holder[key] = data.draw(st.sampled_from(HOSTILE))
    elif isinstance(holder, dict):
        del holder[key]
    else:
        holder.insert(key, data.draw(st.sampled_from(HOSTILE)))

    load_or_refuse(arrays, meta)


@pytest.mark.parametrize("model", MODELS, ids=str)
@settings(max_examples=25)
@given(data=st.data())
def test_hostile_arrays(model: Any, data: st.DataObject) -> None:
    """Whatever one of the arrays is, or if it is missing, loading gives an estimator or refuses the file."""
    arrays, meta = state(model)
    name = data.draw(st.sampled_from(sorted(arrays)))
    old = arrays.pop(name)
    made = data.draw(
        st.sampled_from(
            [
                None,
                np.atleast_1d(old)[..., :0],
                old.reshape(-1)[:1],
                np.concatenate([old, old]) if old.ndim else old,
                np.zeros(old.shape, np.uint8),
                np.zeros_like(old),
                old[::-1].copy() if old.ndim else old,
                np.swapaxes(old, 0, -1).copy() if old.ndim else old,
                -old if old.dtype != bool else ~old,
                np.full(old.shape, np.nan, np.float32),
                np.full(old.shape, np.nan, old.dtype if old.dtype.kind == "f" else np.float64),
                np.full(old.shape, np.inf, old.dtype if old.dtype.kind == "f" else np.float64),
                np.float32(1),
            ]
        )
    )
    if made is not None:
        arrays[name] = np.asarray(made)

    load_or_refuse(arrays, meta)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"inputs": 2**40}, "a layer's width must be a whole number from 1 to"),
        ({"hidden": [2**40, 2**40]}, "a layer's width must be a whole number from 1 to"),
        ({"hidden": [60, 60]}, "the network's layers are larger than what the file holds"),
        ({"hidden": [1] * 400_000}, "hidden must be a list of at most"),
        ({"activation": "maxout", "maxout_pieces": 2**40}, "maxout_pieces must be a whole number from 2 to"),
        ({"activation": "maxout", "maxout_pieces": 100}, "larger than what the file holds"),
        ({"activation": "os.system"}, "activation must be one of"),
        ({"kind": "transformer"}, "none that this version of gorae knows"),
        ({"depth": 3}, "none that this version of gorae knows"),
    ],
)
def test_sizes_are_believed_as_far_as_the_file_goes(change: dict[str, Any], sentence: str) -> None:
    """A network that its metadata makes larger than the file's arrays is refused before it is made."""
    arrays, meta = state(MODELS[0])
    meta["network"] |= change

    with pytest.raises(DamagedFileError, match=sentence):
        estimator_from_state(arrays, meta)


@pytest.mark.parametrize("size", [2**62, 2**20])
@pytest.mark.parametrize("name", ["kernel", "stride", "padding", "dilation"])
def test_windows_as_wide_as_memory(name: str, size: int) -> None:
    """A convolution over more cells than memory holds is refused before a program is made of it.

    A program for that many cells would end the process, without an error that could be caught.
    """
    arrays, meta = state(next(model for model in MODELS if isinstance(model, CNNRegressor)))
    meta["network"]["layers"][0][name] = size

    load_or_refuse(arrays, meta)


def test_labels_are_believed_as_far_as_they_go() -> None:
    """One long label among many, which an array of fixed width would take gigabytes for, is refused."""
    with pytest.raises(DamagedFileError, match="the class labels are too long for so many of them"):
        labels_from_meta({"kind": "text", "values": ["x" * 2_000_000] + ["y"] * 100_000})


def test_unknown_parameter() -> None:
    """A parameter that the class does not have is refused with the near one."""
    arrays, meta = state(MODELS[0])
    meta["parameters"]["hiden"] = [8]

    with pytest.raises(DamagedFileError, match=r"MLPClassifier has no parameter 'hiden' \(near: 'hidden'\)"):
        estimator_from_state(arrays, meta)
