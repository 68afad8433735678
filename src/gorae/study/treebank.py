"""From a treebank to a tagger with its evidence: how often it is right, on known and on unknown words.

Words of one sentence stand or fall together, so intervals count sentences, not words. What is held out is
held out in runs of consecutive sentences: neighbours are often of one text, and speak of the same things.
"""

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gorae.data import Sentences
from gorae.errors import DataError, ParameterError
from gorae.estimators.saving import KIND, fitted_state
from gorae.estimators.sentences import universal_tags
from gorae.estimators.tagger import SequenceTagger
from gorae.evidence import held_out_comparison, held_out_interval
from gorae.files import write_container
from gorae.study.frequent_tags import FrequentTags, fit_frequent_tags

__all__ = ["TAG_SETS", "TreebankModel", "train_on_treebank"]

TAG_SETS = ("universal", "language")
"""Which of a treebank's tags are learned: the universal ones, or the language's own."""

_FIFTH = 5
_RUN = 20
_FEWEST_RUNS = 50
_FEWEST = 10
_SLOW = 2000.0
"""Words a second that any machine trains on, about: where these suffice, nobody asks how fast this one is."""

_FEWEST_EPOCHS = 2


@dataclass(frozen=True)
class TreebankModel:
    """A tagger, and what is known of it.

    Attributes:
        tagger: Fitted; it has learned from no sentence that it was scored on.
        facts: What `gorae info` tells: "data", "test" (with "all", "known" and "unknown" words), "ahead".
        interrupted: Whether Ctrl-C cut its training short.
    """

    tagger: SequenceTagger
    facts: dict[str, Any]
    interrupted: bool = False

    def save(self, path: str | Path, *, force: bool = True) -> None:
        """Write the tagger with its facts; `gorae.load` gives the tagger.

        Args:
            path: the file.
            force: whether an existing file may be replaced.
        """
        arrays, meta = fitted_state(self.tagger)
        write_container(path, arrays, {**meta, "facts": self.facts}, kind=KIND, force=force)


