"""The command line on folders of images: fit, predict, and what it refuses."""

import json

import numpy as np
import pytest

from cli_cases import run

assert run
PIL = pytest.importorskip("PIL.Image", reason="the extra `images`")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of colour images of 4 x 5, one red and one blue, and a folder of other sizes."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name, channel in (("blue", 2), ("red", 0)):
        (root / "shirts" / name).mkdir(parents=True)
        for place in range(20):
            image = rng.integers(0, 120, (4, 5, 3)).astype(np.uint8)
            image[..., channel] += 100
            PIL.fromarray(image).save(root / "shirts" / name / f"{place:02}.png")
    (root / "small").mkdir()
    PIL.new("RGB", (4, 4)).save(root / "small" / "a.png")
    return root


@pytest.fixture
def here(folder, monkeypatch):
    """Run commands in the folder of images."""
    monkeypatch.chdir(folder)
    return folder


def test_a_folder_is_fitted_and_predicted(here, run):
    """A model of a folder of classes tells red from blue in a folder without labels, and in one file."""
    fitted = run("fit", "shirts", "--models", "chance,bayes", "--time", "20", "--force")
    ran = run("predict", "shirts.gorae", "shirts/red")
    one = run("predict", "shirts.gorae", "shirts/blue/03.png")

    assert (fitted.code, ran.code, one.code) == (0, 0, 0)
    assert [line.split(",")[0] for line in ran.out.split()[-20:]].count("red") > 17
    assert one.out.splitlines()[-1].startswith("blue,")
    other = run("predict", "shirts.gorae", "small")
    assert other.code == 1
    assert "trained on images of 4 x 5 pixels and 3 channel(s), but 'small' has images of 4 x 4" in other.err
    told = run("info", "shirts.gorae").out
    assert "a new image needs 60 cells: 4 x 5 x 3" in told
    assert "by name, in any order" not in told


def test_a_model_of_a_folder_is_explained_by_it(here, run):
    """The labels that importance is measured by are the names of the folders."""
    run("fit", "shirts", "--models", "chance,bayes", "--time", "20", "--force")
    ran = run("explain", "shirts.gorae", "shirts", "--json")
    other = run("explain", "shirts.gorae", "shirts/red")

    assert ran.code == 0
    assert json.loads(ran.out)["rows"] == 40
    assert "the images of 'shirts/red' have no labels" in other.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["shirts/red"], 1, "the images of 'shirts/red' have no labels to learn from or be scored on"),
        (["shirts", "--test", "small"], 1, "the images of 'small' have no labels"),
        (["shirts", "--target", "colour"], 2, "--target and --drop are for tables"),
        (["."], 1, "the class folder 'shirts' has no images, only folders"),
    ],
)
def test_folders_that_cannot_be_learned_are_refused(here, run, arguments, code, message):
    """The error says what is missing, without a traceback."""
    ran = run("fit", *arguments, "--out", "elsewhere")

    assert ran.code == code
    assert message in ran.err
