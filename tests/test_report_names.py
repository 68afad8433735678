import unicodedata

import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from gorae.report.names import readable, shortened, width
from gorae.report.words import duration, ended, interval, measure, number, settings, value

ANYTHING = st.text(st.characters(codec=None, categories=None), max_size=80)


@given(ANYTHING, st.integers(3, 50))
@given_settings(max_examples=40, deadline=None)
def test_shortened_names_fit_and_hide_nothing(name, limit):
    """However odd a name is, it takes at most the columns allowed and every character can be seen."""
    shown = shortened(name, limit)

    hidden = {letter for letter in shown if unicodedata.category(letter) in {"Cc", "Cs", "Cn", "Zl", "Zp"}}
    assert (width(shown) <= limit, hidden) == (True, set())


@pytest.mark.parametrize(
    "letter", ["\u202e", "\u2066", "\u200f", "\u061c", "\x00", "\x1b", "\ud800", "\ufeff"]
)
def test_characters_that_turn_or_hide_text_become_their_escape(letter):
    """An override of direction, a control character or half a pair is written out, not applied."""
    assert readable(f"a{letter}b") == f"a\\u{ord(letter):04x}b"


def test_joiners_are_kept():
    """Persian and emoji need the joiners, so these stay."""
    family = "\U0001f468\u200d\U0001f469"

    assert readable(family) == family


def test_piled_up_marks_are_bounded():
    """A letter with ten thousand combining marks does not grow past twice the columns."""
    assert len(shortened("a" + "\u0301" * 10_000, 20)) <= 42


def test_short_names_are_unchanged():
    """A name within the limit is shown as it is, markup included; escaping is the writer's work."""
    assert shortened("<b>고래</b>", 40) == "<b>고래</b>"


def test_both_ends_of_a_long_name_are_kept():
    """Names of sensors differ at their ends, so the middle is cut."""
    shown = shortened("x" * 5000 + "_left", 20)

    assert (shown[:3], shown[-5:], len(shown)) == ("xxx", "_left", 20)


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0.97222, "0.972"),
        (0.0, "0.000"),
        (-0.0004, "−0.0004"),
        (65.0, "65.00"),
        (690.26, "690.3"),
        (-53421.7, "−53,422"),
        (3.2e30, "3.2e+30"),
        (2e-7, "2e-07"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_numbers_show_the_digits_that_matter(amount, told):
    """Scores keep three decimals; very large and very small numbers stay short."""
    assert value(amount) == told


def test_the_r2_is_known_by_all_its_names():
    """R², r2 and R2 are one measure."""
    assert {measure(name).name for name in ("R²", "r2", "R2")} == {"R²"}


def test_an_unknown_measure_keeps_its_name():
    """A measure this version does not know is named as it came."""
    assert measure("pinball").axis == "pinball (score)"


def test_missing_and_infinite_numbers_are_none():
    """What is missing, NaN, infinite or text is no number."""
    found = {"a": None, "b": float("nan"), "c": float("inf"), "d": "0.5"}

    assert [number(found, key) for key in "abcde"] == [None] * 5


def test_half_an_interval_is_none():
    """An interval needs both ends."""
    assert interval({"low": 0.5, "high": None}) is None


def test_many_settings_are_cut_with_a_word_about_it():
    """Beyond the limit a line of settings says how many are left."""
    assert settings({"a": 1, "b": 0.25, "c": 3}, limit=2) == "a 1, b 0.25, and 1 more"


@pytest.mark.parametrize(("seconds", "told"), [(None, "–"), (0.0, "0\xa0s"), (59.7, "1\xa0min 0\xa0s")])
def test_durations_at_their_edges(seconds, told):
    """Nothing, zero and a rounded-up minute are written sensibly."""
    assert duration(seconds) == told


def test_a_full_stop_is_added_once():
    """A sentence that has its stop keeps just one."""
    assert ended(ended("it fits well")) == "it fits well."
