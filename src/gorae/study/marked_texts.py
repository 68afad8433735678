"""Texts whose tokens are marked by how much each pushed a model's answer, for its report and the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from gorae.data import TextEncoding
from gorae.data.texts import shown_tokens
from gorae.data.vocabulary import UNKNOWN
from gorae.estimators.given import given_rows
from gorae.explanation import token_attributions
from gorae.models.sequence import SequenceShape
from gorae.study.model import StudyModel
from gorae.study.prepare import Prepared

__all__ = ["marked_finding", "marked_texts"]

_SHOWN_TEXTS = 6
_SHOWN_TOKENS = 160


def marked_texts(
    model: StudyModel, texts: pl.DataFrame, rows: Sequence[int], of: Sequence[Any] | None = None
) -> dict[str, Any] | None:
    """Return texts with what each of their tokens adds to the answers.

    Args:
        model: of a study of texts.
        texts: a table with their column.
        rows: what each is called.
        of: the class that is explained of each, None for the predicted ones.

    What the model has never learned has no vector of its own, so that no such word is credited: what all of
    them add is told once.

    Returns:
        output, members and rows: row, of, start, end, gap, tokens (token; value, None where it was not read
        or is unknown; unknown: whether it is outside the vocabulary), unknown (what, count and value of all
        words and n-grams that are), before and after (tokens that are left out of a long text); None for a
        model that has no gradient.
    """
    encoding, shape = model.encoding, getattr(getattr(model.estimator, "_learned", None), "shape", None)
    if not isinstance(encoding, TextEncoding) or not isinstance(shape, SequenceShape):
        return None
    matrix, told, output, members = model.matrix(texts), [], "", 0
    for place, row in enumerate(rows):
        found = token_attributions(
            model.estimator, matrix[place : place + 1], of=None if of is None else _code(model, of[place])
        )
        text = texts[encoding.column][place]
        known = _is_known(model, matrix[place : place + 1], encoding, text)
        tokens, values, strange = _credited(encoding, text, found.values[0], known)
        first, last = _window(values)
        output, members = found.output, found.members
        own = found.of[0]
        told.append(
            {
                "row": int(row),
                "of": own if model.classes is None else _plain(model.classes[int(own)]),
                "start": float(found.start[0]),
                "end": float(found.end[0]),
                "gap": float(found.gap[0]),
                "tokens": [
                    {"token": token, "value": None if np.isnan(value) else value, "unknown": unknown}
                    for token, value, unknown in zip(
                        shown_tokens(tokens[first:last]),
                        values[first:last].tolist(),
                        strange[first:last].tolist(),
                        strict=True,
                    )
                ],
                "unknown": {
                    "what": _what_is_unknown(encoding),
                    "count": int((~known).sum()),
                    "value": float(found.values[0].sum() - np.nansum(values)),
                },
                "before": first,
                "after": len(tokens) - last,
            }
        )
    return {"output": output, "members": members, "rows": told}


def _is_known(model: StudyModel, row: Any, encoding: TextEncoding, text: Any) -> np.ndarray:
    """Return which steps of a text's row the model has learned: those of its vocabulary.

    A bin of n-grams that was learned may be that of a word which never came, by chance.
    """
    codes = np.asarray(model.estimator._learned.encoding.codes)
    own = np.asarray(given_rows(model.estimator, row)[0], np.int64)  # in the codes of its own table
    own = own[1 : 1 + own[0]]
    return (codes[own] > UNKNOWN) & encoding.seen_steps(text, len(own))


def _credited(
    encoding: TextEncoding, text: Any, values: np.ndarray, known: np.ndarray
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the tokens of a text, what the known steps of its row give each, and which are unknown."""
    tokens, own = encoding.shares(text, np.where(known, values, 0.0))
    _, learned = encoding.shares(text, known.astype(np.float64))
    _, read = encoding.shares(text, np.ones(len(known)))
    strange = (learned == 0) & (read > 0)
    if encoding.seen is not None and encoding.form == "ngrams":
        strange |= ~encoding.seen.knows(tokens)
    return tokens, np.where(strange, np.nan, own), strange


