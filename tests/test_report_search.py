"""The pictures and the page of a search: what they show is what its table holds."""

import dataclasses
import html
import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as Tree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.datasets import load_diabetes, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gorae import KNeighborsClassifier, KNeighborsRegressor, SearchCV
from gorae.errors import FileExistsRefusal, InputError, NotFittedError
from gorae.report import SearchFacts, pictures, render_search_report, search_facts, search_report
from gorae.report.pictures.canvas import measured
from gorae.report.pictures.scales import Tick, fitting, make_scale, spread
from gorae.report.pictures.score_axis import score_axis
from gorae.report.searches.facts import count_fits, epochs_saved
from gorae.report.searches.spaces import ends_reached, values_in_words
from gorae.report.trails import brief_names, find_trails, tried_settings, varied_names
from gorae.report.words import measure, tick
from gorae.search.lineage import find_parents

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script>\"'&]]>\u202e$x_{1}${{7*7}}<img src=x onerror=alert(1)>"
FIGURES = {"parallel": pictures.parallel_figure, "scores": pictures.settings_scores_figure}


def table(tried: list[dict], scores: list[float], width: float = 0.01, **columns) -> dict:
    """The table of a search, with intervals of one width."""
    found = {"params": tried, "mean_test_score": np.array(scores, float)}
    found |= {"low_test_score": found["mean_test_score"] - width}
    return found | {"high_test_score": found["mean_test_score"] + width} | columns


def random_table(count: int, seed: int = 0) -> dict:
    """A search of a conditional space: numbers, decades, texts, tuples, None, and some failures."""
    rng = np.random.default_rng(seed)
    tried = []
    for _ in range(count):
        one = {"rate": float(10 ** rng.uniform(-5, 0)), "dropout": float(rng.uniform(0, 0.6))}
        one |= {"hidden": [(16,), (64, 32)][rng.integers(2)], "kind": ["relu", "tanh"][rng.integers(2)]}
        one |= {"depth": [None, 3, 5, 7][rng.integers(4)]} if rng.random() < 0.7 else {}
        tried.append(one)
    scores = 0.9 - 0.02 * (np.log10([one["rate"] for one in tried]) + 2) ** 2 + rng.normal(0, 0.01, count)
    scores[5::11] = np.nan
    return table(tried, scores.tolist())


A, B, C, D = ({"rate": rate} for rate in (0.1, 0.2, 0.3, 0.4))
HALVED = table(
    [A, B, C, A, B, A, D],
    [0.5, 0.6, 0.4, 0.55, 0.7, 0.8, 0.75],
    iter=[0, 0, 0, 1, 1, 2, 0],
    n_resources=[1, 1, 1, 3, 3, 9, 9],
    bracket=[0, 0, 0, 0, 0, 0, 1],
)


def elements(svg: str, tag: str, style: str = "") -> list[Tree.Element]:
    """The elements of a kind whose own style, or that of the group around them, has a text."""
    root = Tree.fromstring(svg)
    around = {child: parent for parent in root.iter() for child in parent}
    styles = {
        one: f"{one.get('style', '')};{around[one].get('style', '') if one in around else ''}"
        for one in root.iter()
    }
    return [one for one in root.iter(f"{SVG}{tag}") if style in styles[one]]


def written(svg: str) -> list[str]:
    """All text of a picture."""
    return [element.text or "" for element in elements(svg, "text")]


def lines_of(svg: str) -> list[Tree.Element]:
    """The smooth lines of parallel coordinates."""
    return [path for path in elements(svg, "path", "fill:none") if " C " in path.get("d", "")]


# --- axes of parameters


@pytest.mark.parametrize(
    ("values", "log", "marks"),
    [
        ([1e-4, 1e-3, 1e-1], True, ["10⁻⁴", "0.001", "0.1"]),
        ([16, 32, 64, 128, 256], True, ["16", "32", "64", "128", "256"]),
        ([0.0, 0.2, 0.5], False, ["0", "0.2", "0.5"]),
        ([0, 1e-4, 1e-2], True, ["0", "10⁻⁴", "0.01"]),
        ([-1.0, 1e-4, 1e-2, 1.0], True, ["−1", "10⁻⁴", "0.01", "1"]),
        ([-4, -3, -2, 5], False, ["−4", "−3", "−2", "5"]),
        (["b", "a", None, True], False, ["None", "True", "a", "b"]),
        ([(64, 32), (16,), (64,)], False, ["(16,)", "(64,)", "(64, 32)"]),
        (["sqrt", None, 0.25, 0.5, 1.0], False, ["None", "sqrt", "0.25", "0.5", "1"]),
        ([0.5, "scale", "auto"], False, ["0.5", "auto", "scale"]),
        (["run 10", "run 9"], False, ["run 9", "run 10"]),
        ([1, 1.0, np.float64(1)], False, ["1"]),
        ([True, 1], False, ["1", "True"]),
        ([math.inf, 10**400, 1.0], False, ["1", "∞", tick_text := "1000000000…0000000000"]),
    ],
)
def test_an_axis_shows_its_values(values, log, marks):
    """Decades are logarithmic; zero and what is no number have notches; kinds are not mixed up."""
    scale = make_scale([{"p": value} for value in values], "p")
    texts = [mark.text for mark in scale.ticks]

    assert scale.log == log
    assert [text if len(text) < 20 else tick_text for text in texts] == marks


