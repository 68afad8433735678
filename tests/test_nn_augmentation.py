"""Augmentation: what each kind does to an image, exactly; whose draw it is; what it refuses."""

from math import cos, radians, sin

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae import nn
from gorae.errors import InputError, ParameterError
from gorae.nn.augmentation import cut_out, flip, shift, warp
from gorae.nn.augmentation.mixup import _shares
from gorae.nn.augmentation.warp import _draws, warped

EVERYTHING = nn.Augmentation(
    shift=2, horizontal_flip=True, vertical_flip=True, rotation=20.0, crop=0.2, cutout=3, mixup=0.4
)
seeds = st.integers(0, 2**32 - 1)


def images(rows=5, height=9, width=8, channels=2, seed=0):
    """Images without a 0 and without two equal pixels."""
    count = rows * height * width * channels
    pixels = 1 + np.random.default_rng(seed).permutation(count)
    return jnp.asarray(pixels.reshape(rows, height, width, channels), jnp.float32)


def ramps(height, width, slope_i, slope_j):
    """An image that grows linearly from its centre, where it is 0."""
    i, j = np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    return jnp.asarray(slope_i * i[:, None] + slope_j * j, jnp.float32)[None, :, :, None]


augment = jax.jit(nn.augment, static_argnums=2)


@given(seeds)
def test_a_shift_moves_exactly(seed):
    """Each image is the window of its padded self at one of the (2m + 1)² places, and nothing else."""
    x, most = images(), 2
    moved = np.asarray(shift(jax.random.key(seed), x, most))
    padded = np.pad(x, ((0, 0), (most, most), (most, most), (0, 0)))

    for image, wide in zip(moved, padded, strict=True):
        windows = [wide[u : u + 9, v : v + 8] for u in range(5) for v in range(5)]
        assert sum(np.array_equal(image, window) for window in windows) == 1


def test_every_shift_is_drawn_equally_often():
    """Of 9 moves by at most one pixel, 9,000 images take 1,000 each, give or take five standard deviations.

    The count of one move is binomial with n = 9,000 and p = 1/9: its standard deviation is 29.8.
    """
    x = jnp.tile(jnp.arange(1.0, 10.0).reshape(1, 3, 3, 1), (9000, 1, 1, 1))
    centres = np.asarray(shift(jax.random.key(1), x, 1))[:, 1, 1, 0]
    counts = np.unique(centres, return_counts=True)[1]

    assert len(counts) == 9
    assert abs(counts - 1000).max() < 5 * 29.8


def test_an_edge_fill_repeats_the_nearest_pixel():
    """With one pixel's shift, what comes in is the border's own value: the set of values stays."""
    x = images(64)
    moved = np.asarray(shift(jax.random.key(0), x, 1, fill="edge"))

    assert (moved > 0).all()
    assert all(set(a.ravel()) <= set(b.ravel()) for a, b in zip(moved, np.asarray(x), strict=True))


@pytest.mark.parametrize("axis", [1, 2])
def test_the_same_flip_twice_is_the_identity(axis):
    """Flipped with one key, an image is itself or its mirror image; flipped again it is itself."""
    x, key = images(40), jax.random.key(3)
    once = flip(key, x, axis)
    turned = [np.array_equal(a, np.flip(b, axis - 1)) for a, b in zip(once, x, strict=True)]
    same = [np.array_equal(a, b) for a, b in zip(once, x, strict=True)]

    np.testing.assert_array_equal(flip(key, once, axis), x)
    assert np.logical_xor(turned, same).all()
    assert 5 < sum(turned) < 35  # a fair coin: mean 20, standard deviation 3.2


@given(seeds, st.integers(1, 8))
def test_mass_of_a_cut_out(seed, side):
    """The hole is a rectangle from ⌊side / 2⌋ or so to side pixels a side; all else stays."""
    x = images(3)
    cut = np.asarray(cut_out(jax.random.key(seed), x, side))

    for image, before in zip(cut, np.asarray(x), strict=True):
        hole = image[:, :, 0] == 0
        rows, columns = hole.any(1).sum(), hole.any(0).sum()
        np.testing.assert_array_equal(image[~hole], before[~hole])
        assert hole.sum() == rows * columns
        assert side / 2 <= min(rows, columns) <= max(rows, columns) <= side


def test_a_cut_out_of_one_pixel_may_be_any():
    """A square of side 1 lies inside wherever its centre is: exactly one pixel, each one some time."""
    holes = np.asarray(cut_out(jax.random.key(0), jnp.ones((400, 3, 4, 1)), 1))[..., 0] == 0

    assert (holes.sum((1, 2)) == 1).all()
    assert holes.any(0).all()


@pytest.mark.parametrize("fill", ["zero", "edge"])
def test_nothing_asked_for_is_exactly_the_identity(fill):
    """Strengths of 0 keep every bit and the type; a warp by 0 keeps every value."""
    x = images().astype(jnp.uint8)
    kept = augment(jax.random.key(0), x, nn.Augmentation(fill=fill))

    assert kept.dtype == jnp.uint8
    np.testing.assert_array_equal(kept, x)
    np.testing.assert_array_equal(warp(jax.random.key(0), x, fill=fill), x)


