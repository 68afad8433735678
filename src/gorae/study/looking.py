"""What a network sees in an image: its filters, their answers, and what excites them, as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num

from gorae.errors import DataError, ParameterError
from gorae.explanation.filters import (
    Exciting,
    Kernels,
    exciting_patches,
    feature_maps,
    fields_of,
    image_size,
    kernels_of,
    network_to_look_at,
)
from gorae.files import atomic_write
from gorae.report.look_page import render_look
from gorae.report.pictures import filters_figure, standalone
from gorae.study.findings import made, this_machine
from gorae.study.model import StudyModel

__all__ = ["Look", "look"]


@dataclass(frozen=True)
class Look:
    """What a network sees in an image.

    Attributes:
        name: of the image, in words.
        image: (height, width, channels).
        answer: what the model says of it.
        probability: of that answer, or None for numbers.
        kernels: of the layers that read images.
        maps: what each layer over images answers, (height, width, filters), by its name.
        exciting: the patches that excite the filters of a layer most, by its name.
        looked_in: the images that those patches are of, or None.
    """

    name: str
    image: Num[np.ndarray, "height width channels"]
    answer: Any
    probability: float | None
    kernels: Sequence[Kernels]
    maps: Mapping[str, np.ndarray]
    exciting: Mapping[str, Exciting]
    looked_in: Num[np.ndarray, "n height width channels"] | None

    def picture(self) -> str:
        """Return one SVG element with kernels, maps and patches of every layer."""
        said = f"The model says {self._said()}."
        return filters_figure(self.image, self._layers(), heading=self.name, note=said)

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the picture: as a page (.html), or by itself (.svg).

        Raises:
            ParameterError: for another ending.
            FileExistsRefusal: the file exists and `force` is False.
            WriteError: it cannot be written.
        """
        checked_ending(path)
        if str(path).endswith(".svg"):
            text = standalone(self.picture())
        else:
            tiles = [{"caption": "The model says", "figure": str(self.answer), "detail": self._sure()}]
            about = {**made(), "facts": [self.name], "machine": this_machine()}
            text = render_look(
                self.picture(), title=f"What the network sees in {self.name}", tiles=tiles, about=about
            )
        atomic_write(path, text, force=force)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: the answer, and of each layer its sizes and what excites its filters."""
        layers: dict[str, dict[str, Any]] = {
            one.layer: {"kernel": list(one.weights.shape)} for one in self.kernels
        }
        for name, maps in self.maps.items():
            layers.setdefault(name, {})["maps"] = list(maps.shape)
        for name, found in self.exciting.items():
            layers.setdefault(name, {}).update(
                {
                    "field": {key: list(getattr(found.field, key)) for key in ("size", "step", "first")},
                    "exciting": [
                        [
                            {"row": int(row), "unit": [int(i) for i in place], "answer": float(answer)}
                            for row, place, answer in zip(*one, strict=True)
                            if row >= 0
                        ]
                        for one in zip(found.rows, found.places, found.answers, strict=True)
                    ],
                }
            )
        told = [{"layer": name, **facts} for name, facts in layers.items()]
        answer = self.answer.item() if isinstance(self.answer, np.generic) else self.answer
        return {"image": self.name, "answer": answer, "probability": self.probability, "layers": told}

    def _layers(self) -> list[dict[str, Any]]:
        """Return what the sheet shows of each layer."""
        kernels = {one.layer: one for one in self.kernels}
        names = list(dict.fromkeys([*(name.split(",")[0] for name in kernels), *self.maps]))
        shown = []
        for name in names:
            own = [one for key, one in kernels.items() if key.split(",")[0] == name]
            shown += [{"name": one.layer, "kernels": one.weights, "whole": one.whole} for one in own]
            if name in self.maps:
                found = self.exciting.get(name)
                layer = {"name": name, "maps": self.maps[name]}
                if found is not None and self.looked_in is not None:
                    layer |= {"field": found.field.size, "patches": patches_of(found, self.looked_in)}
                shown.append(layer)
        return shown

    def _said(self) -> str:
        """Return the answer, and how sure it is."""
        sure = self._sure()
        return f"{self.answer} ({sure})" if sure else str(self.answer)

    def _sure(self) -> str:
        """Return the probability of the answer in words."""
        return "" if self.probability is None else f"probability {self.probability:.4f}"


def look(
    model: Any,
    image: Num[np.ndarray, "height width *channels"],
    *,
    among: Num[np.ndarray, "n height width *channels"] | None = None,
    count: int = 4,
    name: str = "an image",
) -> Look:
    """Look at the filters of a network: kernels, feature maps for an image, patches that excite them most.

    Of a linear model or an MLP on images the weights of its units are shown as images. Of an ensemble it is
    the first network.

    Args:
        model: a fitted network, or the model of a study that is one.
        image: to make maps of, (height, width) or with channels last, in the unit that the model learned.
        among: images to look through for what excites a filter most, such as the training images; None for
            those that the model of a study keeps, if any.
        count: patches for each filter.
        name: what the image is called.

    Returns:
        What was found; `save` writes it as one picture.

    Raises:
        InputTypeError: for a model that is no network.
        DataError: when images are of another size than the model reads.

    Example:
        >>> import gorae
        >>> from gorae.models import ConvPart, PoolPart
        >>> X = np.random.default_rng(0).normal(size=(60, 8, 8))
        >>> model = gorae.CNNClassifier([ConvPart(4), PoolPart()], epochs=2).fit(X, X[:, 2, 2] > 0)
        >>> found = look(model, X[0], among=X)
        >>> found.maps["conv 1"].shape, found.exciting["conv 1"].field.size
        ((4, 4, 4), (4, 4))
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 16:
        raise ParameterError(f"count must be a whole number of patches from 1 to 16, got {count!r}.")
    if np.ndim(image) not in (2, 3):
        raise DataError(
            f"one image was wanted, (height, width) or with channels, got shape {np.shape(image)}."
        )
    size = image_size(model, np.asarray(image)[None])
    one = np.asarray(image).reshape(1, *size)
    maps: dict[str, np.ndarray] = {}
    exciting: dict[str, Exciting] = {}
    many = _among(model, among, size)
    if any(field.over for field in fields_of(model).values()):
        maps = {layer: found[0] for layer, found in feature_maps(model, one).items()}
        if many is not None:
            exciting = {found.layer: found for found in exciting_patches(model, many, count=count)}
    answer, probability = _answer(model, one)
    return Look(name, one[0], answer, probability, kernels_of(model, one), maps, exciting, many)


