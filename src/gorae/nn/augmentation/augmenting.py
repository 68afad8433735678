"""What of an image may change while a model learns, and a batch changed so."""

from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

import jax
from jaxtyping import Array, Num, PRNGKeyArray

from gorae.errors import ParameterError
from gorae.nn.augmentation.cutout import cut_out
from gorae.nn.augmentation.mixup import checked_strength
from gorae.nn.augmentation.moves import FILLS, flip, shift
from gorae.nn.augmentation.warp import checked_degrees, warp
from gorae.nn.checks import known_name, positive_integer, proper_fraction, require_channels

__all__ = ["Augmentation", "augment"]


@dataclass(frozen=True)
class Augmentation:
    """Kinds of change and how strong they are; the default changes nothing.

    It is compared by value and hashable, so that it may be part of what a program is compiled for.

    Args:
        shift: pixels by which an image moves at most in each direction: a random crop with that padding.
        fill: what comes in from outside where images move or turn: "zero", or "edge" for the nearest pixel.
        horizontal_flip: whether half of the images are mirrored left and right.
        vertical_flip: whether half of them are mirrored top and bottom.
        rotation: degrees by which an image turns at most, either way, from 0 to 45.
        crop: share of each side that is cut away at most, in [0, 1); what is left is enlarged to the whole.
        cutout: side in pixels of a square that is set to 0.
        mixup: α of the Beta distribution by which two images and their targets are blended; 0 for none.

    Raises:
        ParameterError: if a value is out of its range.

    Example:
        >>> Augmentation(shift=4, horizontal_flip=True) == Augmentation(shift=4, horizontal_flip=True)
        True
        >>> Augmentation(rotation=90)
        Traceback (most recent call last):
        gorae.errors.ParameterError: rotation must be a number of degrees from 0 to 45, got 90.
    """

    shift: int = 0
    fill: str = "zero"
    horizontal_flip: bool = False
    vertical_flip: bool = False
    rotation: float = 0.0
    crop: float = 0.0
    cutout: int = 0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for name in ("horizontal_flip", "vertical_flip"):
            if not isinstance(getattr(self, name), bool):
                raise ParameterError(f"{name} must be True or False, got {getattr(self, name)!r}.")
        checked = {
            "shift": positive_integer("shift", self.shift, least=0),
            "fill": known_name("fill", self.fill, FILLS),
            "rotation": checked_degrees(_plain(self.rotation)),
            "crop": float(proper_fraction("crop", self.crop)),
            "cutout": positive_integer("cutout", self.cutout, least=0),
            "mixup": checked_strength(_plain(self.mixup)),
        }
        for name, value in checked.items():  # numpy's numbers become Python's, which hash alike everywhere
            object.__setattr__(self, name, value)

    def __bool__(self) -> bool:
        """Return whether anything changes."""
        return any(getattr(self, one.name) for one in fields(self) if one.name != "fill")


def augment(
    key: PRNGKeyArray, x: Num[Array, "batch height width channels"], augmentation: Augmentation
) -> Num[Array, "batch height width channels"]:
    """Return a batch of images with random changes: turned and cropped, then moved, flipped and cut.

    A kind that is not asked for costs nothing and leaves no trace: the draws of each kind have a key of
    their own. Mixup changes targets as well, and is `mix`.

    Args:
        key: of all draws; a row's draws depend on it and on the row's place in the batch only.
        x: images in the unit in which 0 is black, before they are standardised: that is what comes in from
            outside. Bytes stay bytes unless images turn or are enlarged, which makes them float32.
        augmentation: what may change.

    Returns:
        As many images of the same size.

    Raises:
        InputError: if a shift or a square to cut out is too large for the images, or x are no images.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones((2, 8, 8, 3), jnp.uint8)
        >>> changed = augment(jax.random.key(0), x, Augmentation(shift=2, horizontal_flip=True))
        >>> changed.shape, changed.dtype
        ((2, 8, 8, 3), dtype('uint8'))
    """
    require_channels("augment", x, 2)
    keys = [jax.random.fold_in(key, kind) for kind in range(5)]
    if augmentation.rotation or augmentation.crop:
        x = warp(keys[0], x, rotation=augmentation.rotation, crop=augmentation.crop, fill=augmentation.fill)
    x = shift(keys[1], x, augmentation.shift, fill=augmentation.fill)
    if augmentation.horizontal_flip:
        x = flip(keys[2], x, 2)
    if augmentation.vertical_flip:
        x = flip(keys[3], x, 1)
    return cut_out(keys[4], x, augmentation.cutout)


def _plain(value: Any) -> Any:
    """Return a number as Python's own."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)