def test_uniform_draws_are_not_logarithmic():
    """A hundred draws from 0 to 1 span decades by their smallest, and are linear all the same."""
    rng = np.random.default_rng(0)
    even = make_scale([{"p": float(value)} for value in rng.uniform(0, 1, 100)], "p")
    decades = make_scale([{"p": float(value)} for value in 10 ** rng.uniform(-4, 0, 100)], "p")

    assert (even.log, decades.log) == (False, True)
    assert [mark.text for mark in decades.ticks] == ["10⁻⁴", "0.001", "0.01", "0.1", "1"]


def test_decades_are_evenly_spaced():
    """On a logarithmic axis 0.001, 0.01 and 0.1 stand at equal distances."""
    scale = make_scale([{"p": value} for value in (1e-3, 1e-2, 1e-1)], "p")

    np.testing.assert_allclose(np.diff(scale.places), 0.5)


def test_a_missing_parameter_has_a_notch():
    """Settings of another part of the space stand below all numbers, at n/a."""
    scale = make_scale([{"p": 1.0}, {"p": 2.0}, {}, {"p": None}], "p")

    assert scale.ticks[0].text == "n/a"
    assert scale.places[2] == scale.ticks[0].place == min(scale.places)


def test_settings_at_one_value_are_spread_by_score():
    """Three settings at one text stand apart in the order of their scores, within the room of the text."""
    scale = make_scale([{"p": "a"}, {"p": "a"}, {"p": "b"}, {"p": "a"}], "p")
    places = spread(scale, np.array([0.9, np.nan, 0.5, 0.7]))

    assert places[1] < places[3] < places[0] < places[2]
    assert places[2] == scale.places[2]


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=8),
            st.tuples(st.integers()),
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=40, deadline=None)
def test_any_values_stand_on_the_axis(values):
    """Whatever values are, each has a place from 0 to 1, equal ones the same, and ticks do too."""
    scale = make_scale([{"p": value} for value in values], "p")
    by_text: dict[str, set[float]] = {}
    for value, place in zip(values, scale.places, strict=True):
        by_text.setdefault(repr(value), set()).add(float(place))

    assert ((scale.places >= 0) & (scale.places <= 1)).all()
    assert all(0 <= mark.place <= 1 for mark in scale.ticks)
    assert all(len(places) == 1 for places in by_text.values())


def test_ticks_that_do_not_fit_are_thinned():
    """Of eleven numbers on 60 pixels those stay whose texts do not touch."""
    shown = fitting([Tick(k / 10, str(k), False) for k in range(11)], 60, lambda _: 14.0)

    assert [mark.text for mark in shown] == ["0", "3", "6", "9"]


# --- the axis of scores


def test_a_hopeless_setting_does_not_squeeze_the_others():
    """R² of -1e9 beside 0.4 to 0.6 leaves the axis near the good ones, and says that it is cut."""
    axis = score_axis(np.array([0.6, 0.5, 0.4, 0.55, -1e9]))

    assert axis.low > -2
    assert axis.ticks()[0][1].startswith("≤ ")
    assert axis.shade(np.array([-1e9, 0.6])).tolist() == [0, 6]


@pytest.mark.parametrize(
    "scores", [[0.7], [0.7, 0.7], [0.0, 0.0], [np.nan], [1e-300, 2e-300], [-1e308, 1e308]]
)
def test_any_scores_have_an_axis(scores):
    """One score, equal ones, none and tiny ones have an axis of some length around them."""
    axis = score_axis(np.array(scores))

    assert axis.low < axis.high
    assert np.nanmin(np.append(axis.share(np.array(scores)), 0)) >= 0


def test_without_a_score_nothing_is_written_beside_the_axis():
    """Where every setting failed no scale is made up."""
    assert score_axis(np.array([np.nan, np.nan])).ticks() == []
    assert not elements(pictures.parallel_figure(table([A, B], [np.nan, np.nan])), "path", "fill:var(--shade")


# --- settings of a table


def test_a_setting_is_followed_from_rung_to_rung():
    """A climbs three rungs, B two, C one; D is in a bracket of its own."""
    assert find_trails(HALVED) == [(0, 3, 5), (1, 4), (2,), (6,)]


def test_settings_that_are_drawn_twice_stay_two():
    """Equal settings in one bracket are each continued once."""
    found = {"params": [A, A, A, A], "iter": [0, 0, 1, 1], "bracket": [0] * 4}

    assert find_trails(found) == [(0, 2), (1, 3)]


def test_rungs_of_several_batches_are_not_mixed():
    """A sampler that asks twice begins bracket 0 anew; its settings follow one another."""
    found = {"params": [A, B, A, C, D, D], "iter": [0, 0, 1, 0, 0, 1], "bracket": [0] * 6}

    assert find_trails(found) == [(0, 2), (1,), (3,), (4, 5)]


