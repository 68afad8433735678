"""All named image kernels applied to one image, on one sheet."""

import numpy as np
from jaxtyping import Num

from gorae.nn.image_kernels import IMAGE_KERNELS, apply_kernel, image_kernel
from gorae.report.pictures.pixels import image_uri, weights_uri
from gorae.report.pictures.tiles import Shelf, Tile, tiles_figure

__all__ = ["kernels_figure"]


def kernels_figure(image: Num[np.ndarray, "height width *channels"]) -> str:
    """What each named kernel makes of an image.

    Blurs, sharpening and emboss are shown as images, cut to the range of the image and stretched from black
    to white; edges, which have both signs, blue where they are positive and vermillion where negative.

    Args:
        image: grey (height, width), or (height, width, 1 or 3), which is shown by its brightness.

    Returns:
        One ``<svg>`` element.

    Raises:
        InputError: the array is no image.

    Example:
        >>> svg = kernels_figure(np.eye(9))
        >>> svg.count("<image "), "Sobel left" in svg
        (23, True)
    """
    pixels = np.asarray(image, np.float64)
    if pixels.ndim == 3:
        pixels = pixels.mean(axis=2)
    found = {name: apply_kernel(pixels, name) for name in IMAGE_KERNELS}
    low, high = pixels.min(), pixels.max()
    kernels, shown = [], []
    for name, after in found.items():
        weights = image_kernel(name)
        kernels.append(Tile(weights_uri(weights, float(np.abs(weights).max())), name, weights.shape))
        if abs(weights.sum()) < 1e-9:  # even ground gives 0: an edge
            uri = weights_uri(after, float(np.abs(after).max()))
        else:
            uri = image_uri(np.clip(after, low, high))
        shown.append(Tile(uri, name, pixels.shape))
    return tiles_figure(
        [
            Shelf("The image", [Tile(image_uri(pixels), "", pixels.shape)], side=100),
            Shelf("Kernels", kernels, "Blue is positive, vermillion negative, white 0.", side=76),
            Shelf("What they make of it", shown, "Each has its own scale.", side=100),
        ],
        label=f"An image, and what {len(IMAGE_KERNELS)} named kernels make of it.",
    )
