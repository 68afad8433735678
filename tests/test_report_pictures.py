import base64
import re
import subprocess
import sys
import warnings
import zlib
from xml.etree import ElementTree as Tree

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import report_findings as made
from gorae.errors import InputError
from gorae.report import pictures
from gorae.report.words import measure

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script>\"'&]]>\u202e$x_{1}$"
ROW = {"model": "mlp", "metric": "accuracy", "score": 0.9, "low": 0.8, "high": 0.95}
BIN = {"confidence": 0.8, "accuracy": 0.7, "low": 0.6, "high": 0.8, "count": 90}


def every_picture() -> dict[str, str]:
    """Each picture once, with hostile names wherever it takes one."""
    x = np.linspace(0, 1, 30)
    curve = {"member": HOSTILE, "epoch": np.arange(1, 4), "train_loss": [3.0, 0.1, 0.01]}
    curve |= {"validation_loss": [3.0, 0.5, 0.6], "validation_score": [0.2, 0.8, 0.7]}
    return {
        "ladder": pictures.ladder_figure([{"model": HOSTILE, "metric": HOSTILE, "score": 0.5}, ROW], HOSTILE),
        "gap": pictures.gap_figure({"train": 0.99, "validation": 0.9}, {"score": 0.91}, metric=HOSTILE),
        "confusion": pictures.confusion_figure([HOSTILE, "고래"], np.array([[5, 1], [0, 6]])),
        "curves": pictures.curves_figure([curve, curve], made.band([curve, curve]), metric=HOSTILE),
        "gradients": pictures.gradient_figure([HOSTILE, "output"], np.arange(3), np.full((3, 2), 0.1)),
        "reliability": pictures.reliability_figure([BIN]),
        "predicted": pictures.predicted_actual_figure(x, x**2, target=HOSTILE),
        "residuals": pictures.residual_figure(x, x**2, target=HOSTILE),
    }


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    return every_picture()


NAMES = ["ladder", "gap", "confusion", "curves", "gradients", "reliability", "predicted", "residuals"]