def test_a_population_ends_a_setting_where_its_place_is_taken():
    """In round 1 place 1 goes on from place 0 with another rate; place 0 goes on as it was."""
    found = {"params": [A, B, A, C], "iter": [0, 0, 1, 1], "parent": [0, 1, 0, 0]}

    assert find_trails(found) == [(0, 2), (1,), (3,)]
    assert find_parents(found) == {2: 0, 3: 0}


def test_the_best_has_trained_to_its_end():
    """A score of an early rung does not count against one of the last."""
    found = table([A, B, A], [0.5, 0.9, 0.7], iter=[0, 0, 1], n_resources=[1, 1, 3], bracket=[0, 0, 0])

    assert tried_settings(found).best == 0
    assert tried_settings(found, best=1).best == 1


def test_intervals_end_where_the_measure_does():
    """An accuracy of 0.99 plus or minus 0.03 has an interval that ends at 1; another score's goes on."""
    found = table([A], [0.99], 0.03)

    assert tried_settings(found, metric="accuracy").high.tolist() == [1.0]
    assert tried_settings(found, metric="profit").high.tolist() == pytest.approx([1.02])


def test_parameters_that_never_change_are_left_out():
    """Only what differs is drawn; a parameter that some settings lack differs."""
    assert varied_names([{"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 3}]) == ["b", "c"]
    assert varied_names([{"a": 1}]) == ["a"]
    assert brief_names(["mlp__rate", "pca__dim", "rate"]) == {
        "mlp__rate": "mlp__rate",
        "pca__dim": "dim",
        "rate": "rate",
    }


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"params": []}, "at least one setting"),
        ({"params": [A], "mean_test_accuracy": [0.5]}, "needs the score 'score', but it has accuracy"),
        ({}, "at least one setting"),
    ],
)
@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_a_table_without_settings_is_refused(figure, found, told):
    """The message says what is missing and what there is."""
    with pytest.raises(InputError, match=told):
        figure(found)


# --- parallel coordinates


@pytest.mark.parametrize("count", [1, 2, 24, 300])
def test_every_setting_is_one_line(count):
    """There are as many lines as settings: shaded, dashed where a fit failed, one vermillion."""
    found = random_table(count)
    svg = pictures.parallel_figure(found, metric="accuracy")
    styles = [line.get("style", "") for line in lines_of(svg)]
    failed = int(np.isnan(found["mean_test_score"]).sum())

    assert len(styles) == count
    assert sum("stroke-dasharray" in style for style in styles) == failed
    assert sum("--vermillion" in style for style in styles) == 1
    assert sum("--shade" in style for style in styles) == count - failed - 1
    assert ("failed" in written(svg)) == (failed > 0)


def test_axes_of_parallel_coordinates_are_named():
    """Each parameter and the score have their name; a logarithmic one says so; the best's values stand below."""
    found = table([{"rate": 1e-4, "kind": "relu"}, {"rate": 1e-1, "kind": "tanh"}], [0.8, 0.9])
    texts = written(pictures.parallel_figure(found, metric="accuracy"))

    assert {"rate", "kind", "accuracy", "relu", "10⁻⁴", "0.1"} <= set(texts)
    assert texts.count("log scale") == 1
    assert texts[-4:] == ["0.1", "tanh", "0.900", "best"]


def test_better_lines_lie_on_top_and_end_higher():
    """Lines are drawn worst first; each ends at its score, all scores evenly spaced."""
    found = table([{"p": k} for k in range(4)], [0.2, 0.8, 0.6, 0.4])
    numbers = [
        [float(one) for one in re.findall(r"-?[\d.]+", line.get("d", ""))]
        for line in lines_of(pictures.parallel_figure(found))
    ]
    ends = [path[-1] for path in numbers]

    assert ends == sorted(ends, reverse=True)
    np.testing.assert_allclose(np.diff(ends), (ends[-1] - ends[0]) / 3, atol=0.02)


def test_a_line_crosses_each_axis_at_its_value():
    """A setting in the middle of the range of a parameter begins half-way between the other two."""
    found = table([{"p": 1.0}, {"p": 2.0}, {"p": 3.0}], [0.1, 0.2, 0.3])
    starts = [float((line.get("d") or "").split()[2]) for line in lines_of(pictures.parallel_figure(found))]

    np.testing.assert_allclose(starts[1], (starts[0] + starts[2]) / 2, atol=0.02)


def test_more_parameters_than_fit_are_left_out():
    """Of twenty parameters twelve have an axis, and the picture grows instead of its text shrinking."""
    rng = np.random.default_rng(0)
    found = table(
        [{f"p{k}": float(rng.random()) for k in range(20)} for _ in range(5)], [0.1, 0.2, 0.3, 0.4, 0.5]
    )
    svg = pictures.parallel_figure(found)

    assert sum(bool(re.fullmatch(r"p\d+", text)) for text in written(svg)) == pictures.MOST_DRAWN
    assert float(Tree.fromstring(svg).get("width", "0")) > 1000


# --- score against each parameter