def train_on_treebank(
    sentences: Sentences,
    test: Sentences | None = None,
    *,
    name: str = "sentences",
    tags: str = "universal",
    seconds: float = 600.0,
    device: str | None = None,
    random_state: int = 0,
    verbose: int = 0,
) -> TreebankModel:
    """Train a tagger on a treebank and score it on sentences that it has not seen.

    It trains for the epochs of `SequenceTagger`, or for as many as the time allows, at least two.

    Args:
        sentences: with a tag for each word.
        test: sentences to score it on; None to hold out a fifth, in runs of consecutive sentences.
        name: what the treebank is called.
        tags: "universal" or "language".
        seconds: what training may take, about.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of everything.
        verbose: 1 shows a progress bar on standard error.

    Raises:
        DataError: when there are too few sentences, or a word has no tag.
        ParameterError: when there is no such set of tags.
        KeyboardInterrupt: on Ctrl-C before an epoch was finished.
    """
    given = _with_tags(sentences, tags)
    held = None if test is None else _with_tags(test, tags)
    learned, scored = (given, held) if held is not None else _parted(given, random_state)
    began = time.perf_counter()
    tagger = SequenceTagger(device=device, random_state=random_state, verbose=verbose)
    tagger = _within(tagger, learned, seconds).fit(learned)
    epochs = max(member.epochs for member in tagger._learned.members)
    trained = time.perf_counter() - began
    frequent = fit_frequent_tags(learned.forms, learned.universal)
    facts = {
        "data": {
            "name": name,
            "sentences": len(learned),
            "words": learned.words,
            "set": tags,
            "tags": tagger.classes_.tolist(),
        },
        **_scores(tagger, frequent, scored, "held out" if test is None else "test"),
        "epochs": epochs,
        "seconds": round(trained, 1),
        "version": version("gorae"),
        "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    }
    diverged = any(member.diverged for member in tagger._learned.members)
    return TreebankModel(tagger, facts, epochs < tagger.epochs and not diverged)


def _with_tags(sentences: Sentences, tags: str) -> Sentences:
    """Return sentences whose universal tags are the ones to be learned.

    Raises:
        DataError: when a word has none.
    """
    if tags not in TAG_SETS:
        raise ParameterError(f"tags must be one of {', '.join(TAG_SETS)}, got {tags!r}.")
    swapped = replace(sentences, universal=sentences.language, language=sentences.universal)
    chosen, other = (sentences, swapped) if tags == "universal" else (swapped, sentences)
    try:
        universal_tags(chosen)
    except DataError as error:
        if any("_" in row for row in other.universal):
            raise
        name, target = ("language", "xpos") if tags == "universal" else ("universal", "upos")
        also = f"tags={name!r} (--target {target}) learns those"
        raise DataError(f"{error} All its words have a tag of the other set: {also}.") from error
    return chosen


def _parted(sentences: Sentences, seed: int) -> tuple[Sentences, Sentences]:
    """Return sentences to learn from, and a fifth to score on.

    Raises:
        DataError: when there are too few.
    """
    count = len(sentences)
    if count < _FEWEST:
        raise DataError(
            f"a fifth of the sentences is held out to score the tagger on, which takes {_FEWEST} at least, "
            f"got {count}; give more, or others to score it on."
        )
    length = max(1, min(_RUN, count // _FEWEST_RUNS))
    runs = np.arange(count) // length
    order = np.random.default_rng(seed).permutation(runs[-1] + 1)
    held = np.isin(runs, order[: max(1, len(order) // _FIFTH)])
    return sentences.taken(np.flatnonzero(~held)), sentences.taken(np.flatnonzero(held))


def _within(tagger: SequenceTagger, sentences: Sentences, seconds: float) -> SequenceTagger:
    """Return a tagger with as many of its epochs as fit into a time.

    How long one takes is found out by training for one, where it could matter: its program is compiled then.
    """
    if tagger.epochs * sentences.words < _SLOW * seconds:
        return tagger
    began = time.perf_counter()
    pilot = SequenceTagger(**{**tagger.get_params(), "epochs": 1, "verbose": 0})
    pilot.fit(sentences)
    took = time.perf_counter() - began
    affordable = int((seconds - took) / took)
    return tagger.set_params(epochs=min(tagger.epochs, max(_FEWEST_EPOCHS, affordable)))


def _scores(tagger: SequenceTagger, frequent: FrequentTags, scored: Sentences, kind: str) -> dict[str, Any]:
    """Return how often the tagger is right, and each word's most frequent tag."""
    truth = _flat(scored.universal)
    found, base = _flat(tagger.predict(scored)), _flat(frequent.predict(scored.forms))
    sentence = np.repeat(np.arange(len(scored)), [len(words) for words in scored.forms])
    known = np.array([frequent.knows(word) for words in scored.forms for word in words])
    parts = {"all": np.ones(len(truth), bool), "known": known, "unknown": ~known}
    told = {
        name: _score(truth[which], found[which], base[which], sentence[which])
        for name, which in parts.items()
    }
    wrong, base_wrong = (np.asarray(each != truth, np.float64) for each in (found, base))
    ahead = None
    if len(scored) > 1:
        ahead = held_out_comparison("accuracy", wrong, base_wrong, units=sentence)
    about = {"kind": kind, "sentences": len(scored), "words": len(truth), **told}
    facts = None if ahead is None else {key: getattr(ahead, key) for key in ("difference", "low", "high")}
    return {"test": about, "ahead": facts}


def _flat(tags: Sequence[Sequence[str]]) -> np.ndarray:
    """Return the tags of all words."""
    return np.array([tag for own in tags for tag in own])


def _score(truth: np.ndarray, found: np.ndarray, base: np.ndarray, sentence: np.ndarray) -> dict[str, Any]:
    """Return the shares of right tags, with the interval of the tagger's; None where nobody can tell."""
    if not len(truth):
        return {"words": 0, "score": None, "low": None, "high": None, "baseline": None}
    score, low, high = float(np.mean(found == truth)), None, None
    if len(np.unique(sentence)) > 1:
        interval = held_out_interval("accuracy", truth, found, units=sentence)
        low, high = interval.low, interval.high
    baseline = float(np.mean(base == truth))
    return {"words": len(truth), "score": score, "low": low, "high": high, "baseline": baseline}
