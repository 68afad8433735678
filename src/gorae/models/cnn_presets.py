"""Convolutional networks that suit small images, by the size of the images."""

from gorae.models.parts import ConvPart, DensePart, GlobalPoolPart, Part, PoolPart, ResidualPart

__all__ = ["CNN_PRESETS", "residual_layers", "small_layers"]

_SMALLEST = 6
"""Cells along an axis from which on it is pooled."""


def small_layers(image: tuple[int, int, int]) -> tuple[Part, ...]:
    """Return convolutions with pooling until few cells are left, then a dense layer.

    Args:
        image: height, width and channels.

    Example:
        >>> [type(part).__name__ for part in small_layers((8, 8, 1))]
        ['ConvPart', 'PoolPart', 'ConvPart', 'DensePart']
    """
    sizes, parts, channels, convolutions = list(image[:2]), [], 32, 0
    while max(sizes) >= _SMALLEST or convolutions < 2:
        parts.append(ConvPart(channels, tuple(min(3, size) for size in sizes)))
        kernel = tuple(2 if size >= _SMALLEST else 1 for size in sizes)
        if max(kernel) > 1:
            parts.append(PoolPart("max", kernel))
        sizes = [size // cells for size, cells in zip(sizes, kernel, strict=True)]
        channels, convolutions = 64, convolutions + 1
    return (*parts, DensePart(64))


def residual_layers(image: tuple[int, int, int]) -> tuple[Part, ...]:
    """Return a convolution, residual blocks that halve the image, and the mean over its cells.

    Args:
        image: height, width and channels.

    References:
        He, Zhang, Ren, Sun 2016, "Deep residual learning for image recognition", section 4.2.

    Example:
        >>> [getattr(part, "channels", None) for part in residual_layers((32, 32, 3))]
        [32, 32, 64, 128, None]
    """
    sizes, parts, channels = list(image[:2]), [], 32
    kernel = tuple(min(3, size) for size in sizes)
    parts += [ConvPart(channels, kernel), ResidualPart(channels, kernel)]
    for _ in range(2):
        if max(sizes) >= _SMALLEST:
            stride = tuple(2 if size >= _SMALLEST else 1 for size in sizes)
            channels *= 2
            parts.append(ResidualPart(channels, kernel, stride))
            sizes = [-(-size // step) for size, step in zip(sizes, stride, strict=True)]
    return (*parts, GlobalPoolPart("average"))


CNN_PRESETS = {"small": small_layers, "residual": residual_layers}
"""What `layers=` may name."""