@pytest.mark.parametrize("degrees", [0.0, 17.0, -45.0])
@pytest.mark.parametrize(("share", "a", "b"), [(1.0, 0.0, 0.0), (0.75, 1.0, -0.5)])
def test_a_ramp_is_read_at_its_turned_places(degrees, share, a, b):
    """A ramp f = 3u - 2v comes out as f at u = z (i cos - j sin) + a, v = z (i sin + j cos) + b.

    Between two neighbours linear interpolation of a linear function is exact, in both passes; shown where
    all neighbours lie inside of the image.
    """
    cosine, sine = cos(radians(degrees)), sin(radians(degrees))
    window = tuple(jnp.full((1, 1, 1), value) for value in (cosine, sine, share, a, b))
    read = np.asarray(warped(ramps(15, 13, 3.0, -2.0), window, (16, 16), "constant"))[0, :, :, 0]
    i, j = np.arange(15)[:, None] - 7.0, np.arange(13) - 6.0
    u, v = share * (i * cosine - j * sine) + a, share * (i * sine + j * cosine) + b
    inside = (abs(u) <= 6) & (abs(v) + abs(np.tan(radians(degrees))) <= 6)

    assert inside.sum() > 40
    np.testing.assert_allclose(read[inside], (3 * u - 2 * v)[inside], atol=1e-4)


@pytest.mark.parametrize(("rotation", "crop"), [(30.0, 0.0), (0.0, 0.4), (45.0, 0.5)])
def test_a_warp_reaches_as_far_as_its_draws(rotation, crop):
    """The pixels that a warp may read from are enough: allowed to read from anywhere, it gives the same."""
    x, key = images(60, 7, 10, 1), jax.random.key(5)
    turned = warp(key, x, rotation=rotation, crop=crop, fill="edge")
    draws = _draws(key, 60, rotation, crop, 7, 10)

    np.testing.assert_allclose(turned, warped(x, draws, (30, 30), "edge"), rtol=1e-5)


def test_angles_and_windows_are_in_their_ranges():
    """From ramps the angle and the enlargement of each image are read off again: within range, and all of it.

    The slopes of a turned and enlarged ramp f = u are z cos θ down and -z sin θ across.
    """
    x = jnp.tile(ramps(21, 21, 1.0, 0.0), (200, 1, 1, 1))
    turned = np.asarray(warp(jax.random.key(2), x, rotation=20.0, crop=0.3))[:, :, :, 0]
    down, across = turned[:, 11, 10] - turned[:, 10, 10], turned[:, 10, 11] - turned[:, 10, 10]
    degrees, share = np.degrees(np.arctan2(-across, down)), np.hypot(down, across)

    assert abs(degrees).max() < 20.01
    assert (degrees.min(), degrees.max()) == pytest.approx((-20, 20), abs=1.5)
    assert (share.min(), share.max()) == pytest.approx((0.7, 1.0), abs=0.02)


@given(seeds, st.sampled_from([0.1, 0.4, 1.0, 5.0]))
def test_a_mix_is_its_share_of_either_row(seed, strength):
    """A blend is λ x_b + (1 - λ) x_p with λ from 1/2 to 1: the parts of a row and its partner sum to 1."""
    x = images(7)
    mixed = nn.mix(jax.random.key(seed), x, strength)
    share = np.asarray(mixed.share)[:, None, None, None]

    assert ((share >= 0.5) & (share <= 1)).all()
    np.testing.assert_allclose(mixed.x, share * x + (1 - share) * x[mixed.partner], rtol=1e-6)
    np.testing.assert_allclose(nn.mix(jax.random.key(seed), jnp.ones((7, 2)), strength).x, 1, rtol=1e-6)


def test_shares_are_of_the_beta_distribution():
    """The mean of λ (1 - λ) under Beta(α, α) is α / (2 (2α + 1)), whichever part is the larger.

    E[λ (1 - λ)] = B(α + 1, α + 1) / B(α, α) = α² / (2α (2α + 1)).
    """
    for strength in (0.2, 1.0, 3.0):
        share = _shares(strength).astype(float)
        assert np.mean(share * (1 - share)) == pytest.approx(strength / (2 * (2 * strength + 1)), rel=1e-3)


def test_partners_are_drawn_by_weight_and_never_of_weight_0():
    """With weights 3, 0, 1 a partner is the first row three times in four, and the second never."""
    weight = jnp.asarray([3.0, 0.0, 1.0, 0.0])
    keys = jax.random.split(jax.random.key(0), 1000)
    partners = np.asarray(jax.vmap(lambda key: nn.mix(key, jnp.ones((4, 1)), 1.0, weight).partner)(keys))

    assert set(np.unique(partners)) == {0, 2}
    assert np.mean(partners == 0) == pytest.approx(0.75, abs=5 * np.sqrt(0.75 * 0.25 / 4000))


