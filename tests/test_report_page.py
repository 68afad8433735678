import copy
import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import report_findings as made
from gorae.errors import InputError
from gorae.report import render_report
from gorae.report.answer import sentences

HOSTILE = (
    "</td><script>alert(1)</script><svg/onload=alert(1)>\"'><img src=x onerror=alert(1)>&]]>\u202e{{7*7}}"
)
MAKERS = {
    "digits": made.digits_findings,
    "regression": made.regression_findings,
    "families": made.families_findings,
    "minimal": lambda: made.MINIMAL,
}


class Reader(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.headings: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Keep the kind of element and its attributes."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data):
        """Keep all text, and apart the second-level headings."""
        self.text.append(data)
        if self.tags and self.tags[-1] == "h2" and data.strip() in HEADINGS:
            self.headings.append(data.strip())


HEADINGS = [
    "The models, simplest first",
    "Training, validation, test",
    "Diagnosis",
    "Which class is mistaken for which",
    "Where the predictions are off",
    "Can its confidence be believed?",
    "Does it know what it does not know?",
    "The hardest examples",
    "What the linear model looks for",
    "Learning curves",
    "The plan, and what it gave up",
    "Notes on the data",
    "How to read this report",
]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: render_report(make()) for name, make in MAKERS.items()}


def plain(page: str) -> str:
    """The text of a page in one line."""
    return re.sub(r"\s+", " ", " ".join(Reader(page).text))


@pytest.mark.parametrize("name", MAKERS)
def test_a_page_asks_for_nothing(pages, name):
    """No script, no frame, no form, no address but anchors of the page and images inside it."""
    reader = Reader(pages[name])
    links = {
        value for key, value in reader.attributes if key in {"href", "src", "xlink:href", "action", "data"}
    }

    assert not {"script", "iframe", "object", "embed", "form", "base", "foreignobject"} & set(reader.tags)
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"url\((?!#)|@import|https?://(?!www\.w3\.org/2000/svg)", pages[name])


@pytest.mark.parametrize("name", MAKERS)
def test_a_page_forbids_scripts_and_requests(pages, name):
    """The content policy stands before anything that could load."""
    head = pages[name][: pages[name].index("<title>")]

    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', head)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")


SIZES = {"digits": 400_000, "regression": 600_000, "families": 1_500_000, "minimal": 40_000}


@pytest.mark.parametrize("name", MAKERS)
def test_a_page_is_small(pages, name):
    """Thirty members of 400 epochs and 26 classes stay far below 5 MB."""
    assert len(pages[name].encode("utf-8")) < SIZES[name]


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("digits", {4}),
        ("regression", {3, 5, 6, 8, 10, 11}),
        ("families", {2, 4, 6, 8, 10, 11}),
        ("minimal", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}),
    ],
)
def test_sections_without_findings_are_left_out(pages, name, left_out):
    """A page holds exactly the sections it has findings for, in a fixed order."""
    assert Reader(pages[name]).headings == [
        heading for place, heading in enumerate(HEADINGS) if place not in left_out
    ]


@pytest.mark.parametrize("name", MAKERS)
def test_every_anchor_leads_somewhere(pages, name):
    """Each link of the contents finds its section, and no id is used twice."""
    reader = Reader(pages[name])
    ids = [value for key, value in reader.attributes if key == "id"]
    links = {value[1:] for key, value in reader.attributes if key == "href" and value.startswith("#")}

    assert links <= set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", MAKERS)
def test_tags_are_closed(pages, name):
    """Every element that is opened is closed in order."""
    open_tags: list[str] = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in {"meta", "link", "img", "br"}:
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

        def handle_startendtag(self, tag, attrs):
            pass

    Balance().feed(pages[name])
    assert open_tags == []


