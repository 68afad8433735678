"""Convolution, transposed convolution and pooling: worked cases, relations, and what they refuse."""

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae import nn
from gorae.errors import InputError, ParameterError
from gorae.nn import convolving
from gorae.nn.convolving import BATCH_LAST, CHANNELS_LAST, convolve, convolve_by_patches, convolve_by_rows

TRAINING = nn.Context(None, training=True)


@jax.jit
def apply(layer, x):
    """Return what a layer answers in training."""
    return layer(x, TRAINING)[0]


def image(*rows):
    """Return one image of one channel."""
    return jnp.asarray(rows, jnp.float32)[None, :, :, None]


def conv(weight, **windows):
    """Return a convolution with this kernel and no bias."""
    kernel = jnp.asarray(weight, jnp.float32)[..., None, None]
    return nn.Conv(kernel, jnp.zeros(1), nn.make_windows(kernel.shape[:2], **windows), 1)


def maps(layer, x, context=TRAINING):
    """Return the single map of a single image."""
    found = apply(layer, x) if context is TRAINING else layer(x, context)[0]
    return np.asarray(found)[0, :, :, 0].tolist()


def test_a_kernel_is_laid_over_and_not_flipped():
    """[[1, 2], [3, 4]] over [[a, b], [c, d]] gives a + 2b + 3c + 4d."""
    x = image([1, 10, 0], [100, 1000, 0])

    assert maps(conv([[1, 2], [3, 4]]), x) == [[1 + 20 + 300 + 4000, 10 + 0 + 3000 + 0]]
    assert maps(conv([[1, 2], [3, 4]]), x, nn.inference()) == maps(conv([[1, 2], [3, 4]]), x)


def test_stride_padding_and_dilation_by_hand():
    """Every second window; zeros around; a kernel that leaves every second cell out."""
    x = image([1, 2, 3, 4, 5])

    assert maps(conv([[1, 1]], stride=(1, 2)), x) == [[3, 7]]
    assert maps(conv([[1, 1]], padding=(0, 1)), x) == [[1, 3, 5, 7, 9, 5]]
    assert maps(conv([[1, 1]], padding=((0, 0), (0, 1))), x) == [[3, 5, 7, 9, 5]]
    assert maps(conv([[1, 1]], dilation=(1, 2)), x) == [[4, 6, 8]]
    assert maps(conv([[1, 1, 1]], padding="same", stride=(1, 2)), x) == [[3, 9, 9]]


def test_a_transposed_convolution_puts_the_kernel_where_it_was_read():
    """Cells 1 and 10 with kernel (1, 2, 3) and stride 2: 1 2 3+10 20 30."""
    kernel = jnp.asarray([1.0, 2.0, 3.0])[:, None, None]
    x = jnp.asarray([1.0, 10.0])[None, :, None]

    def spread(extra=0, **windows):
        layer = nn.ConvTransposed(
            kernel, jnp.zeros(1), nn.make_windows((3,), stride=2, **windows), (extra,), 1
        )
        return apply(layer, x)[0, :, 0].tolist()

    assert spread() == [1, 2, 13, 20, 30]
    assert spread(padding=1) == [2, 13, 20]
    assert spread(extra=1) == [1, 2, 13, 20, 30, 0]


@pytest.mark.parametrize("kind", ["max", "average", "min"])
def test_pooling_by_hand(kind):
    """Windows of two by two, side by side, and overlapping with padding that counts for nothing."""
    x = image([1, 2, 3], [4, -5, 6], [7, 8, 9])
    side_by_side = {"max": [[4]], "average": [[0.5]], "min": [[-5]]}
    padded = {
        "max": [[1, 3], [7, 9]],
        "average": [[1, 2.5], [5.5, 4.5]],
        "min": [[1, 2], [4, -5]],
    }

    assert maps(nn.Pool.create(kind, 2), x) == side_by_side[kind]
    assert maps(nn.Pool.create(kind, 2, padding=1), x) == padded[kind]


