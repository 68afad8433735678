"""Named image kernels: weights and answers worked by hand, relations, and the sheet of all of them."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae import nn
from gorae.errors import InputError, ParameterError
from gorae.nn import IMAGE_KERNELS, apply_kernel, image_kernel
from gorae.report.pictures import kernels_figure

SPOT = np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 9, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])


def test_a_spot_shows_the_kernel_turned_round():
    """y(i, j) = Σ w(u, v) x(i + u - 1, j + v - 1) with x one 9 in the middle is 9 w(1 - i, 1 - j) around it."""
    kernel = np.arange(1.0, 10.0).reshape(3, 3)

    np.testing.assert_array_equal(apply_kernel(SPOT, kernel)[1:4, 1:4], 9 * kernel[::-1, ::-1])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        # rows 1 0 2 / 0 3 0 / 4 0 5 around the middle pixel
        ("identity", 3),
        ("box blur", 15 / 9),
        ("sharpen", 5 * 3 - 0),
        ("edge 4", 4 * 3 - 0),
        ("edge 8", 8 * 3 - (1 + 2 + 4 + 5)),
        ("emboss", -2 * 1 + 3 + 2 * 5),
        ("Sobel left", 1 - 2 + 4 - 5),
        ("Sobel right", -(1 - 2 + 4 - 5)),
        ("Sobel top", 1 + 2 - 4 - 5),
        ("sobel_bottom", -(1 + 2 - 4 - 5)),
    ],
)
def test_answers_by_hand(name, wanted):
    """The one whole window on an image of 3 x 3, summed up by hand."""
    image = np.array([[1, 0, 2], [0, 3, 0], [4, 0, 5]])

    assert apply_kernel(image, name, padding="valid").tolist() == [[pytest.approx(wanted, abs=1e-12)]]


def test_the_gaussian_blur_by_hand():
    """With σ = 1 the middle weighs 1 / S² and its neighbour e^(-1/2) / S², S = 1 + 2 (e^-.5 + e^-2 + e^-4.5)."""
    S = 1 + 2 * (np.exp(-0.5) + np.exp(-2) + np.exp(-4.5))
    kernel = image_kernel("Gaussian blur")

    assert kernel.shape == (7, 7)
    np.testing.assert_allclose(kernel[3, 3:5], [1 / S**2, np.exp(-0.5) / S**2], rtol=1e-12)


def test_two_blurs_are_one_wider_blur():
    """Gaussians convolved are a Gaussian whose variance is the sum: σ = 3 and 4 make 5, but for what is cut off."""
    spot = np.zeros((81, 81))
    spot[40, 40] = 1
    twice = apply_kernel(
        apply_kernel(spot, image_kernel("Gaussian blur", sigma=3)), image_kernel("Gaussian blur", sigma=4)
    )
    once = apply_kernel(spot, image_kernel("Gaussian blur", sigma=5))

    np.testing.assert_allclose(twice, once, atol=0.02 * once.max())


@pytest.mark.parametrize("name", IMAGE_KERNELS)
def test_even_ground(name):
    """On even ground edges are 0 everywhere, and all other kernels change nothing, at the border too."""
    edge = name.startswith(("edge", "Sobel"))

    np.testing.assert_allclose(apply_kernel(np.full((4, 5), 7.0), name), 0 if edge else 7, atol=1e-12)


@given(st.integers(0, 1000))
def test_sobel_of_a_mirrored_image(seed):
    """Mirrored left and right, left becomes right; turned by a quarter, top becomes left."""
    image = np.random.default_rng(seed).normal(size=(5, 6))

    np.testing.assert_allclose(
        apply_kernel(image[:, ::-1], "Sobel left"), apply_kernel(image, "Sobel right")[:, ::-1]
    )
    np.testing.assert_allclose(apply_kernel(image.T, "Sobel left"), apply_kernel(image, "Sobel top").T)


@pytest.mark.parametrize("padding", ["same", "valid", 2])
def test_it_is_what_a_convolutional_layer_computes(padding):
    """With zeros outside, the answers are those of `Conv` with these weights, channel by channel."""
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(7, 6, 3)), rng.normal(size=(3, 5))
    layer = nn.Conv(
        jnp.asarray(kernel, jnp.float32)[..., None, None],
        jnp.zeros(1),
        nn.make_windows((3, 5), padding=padding),
        1,
    )
    x = jnp.asarray(np.moveaxis(image, -1, 0)[..., None], jnp.float32)
    expected = np.moveaxis(np.asarray(layer(x, nn.inference())[0])[..., 0], 0, -1)

    np.testing.assert_allclose(apply_kernel(image, kernel, padding=padding, fill="zero"), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: image_kernel("sobel lfet"), ParameterError, "Did you mean 'sobel left'?"),
        (lambda: image_kernel("edge 4", sigma=1), ParameterError, "'edge 4' has no options, got 'sigma'"),
        (lambda: image_kernel("box blur", sigma=1), ParameterError, "has the option 'size', got 'sigma'"),
        (
            lambda: image_kernel("box blur", size=4),
            ParameterError,
            "must be odd, so that it has a middle, got 4",
        ),
        (
            lambda: image_kernel("Gaussian blur", sigma=0),
            ParameterError,
            "sigma must be a number of pixels above 0",
        ),
        (
            lambda: apply_kernel(np.zeros((2, 5)), "emboss", padding="valid"),
            InputError,
            "a kernel of 3 does not fit on 2",
        ),
        (lambda: apply_kernel(np.zeros(9), "emboss"), InputError, r"got float64 of shape \(9,\)"),
        (
            lambda: apply_kernel(SPOT, np.zeros(3)),
            InputError,
            r"must be of shape \(down, across\), got \(3,\)",
        ),
        (
            lambda: apply_kernel(SPOT, "emboss", fill="black"),
            ParameterError,
            "fill must be one of edge, zero",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, error, message):
    """Unknown names suggest the near one; sizes and shapes are told."""
    with pytest.raises(error, match=message.replace("?", r"\?")):
        call()


def test_the_sheet_shows_every_kernel_twice():
    """Each kernel's name stands under its weights and under what it makes of the image; the theme decides colours."""
    svg = kernels_figure(np.random.default_rng(0).integers(0, 256, (9, 8, 3)))
    words = re.findall(r">([^<]+)</text>", svg)

    assert [words.count(name) for name in IMAGE_KERNELS] == [2] * len(IMAGE_KERNELS)
    assert "var(--ink," in svg
    assert svg == kernels_figure(np.random.default_rng(0).integers(0, 256, (9, 8, 3)))
