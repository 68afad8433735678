"""Fitting a tagger, and asking it: from sentences to trained members, and from scores of places to tags."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float32

from gorae.backend import Device, compiled, own_numerics, select_devices
from gorae.data.folds import size_class
from gorae.data.sentence_rows import Places, WordCodes, place_sentences, unpacked
from gorae.errors import ParameterError
from gorae.estimators.learned import Learned, answering_problem, encoding_of, encoding_only, set_learned
from gorae.estimators.parameters import check_count, root_seed
from gorae.estimators.population import Table, shape_of, train_recipes
from gorae.estimators.progress import training_bar
from gorae.estimators.sentence_fits import padded_rows, sentence_rows, tagger_recipe
from gorae.estimators.sentences import Forms, TaggedSentences
from gorae.estimators.telling import tell_outcome
from gorae.train import Asked, Checkpoint, check_members, member_outputs
from gorae.train.tagging import chain_answers

_LONGEST = 1024
"""Words of a sentence that are read at once; a longer one is cut."""

_BLOCK = 16
"""Rows that a member is asked about at a time: 1,000 words."""


def fit_tagger(estimator: Any, sentences: TaggedSentences, groups: np.ndarray | None = None) -> None:
    """Train the estimator's members and set what was learned.

    Args:
        estimator: the tagger.
        sentences: what it learns from.
        groups: a group a sentence, which early stopping does not tear apart, or None.
    """
    seed = root_seed(estimator.random_state)
    rows = sentence_rows(estimator, sentences, groups, seed)
    recipe = tagger_recipe(estimator, rows, len(sentences.classes), lambda _, make: make())
    asked = check_count("members", estimator.members)
    check_members(recipe.trained, asked)
    with training_bar(estimator.verbose, asked) as progress:
        results, interrupted = train_recipes(
            Table(padded_rows(rows.shared), [rows.split]),
            [recipe],
            [(0, 0, stream) for stream in range(asked)],
            seed=seed,
            devices=select_devices(estimator.device),
            progress=progress,
            checkpoint=_checkpoint(estimator),
            alone=asked == 1,
        )
    kept = [(stream, member) for stream, member in enumerate(results) if member is not None]
    estimator.classes_ = sentences.classes
    estimator._coding = rows.coding
    learned = Learned(
        shape=shape_of(recipe.problem),
        encoding=encoding_only(encoding_of(rows.split)),
        anchor=np.zeros(rows.coding.channels),
        target_anchor=np.zeros(0),
        flat_target=True,
        seed=seed,
        streams=tuple(stream for stream, _ in kept),
        members=tuple(member for _, member in kept),
    )
    set_learned(estimator, learned)
    tell_outcome([(recipe, member) for _, member in kept], interrupted, asked, quick=False)


def tag_scores(
    learned: Learned, coding: WordCodes, forms: Forms, *, row_length: int, device: str | None
) -> tuple[list[np.ndarray], Places]:
    """Return what each member answers for the rows of sentences, and where the words stand.

    Args:
        learned: the fitted members.
        coding: how words become numbers.
        forms: the words of each sentence.
        row_length: places of a row, as far as no sentence is longer.
        device: where.
    """
    lengths = [len(words) for words in forms]
    width = min(max(row_length, size_class(max(lengths), multiple=row_length)), max(_LONGEST, row_length))
    places = place_sentences(lengths, width)
    codes = coding.rows(forms, places)
    rows = np.arange(places.rows)
    asked = [Asked(m.parameters, m.buffers, learned.encoding, rows) for m in learned.members]
    devices = select_devices(device)
    answers = member_outputs(answering_problem(learned.shape), codes, asked, devices=devices, block=_BLOCK)
    return answers, places


def chain_tags(
    scores: Float32[np.ndarray, "rows places tags"], places: Places, device: Device, *, shares: bool
) -> np.ndarray:
    """Return the best tags of each row's chains, or the probabilities of every place's tags.

    Rows are padded to one of few sizes, so that programs are shared.
    """
    real = np.zeros(places.rows * places.width, bool)
    begins = real.copy()
    real[places.at], begins[places.at] = True, places.begins
    flags = [flag.reshape(places.rows, places.width) for flag in (begins, real)]
    extra = size_class(places.rows, multiple=_BLOCK) - places.rows
    arguments = tuple(np.pad(a, ((0, extra), *[(0, 0)] * (a.ndim - 1))) for a in (scores, *flags))
    program = compiled(lambda *a: chain_answers(*a, shares=shares), ("chain", shares), arguments, device)
    with own_numerics():
        return np.asarray(program(*jax.device_put(arguments, device)))[: places.rows]


def by_sentence(values: np.ndarray, places: Places, forms: Forms) -> Sequence[np.ndarray]:
    """Return what stands at the places of each sentence's words."""
    return list(unpacked(values, places, [len(words) for words in forms]))


def _checkpoint(estimator: Any) -> Checkpoint | None:
    """Return where members are kept while they train, if anywhere."""
    if estimator.checkpoint is None:
        return None
    try:
        return Checkpoint(Path(estimator.checkpoint))
    except TypeError as error:
        raise ParameterError(
            f"checkpoint must be None or the path of a folder, got {estimator.checkpoint!r}."
        ) from error