def test_of_equal_cells_the_first_has_the_gradient():
    """Where a window's cells are equal, one of them takes the whole gradient."""
    layer = nn.Pool.create("max", 2)
    slopes = jax.grad(lambda x: layer(x, TRAINING)[0].sum())(image([3, 3], [3, 3]))

    assert slopes[0, :, :, 0].tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("cells", "kernel"),
    [((6,), 3), ((4, 6), 2), ((4, 6), (2, 3)), ((4, 2, 6), (2, 1, 3)), ((5, 7), 2), ((3, 3), 3)],
)
@pytest.mark.parametrize(("kind", "rows"), [("max", 3), ("min", 3), ("max", 33)])
def test_slopes_of_windows_side_by_side(kind, rows, cells, kernel):
    """Each window's slope stands at its chosen cell, also of ties, along one to three axes; left over cells have none."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 4, (rows, *cells, 2)).astype(np.float32)
    layer = nn.Pool.create(kind, kernel, axes=len(cells))
    answer = layer(jnp.asarray(x), TRAINING)[0]
    g = rng.normal(size=answer.shape).astype(np.float32)
    found = jax.vjp(lambda x: layer(x, TRAINING)[0], jnp.asarray(x))[1](jnp.asarray(g))[0]

    size = (kernel,) * len(cells) if isinstance(kernel, int) else kernel
    wanted = np.zeros_like(x)
    for place in np.ndindex(*answer.shape):
        row, *window, channel = place
        part = tuple(slice(w * k, w * k + k) for w, k in zip(window, size, strict=True))
        inside = x[(row, *part, channel)]
        first = (inside.argmax if kind == "max" else inside.argmin)()
        cell = np.unravel_index(first, inside.shape)
        at = tuple(w * k + c for w, k, c in zip(window, size, cell, strict=True))
        wanted[(row, *at, channel)] = g[place]
    np.testing.assert_array_equal(found, wanted)


def test_all_cells_become_one():
    """The largest, the mean and the smallest of all cells, channel by channel."""
    x = jnp.asarray([[[1.0, 5.0], [3.0, -1.0]]])  # one row, two cells, two channels

    found = {kind: nn.GlobalPool.create(kind)(x, TRAINING)[0].tolist() for kind in nn.POOLINGS}

    assert found == {"max": [[3, 5]], "average": [[2, 2]], "min": [[1, -1]]}


def test_a_shifted_image_shifts_the_map():
    """Away from the borders a convolution does not know where it is."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 9, 8, 3)).astype(np.float32)
    layer = nn.Conv.create(jax.random.key(1), 3, 4, (3, 2))
    here, moved = (np.asarray(apply(layer, jnp.asarray(v))) for v in (x, np.roll(x, (2, 1), (1, 2))))

    np.testing.assert_allclose(moved[:, 2:, 1:], here[:, :-2, :-1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("groups", [1, 3])
def test_k_stacked_kernels_are_k_layers(groups):
    """Each output channel is what a layer with that kernel alone gives."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 6, 5, 3)).astype(np.float32)
    layer = nn.Conv.create(jax.random.key(0), 3, 6, 3, stride=2, padding=1, groups=groups)
    whole = np.asarray(apply(layer, jnp.asarray(x)))
    own, made = 3 // groups, 6 // groups
    for channel in range(6):
        group = channel // made
        alone = nn.Conv(
            layer.weight[..., channel : channel + 1], layer.bias[channel : channel + 1], layer.windows, 1
        )
        part = x[..., group * own : (group + 1) * own]
        np.testing.assert_allclose(
            apply(alone, jnp.asarray(part))[..., 0], whole[..., channel], rtol=1e-5, atol=1e-5
        )


def test_all_forms_are_one_convolution():
    """Patches and rows, of few rows and of many, are the same sums, whatever stride, dilation and padding."""
    rng = np.random.default_rng(2)
    x, weight = rng.normal(size=(3, 7, 9, 5)), rng.normal(size=(3, 2, 5, 4))
    windows = nn.make_windows((3, 2), stride=(2, 1), dilation=(1, 3), padding=((1, 0), (2, 1)))
    x, weight = (jnp.asarray(a, jnp.float32) for a in (x, weight))
    forms = [
        form(windows, order, x, weight)
        for order in (BATCH_LAST, CHANNELS_LAST)
        for form in (convolve_by_patches, convolve_by_rows)
    ]

    for found in (*forms, convolve(jnp.tile(x, (12, 1, 1, 1)), weight, windows)[-3:]):
        np.testing.assert_allclose(found, forms[0], rtol=1e-4, atol=1e-4)
    one = sum(x[1, 1 + u, 1 + 3 * v] @ weight[u, v] for u in range(3) for v in range(2))
    np.testing.assert_allclose(forms[0][1, 1, 3], one, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("cells", "kernel", "products"),
    [
        ((9, 8), (3, 3), {60480: (1, 3), 34560: (2, 3), 17280: (4, 6), 5760: (1, 12), 100: (1, 3)}),
        ((52,), (3,), {24000: (1,), 12000: (2,), 6240: (4,), 100: (1,)}),
        ((5, 4, 3), (2, 2, 2), {30720: (1, 4), 15360: (2, 4), 7680: (4, 4), 1920: (1, 16)}),
    ],
)
def test_windows_in_bands_are_the_same_convolution(monkeypatch, cells, kernel, products):
    """As one thread can do so much, there are so many products of patches and of rows; answers and gradients stay.

    Of 7 x 6 windows and 8 rows, a band of 4 x 6 x 8 columns times 45 x 4 weights is 34,560 multiplications.
    """
    rng = np.random.default_rng(3)
    x = jnp.asarray(rng.normal(size=(8, *cells, 5)), jnp.float32)
    weight = jnp.asarray(rng.normal(size=(*kernel, 5, 4)), jnp.float32)
    windows = nn.make_windows(kernel)
    forms = (convolve_by_patches, convolve_by_rows)[: len(cells)]  # rows of a kernel need two axes

    def found(form, most):
        monkeypatch.setattr(convolving, "_ONE_THREADS_WORK", most)

        def answer(x, w):
            return form(windows, BATCH_LAST, x, w)

        slopes = jax.grad(lambda x, w: jnp.sum(answer(x, w) ** 3), (0, 1))(x, weight)
        return str(jax.make_jaxpr(answer)(x, weight)).count("dot_general["), answer(x, weight), *slopes

    whole = [found(form, 10**9)[1:] for form in forms]
    for most, counts in products.items():
        for form, count, once in zip(forms, counts, whole, strict=True):
            made, *parts = found(form, most)
            assert made == count
            for part, one in zip(parts, once, strict=True):
                np.testing.assert_allclose(part, one, rtol=1e-4, atol=1e-3)


def test_only_products_of_a_middling_size_are_cut():
    """2 million multiplications are one thread's; up to four times as many are cut, if there are columns enough."""
    assert [convolving._bands((80, 32), (8, height, 32)) for height in (3, 6, 12, 13)] == [1, 2, 4, 1]
    assert [convolving._bands((1000, 400), (2, 2, rows)) for rows in (1, 2)] == [1, 1]


def test_no_rows_and_any_number_of_rows():
    """An empty batch has an empty answer and gradient; a program for any number of rows can be exported."""
    layer, pool = nn.Conv.create(jax.random.key(0), 2, 4, (3, 2)), nn.Pool.create("max", 2)
    empty = jnp.zeros((0, 6, 5, 2))
    for context in (TRAINING, nn.inference()):
        assert layer(empty, context)[0].shape == (0, 4, 4, 4)
    assert jax.grad(lambda x: layer(x, TRAINING)[0].sum())(empty).shape == empty.shape

    def answer(x):
        return pool(layer(x, nn.inference())[0], nn.inference())[0]

    (height,) = jax.export.symbolic_shape("height", constraints=["height >= 8"])
    assert jax.eval_shape(answer, jax.ShapeDtypeStruct((2, height, 5, 2), jnp.float32)).shape[2:] == (2, 4)
    (rows,) = jax.export.symbolic_shape("rows")
    x = jnp.asarray(np.random.default_rng(1).normal(size=(3, 6, 5, 2)), jnp.float32)
    anything = jax.export.export(jax.jit(answer))(jax.ShapeDtypeStruct((rows, *x.shape[1:]), x.dtype))
    few = jax.export.export(
        jax.jit(answer),
        disabled_checks=[jax.export.DisabledSafetyCheck.custom_call("LayoutConstraint")],
    )(x)
    for program in (anything, few):
        np.testing.assert_allclose(program.call(x), answer(x), rtol=1e-5, atol=1e-6)


def test_few_rows_are_stored_side_by_side_and_many_by_channels():
    """So it is in the compiled program, where a batch of 32 is read along its rows."""
    layer = nn.Conv.create(jax.random.key(0), 1, 4, 3)
    orders = {}
    for rows in (32, 33):
        program = jax.jit(lambda x: layer(x, TRAINING)[0] * 2).lower(jnp.ones((rows, 6, 6, 1))).compile()
        orders[rows] = f"f32[{rows},4,4,4]{{0,2,1,3}}" in program.as_text()

    assert orders == {32: jax.default_backend() == "cpu", 33: False}


@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
)
def test_the_number_of_windows_is_counted(size, kernel, stride, padding, dilation):
    """The formula gives as many windows as can be laid one after the other."""
    span = dilation * (kernel - 1) + 1
    laid = len(
        [start for start in range(0, size + 2 * padding, stride) if start + span <= size + 2 * padding]
    )
    given_ = {"stride": stride, "padding": padding, "dilation": dilation}
    if laid:
        assert nn.output_size(size, kernel, **given_) == laid
    else:
        with pytest.raises(InputError, match=r"\+ 1 = -?\d+; take a smaller kernel"):
            nn.output_size(size, kernel, **given_)


def test_a_kernel_that_does_not_fit_is_told_in_full():
    """The sum stands in the sentence; a kernel of 3 with padding 1 keeps 7 cells 7."""
    assert nn.output_size(7, 3, padding=1) == 7
    with pytest.raises(InputError, match=r"kernel of 5 \(dilation 2: it spans 9\) does not fit on 6 cells"):
        nn.output_size(6, 5, dilation=2, padding=1)
    layer = nn.Conv.create(jax.random.key(0), 1, 1, 5)
    with pytest.raises(InputError, match=r"\(4 \+ 2\*0 - 5\)/1 \+ 1 = 0"):
        layer(jnp.ones((1, 4, 9, 1)), TRAINING)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: nn.make_windows(0), "kernel must be an integer of at least 1"),
        (lambda: nn.make_windows((3, 3), stride=(1, 2, 3)), "stride must be one number or 2"),
        (lambda: nn.make_windows(3, padding="sme"), 'padding must be "valid", "same"'),
        (lambda: nn.make_windows(3, padding=-1), "padding must be an integer of at least 0"),
        (lambda: nn.make_windows(3, padding=((1, 1),)), "padding must be 2 pairs"),
        (lambda: nn.Conv.create(jax.random.key(0), 4, 6, 3, groups=3), "3 does not divide 4 and 6"),
        (lambda: nn.Pool.create("mean"), "pooling must be one of average, max, min"),
        (lambda: nn.Pool.create("max", 2, padding=2), "at most half the kernel"),
        (lambda: nn.ConvTransposed.create(jax.random.key(0), 1, 1, 3, padding="same"), "takes a number"),
        (lambda: nn.ConvTransposed.create(jax.random.key(0), 1, 1, 3, extra=1), "extra must be below"),
        (
            lambda: nn.ConvTransposed.create(jax.random.key(0), 1, 1, 3, stride=2, extra=2),
            "extra must be below",
        ),
    ],
)
def test_mistakes_are_told(make, told):
    """A value that makes no layer is refused in one sentence."""
    with pytest.raises(ParameterError, match=told):
        make()


def test_a_batch_of_another_shape_is_refused():
    """The sentence says the shape that was wanted and the one that came."""
    layer = nn.Conv.create(jax.random.key(0), 3, 1, 3)
    with pytest.raises(InputError, match=r"\(batch, height, width, 3\), got shape \(2, 8, 8, 1\)"):
        layer(jnp.ones((2, 8, 8, 1)), TRAINING)
    with pytest.raises(InputError, match=r"Pool expects a batch of shape \(batch, height, width, channels\)"):
        nn.Pool.create("max")(jnp.ones((2, 8, 8)), TRAINING)
    spread = nn.ConvTransposed.create(jax.random.key(0), 1, 1, 2, padding=1)
    with pytest.raises(InputError, match="take less padding"):
        spread(jnp.ones((1, 1, 1, 1)), TRAINING)