def patches_of(found: Exciting, images: Num[np.ndarray, "n height width channels"]) -> list[list[np.ndarray]]:
    """Return, for each filter, what its strongest units see; NaN where that lies outside of the image.

    Args:
        found: which units.
        images: the images that they were looked for in.
    """
    patches = []
    for rows, places in zip(found.rows, found.places, strict=True):
        own = []
        for row, place in zip(rows, places, strict=True):
            if row < 0:
                continue
            patch = np.full((*found.field.size, images.shape[3]), np.nan)
            starts = [
                f + int(i) * s for f, i, s in zip(found.field.first, place, found.field.step, strict=True)
            ]
            inside = found.field.patch(*map(int, place))
            here = [slice(part.start - at, part.stop - at) for part, at in zip(inside, starts, strict=True)]
            patch[here[0], here[1]] = images[row][inside]
            own.append(patch)
        patches.append(own)
    return patches


def checked_ending(path: str | Path) -> None:
    """Refuse a path that is neither a page nor a picture.

    Raises:
        ParameterError: telling the endings that there are.
    """
    if Path(path).suffix not in (".html", ".svg"):
        raise ParameterError(f"the picture is written as .html or .svg, not as {str(path)!r}.")


def _among(model: Any, among: Any, size: tuple[int, int, int]) -> np.ndarray | None:
    """Return images to look through: those given, or those that the model keeps."""
    if among is None:
        reference = model.reference if isinstance(model, StudyModel) and model.affine is None else None
        among = None if reference is None else reference.inputs
        return None if among is None else np.asarray(among).reshape(-1, *size)
    given = np.asarray(among)
    if given.ndim not in (3, 4) or not len(given):
        raise DataError(f"images to look through must be (n, height, width), got shape {given.shape}.")
    image_size(model, given)
    return given.reshape(-1, *size)


def _answer(model: Any, one: np.ndarray) -> tuple[Any, float | None]:
    """Return what the model says of an image, and with what probability."""
    if isinstance(model, StudyModel):
        answers, stated = model.answers(one.reshape(1, -1))
    else:
        network = network_to_look_at(model)
        answers = network.predict(_rows_of(network, one))
        has = hasattr(network, "predict_proba")
        stated = network.predict_proba(_rows_of(network, one)) if has else None
    first = answers[0]
    if stated is not None:
        return first, float(np.max(stated[0]))
    return (round(float(np.ravel(first)[0]), 6) if np.asarray(first).dtype.kind == "f" else first), None


def _rows_of(network: Any, one: np.ndarray) -> np.ndarray:
    """Return an image as the network takes it: as an image, or as a row of numbers."""
    return one if hasattr(network, "image_shape_in_") else one.reshape(1, -1)
