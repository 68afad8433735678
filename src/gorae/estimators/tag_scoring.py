"""Scores of taggers by scikit-learn's names for them: each is of all words together, sentence ends aside.

scikit-learn's own scorers are of one target a row, and refuse a list of tags before they ask anybody; a
tagger's rows are sentences. What `tag_scorer` gives is a function of estimator, sentences and tags, which all
of scikit-learn's tools take.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
)

from gorae.errors import ParameterError
from gorae.estimators.parameters import check_choice
from gorae.estimators.sentences import aligned_tags, given_sentences

__all__ = ["TAG_SCORES", "TagScorer", "tag_scorer", "tag_scoring"]

_OF_NOTHING: dict[str, Any] = {"zero_division": 0.0}

TAG_SCORES: Mapping[str, Callable[[list[Any], list[Any]], float]] = {
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "f1_macro": partial(f1_score, average="macro", **_OF_NOTHING),
    "f1_micro": partial(f1_score, average="micro", **_OF_NOTHING),
    "f1_weighted": partial(f1_score, average="weighted", **_OF_NOTHING),
    "matthews_corrcoef": matthews_corrcoef,
    "precision_macro": partial(precision_score, average="macro", **_OF_NOTHING),
    "precision_weighted": partial(precision_score, average="weighted", **_OF_NOTHING),
    "recall_macro": partial(recall_score, average="macro", **_OF_NOTHING),
    "recall_weighted": partial(recall_score, average="weighted", **_OF_NOTHING),
}
"""The scores by name, of true tags and found ones."""

_CORRELATION = "matthews_corrcoef"


@dataclass(frozen=True)
class TagScorer:
    """A score of a tagger: called with the fitted tagger, sentences and their tags.

    Args:
        name: one of `TAG_SCORES`.
    """

    name: str

    def __call__(self, tagger: Any, sentences: Any, tags: Any = None) -> float:
        """Return the score of a fitted tagger.

        Args:
            tagger: a `SequenceTagger`.
            sentences: as its `predict` takes them.
            tags: the true tags; None for the universal tags of a treebank.

        Raises:
            InputError: when sentences and tags do not fit.
        """
        truth = aligned_tags(sentences, given_sentences(sentences), tags)
        found = tagger.predict(sentences)
        return float(TAG_SCORES[self.name](_flat(truth), _flat(found)))

    @property
    def ends(self) -> tuple[float, float]:
        """Between which numbers the score lies."""
        return (-1.0 if self.name == _CORRELATION else 0.0), 1.0

    @property
    def __name__(self) -> str:
        """The name, as functions have it."""
        return self.name


def tag_scorer(name: str) -> TagScorer:
    r"""Return a score of taggers by its name, for `SearchCV` and for scikit-learn's tools.

    Words of all sentences are scored together. "accuracy" is the share of words whose tag is right, which
    `SequenceTagger.score` gives too. "f1_macro" is the mean over tags, rare ones as much as frequent ones, of
    $F_1 = 2\,\mathrm{TP} / (2\,\mathrm{TP} + \mathrm{FP} + \mathrm{FN})$.

    Args:
        name: one of `TAG_SCORES`: accuracy, balanced_accuracy, f1_macro, f1_micro, f1_weighted,
            matthews_corrcoef, precision_macro, precision_weighted, recall_macro, recall_weighted; each as
            scikit-learn defines it, over words. A share of no words counts as 0.

    Raises:
        ParameterError: when there is no such score.

    Example:
        >>> from sklearn.model_selection import cross_val_score
        >>> from gorae import SequenceTagger
        >>> sentences, tags = [["the", "whale"], ["a", "pod"]] * 8, [["D", "N"]] * 16
        >>> tagger = SequenceTagger(hidden=4, filters=0, word_width=4, epochs=40, learning_rate=0.05)
        >>> tagger.set_params(random_state=0, batch_size=8, row_length=4, word_dropout=0.0)
        SequenceTagger(...)
        >>> cross_val_score(tagger, sentences, tags, cv=2, scoring=tag_scorer("f1_macro")).tolist()
        [1.0, 1.0]

    References:
        Opitz & Burst 2019, "Macro F1 and macro F1" (the mean of the tags' F1, as here).
    """
    return TagScorer(check_choice("scoring of a tagger", name, list(TAG_SCORES)))


def tag_scoring(scoring: Any) -> Any:
    """Return what a tagger is scored by, with scores in the place of their names.

    Args:
        scoring: None for the tagger's own score, a name, a function, a list of names, or a dictionary with
            names or functions.

    Raises:
        ParameterError: when it is something else, or there is no score of such a name.
    """
    if scoring is None or callable(scoring):
        return scoring
    if isinstance(scoring, str):
        return tag_scorer(scoring)
    if isinstance(scoring, Mapping):
        return {key: one if callable(one) else tag_scorer(one) for key, one in scoring.items()}
    if isinstance(scoring, list | tuple | set | frozenset) and scoring:
        return {name: tag_scorer(name) for name in scoring}
    raise ParameterError(
        "scoring of a tagger must be None, the name of a score, a function of estimator, sentences and tags, "
        f"or several of these, got {scoring!r:.80}."
    )


def _flat(tags: Any) -> list[Any]:
    """Return the tags of all sentences as one list."""
    return [tag for row in tags for tag in row]
