"""Marked texts in a report: levels, lengths, and nothing from a text that a browser would run."""

from gorae.report import render_report
from gorae.report.marked import marked_view

LADDER = [{"model": "linear", "metric": "accuracy", "score": 0.9}]


def found(tokens, **options):
    """What a study found of one text."""
    own = [{"token": token, "value": added} for token, added in tokens]
    row = {"row": 7, "actual": "good", "predicted": "bad", "start": 0.0, "end": 1.0, "tokens": own}
    return {"output": "logit", "members": 1, "where": "test", "rows": [{**row, **options}]}


def page(marked):
    """A report with marked texts."""
    return render_report({"title": "reviews", "ladder": LADDER, "marked": marked})


def test_levels_by_hand():
    """Of the strongest, 2: 2 is level 4, -1 is 3 (half of four, and one), 0.3 is 1, and 0.2 is not marked."""
    shown = marked_view(found([("a", 2.0), ("b", -1.0), ("c", 0.3), ("d", 0.2), ("e", None)]))

    told = [(one["way"], one["level"]) for one in shown["rows"][0]["tokens"]]
    assert told == [("for", 4), ("against", 3), ("for", 1), (None, 0), ("unread", 0)]
    assert shown["unread"]


def test_nothing_to_mark():
    """No finding, no text and a text that pushes nothing leave no section, none, and one without marks."""
    assert marked_view(None) is None
    assert marked_view({"rows": []}) is None
    assert [one["level"] for one in marked_view(found([("a", 0.0)]))["rows"][0]["tokens"]] == [0]


def test_hostile_tokens():
    """Markup in a text, and what turns its surroundings round, is shown and not obeyed."""
    text = page(found([("<script>alert(1)</script>", 1.0), ("\u202etxt", -1.0), ("ok", 0.0)]))

    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\u202e" not in text


def test_long_texts_are_cut():
    """A token of many letters and a text of many tokens are shortened, and the rest is told."""
    text = page(found([("x" * 5000, 1.0)] + [("y", 0.1)] * 1000, before=3, after=5))

    assert "x" * 50 not in text
    assert "… 3 before" in text
    assert "… 606 more" in text


def test_unknown_words():
    """They have a mark of their own and no level; what all of them added is told below the text."""
    strange = {"what": "unknown words", "count": 1200, "value": -0.25}
    marked = found([("a", 2.0), ("b", None)], unknown=strange)
    marked["rows"][0]["tokens"][1]["unknown"] = True
    shown = marked_view(marked)

    assert [one["way"] for one in shown["rows"][0]["tokens"]] == ["for", "unknown"]
    assert (shown["unknown"], shown["unread"]) == (True, False)
    text = page(marked)
    assert "1,200 unknown words, together: -0.25" in text
    assert '<span class="unknown" title="unknown: outside the vocabulary">b</span>' in text
    assert "outside the vocabulary" not in page(found([("a", 2.0)], unknown={**strange, "count": 0}))


def test_the_section():
    """It says which rows these are, what the marks measure, and carries a mark for each pushing token."""
    text = page(found([("dull", 1.0), ("and", 0.0)], probability=0.125))

    assert 'href="#marked"' in text
    assert '<mark class="for m4" title="+1">dull</mark>' in text
    assert "Test row" in text
    assert "probability of the actual class 0.125" in text
    assert 'id="marked"' not in page(None)