@pytest.mark.parametrize("name", MAKERS)
def test_images_and_pictures_have_words(pages, name):
    """Each image has an alternative text and each picture a label."""
    images = re.findall(r"<img [^>]*>", pages[name])
    drawn = re.findall(r"<svg [^>]*>", pages[name])

    assert all(re.search(r' alt="[^"]{10,}"', image) for image in images)
    assert all(re.search(r' aria-label="[^"]{10,}"', picture) for picture in drawn)
    assert len(drawn) >= 1


def test_the_same_findings_make_the_same_page(pages):
    """A page depends on its findings alone."""
    assert render_report(made.digits_findings()) == pages["digits"]


def test_findings_are_left_as_they_were():
    """Rendering reads its findings and changes nothing."""
    findings = made.regression_findings()
    before = copy.deepcopy(findings)
    render_report(findings)

    np.testing.assert_equal(findings, before)


def test_the_answer_stands_on_top(pages):
    """Best model, test score with interval, the verdict and the comparison are told before any section."""
    top = plain(pages["digits"][: pages["digits"].index('id="ladder"')])

    for told in (
        "Of 6 models tried, mlp ensemble is the best.",
        "On 360 test rows that nothing else touched it gets 97.8\xa0% of the rows right".replace("\xa0", " "),
        "guessing would get 10.1",
        "It fits well: training is 1.7 points above validation",
        "the data do not show that the deeper model pays.",
    ):
        assert told in top.replace("\xa0", " ")


def test_a_verdict_names_its_figure_and_one_thing_to_try(pages):
    """A diagnosis tells illness, sentence and advice; without an illness, what was looked at."""
    ill, well = plain(pages["regression"]), plain(pages["digits"])

    assert "Underfits. Training scores 0.52, validation 0.488: both are low. Try: wider hidden layers." in ill
    assert "Not judged: vanishing gradients: fewer than 3 epochs have any gradient." in ill
    assert "Nothing was found wrong. Looked at: the training loss over 60 epochs; 128 hidden units" in well
    assert "Nothing was found wrong" not in ill


def test_the_table_follows_the_ladder(pages):
    """Models stand in the order of the ladder with score, interval and fits."""
    told = plain(pages["digits"])

    assert re.search(r"linear 0\.956 0\.\d+ to 0\.\d+ 165 ", told)
    assert told.index("Gaussian Bayes 0.893") < told.index("linear 0.956") < told.index("mlp ensemble (best)")


def test_a_regression_tells_rmse_beside_r2(pages):
    """Further scores get their own column."""
    assert "R² 95 % interval RMSE fits time" in plain(pages["regression"])


def test_more_than_thirty_classes_become_a_table():
    """Forty classes have no matrix but their most frequent confusions."""
    labels = [f"class {k}" for k in range(40)]
    page = render_report({**made.MINIMAL, "confusion": made.confusion(labels, 50)})

    assert "40 classes are too many for a readable matrix" in plain(page)
    assert "Confusion matrix of" not in page


def spoiled(content: object, name: str) -> object:
    """The same findings with every text and every key that is a name from outside replaced."""
    if isinstance(content, str):
        return name
    if isinstance(content, dict):
        outside = not content.keys() & KNOWN_KEYS
        return {
            f"{name}{place}" if outside else key: spoiled(part, name)
            for place, (key, part) in enumerate(content.items())
        }
    if isinstance(content, list):
        return [spoiled(part, name) for part in content]
    return content


KNOWN_KEYS = {
    *("title", "rows", "lines", "model", "simpler", "metric", "train", "labels", "member", "epoch", "layers"),
    *("bins", "confidence", "predicted", "row", "label", "verdicts", "illness", "score", "gain"),
}