@pytest.mark.parametrize("count", [1, 2, 24, 300])
def test_every_setting_is_a_dot_with_its_interval(count):
    """In each panel all settings are dots, triangles or crosses; those on the axis have an upright stroke."""
    found = random_table(count)
    svg = pictures.settings_scores_figure(found, metric="accuracy")
    scores = found["mean_test_score"]
    panels = len(varied_names(found["params"]))
    low = score_axis(scores).low
    strokes = [path.get("d", "") for path in elements(svg, "path", "fill:none")]
    upright = sum(path.count("M ") for path in strokes if is_upright(path))

    shown = int((scores >= low).sum())
    drawn = len(elements(svg, "use", "fill:var(--blue")) + len(elements(svg, "use", "fill:var(--vermillion"))
    assert drawn == panels * (int(np.isfinite(scores).sum()) + 1)
    assert upright == panels * shown


def is_upright(path: str) -> bool:
    """Whether all strokes of a path go straight up."""
    pairs = re.findall(r"M (\S+) \S+ L (\S+) \S+", path)
    return bool(pairs) and path.count("M") == path.count("L") and all(a == b for a, b in pairs)


def test_panels_are_named_and_share_the_scores():
    """Each panel has its parameter's name, log scale is said, and the line above names measure and interval."""
    texts = written(pictures.settings_scores_figure(random_table(24), metric="accuracy"))

    assert {"rate (log scale)", "dropout", "hidden", "kind", "depth", "failed", "n/a"} <= set(texts)
    assert "accuracy (share of rows, 0 to 1): mean of the splits, with 95 % interval" in texts


def test_a_table_without_intervals_is_drawn():
    """scikit-learn's own searches have no intervals: there are dots only."""
    found = {"params": [A, B], "mean_test_score": [0.5, 0.6]}

    assert len(elements(pictures.settings_scores_figure(found), "use", "--blue")) == 2


def test_long_categories_are_written_upright():
    """Names that do not fit side by side are turned, and none is lost."""
    found = table([{"p": f"a rather long name {k}"} for k in range(5)], [0.1, 0.2, 0.3, 0.4, 0.5])
    svg = pictures.settings_scores_figure(found)
    turned = [one.text for one in elements(svg, "text") if "rotate(-90" in one.get("transform", "")]

    assert len(turned) == 5


# --- rungs


def test_lines_end_where_settings_are_dropped():
    """A reaches three rungs, B two, C one; each line has as many points, and the bracket its panel."""
    svg = pictures.rungs_figure(HALVED, metric="accuracy", best=5)
    texts = written(svg)
    paths = [path.get("d", "") for path in elements(svg, "path", "fill:none")]
    climbed = [path.count("L") for path in paths if re.fullmatch(r"M \S+ \S+( L \S+ \S+)+", path.strip())]
    strong = [
        path for path in elements(svg, "path", "stroke-width:2.6") if "--vermillion" in path.get("style", "")
    ]

    assert "bracket 0: 3 settings from 1 epoch" in texts
    assert "bracket 1: 1 setting from 9 epochs" in texts
    assert {"1", "3", "9", "epochs (log scale)"} <= set(texts)
    assert [path.get("d", "").count("L") for path in strong] == [2]
    assert climbed.count(2) == 1
    assert "3 at 1, 2 at 3, 1 at 9" in svg


def test_epochs_stand_by_their_logarithm():
    """1, 3 and 9 epochs are evenly spaced."""
    svg = pictures.rungs_figure(HALVED)
    place = {
        one.text: float(one.get("x", "nan"))
        for one in reversed(elements(svg, "text"))
        if one.text in {"1", "3", "9"}
    }

    np.testing.assert_allclose(place["3"] - place["1"], place["9"] - place["3"], atol=0.05)


def test_one_bracket_is_not_numbered():
    """With successive halving alone there is nothing to tell apart."""
    found = table([A, B, A], [0.5, 0.4, np.nan], iter=[0, 0, 1], n_resources=[2, 2, 6], bracket=[0, 0, 0])

    assert "2 settings from 2 epochs" in written(pictures.rungs_figure(found))


def test_a_population_begins_where_it_went_on_from():
    """The setting that took over begins at the other's point: its line has two points, it is no setting of the start."""
    found = table(
        [A, B, A, C], [0.5, 0.4, 0.6, 0.7], iter=[0, 0, 1, 1], n_resources=[1, 1, 2, 2], parent=[0, 1, 0, 0]
    )
    svg = pictures.rungs_figure(found)

    assert "2 settings from 1 epoch" in written(svg)
    assert "2 at 1, 2 at 2" in svg


def test_rungs_need_a_search_with_halving():
    """Without the column of epochs there is nothing to draw."""
    with pytest.raises(InputError, match="has no n_resources"):
        pictures.rungs_figure(table([A], [0.5]))


# --- all pictures of a search

