"""Images that change while a member learns: of a batch as it is stored, before it is encoded."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
from jaxtyping import Array, Float, Int, Num, PRNGKeyArray

from gorae import nn

_DRAWS = 0xA06
"""What a step's key is folded with; the layers of a network fold it with their places."""


@dataclass(frozen=True)
class Augmenting:
    """What rows are images of, and what of these may change.

    Args:
        image: height, width and channels.
        changes: kinds of change, and how strong they are.
    """

    image: tuple[int, int, int]
    changes: nn.Augmentation


class Blend(NamedTuple):
    """With which row of its batch each row was blended, and how much of it is its own."""

    partner: Int[Array, " batch"]
    share: Float[Array, " batch"]


def augmented(
    augmenting: Augmenting,
    key: PRNGKeyArray,
    rows: Num[Array, "batch features"],
    weight: Float[Array, " batch"],
) -> tuple[Num[Array, "batch features"], Blend | None]:
    """Return changed rows, and how they were blended if they were.

    Args:
        augmenting: what may change.
        key: the step's own.
        rows: as they are stored: 0 is black.
        weight: of each row, 0 for padding, which no row is blended with.
    """
    moves, blends = jax.random.split(jax.random.fold_in(key, _DRAWS))
    images = nn.augment(moves, rows.reshape(-1, *augmenting.image), augmenting.changes)
    blend = None
    if augmenting.changes.mixup:
        mixed = nn.mix(blends, images, augmenting.changes.mixup, weight)
        images, blend = mixed.x, Blend(mixed.partner, mixed.share)
    return images.reshape(rows.shape), blend