@pytest.mark.parametrize("name", ["digits", "regression"])
@pytest.mark.parametrize("hostile", [HOSTILE, "\u202egnp.exe\x00\ud800" + "W" * 5000])
def test_hostile_texts_are_only_ever_shown(pages, name, hostile):
    """With every text of the findings hostile, the page has the same kinds of elements and no handler."""
    page = render_report(spoiled(MAKERS[name](), hostile))

    reader = Reader(page)
    assert set(reader.tags) <= set(Reader(pages[name]).tags)
    assert not [key for key, _ in reader.attributes if key.startswith("on")]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\ud800-\udfff]|]]>", page)
    assert max(map(len, re.findall("W+", page)), default=0) <= 2000


@given(st.text(st.characters(codec=None, categories=None), min_size=1, max_size=60))
@settings(max_examples=15, deadline=None)
def test_any_model_name_is_found_again_in_the_page(name):
    """A page reads back the shown form of whatever name a model has, and is valid UTF-8."""
    page = render_report({"title": "t", "ladder": [{"model": name, "score": 0.5}]})

    assert page.encode("utf-8").decode("utf-8") == page
    assert set(Reader(page).tags) == set(Reader(render_report(made.MINIMAL)).tags)


def test_templates_in_names_are_not_run():
    """A column called {{7*7}} stays as it is."""
    page = render_report({"title": "{{7*7}}", "ladder": [{"model": "{% raw %}", "score": 0.5}]})

    assert "{{7*7}}" in page
    assert "{% raw %}" in page


@pytest.mark.parametrize("key", sorted(set(made.digits_findings()) - {"title", "ladder"}))
def test_any_finding_may_be_none(key):
    """Each key but title and ladder can be missing."""
    findings = {key: made.digits_findings()[key]} | {"title": "t", "ladder": [{"model": "mlp ensemble"}]}

    assert "How to read this report" in render_report(findings)
    assert "How to read this report" in render_report({**findings, key: None})


@pytest.mark.parametrize("missing", ["title", "ladder"])
def test_title_and_ladder_are_needed(missing):
    """Without them there is no report."""
    with pytest.raises(InputError, match="needs a title and a ladder"):
        render_report({**made.MINIMAL, missing: None})


def test_a_best_model_outside_the_ladder_is_refused():
    """The message lists the models there are."""
    with pytest.raises(InputError, match=r"one of the ladder \(chance, mlp\), but is 'cnn'"):
        render_report({**made.MINIMAL, "best": "cnn"})


def test_lower_is_better_for_errors():
    """Without a named best model the smallest RMSE wins."""
    rows = [{"model": model, "metric": "rmse", "score": score} for model, score in (("a", 3.0), ("b", 2.0))]

    assert sentences({"ladder": rows})[0].startswith("Of 2 models tried, b is the best.")


@pytest.mark.parametrize(
    ("score", "told"),
    [
        (0.452, "explains 45.2\xa0% of the variance (R² 0.452)"),
        (-0.1, "no better than always answering the mean"),
    ],
)
def test_a_negative_r2_is_told_in_words(score, told):
    """Below zero there is no share of variance to speak of."""
    assert told in sentences({"ladder": [{"model": "a", "metric": "R²", "score": score}]})[0]


def test_long_lists_are_cut_with_a_word_about_it():
    """A thousand warnings do not bury the report."""
    page = render_report({**made.MINIMAL, "warnings": [f"warning {k}" for k in range(1000)]})

    assert "and 940 more" in plain(page)


def test_hard_examples_without_images_are_a_table(pages):
    """Tables show the columns' values; columns beyond eight are counted."""
    told = plain(pages["regression"])

    assert "body mass index" in told
    assert "4 further columns are not shown" in told


def test_template_and_style_lie_in_the_package():
    """An installed copy finds what it needs beside its modules."""
    folder = files("gorae.report")

    assert all(folder.joinpath(name).is_file() for name in ("page.html.jinja", "page.css"))


def test_both_themes_and_paper_are_styled(pages):
    """The page follows the reader's theme and has rules for print and for narrow screens."""
    for rule in ("(prefers-color-scheme: dark)", "@media print", "max-width: 560px", 'name="viewport"'):
        assert rule in pages["minimal"]