def _what_is_unknown(encoding: TextEncoding) -> str:
    """Return what is outside the vocabulary, in words."""
    beside = " and n-grams" if encoding.form == "ngrams" else ""
    return f"unknown {encoding.tokens_in_words}{beside}"


def marked_finding(
    model: StudyModel, data: Prepared, hardest: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Return marked texts that were answered wrongly: test rows or, without any, the hardest training rows.

    Of a test row the answer is the model's own. The answer for a training row is that of a model that had not
    learned from it, and what is marked is what speaks for it in the model that has.

    Args:
        model: the winner.
        data: the data in the form that it reads.
        hardest: the rows of which `class_findings` or `value_findings` told.

    Returns:
        What `marked_texts` gives, each row with actual, predicted and probability (of the actual class), and
        `where`: "test" or "training"; None for data of other kinds, and for models that have no gradient.
    """
    if data.texts is None:
        return None
    found = _wrong_tests(model, data)
    where = "test"
    if not found:
        found, where = _hardest(data, hardest), "training"
    if not found:
        return None
    texts = pl.concat([one.pop("text") for one in found])
    of = None if data.classes is None else [one["predicted"] for one in found]
    told = marked_texts(model, texts, [one["row"] for one in found], of)
    if told is None:
        return None
    rows = [{**one, **own} for one, own in zip(found, told["rows"], strict=True)]
    return {**told, "rows": rows, "where": where}


def _wrong_tests(model: StudyModel, data: Prepared) -> list[dict[str, Any]]:
    """Return the test rows that were answered worst, none that was answered rightly."""
    if data.test is None or data.texts is None or data.texts.given is None or data.texts.numbers is None:
        return []
    said, stated = model.answers_of(data.test.matrix)
    if stated is None:
        actual = data.test.targets[:, 0]
        order = np.argsort(-np.abs(said - actual), kind="stable")[:_SHOWN_TEXTS]
        probability = None
    else:
        own = stated[np.arange(len(stated)), data.test.targets]
        actual = np.asarray(data.classes)[data.test.targets]
        order = [row for row in np.argsort(own, kind="stable") if said[row] != actual[row]][:_SHOWN_TEXTS]
        probability = own
    return [
        {
            "row": int(data.texts.numbers[row]),
            "actual": _plain(actual[row]),
            "predicted": _plain(said[row]),
            "probability": None if probability is None else float(probability[row]),
            "text": data.texts.given[int(row)].select(data.text_column),
        }
        for row in order
    ]


def _hardest(data: Prepared, hardest: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the hardest rows that were answered wrongly out of fold, with their texts."""
    if data.frame is None:
        return []
    place = {int(number): at for at, number in enumerate(data.row_numbers)}
    labels = {str(label): _plain(label) for label in data.labels}
    wrong = [one for one in hardest if one["actual"] != one["predicted"]][:_SHOWN_TEXTS]
    return [
        {
            "row": one["row"],
            "actual": labels.get(one["actual"], one["actual"]),
            "predicted": labels.get(one["predicted"], one["predicted"]),
            "probability": one["probability"],
            "text": data.frame[place[one["row"]]].select(data.text_column),
        }
        for one in wrong
    ]


def _code(model: StudyModel, label: Any) -> Any:
    """Return the code of a class as the estimator knows it; of a regressor nothing."""
    if model.classes is None:
        return None
    return int(np.flatnonzero(model.classes == label)[0])


def _window(values: np.ndarray) -> tuple[int, int]:
    """Return the part of a long text that is shown: the run of tokens that push the answer most."""
    if len(values) <= _SHOWN_TOKENS:
        return 0, len(values)
    pushed = np.concatenate([[0.0], np.cumsum(np.abs(np.nan_to_num(values)))])
    first = int(np.argmax(pushed[_SHOWN_TOKENS:] - pushed[:-_SHOWN_TOKENS]))
    return first, first + _SHOWN_TOKENS


def _plain(value: Any) -> Any:
    """Return a number of numpy as Python's own."""
    return value.item() if isinstance(value, np.generic) else value
