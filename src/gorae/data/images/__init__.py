"""Images of one size, with or without labels: from arrays, idx and CIFAR files, PNG and JPEG by folder."""

from gorae.data.images.loading import holds_images, load_images
from gorae.data.images.value import Images, as_images

__all__ = ["Images", "as_images", "holds_images", "load_images"]