def test_padding_changes_no_row_s_draws():
    """The rows of a batch change alike whether or not more rows follow."""
    x, key = images(8), jax.random.key(4)

    np.testing.assert_array_equal(augment(key, x[:3], EVERYTHING), augment(key, x, EVERYTHING)[:3])


def test_padding_changes_no_partner():
    """Rows of weight 0 behind the real ones change neither partners nor shares."""
    x, key, weight = images(8), jax.random.key(4), jnp.asarray([1.0] * 5 + [0.0] * 3)
    short, long = nn.mix(key, x[:5], 1.0, weight[:5]), nn.mix(key, x, 1.0, weight)

    np.testing.assert_array_equal(short.partner, long.partner[:5])
    np.testing.assert_array_equal(short.x, long.x[:5])


@pytest.mark.parametrize("lift", [jax.vmap, lambda f: lambda keys: jax.lax.map(f, keys)], ids=["vmap", "map"])
def test_a_member_in_a_stack_has_its_own_changes_bitwise(lift):
    """Three members' batches changed together are bitwise those changed alone."""
    x, weight = images(), jnp.asarray([1.0, 2.0, 0.5, 1.0, 0.0])

    def change(key):
        changed = nn.augment(key, x, EVERYTHING)
        return nn.mix(jax.random.fold_in(key, 9), changed, EVERYTHING.mixup, weight)

    keys = jax.random.split(jax.random.key(8), 3)
    together, alone = jax.jit(lift(change))(keys), jax.jit(change)
    for member in range(3):
        for stacked, own in zip(together, alone(keys[member]), strict=True):
            np.testing.assert_array_equal(stacked[member], own)


def test_another_key_is_another_change():
    """The same key gives the same batch, and another key another one."""
    x = images()
    first, again, other = (augment(jax.random.key(seed), x, EVERYTHING) for seed in (0, 0, 1))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_kind_more_leaves_the_others_draws():
    """With flips asked for as well, images are shifted as without."""
    x, key = images(30), jax.random.key(6)
    shifted = np.asarray(augment(key, x, nn.Augmentation(shift=2)))
    both = np.asarray(augment(key, x, nn.Augmentation(shift=2, horizontal_flip=True)))

    assert all(
        np.array_equal(a, b) or np.array_equal(a, b[:, ::-1]) for a, b in zip(shifted, both, strict=True)
    )


def test_bytes_stay_bytes_where_pixels_only_move():
    """Shift, flips and cut-out keep uint8; turning makes float32."""
    x = images().astype(jnp.uint8)
    moved = nn.Augmentation(shift=1, horizontal_flip=True, vertical_flip=True, cutout=2)

    assert augment(jax.random.key(0), x, moved).dtype == jnp.uint8
    assert augment(jax.random.key(0), x, EVERYTHING).dtype == jnp.float32


def test_equal_settings_are_one_key():
    """Settings given as numpy's numbers equal and hash as Python's; only a change counts as one."""
    given_as = nn.Augmentation(shift=np.int64(2), rotation=np.float32(20), mixup=1)

    assert hash(given_as) == hash(nn.Augmentation(shift=2, rotation=20.0, mixup=1.0))
    assert given_as == nn.Augmentation(shift=2, rotation=20.0, mixup=1.0)
    assert (bool(given_as), bool(nn.Augmentation(fill="edge"))) == (True, False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shift": -1}, "shift must be an integer of at least 0, got -1"),
        ({"shift": 1.5}, "shift must be an integer"),
        ({"fill": "egde"}, "fill must be one of edge, zero, got 'egde'. Did you mean 'edge'?"),
        ({"rotation": 60}, "rotation must be a number of degrees from 0 to 45, got 60"),
        ({"rotation": float("nan")}, "rotation must be a number of degrees"),
        ({"crop": 1.0}, "crop must be a number from 0 up to, but not including, 1, got 1.0"),
        ({"cutout": True}, "cutout must be an integer of at least 0, got True"),
        ({"mixup": -0.1}, "mixup must be a number from 0 to 100, got -0.1"),
        ({"horizontal_flip": "yes"}, "horizontal_flip must be True or False, got 'yes'"),
    ],
)
def test_a_strength_out_of_its_range_is_refused(settings, message):
    """The message says what was wanted and what came."""
    with pytest.raises(ParameterError) as refusal:
        nn.Augmentation(**settings)

    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shift": 8}, "a shift must be smaller than the images, got 8 for 9 x 8 pixels"),
        ({"cutout": 9}, "must fit into the images, got side 9 for 9 x 8 pixels"),
    ],
)
def test_a_strength_too_large_for_the_images_is_refused(settings, message):
    """Images that could leave the frame, or be wholly cut out, are told with their size."""
    with pytest.raises(InputError, match=message):
        nn.augment(jax.random.key(0), images(), nn.Augmentation(**settings))


def test_rows_that_are_no_images_are_refused():
    """A batch of another number of axes is told with the axes that are wanted."""
    with pytest.raises(InputError, match=r"\(batch, height, width, channels\), got shape \(5, 64\)"):
        nn.augment(jax.random.key(0), jnp.ones((5, 64)), EVERYTHING)
