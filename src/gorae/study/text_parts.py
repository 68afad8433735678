"""The texts of a study in all forms in which models read them: those to learn from, and test rows."""

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gorae.data import TextForms
from gorae.search import Rows
from gorae.study.inputs import new_frame

__all__ = ["TextParts", "text_parts"]


class TextParts(NamedTuple):
    """Texts in the forms in which models read them: those to learn from; test rows and their numbers."""

    rows: TextForms
    test: TextForms | None
    given: pl.DataFrame | None
    numbers: np.ndarray | None

    def of(self, kept: np.ndarray) -> "TextParts":
        """Return some of the texts to learn from, and the test rows."""
        return self._replace(rows=TextForms(*(form[kept] for form in self.rows)))


def text_parts(
    forms: TextForms | None,
    encoding: Any,
    given: Any,
    held: np.ndarray,
    numbers: np.ndarray,
    test: Rows | None,
) -> TextParts | None:
    """Return texts in all forms; `given` are test rows of the user's own, or all rows with those held out."""
    if forms is None:
        return None
    if test is None:
        return TextParts(forms, None, None, None)
    if len(held):
        frame, own = given[held], numbers[held]
    else:
        frame, own = new_frame(given, encoding), np.arange(len(test.matrix))
    return TextParts(forms, encoding.forms(frame), frame, own)
