"""Images changed at random while a model learns: what a class does not depend on, shown as not mattering.

Every kind is a function of a key and a batch of images, channels last, that works inside a compiled program:
each row has its own draw, which depends on the key and the row's place in the batch, and on nothing else.
"""

from gorae.nn.augmentation.augmenting import Augmentation, augment
from gorae.nn.augmentation.cutout import cut_out
from gorae.nn.augmentation.mixup import Mixed, mix
from gorae.nn.augmentation.moves import flip, shift
from gorae.nn.augmentation.warp import warp

__all__ = ["Augmentation", "Mixed", "augment", "cut_out", "flip", "mix", "shift", "warp"]