def written(svg: str) -> list[str]:
    """All text of a picture."""
    return [element.text or "" for element in Tree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_inert_svg_whatever_the_names(drawn, name):
    """Hostile names make no element, no event handler and no address; only drawing is left."""
    elements = list(Tree.fromstring(drawn[name]).iter())

    tags = {element.tag.removeprefix(SVG) for element in elements}
    links = [text for element in elements for key, text in element.items() if "href" in key]
    handlers = [key for element in elements for key in element.attrib if key.startswith("on")]
    assert tags <= {"svg", "g", "defs", "path", "use", "text", "clipPath", "rect"}
    assert handlers == []
    assert all(link.startswith("#") for link in links)


@pytest.mark.parametrize("name", ["ladder", "confusion", "gradients"])
def test_hostile_names_are_shown_as_text(drawn, name):
    """The markup in a name is there to read, with the override of direction made visible or cut away."""
    assert any(text.startswith("</te") for text in written(drawn[name]))
    assert "\u202e" not in drawn[name]
    assert "]]>" not in drawn[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_says_what_it_shows(drawn, name):
    """A reader who cannot see the picture gets a sentence."""
    root = Tree.fromstring(drawn[name])

    assert root.get("role") == "img"
    assert len(root.get("aria-label", "")) > 20


@pytest.mark.parametrize("name", NAMES)
def test_every_colour_follows_the_theme(drawn, name):
    """No colour is fixed but white, which stands on strong fills only."""
    styles = " ".join(element.get("style", "") for element in Tree.fromstring(drawn[name]).iter())
    bare = set(re.findall(r"(?<!,)#[0-9a-f]{6}\b", styles))

    assert bare <= {"#ffffff"}


def test_ids_differ_between_pictures(drawn):
    """Pictures in one page share the namespace of ids; none is used twice, each reference finds its own."""
    page = "".join(drawn.values())
    ids = re.findall(r' id="([^"]+)"', page)
    references = set(re.findall(r'href="#([^"]+)"', page)) | set(re.findall(r"url\(#([^)]+)\)", page))

    assert len(ids) == len(set(ids))
    assert references <= set(ids)


def test_the_same_drawing_is_the_same_text(drawn):
    """Nothing in a picture depends on the time or on chance."""
    assert every_picture() == drawn


def test_drawing_leaves_matplotlib_as_it_was():
    """Settings of the user are neither used nor changed."""
    with matplotlib.rc_context({"font.size": 31.0, "axes.facecolor": "red", "text.usetex": True}):
        before = dict(matplotlib.rcParams)
        svg = pictures.ladder_figure([ROW])
        after = dict(matplotlib.rcParams)

    assert before == after
    assert svg == pictures.ladder_figure([ROW])


def test_pictures_need_no_pyplot():
    """Pyplot keeps figures in a global list; the report must work without it."""
    code = "import sys, gorae.report; sys.exit('matplotlib.pyplot' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_standalone_pictures_bring_both_themes():
    """As a file of its own a picture defines every variable it uses, twice."""
    svg = pictures.standalone(pictures.ladder_figure([ROW]))
    used = set(re.findall(r"var\((--\w+)", svg))

    root = Tree.fromstring(svg.encode())
    sheet = root.findtext(f"{SVG}style") or ""
    assert root.tag == f"{SVG}svg"
    assert all(sheet.count(f"{name}:") == 2 for name in used)


@given(st.text(st.characters(codec=None, categories=None), max_size=60))
@settings(max_examples=20, deadline=None)
def test_any_name_makes_well_formed_svg(name):
    """Whatever characters a name holds, the picture parses and warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = pictures.ladder_figure([{"model": name, "metric": "accuracy", "score": 0.5}])

    assert Tree.fromstring(svg.encode("utf-8")).get("role") == "img"


def test_long_names_are_cut():
    """A name of 5,000 letters does not push the picture aside."""
    svg = pictures.confusion_figure(["x" * 5000, "y"], np.eye(2, dtype=int))

    assert max(map(len, written(svg))) < 60


def test_dots_stand_where_the_scores_are():
    """With scores 0, 1/2 and 1 and no interval the dots are evenly spaced, in the order of the ladder."""
    rows = [{"model": f"m{k}", "metric": "accuracy", "score": k / 2} for k in range(3)]
    svg = pictures.ladder_figure(rows)

    root = Tree.fromstring(svg)
    dots = [element for element in root.iter(f"{SVG}use") if "--blue" in element.get("style", "")]
    x = [float(dot.get("x", "nan")) for dot in dots]
    y = [float(dot.get("y", "nan")) for dot in dots]
    np.testing.assert_allclose(np.diff(x), (x[2] - x[0]) / 2, atol=0.02)
    np.testing.assert_allclose(np.diff(y), 27, atol=1)


@pytest.mark.parametrize(("metric", "sign"), [("accuracy", 1), ("rmse", -1)])
def test_a_far_chance_does_not_flatten_the_intervals(metric, sign):
    """With chance 0.1 and others around 0.95 the axis is cut, and an interval of 0.02 is wide to the eye.

    Uncut, 0.02 of the range 0.87 is 2 % of the width; cut, the others have 80 % of it for a range of 0.04.
    """
    rows = []
    for model, score in (("chance", 0.1 * sign), ("linear", 0.94 * sign), ("mlp", 0.96 * sign)):
        rows.append(
            {"model": model, "metric": metric, "score": score, "low": score - 0.01, "high": score + 0.01}
        )
    root = Tree.fromstring(pictures.ladder_figure(rows, "mlp"))
    strokes = [path for path in root.iter(f"{SVG}path") if "stroke:var(--vermillion" in path.get("style", "")]
    start, end = re.findall(r"[ML] ([\d.]+)", strokes[0].get("d", ""))

    assert float(end) - float(start) > 60


def test_a_model_far_below_chance_becomes_an_arrow():
    """A diverged R² of -80 is told in words at the edge; the axis stays where the others are."""
    rows = [
        {"model": model, "metric": "r2", "score": score}
        for model, score in (("chance", 0.0), ("linear", 0.5), ("wide", -80.0))
    ]
    texts = written(pictures.ladder_figure(rows, "linear"))
    numbers = sorted(float(text.replace("−", "-")) for text in texts if re.fullmatch(r"−?\d+\.\d+", text))

    assert numbers[0] == -80
    assert numbers[1] > -1


def test_a_model_without_a_score_says_so():
    """A model that failed keeps its row."""
    assert "no score" in written(pictures.ladder_figure([ROW, {"model": "rnn", "score": None}]))


def test_thirty_classes_are_the_most_a_matrix_shows():
    """Thirty classes are drawn; thirty-one are refused with the way out."""
    labels = [f"class {k}" for k in range(31)]
    svg = pictures.confusion_figure(labels[:30], np.eye(30, dtype=int))

    with pytest.raises(InputError, match=r"at most 30 classes, but there are 31; use top_confusions"):
        pictures.confusion_figure(labels, np.eye(31, dtype=int))
    assert sum(text.startswith("class ") for text in written(svg)) == 60


def test_counts_stand_in_their_row_and_column():
    """Row 1 (actual b), column 0 (predicted a) holds 7: left of the middle and below it."""
    svg = pictures.confusion_figure(["a", "b"], np.array([[0, 0], [7, 0]]))

    places = {"a": [], "b": [], "7": []}
    for element in Tree.fromstring(svg).iter(f"{SVG}text"):
        places.get(element.text or "", []).append([float(element.get(key, "nan")) for key in "xy"])
    (seven,) = places["7"]
    below, left = max(places["a"], key=lambda at: at[1]), min(places["b"], key=lambda at: at[0])
    np.testing.assert_allclose(seven, [below[0], left[1]], atol=3)


def test_confusions_are_ordered_by_rows_and_leave_out_the_diagonal():
    """Off the diagonal there are 3 (b as a), 2 (a as c) and 1 (c as b), of 10, 4 and 6 rows."""
    counts = np.array([[2, 0, 2], [3, 7, 0], [0, 1, 5]])

    found = pictures.top_confusions(["a", "b", "c"], counts, most=9)
    assert found == [("b", "a", 3, 0.3), ("a", "c", 2, 0.5), ("c", "b", 1, 1 / 6)]


def test_a_matrix_of_the_wrong_shape_is_refused():
    """The message holds both shapes."""
    with pytest.raises(InputError, match=r"2 classes must be of shape \(2, 2\).*\(2, 3\)"):
        pictures.confusion_figure(["a", "b"], np.zeros((2, 3), int))


@pytest.mark.parametrize(
    ("curve", "epoch"),
    [
        ({"epoch": [1, 2, 3], "validation_loss": [0.5, 0.2, 0.9], "validation_score": [0.1, 0.2, 0.3]}, 3),
        ({"epoch": [1, 2, 3], "validation_loss": [0.5, 0.2, np.nan], "validation_score": None}, 2),
        ({"epoch": [1, 2, 3], "validation_score": [0.1, 0.2, 0.3], "kept": 1}, 1),
        ({"epoch": [1, 2], "validation_loss": [np.nan, np.inf]}, None),
        ({"epoch": [1, 2], "train_loss": [1.0, 0.5]}, None),
    ],
)
def test_the_kept_epoch(curve, epoch):
    """The given one, else the best validation score, else the lowest validation loss, else none."""
    assert pictures.kept_epoch(curve) == epoch


def test_an_axis_over_decades_has_plain_numbers():
    """A loss from 3 to 0.001 is drawn on a logarithmic axis, written without formulas."""
    curve = {"member": "1", "epoch": [1, 2, 3], "train_loss": [3.0, 0.05, 0.001]}
    texts = written(pictures.curves_figure([curve]))

    assert {"1", "0.1", "0.01", "0.001"} <= set(texts)
    assert not any("$" in text for text in texts)


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 100_000])
def test_curves_of_any_length_are_drawn_small(epochs):
    """One epoch is a point; a hundred thousand are thinned."""
    epoch = np.arange(1, epochs + 1)
    noise = np.random.default_rng(0).normal(2, 0.1, epochs)

    assert len(pictures.curves_figure([{"member": "1", "epoch": epoch, "train_loss": noise}])) < 30_000


def test_a_diverged_curve_is_drawn_as_far_as_it_goes():
    """NaN and infinity end a line; they neither warn nor widen the axis."""
    curve = {
        "member": "1",
        "epoch": [1, 2, 3],
        "train_loss": [1.0, np.inf, np.nan],
        "validation_score": [np.nan] * 3,
    }

    assert "loss (mean per row)" in written(pictures.curves_figure([curve]))


def test_many_layers_are_thinned_with_both_ends():
    """Of 60 layers ten are drawn, the first and the last among them."""
    texts = written(
        pictures.gradient_figure([f"layer {k}" for k in range(60)], np.arange(5), np.ones((5, 60)))
    )
    layers = [text for text in texts if text.startswith("layer")]

    assert (len(layers), layers[0], layers[-1]) == (10, "layer 0", "layer 59")


def test_gradients_that_vanish_are_drawn():
    """Norms of exactly zero have no logarithm and are left out."""
    assert "gradient norm (loss per unit)" in written(
        pictures.gradient_figure(["a", "b"], np.arange(3), np.array([[1.0, 0], [0.1, 0], [0.01, 0]]))
    )


@pytest.mark.parametrize("rows", [1, 3, 7, 1500, 1501, 10_000])
def test_residuals_of_any_number_of_rows_stay_small(rows):
    """Ten thousand rows are counted in hexagons instead of drawn one by one."""
    rng = np.random.default_rng(rows)
    predicted = rng.normal(5, 3, rows)

    assert len(pictures.residual_figure(predicted, predicted + rng.normal(size=rows))) < 250_000


@pytest.mark.parametrize("level", [0.0, 3.0, 1e30, -1e-30])
def test_a_constant_target_is_drawn(level):
    """A range of zero, at zero or at 1e30, makes neither a warning nor an error."""
    same = np.full(2000, level)

    assert "2000 rows" in pictures.predicted_actual_figure(same, same)
    assert "2000 rows" in pictures.residual_figure(same, same)


def test_nan_rows_are_left_out_of_residuals():
    """Pairs that are not finite are not counted."""
    assert "of 1 rows" in pictures.residual_figure(np.array([1.0, np.nan, 2.0]), np.array([1.0, 1.0, np.inf]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pictures.ladder_figure([]), "the ladder is empty"),
        (lambda: pictures.gap_figure(None, {}, metric="r2"), "training, validation or test score"),
        (lambda: pictures.curves_figure([]), "at least one member"),
        (lambda: pictures.gradient_figure(["a"], np.arange(3), np.ones((2, 1))), r"\(3, 1\).*\(2, 1\)"),
        (lambda: pictures.reliability_figure([{"count": 0}]), "at least one bin with rows"),
        (lambda: pictures.residual_figure(np.ones(2), np.ones(3)), "there are 2 and 3"),
        (lambda: pictures.residual_figure(np.array([np.nan]), np.ones(1)), "finite numbers"),
        (lambda: pictures.image_uri(np.zeros((2, 2, 7))), r"shape \(2, 2, 7\)"),
        (lambda: pictures.image_uri(np.zeros((0, 2))), r"shape \(0, 2\)"),
        (lambda: pictures.weights_uri(np.zeros((2, 2, 3)), 1.0), r"shape \(2, 2, 3\)"),
    ],
)
def test_pictures_of_nothing_are_refused(call, message):
    """What cannot be drawn is said in one sentence."""
    with pytest.raises(InputError, match=message):
        call()


def pixels_of(uri: str, channels: int) -> np.ndarray:
    """Decode a PNG as gorae writes it: eight bits, filter 0."""
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    wide, high = (int.from_bytes(data[place : place + 4], "big") for place in (16, 20))
    start = data.index(b"IDAT") + 4
    rows = np.frombuffer(zlib.decompress(data[start:-12]), np.uint8).reshape(high, 1 + wide * channels)
    return rows[:, 1:].reshape(high, wide, channels)


def test_images_are_stretched_from_black_to_white():
    """Of the values 2, 3 and 6 the grey levels are 0, 255/4 and 255."""
    levels = pixels_of(pictures.image_uri(np.array([[2.0, 3.0, 6.0]])), 1)

    assert levels.ravel().tolist() == [0, 64, 255]


def test_colour_images_and_bytes_are_taken():
    """Bytes of shape (height, width, 3) come out as they were when they span all levels."""
    image = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)

    np.testing.assert_array_equal(pixels_of(pictures.image_uri(image), 3), image)


def test_weights_are_white_at_zero_and_two_coloured():
    """Zero is white, the limit is full blue, minus the limit and beyond is full vermillion."""
    colours = pixels_of(pictures.weights_uri(np.array([[0.0, 2.0, -9.0]]), 2.0), 3)[0]

    assert colours.tolist() == [[255, 255, 255], [0, 114, 178], [213, 94, 0]]


def test_large_images_are_thinned():
    """A picture of 1,000 by 500 pixels becomes a thumbnail."""
    image = pixels_of(pictures.image_uri(np.random.default_rng(0).random((1000, 500))), 1)

    assert max(image.shape) <= 96


def test_an_image_with_holes_is_drawn():
    """NaN and infinity are drawn as the smallest value."""
    levels = pixels_of(pictures.image_uri(np.array([[np.nan, 1.0, 2.0, np.inf]])), 1)

    assert levels.ravel().tolist() == [0, 0, 255, 0]


def test_axes_name_what_they_show_and_its_unit(drawn):
    """Every picture writes the quantity and its unit on its axes."""
    wanted = {
        "confusion": {"predicted class", "actual class", "cells: number of rows"},
        "curves": {"loss (mean per row)", "epoch (passes over the training rows)"},
        "gradients": {"gradient norm (loss per unit)", "epoch (passes over the training rows)"},
        "reliability": {
            "accuracy (share of rows right)",
            "confidence (probability given to the prediction)",
            "rows",
        },
    }
    missing = {name: texts - set(written(drawn[name])) for name, texts in wanted.items()}

    assert missing == {name: set() for name in wanted}
    assert measure("accuracy").axis in written(pictures.ladder_figure([ROW]))
