"""What a convolutional network is made of: small frozen values that say what a layer is to be.

Letters: an image has ``height`` times ``width`` cells of ``channels`` numbers.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from gorae.errors import DataError, ParameterError
from gorae.nn import POOLINGS, Windows, make_windows
from gorae.nn.checks import known_name, positive_integer

__all__ = [
    "ConvPart",
    "DensePart",
    "GlobalPoolPart",
    "Part",
    "PoolPart",
    "ResidualPart",
    "checked_parts",
    "is_part",
    "part_from_meta",
    "part_to_meta",
]

_AXES = 2


@dataclass(frozen=True, repr=False)
class ConvPart:
    """A convolution, with the network's normalisation and activation.

    Args:
        channels: Feature maps that it makes.
        kernel: Cells of a window, a number or (height, width).
        stride: Cells from one window to the next.
        padding: "same", "valid", or cells of zeros on either side.
        dilation: Cells from one of the kernel's weights to the next.
        groups: Maps of group g see the channels of group g only.

    Example:
        >>> ConvPart(16, 5, padding="valid").windows.outputs((28, 28))
        (24, 24)
    """

    channels: int
    kernel: Any = 3
    stride: Any = 1
    padding: Any = "same"
    dilation: Any = 1
    groups: int = 1

    def __repr__(self) -> str:
        return _brief(self)

    def __post_init__(self):
        _freeze(self)
        for name in ("channels", "groups"):
            object.__setattr__(self, name, positive_integer(name, getattr(self, name)))
        assert self.windows

    @property
    def windows(self) -> Windows:
        """Where the kernel lies."""
        return make_windows(
            self.kernel, axes=_AXES, stride=self.stride, padding=self.padding, dilation=self.dilation
        )


@dataclass(frozen=True, repr=False)
class PoolPart:
    """A pooling: each window becomes its largest, smallest or mean cell.

    Args:
        kind: "max", "average" or "min".
        kernel: Cells of a window, a number or (height, width).
        stride: Cells from one window to the next; None for the kernel: windows side by side.
        padding: "valid", "same" or cells on either side, which count in no window.
    """

    kind: str = "max"
    kernel: Any = 2
    stride: Any = None
    padding: Any = "valid"

    def __repr__(self) -> str:
        return _brief(self)

    def __post_init__(self):
        _freeze(self)
        known_name("kind", self.kind, POOLINGS)
        assert self.windows

    @property
    def windows(self) -> Windows:
        """Where the windows lie."""
        stride = self.kernel if self.stride is None else self.stride
        return make_windows(self.kernel, axes=_AXES, stride=stride, padding=self.padding)


@dataclass(frozen=True, repr=False)
class ResidualPart:
    """Two convolutions that add to what came in (He et al. 2016).

    Args:
        channels: Feature maps that it makes.
        kernel: Cells of a window of either convolution.
        stride: Cells from one window of the first to the next.
    """

    channels: int
    kernel: Any = 3
    stride: Any = 1

    def __repr__(self) -> str:
        return _brief(self)

    def __post_init__(self):
        _freeze(self)
        object.__setattr__(self, "channels", positive_integer("channels", self.channels))
        assert self.windows

    @property
    def windows(self) -> Windows:
        """Where the first kernel lies."""
        return make_windows(self.kernel, axes=_AXES, stride=self.stride, padding="same")


@dataclass(frozen=True, repr=False)
class GlobalPoolPart:
    """All cells become one: the mean, the largest or the smallest.

    Args:
        kind: "average", "max" or "min".
    """

    kind: str = "average"

    def __repr__(self) -> str:
        return _brief(self)

    def __post_init__(self):
        known_name("kind", self.kind, POOLINGS)


@dataclass(frozen=True, repr=False)
class DensePart:
    """A layer of units each of which sees all numbers, with the network's normalisation and activation.

    Args:
        width: Units.
    """

    width: int

    def __repr__(self) -> str:
        return _brief(self)

    def __post_init__(self):
        object.__setattr__(self, "width", positive_integer("width", self.width))


Part = ConvPart | PoolPart | ResidualPart | GlobalPoolPart | DensePart
"""What `CNNShape` takes."""

_PARTS: Mapping[str, type] = {
    "conv": ConvPart,
    "pool": PoolPart,
    "residual": ResidualPart,
    "global_pool": GlobalPoolPart,
    "dense": DensePart,
}


def is_part(value: Any) -> bool:
    """Return whether a value is a part of a network."""
    return isinstance(value, tuple(_PARTS.values()))


def part_to_meta(part: Part) -> dict[str, Any]:
    """Return a part as JSON.

    Example:
        >>> part_to_meta(DensePart(64))
        {'part': 'dense', 'width': 64}
    """
    kind = next(name for name, cls in _PARTS.items() if isinstance(part, cls))
    return {"part": kind, **asdict(part)}


def part_from_meta(meta: Any) -> Part:
    """Return a part from JSON.

    Raises:
        DataError: if it is none.
        ParameterError: if a value is out of its range.

    Example:
        >>> part_from_meta({"part": "dense", "width": 64})
        DensePart(width=64)
    """
    kind = meta.get("part") if isinstance(meta, Mapping) else None
    cls = _PARTS.get(kind) if isinstance(kind, str) else None
    if cls is None or set(meta) != {"part", *(field.name for field in fields(cls))}:
        raise DataError(
            f"a layer must be one of {', '.join(_PARTS)} with all of its values, got {meta!r:.80}."
        )
    return cls(**{name: value for name, value in meta.items() if name != "part"})


def checked_parts(layers: Any) -> tuple[Part, ...]:
    """Return layers as a tuple.

    Raises:
        ParameterError: if one of them is no part.
    """
    is_list = hasattr(layers, "__iter__") and not isinstance(layers, str | bytes)
    given: Any = tuple(layers) if is_list else ()
    if not is_list or not all(map(is_part, given)):
        names = ", ".join(cls.__name__ for cls in _PARTS.values())
        raise ParameterError(f"layers must be a list of {names}, got {layers!r:.200}.")
    return given


def _brief(part: Any) -> str:
    """Return how a part is made, without what is as it is anyway.

    Example:
        >>> ConvPart(16, 5, padding="valid"), PoolPart()
        (ConvPart(channels=16, kernel=5, padding='valid'), PoolPart())
    """
    told = [(field, getattr(part, field.name)) for field in fields(part)]
    said = ", ".join(f"{field.name}={value!r}" for field, value in told if value != field.default)
    return f"{type(part).__name__}({said})"


def _freeze(part: Any) -> None:
    """Turn lists, as JSON has them, into tuples, so that a part can be hashed."""
    for field in fields(part):
        object.__setattr__(part, field.name, _frozen(getattr(part, field.name)))


def _frozen(value: Any) -> Any:
    """Return a value with tuples for lists."""
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