TABLES = {
    "one setting": table([{"rate": 0.1, "kind": None}], [0.5]),
    "one parameter": table([A, B, C], [0.5, 0.6, 0.7]),
    "no parameter": table([{}], [0.5]),
    "no number": table(
        [{"p": "a", "q": True}, {"p": "b", "q": None}, {"p": (1, 2), "q": False}], [0.1, 0.2, 0.3]
    ),
    "all failed": table([A, B], [np.nan, np.nan]),
    "conditional": table([A, {"k": 3}, {"k": 5}], [0.5, 0.6, np.nan]),
    "hostile": table([{HOSTILE: HOSTILE, "k": 1}, {HOSTILE: None, "k": 2}], [0.5, 0.6]),
    "halved": HALVED,
    "equal": table([A, B, B], [0.5, 0.5, 0.5]),
    "diverged": table([A, B, C, D], [0.5, -1e300, 0.6, 0.55]),
    "300": random_table(300),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_every_table_makes_an_inert_picture(figure, name):
    """Whatever the table: drawing elements only, colours of the theme, a sentence of alternative text."""
    svg = figure(TABLES[name], metric="accuracy")
    root = Tree.fromstring(svg)
    tags = {one.tag.removeprefix(SVG) for one in root.iter()}
    styles = " ".join(one.get("style", "") for one in root.iter())

    assert tags <= {"svg", "g", "defs", "path", "use", "text", "clipPath", "rect"}
    assert not [key for one in root.iter() for key in one.attrib if key.startswith("on")]
    assert set(re.findall(r"(?<!,)#[0-9a-f]{6}\b", styles)) <= {"#ffffff"}
    assert root.get("role") == "img"
    assert len(root.get("aria-label", "")) > 20
    assert "\u202e" not in svg
    assert figure(TABLES[name], metric="accuracy") == svg


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_no_text_of_a_picture_is_cut_off(figure, name):
    """Every text lies inside its picture, upright ones too."""
    root = Tree.fromstring(figure(TABLES[name], metric="accuracy"))
    size = {"x": float(root.get("width", "nan")), "y": float(root.get("height", "nan"))}
    for one in root.iter(f"{SVG}text"):
        along = "y" if "rotate(-90" in one.get("transform", "") else "x"
        style = one.get("style", "")
        long = measured([one.text or ""], float(re.findall(r"font-size:([\d.]+)px", style)[0]))
        before = {"start": 0.0, "middle": 0.5, "end": 1.0}[re.findall(r"text-anchor:(\w+)", style)[0]]
        start = float(one.get(along, "nan")) - (1 - before if along == "y" else before) * long
        assert -2 <= start < start + long <= size[along] + 2, one.text


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_five_hundred_settings_stay_small(figure):
    """Five hundred settings of five parameters take less than 400 kB."""
    assert len(figure(random_table(500))) < 400_000


@given(st.text(st.characters(codec=None, categories=None), max_size=40), st.text(max_size=40))
@settings(max_examples=15, deadline=None)
def test_any_name_and_value_make_well_formed_pictures(name, value):
    """Parameters and texts of any characters are drawn."""
    found = table([{name: value}, {name: 1}], [0.5, 0.6])

    assert all(Tree.fromstring(figure(found).encode()).get("role") == "img" for figure in FIGURES.values())


# --- the page

NESTED = {"score": 0.7, "low": 0.6, "high": 0.75, "scores": [0.7, 0.7], "chosen": [A, B]}
FULL = SearchFacts(
    table(
        [A, B, C, A], [0.5, 0.6, np.nan, 0.8], iter=[0, 0, 0, 1], n_resources=[3, 3, 3, 9], bracket=[0] * 4
    ),
    title="Digits",
    metric="accuracy",
    best=3,
    estimator="MLPClassifier",
    space=({"rate": loguniform(0.1, 0.4)}, {"rate": [0.1, 0.2, 0.3]}),
    sampler="drawn at random",
    splits="2 folds",
    n_splits=2,
    halving=3,
    refit=True,
    seconds=12.0,
    nested=NESTED,
    simpler={
        "rows": [
            {
                "model": name,
                "metric": "accuracy",
                "score": score,
                "low": score - 0.1,
                "high": score + 0.1,
                "seconds": 2.0,
                "settings": {"<i>": "1"} if name == "knn" else {},
                "ahead": ahead,
            }
            for name, score, ahead in (
                ("chance", 0.5, {"difference": 0.25, "low": 0.125, "high": 0.375}),
                ("knn", 0.625, {"difference": 0.125, "low": -0.125, "high": 0.375}),
                ("mlp", 0.75, None),
            )
        ],
        "sentence": "mlp scores best, but is not shown to be better than the simpler knn.",
        "cost": "Choosing and scoring mlp took 12.0 s, 6 times as long as knn (2.0 s).",
    },
    failures={2: "ParameterError: rate must be below 0.25."},
    about=("1,797 rows",),
    warnings=("Labels look wrong.",),
    created="2026-11-21",
    version="0.1.0",
    machine={"cores": "2"},
)
POOR = SearchFacts(table([{"k": 1}], [0.5]))
HEADINGS = [
    "The best settings",
    "How optimistic is the best score?",
    "Was it worth it?",
    "All settings",
    "Score against each parameter",
]
HEADINGS += ["Who trained on", "What was searched", "Settings that failed", "How to read this report"]


class Reader(HTMLParser):
    """Collects what a browser would act on, and finds tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Keep the kind of element and its attributes."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """The element opened last is closed first."""
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        """Keep an element that is closed at once."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def plain(page: str) -> str:
    """The text of a page in one line, without its pictures."""
    page = re.sub(r"<style>.*?</style>|<svg .*?</svg>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def test_a_page_is_inert_and_closed():
    """No script, no request, a strict policy, every tag closed, every anchor leads somewhere."""
    page = render_search_report(FULL)
    reader = Reader(page)
    ids = [value for key, value in reader.attributes if key == "id"]
    links = {value for key, value in reader.attributes if key in {"href", "src"}}

    assert reader.open == []
    assert not {"script", "iframe", "object", "form", "base", "img"} & set(reader.tags)
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_page_has_the_sections_it_has_facts_for():
    """All are there in their order; a search that knows only its table has three of them."""
    full, poor = (re.findall(r"<h2>([^<]*)</h2>", render_search_report(facts)) for facts in (FULL, POOR))

    assert full == HEADINGS
    assert poor == [HEADINGS[k] for k in (0, 3, 4, 6, 8)]


def test_the_page_tells_what_was_found():
    """Best setting, scores, what was searched, halving, time, failures with their reason: in words."""
    told = plain(render_search_report(FULL)).replace("\xa0", " ")

    for sentence in (
        "Of 3 settings of MLPClassifier tried, the best is: rate 0.1.",
        "In the search it gets 80.0 % of the rows right (95 % interval 79.0 % to 81.0 %) over 2 folds.",
        "what the search chooses gets 70.0 % of the rows right (95 % interval 60.0 % to 75.0 %).",
        "The best score was 10.0 points too good.",
        "The 2 searches chose 2 different settings.",
        "Successive halving by 3: of 3 settings 1 trained to the end (9 epochs).",
        "takes 27 epochs a split; 15 were trained (55.6 %).",
        "6 in the search, one more of the best on all rows",
        "log-uniform from 0.1 to 0.4",
        "1 setting: ParameterError: rate must be below 0.25. rate 0.3",
        "1 of 3 settings failed and has no score.",
        "mlp scores best, but is not shown to be better than the simpler knn.",
        "Choosing and scoring mlp took 12.0 s, 6 times as long as knn (2.0 s).",
        "knn 0.625 0.525 to 0.725 0.125 (−0.125 to 0.375) 2 s <i> 1",
        "Labels look wrong.",
        "2026-11-21",
        "3, drawn at random",
    ):
        assert sentence in told


def test_the_same_facts_make_the_same_page():
    """A page depends on its facts alone."""
    assert render_search_report(FULL) == render_search_report(FULL)


def test_the_table_shows_the_ten_best():
    """Of thirty settings ten are shown, best first, with score, interval and a column a parameter."""
    rng = np.random.default_rng(1)
    scores = rng.permutation(np.linspace(0.5, 0.79, 30))
    page = render_search_report(
        SearchFacts(table([{"k": k, "m": "x" * (k % 3)} for k in range(30)], scores.tolist()), n_splits=5)
    )
    body = page[page.index('id="best"') :]
    rows = re.findall(r"<tr.*?</tr>", body[: body.index("</table>")], flags=re.DOTALL)[1:]

    assert len(rows) == 10
    assert [re.findall(r"0\.\d{3}", row)[0] for row in rows] == [
        f"{score:.3f}" for score in sorted(scores)[:-11:-1]
    ]
    assert 'class="best"' in rows[0]
    assert "The best 10 of 30." in plain(page)


@pytest.mark.parametrize(
    ("nested", "told"),
    [
        (None, "Being the best of 2, this score is too good"),
        ({"score": 0.5, "low": 0.4, "high": 0.55}, "The best score was 10.0 points too good."),
        ({"score": 0.59, "low": 0.4, "high": 0.7}, "1.0 points above; as that is within the interval"),
        ({"score": 0.65, "low": 0.6, "high": 0.7}, "was not too good: it lies 5.0 points lower"),
        ({"score": 0.6}, "The best score is the same."),
        ({"score": 0.5}, "The best score was 10.0 points too good."),
        ({"score": float("nan"), "low": 0.1}, "A search with nested=True tells by how much."),
    ],
)
def test_optimism_is_told_in_words(nested, told):
    """With the score of the whole search the difference is told, and whether it may be chance; else that it is not known."""
    facts = SearchFacts(table([A, B], [0.6, 0.5]), metric="accuracy", nested=nested)

    assert told in plain(render_search_report(facts)).replace("\xa0", " ")


def test_a_single_setting_is_not_flattered():
    """Where nothing was chosen, nothing is said to be too good."""
    told = plain(render_search_report(POOR))

    assert "nothing was chosen" in told
    assert "is too good:" not in told


def test_a_search_that_failed_has_a_page():
    """With no score there is no best setting, and every failure is listed."""
    told = plain(render_search_report(SearchFacts(table([A, B], [np.nan, np.nan]), n_splits=2)))

    assert "2 settings tried, and none of them has a score." in told
    assert "no reason was kept" in told
    assert 'With error_score="raise"' in told


def test_failures_are_grouped_by_reason():
    """Twenty settings with one reason are one group, with how many splits each lost and a few examples."""
    scores = [0.5] + [np.nan] * 20
    splits = {"split0_test_score": np.array([0.5] * 21), "split1_test_score": np.array(scores)}
    found = table([{"k": k} for k in range(21)], scores, **splits)
    told = plain(
        render_search_report(
            SearchFacts(found, n_splits=2, failures=dict.fromkeys(range(1, 21), "ValueError: k"))
        )
    )

    assert "20 settings: ValueError: k k 1 (no score in 1 of 2 splits)" in told
    assert "and 16 more" in told


def test_why_a_search_ended_is_told():
    """A budget that was spent and Ctrl-C stand under what to be aware of."""
    spent = dataclasses.replace(POOR, ended="budget", budget="10m")

    assert "ended before its plan: its budget was spent." in plain(render_search_report(spent))
    assert "it was interrupted" in plain(render_search_report(dataclasses.replace(POOR, ended="interrupted")))


def test_a_population_tells_its_schedule():
    """What the best was trained with is listed, equal stretches joined."""
    found = table(
        [A, B, A, C], [0.5, 0.4, 0.6, 0.7], iter=[0, 0, 1, 1], n_resources=[1, 1, 2, 2], parent=[0, 1, 0, 0]
    )
    facts = SearchFacts(found, n_splits=3, schedule=((1, A), (2, A), (None, C)))
    told = plain(render_search_report(facts))

    assert "2 settings trained together for 2 epochs. In all, a poor one gave up its place 1 time" in told
    assert "until epoch 2: rate 0.1 to the end: rate 0.3" in told
    assert (count_fits(facts), epochs_saved(facts)) == (6, None)


@pytest.mark.parametrize("hostile", [HOSTILE, "\u202egnp.exe\x00\ud800" + "W" * 5000])
def test_hostile_texts_are_only_ever_shown(hostile):
    """With every text hostile the page has the same kinds of elements, no handler and no long name."""
    tried = [{f"{hostile}1": hostile, "k": 1}, {f"{hostile}1": "b", "k": 2}, {"k": 3}]
    found = table(tried, [0.5, 0.6, np.nan], iter=[0, 0, 0], n_resources=[1, 1, 1], bracket=[0, 0, 0])
    nested = {**NESTED, "chosen": tried}
    words = dict.fromkeys(("title", "metric", "estimator", "sampler", "splits", "budget", "ended"), hostile)
    words |= {"halving": hostile, "created": hostile, "version": hostile}
    facts = dataclasses.replace(
        FULL,
        results=found,
        best=1,
        nested=nested,
        space=({hostile: [hostile, 1], "k": norm(0, 1)},),
        failures={2: hostile},
        about=(hostile,),
        warnings=(hostile,),
        machine={hostile: hostile},
        schedule=((1, tried[0]),),
        **words,
    )
    page = render_search_report(facts)
    reader = Reader(page)

    assert set(reader.tags) <= set(Reader(render_search_report(FULL)).tags) | {"div", "ol"}
    assert not [key for key, _ in reader.attributes if key.startswith("on")]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\ud800-\udfff]|]]>", page)
    assert max(map(len, re.findall("W+", page)), default=0) <= 2000
    assert page.encode("utf-8")


