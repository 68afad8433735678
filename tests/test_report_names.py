import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from gorae.report.names import readable, shortened, width
from gorae.report.words import (
    duration,
    ended,
    entry,
    interval,
    measure,
    number,
    scientific,
    settings,
    value,
)

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
        (123456789.0, "123,456,789"),
        (3.2e30, "3.2 × 10³⁰"),
        (-2e-7, "−2 × 10⁻⁷"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_numbers_show_the_digits_that_matter(amount, told):
    """Scores keep three decimals; very large and very small numbers stay short."""
    assert value(amount) == told


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (-0.000808, 0.030, "−0.001 to 0.030"),
        (-0.0003, 0.03, "−0.0003 to 0.0300"),
        (0.98761, 0.98764, "0.98761 to 0.98764"),
        (0.9, 12.5, "0.90 to 12.50"),
        (995.0, 12345.6, "995 to 12,346"),
        (-1.2e-5, 3.4e-6, "(−1.20 to 0.34) × 10⁻⁵"),
        (0.5, 0.5, "0.500 to 0.500"),
        (0.0, 0.0, "0.000 to 0.000"),
        (-1e-12, 0.5, "−0.000 to 0.500"),
    ],
)
def test_both_ends_of_an_interval_have_the_same_decimals(low, high, told):
    """The larger end decides on decimals; more are shown where an end or the width would vanish."""
    assert interval({"low": low, "high": high}) == told


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
@given_settings(max_examples=40, deadline=None)
def test_intervals_of_any_size_are_written_alike(low, high):
    """Whatever the ends are, both have as many decimals and neither has an exponent."""
    told = interval({"low": low, "high": high}) or ""

    decimals = {len(end.partition(".")[2]) for end in re.findall(r"\d[\d,.]*(?= to |\)|$)", told)}
    assert (len(decimals), "e" in told) == (1, False)


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (29340.0, "29,340"),
        (9999.7, "10,000"),
        (2021.0, "2021"),
        (1234.56, "1235"),
        (0.000123456, "0.0001235"),
        (-4.25e-9, "−4.25 × 10⁻⁹"),
        (1e16, "10¹⁶"),
        (0.0, "0"),
        (float("nan"), "missing"),
        (float("-inf"), "−∞"),
    ],
)
def test_entries_of_a_table_are_plain(amount, told):
    """Values of data have four digits, whole ones all of theirs, years no separator, none an exponent."""
    assert entry(amount) == told


@given(st.floats(allow_nan=False, allow_infinity=False))
@given_settings(max_examples=40, deadline=None)
def test_no_number_is_written_with_an_exponent(amount):
    """Scores, entries and powers of any size read like numbers, not like a program's output."""
    assert not re.search("e[+-]", value(amount) + entry(amount) + scientific(amount))


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


def test_large_settings_have_no_exponent():
    """A setting is written as one types it, large ones in full."""
    assert settings({"C": 123456.0, "tol": 1e-5}) == "C 123,456, tol 1e-05"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        *((None, "–"), (0.0, "0\xa0s"), (4e-5, "under 1\xa0ms"), (9.96, "10\xa0s")),
        (59.7, "1\xa0min 0\xa0s"),
    ],
)
def test_durations_at_their_edges(seconds, told):
    """Nothing, zero and a rounded-up minute are written sensibly."""
    assert duration(seconds) == told


def test_a_full_stop_is_added_once():
    """A sentence that has its stop keeps just one."""
    assert ended(ended("it fits well")) == "it fits well."
