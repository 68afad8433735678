"""Filters to look at: kernels, maps and patches are the network's own; the picture and `gorae look` tell them."""

import json
import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import gorae
from cli_cases import run
from gorae.errors import DataError, FileExistsRefusal, InputTypeError, ParameterError
from gorae.explanation import exciting_patches, feature_maps, fields_of, kernels_of
from gorae.models import ConvPart, DensePart, GlobalPoolPart, PoolPart, ResidualPart
from gorae.study.looking import patches_of
from study_cases import study_of

assert run
LAYERS = [ConvPart(3, 3), PoolPart(), ResidualPart(4), GlobalPoolPart("max"), DensePart(5)]


def spots(rows=40, seed=0, channels=1):
    """Bytes with a bright spot on the left or on the right, and where it is."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 100, (rows, 8, 10, channels)).astype(np.uint8)
    right = rng.integers(0, 2, rows)
    for image, side in zip(images, right, strict=True):
        row, column = rng.integers(1, 7), rng.integers(1, 4) + 5 * side
        image[row - 1 : row + 1, column - 1 : column + 1] = 255
    return images, right


@pytest.fixture(scope="module")
def network():
    """A small convolutional network with all kinds of layers."""
    X, y = spots()
    return gorae.CNNClassifier(
        LAYERS, normalization="batch", epochs=2, batch_size=16, learning_rate=0.01, random_state=0
    ).fit(X, y)


@pytest.fixture(scope="module")
def linear():
    """A linear model on images given as rows."""
    X, y = spots()
    return gorae.LinearClassifier(epochs=2, random_state=0).fit(X.reshape(len(X), -1), y)


def test_kernels_are_the_weights_of_the_layers_that_read_images(network):
    """A convolution has its own, a residual block its two; dense layers behind them have none."""
    found = kernels_of(network)
    first = network._learned.members[0].parameters.body.layers[0].conv.weight

    assert [(one.layer, one.weights.shape) for one in found] == [
        ("conv 1", (3, 3, 1, 3)),
        ("residual 1, first", (3, 3, 3, 4)),
        ("residual 1, second", (3, 3, 4, 4)),
    ]
    np.testing.assert_array_equal(found[0].weights, first)


def test_weights_over_the_image_are_a_linear_model_s_own(linear):
    """Unit k's weight on pixel (i, j) is row 10 i + j, column k of the matrix."""
    (found,) = kernels_of(linear, spots()[0])
    weight = np.asarray(linear._learned.members[0].parameters.head.weight)

    assert (found.layer, found.whole) == ("output", True)
    np.testing.assert_array_equal(found.weights[2, 3, 0], weight[23])


def test_maps_are_what_the_hidden_layers_answer(network):
    """Maps of a layer are its hidden features in their places; before a global pooling their maximum is."""
    X, _ = spots(5, seed=1)
    maps = feature_maps(network, X)

    assert {name: one.shape for name, one in maps.items()} == {
        "conv 1": (5, 4, 5, 3),
        "residual 1": (5, 4, 5, 4),
    }
    np.testing.assert_allclose(maps["conv 1"].reshape(5, -1), network.hidden_features(X, "conv 1"), atol=1e-5)
    np.testing.assert_allclose(
        maps["residual 1"].max((1, 2)), network.hidden_features(X, "residual 1"), atol=1e-5
    )


def test_the_most_exciting_patches_are_those_of_the_largest_answers(network):
    """Each filter's answers are the largest maxima over images, strongest first, at the places of the maps."""
    X, _ = spots(300, seed=2)
    maps = feature_maps(network, X)
    for found in exciting_patches(network, X, count=3):
        own = maps[found.layer]
        best = -np.sort(-own.max((1, 2)), axis=0)[:3].T

        np.testing.assert_allclose(found.answers, best, rtol=1e-5)
        for filter, (rows, places) in enumerate(zip(found.rows, found.places, strict=True)):
            at = own[rows, places[:, 0], places[:, 1], filter]
            if (rows >= 0).all():
                np.testing.assert_allclose(at, found.answers[filter], rtol=1e-5)


