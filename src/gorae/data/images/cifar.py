"""Reads the binary files of CIFAR-10 and CIFAR-100: a record is a label or two, then three planes of bytes.

References:
    A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009; the page of the data sets,
    section "Binary version".
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gorae.data.images.value import Images
from gorae.data.unpack import MAX_BYTES, read_bounded
from gorae.errors import DamagedFileError, ParameterError

__all__ = ["COARSE", "FINE", "OBJECTS", "read_cifar"]

_OBJECTS = """
airplane automobile bird cat deer dog frog horse ship truck
"""
_COARSE = """
aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices
household_furniture insects large_carnivores large_man-made_outdoor_things
large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals non-insect_invertebrates
people reptiles small_mammals trees vehicles_1 vehicles_2
"""
_FINE = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""

OBJECTS = tuple(_OBJECTS.split())
"""The classes of CIFAR-10, by their codes."""

COARSE = tuple(_COARSE.split())
"""The coarse classes of CIFAR-100, by their codes."""

FINE = tuple(_FINE.split())
"""The fine classes of CIFAR-100, by their codes."""

_SIDE, _PLANES = 32, 3
_PIXELS = _SIDE * _SIDE * _PLANES


def read_cifar(
    paths: str | Path | Sequence[str | Path], *, labels: str = "fine", max_bytes: int = MAX_BYTES
) -> Images:
    """Read CIFAR-10 or CIFAR-100 from its binary files, plain or packed as gzip or xz.

    Which of the two it is, the size of the records decides: 3,073 bytes with one label in front, or 3,074
    with two.

    Args:
        paths: a file, or several whose images follow one another.
        labels: of CIFAR-100: "fine" (100 classes) or "coarse" (20).
        max_bytes: bytes that all files together may hold after unpacking.

    Returns:
        The images, of 32 by 32 pixels in three colours, labelled with the names of their classes.

    Raises:
        FileError: a file is missing, cannot be read or is too large.
        DamagedFileError: a file does not hold whole records with labels that exist.
        ParameterError: the labels have another name.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> _ = (folder / "one.bin").write_bytes(bytes([3]) + bytes(3072))
        >>> read_cifar(folder / "one.bin").labels.tolist()
        ['cat']
    """
    if not isinstance(labels, str) or labels not in ("fine", "coarse"):
        raise ParameterError(f'the labels of CIFAR-100 are "fine" or "coarse", got {labels!r}.')
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    if not files:
        raise ParameterError("a CIFAR file was wanted, got an empty list of them.")
    parts: list[np.ndarray] = []
    for path in files:
        left = max_bytes - sum(part.nbytes for part in parts)
        parts.append(_records(path, read_bounded(path, max_bytes=left)))
        if parts[-1].shape[1] != parts[0].shape[1]:
            raise DamagedFileError(f"{path} and {files[0]} are not of the same set: one is of CIFAR-100.")
    records = np.concatenate(parts) if len(parts) > 1 else parts[0]
    planes = records[:, -_PIXELS:].reshape(-1, _PLANES, _SIDE, _SIDE)
    if records.shape[1] == _PIXELS + 1:
        codes, classes = records[:, 0], OBJECTS
    else:
        codes, classes = (records[:, 1], FINE) if labels == "fine" else (records[:, 0], COARSE)
    return Images(np.moveaxis(planes, 1, -1), np.array(classes)[codes], tuple(sorted(classes)))


def _records(path: str | Path, data: bytes) -> np.ndarray:
    """Return the records of a file, each a row of bytes."""
    for limits in ((10,), (20, 100)):
        width = _PIXELS + len(limits)
        if not data or len(data) % width:
            continue
        records = np.frombuffer(data, np.uint8).reshape(-1, width)
        if (records[:, : len(limits)] < np.array(limits)).all():
            return records
    raise DamagedFileError(
        f"{path}: a binary file of CIFAR-10 (records of 3,073 bytes, labels 0 to 9) or CIFAR-100 (3,074 "
        f"bytes, labels below 20 and 100) was wanted, but its {len(data):,} bytes are neither; it is cut "
        "off, damaged or of another kind."
    )