def test_many_parts_and_parameters_are_bounded():
    """A space of 20 parts, 60 parameters and lists of 200 values makes a page below 1 MB."""
    tried = [{f"p{k}": k + n for k in range(60)} for n in range(20)]
    part = {f"p{k}": list(range(200)) for k in range(60)}
    page = render_search_report(SearchFacts(table(tried, np.linspace(0, 1, 20).tolist()), space=(part,) * 20))

    assert len(page) < 1_000_000
    assert "and 188 more" in page
    assert "52 further parameters are not shown" in plain(page)


def test_a_report_is_written_and_not_overwritten(tmp_path):
    """The file holds the page; an existing one is replaced only by force."""
    path = tmp_path / "search.html"
    search_report(path, POOR)
    with pytest.raises(FileExistsRefusal):
        search_report(path, FULL)
    assert path.read_text(encoding="utf-8") == render_search_report(POOR)
    search_report(path, FULL, force=True)

    assert path.read_text(encoding="utf-8") == render_search_report(FULL)


# --- the space in words


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (loguniform(1e-5, 1), "log-uniform from 10⁻⁵ to 1"),
        (uniform(0, 0.5), "uniform from 0 to 0.5"),
        (randint(1, 30), "whole numbers from 1 to 29"),
        (norm(0, 1), "drawn from norm"),
        (["relu", None, True, (8, 8)], "relu, None, True, (8, 8)"),
        (np.array([0.1, 0.2]), "0.1, 0.2"),
        (range(20), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 8 more"),
    ],
)
def test_a_space_is_told_in_words(values, told):
    """Distributions have their range, lists their first values."""
    assert values_in_words(values) == told