def test_what_lies_outside_of_a_patch_does_not_matter(network):
    """With all but the patch replaced by noise, the unit answers the same; the patch is cut from its image."""
    X, _ = spots(seed=3)
    noise = np.random.default_rng(1).integers(0, 256, X.shape).astype(np.uint8)
    for found in exciting_patches(network, X, count=2):
        patches = patches_of(found, X)
        live = next(filter for filter, rows in enumerate(found.rows) if rows[0] >= 0)
        row, place = found.rows[live, 0], found.places[live, 0]
        seen = found.field.patch(*place)
        only = noise[row].copy()
        only[seen] = X[row][seen]
        again = feature_maps(network, only[None])[found.layer][0, place[0], place[1], live]

        assert again == pytest.approx(found.answers[live, 0], rel=1e-4)
        patch = patches[live][0]
        assert patch.shape == (*found.field.size, 1)
        np.testing.assert_array_equal(patch[~np.isnan(patch)], X[row][seen].ravel())


def test_a_filter_that_never_answers_has_no_patch(network):
    """On images that are all alike every filter answers the same: none is called excited."""
    even = np.zeros((4, 8, 10, 1), np.uint8)
    (first, _) = exciting_patches(network, even)
    silent = first.answers.max(1) <= feature_maps(network, even)["conv 1"].min((0, 1, 2))

    assert ((first.rows < 0).all(1) == silent).all()


def test_the_picture_shows_every_layer(network, tmp_path):
    """The sheet has a shelf for kernels, maps and patches of each layer; page and picture are safe to open."""
    X, _ = spots()
    found = gorae.look(network, X[0], among=X, name="<b>a spot</b>")
    found.save(tmp_path / "look.svg")
    found.save(tmp_path / "look.html")
    svg, page = ((tmp_path / f"look.{end}").read_text("utf-8") for end in ("svg", "html"))
    headings = re.findall(r">((?:conv|residual) 1[^<]*)</text>", svg)

    assert [h.split(":")[0] for h in headings] == ["conv 1"] * 3 + [
        "residual 1, first",
        "residual 1, second",
    ] + ["residual 1"] * 2
    for text in (svg, page):
        assert "<b>a spot" not in text
        assert "&lt;b&gt;a spot" in text
        assert "<script" not in text
    assert "prefers-color-scheme: dark" in svg
    with pytest.raises(FileExistsRefusal):
        found.save(tmp_path / "look.svg")
    with pytest.raises(ParameterError, match=r"written as .html or .svg"):
        found.save(tmp_path / "look.png")


def test_colour_images_and_regressors_are_looked_at():
    """A network of colour images shows kernels in colour; what a regressor says is a number."""
    X, y = spots(channels=3)
    model = gorae.CNNRegressor([ConvPart(2), PoolPart()], epochs=1, random_state=0).fit(X, y.astype(float))
    found = gorae.look(model, X[0], among=X)

    assert (found.probability, isinstance(found.answer, float)) == (None, True)
    assert "Red, green and blue as they count" in found.picture()


def test_the_model_of_a_study_knows_its_images():
    """A study on images gives a linear model whose weights are shown as images, from rows of pixels."""
    X, y = spots(60)
    model = study_of(X[..., 0], y, models=("linear",)).model
    found = gorae.look(model, X[0])

    assert found.answer in (0, 1)
    assert [(one.layer, one.weights.shape[:3]) for one in found.kernels] == [("output", (8, 10, 1))]
    assert (dict(found.maps), fields_of(model)) == ({}, {})


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((8, 9)), DataError, "reads images of 8 x 10 cells and 1 channel, got 8 x 9 cells"),
        (np.zeros((8, 10, 3)), DataError, "and 1 channel, got 8 x 10 cells and 3 channels; convert"),
        (np.zeros(80), DataError, r"one image was wanted, .* got shape \(80,\)"),
    ],
)
def test_images_of_another_size_are_refused(network, image, error, message):
    """The sizes that were wanted and that came are told."""
    with pytest.raises(error, match=message):
        gorae.look(network, image)