class Odd:
    """A distribution that knows nothing of itself."""

    def rvs(self, random_state=None):
        """Draw."""
        return 1

    def support(self):
        """Fail."""
        raise RuntimeError


def test_another_distribution_is_named_by_its_class():
    """Whatever it raises, it has no range to tell."""
    assert values_in_words(Odd()) == "drawn from Odd"
    assert ends_reached([{"k": Odd()}], {"k": 1}) == []


@pytest.mark.parametrize(
    ("space", "best", "end"),
    [
        ([{"p": loguniform(1e-4, 0.1)}], {"p": 0.095}, "upper"),
        ([{"p": loguniform(1e-4, 0.1)}], {"p": 1.05e-4}, "lower"),
        ([{"p": loguniform(1e-4, 0.1)}], {"p": 0.05}, None),
        ([{"p": uniform(0, 0.5)}], {"p": 0.001}, None),
        ([{"p": [1, 3, 9]}], {"p": 1}, None),
        ([{"p": [1, 3, 9]}], {"p": 9}, "upper"),
        ([{"p": [1, 9]}], {"p": 9}, None),
        ([{"p": ["a", "b", "c"]}], {"p": "c"}, None),
        ([{"p": [1, 2, 3]}, {"p": [1, 2, 9], "q": [1]}], {"p": 3}, "upper"),
        ([{"p": [1, 2, 3]}, {"p": [1, 2, 9]}], {"p": 3}, None),
        ([{"p": [10**400, 1, 2, 3]}], {"p": 10**400}, None),
    ],
)
def test_a_best_value_at_the_end_of_its_range_is_told(space, best, end):
    """Near an end something better may lie beyond; below zero, or below one of a count, nothing does."""
    told = ends_reached(space, best)

    assert [line.split(" end ")[0].split()[-1] for line in told] == ([end] if end else [])


def test_losses_with_their_sign_turned_are_told_as_negative():
    """scikit-learn's neg_ scores are higher for the better, and end at 0."""
    what = measure("neg_mean_squared_error")

    assert (what.name, what.higher_is_better, what.most) == ("negative mean squared error", True, 0)


@pytest.mark.parametrize(("amount", "told"), [(0.0, "0"), (-0.25, "−0.25"), (1e-3, "0.001"), (1e6, "10⁶")])
def test_ticks_are_short(amount, told):
    """Numbers beside an axis have no exponent but a power of ten."""
    assert tick(amount) == told


# --- read from a search

X, Y = load_wine(return_X_y=True)


def test_facts_of_a_nested_search():
    """What a fitted search knows is read, and its page has its numbers."""
    space = {"n_neighbors": [1, 5, 9], "metric": ["manhattan", "euclidean"]}
    search = SearchCV(KNeighborsClassifier(), space, sampler="grid", cv=3, nested=True).fit(X, Y)
    facts = search_facts(search)
    told = plain(render_search_report(facts)).replace("\xa0", " ")

    assert (facts.metric, facts.score, facts.best) == ("accuracy", "score", search.best_index_)
    assert (facts.sampler, facts.splits, facts.n_splits) == ("all of the grid", "3 stratified folds", 3)
    assert facts.nested is not None
    assert facts.nested["chosen"] == search.nested_.chosen
    assert (count_fits(facts), epochs_saved(facts)) == (18, None)
    assert f"gets {100 * search.best_score_:.1f} % of the rows right" in told
    assert f"Accuracy of the whole search {search.nested_.score:.3f}" in told
    assert "Search for settings of KNeighborsClassifier" in told


def test_facts_of_a_pipeline_with_several_scores():
    """The score that decides is told, the pipeline's steps named, and parameters lose the step before them."""
    pipeline = make_pipeline(StandardScaler(), KNeighborsClassifier())
    space = [{"kneighborsclassifier__n_neighbors": [1, 3]}, {"standardscaler__with_mean": [True, False]}]
    options = {"scoring": {"hit": "accuracy", "f": "f1_macro"}, "refit": "f", "cv": 2, "repeats": 2}
    search = SearchCV(pipeline, space, sampler="grid", random_state=0, **options).fit(X, Y)
    facts = search_facts(search, title="Wine")
    page = render_search_report(facts)

    assert (facts.score, facts.metric, facts.title) == ("f", "f1_macro", "Wine")
    assert facts.splits == "2 stratified folds, repeated 2 times"
    assert facts.estimator == "a pipeline of StandardScaler, KNeighborsClassifier"
    assert {"n_neighbors", "with_mean", "n/a"} <= set(re.findall(r">([^<>]+)</text>", page))
    assert "kneighborsclassifier__n_neighbors" in page


@pytest.mark.parametrize(
    ("change", "metric", "splits"),
    [
        ({}, "r2", "3 folds"),
        ({"scoring": "neg_mean_absolute_error"}, "neg_mean_absolute_error", "3 folds"),
        ({"scoring": lambda model, X, y: model.score(X, y)}, "<lambda>", "3 folds"),
        ({"cv": [(np.arange(50), np.arange(50, 99))]}, "r2", "1 given splits"),
        ({"refit": False}, "r2", "3 folds"),
    ],
)
def test_facts_of_a_regression(change, metric, splits):
    """Without scoring it is R²; splits are told as they were asked for; a single split has no interval."""
    rows, values = (part[:120] for part in load_diabetes(return_X_y=True))
    search = SearchCV(KNeighborsRegressor(), {"n_neighbors": [1, 5]}, sampler="grid", cv=3)
    facts = search_facts(search.set_params(**change).fit(rows, values))

    assert (facts.metric, facts.splits) == (metric, splits)
    assert Reader(render_search_report(facts)).open == []


def test_an_unfitted_search_has_no_facts():
    """It says what to do."""
    with pytest.raises(NotFittedError, match="call fit on it first"):
        search_facts(SearchCV(KNeighborsClassifier(), {"n_neighbors": [1]}))