def test_models_without_filters_are_refused(linear):
    """A model of another kind is named; a linear model has weights, but no maps."""
    X, y = spots()
    other = LogisticRegression().fit(X.reshape(len(X), -1), y)

    with pytest.raises(
        InputTypeError, match="filters and weights to look at .* but the model is LogisticRegression"
    ):
        gorae.look(other, X[0])
    with pytest.raises(InputTypeError, match="feature maps are what convolutional networks have"):
        feature_maps(linear, X)
    with pytest.raises(ParameterError, match="count must be a whole number of patches from 1 to 16, got 0"):
        gorae.look(linear, X[0], count=0)


@pytest.fixture
def here(network, linear, tmp_path, monkeypatch):
    """A folder with both models and two images, which commands are run in."""
    PIL = pytest.importorskip("PIL.Image", reason="the extra `images`")
    monkeypatch.chdir(tmp_path)
    network.save("network.gorae")
    linear.save("linear.gorae")
    (tmp_path / "spots").mkdir()
    for place, image in enumerate(spots(6)[0]):
        PIL.fromarray(image[..., 0]).save(f"spots/{place}.png")
    PIL.new("RGB", (20, 16), (9, 200, 9)).save("large.png")
    return tmp_path


def test_the_command_writes_the_picture_and_tells_the_layers(here, run):
    """One line a layer on standard output; with --json the sizes, fields and places as one object."""
    ran = run("look", "network.gorae", "spots", "--row", "2", "--images", "spots")
    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"^spots, image 2: [01] \(probability 0\.\d+\)$", ran.out.splitlines()[0])
    assert "conv 1: 3 kernels of 3 x 3 over 1 channel(s), maps of 4 x 5, a cell sees 4 x 4" in ran.out
    assert (here / "spots-look.html").read_text("utf-8").startswith("<!DOCTYPE html>")

    told = json.loads(
        run("look", "network.gorae", "spots/0.png", "--images", "spots", "--out", "a.svg", "--json").out
    )
    assert (told["schema"], told["file"]) == ("gorae.look/1", "a.svg")
    layers = {layer["layer"]: layer for layer in told["layers"]}
    assert layers["conv 1"]["field"] == {"size": [4, 4], "step": [2, 2], "first": [-1, -1]}
    assert 0 <= layers["conv 1"]["exciting"][0][0]["row"] < 6


def test_a_model_of_rows_shows_its_weights(here, run):
    """A linear model takes an image of as many cells, and its weights are the picture."""
    ran = run("look", "linear.gorae", "spots/0.png", "--out", "w.svg")

    assert ran.code == 0
    assert "output: 2 kernels of 8 x 10 over 1 channel(s)" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["network.gorae", "large.png"],
            1,
            "'large.png' has images of 16 x 20 pixels, but the model reads 8 x 10; give --resize",
        ),
        (["network.gorae", "large.png", "--resize"], 0, ""),
        (
            ["network.gorae", "spots", "--row", "6"],
            1,
            "'spots' has 6 image(s), counted from 0; there is no --row 6",
        ),
        (["network.gorae", "spots", "--out", "a.png"], 1, "written as .html or .svg, not as 'a.png'"),
        (["network.gorae", "iris"], 1, "the data set 'iris' has no images"),
        (["absent.gorae", "spots"], 1, "absent.gorae"),
    ],
)
def test_what_the_command_refuses(here, run, arguments, code, message):
    """One sentence on standard error and the exit code; an image of another size is scaled where that is asked."""
    ran = run("look", *arguments)

    assert ran.code == code
    assert message in ran.err
