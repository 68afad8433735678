"""Fitting a tagger, and asking it: from sentences to rows of places, and from scores of places to tags."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float32, Int32

from gorae.backend import Device, compiled, own_numerics, select_devices
from gorae.data.folds import Split, cut_stop_rows, pack_splits, size_class
from gorae.data.sentence_rows import Places, WordCodes, fit_word_codes, place_sentences, unpacked
from gorae.errors import ParameterError
from gorae.estimators.learned import Learned, answering_problem, encoding_of, encoding_only, set_learned
from gorae.estimators.parameters import check_count, check_flag, check_real, root_seed
from gorae.estimators.population import Table, shape_of, train_recipes, with_padding
from gorae.estimators.progress import training_bar
from gorae.estimators.sentences import Forms, TaggedSentences
from gorae.estimators.telling import tell_outcome
from gorae.train import Asked, Checkpoint, SharedRows, SplitRows, check_members, member_outputs
from gorae.train.tagging import chain_answers

_FEW_ROWS = 64
_LONGEST = 1024
"""Words of a sentence that are read at once; a longer one is cut."""

_BLOCK = 16
"""Rows that a member is asked about at a time: 1,000 words."""


class Rows(NamedTuple):
    """Sentences in rows: what a network reads of each place, its tag, and how many words a row has."""

    codes: np.ndarray
    targets: Int32[np.ndarray, "rows width"]
    words: Float32[np.ndarray, " rows"]


def fit_tagger(estimator: Any, sentences: TaggedSentences) -> None:
    """Train the estimator's members and set what was learned."""
    seed = root_seed(estimator.random_state)
    width = check_count("row_length", estimator.row_length)
    learn, stop = _cut(estimator, len(sentences.forms), seed)
    coding = fit_word_codes(
        [sentences.forms[place] for place in learn],
        min_count=estimator.min_count,
        max_words=estimator.max_words,
        letters=estimator.letters,
    )
    parts = [_rows(sentences, part, coding, width) for part in (learn, stop) if len(part)]
    recipe = estimator._recipe(coding, len(sentences.classes), len(parts[0].codes))
    table = _table(parts)
    asked = check_count("members", estimator.members)
    check_members(recipe.trained, asked)
    with training_bar(estimator.verbose, asked) as progress:
        results, interrupted = train_recipes(
            table,
            [recipe],
            [(0, 0, stream) for stream in range(asked)],
            seed=seed,
            devices=select_devices(estimator.device),
            progress=progress,
            checkpoint=_checkpoint(estimator),
        )
    kept = [(stream, member) for stream, member in enumerate(results) if member is not None]
    estimator.classes_ = sentences.classes
    estimator._coding = coding
    learned = Learned(
        shape=shape_of(recipe.problem),
        encoding=encoding_only(encoding_of(table.splits[0])),
        anchor=np.zeros(coding.channels),
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


def _cut(estimator: Any, sentences: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which sentences to learn from and which, with early stopping, to stop on."""
    everything = np.arange(sentences, dtype=np.int32)
    fraction = check_real(
        "validation_fraction", estimator.validation_fraction, 0, 1, open_low=True, open_high=True
    )
    if not check_flag("early_stopping", estimator.early_stopping):
        return everything, everything[:0]
    return cut_stop_rows(everything, everything, fraction=fraction, seed=seed, stratify=False)


def _rows(sentences: TaggedSentences, which: np.ndarray, coding: WordCodes, width: int) -> Rows:
    """Return some of the sentences in rows."""
    forms = [sentences.forms[place] for place in which]
    places = place_sentences([len(words) for words in forms], width)
    tags = np.concatenate([sentences.codes[place] for place in which])
    targets = np.full(places.rows * width, -1, np.int32)
    targets[places.at] = tags + len(sentences.classes) * places.begins
    targets = targets.reshape(places.rows, width)
    return Rows(coding.rows(forms, places), targets, (targets >= 0).sum(axis=1).astype(np.float32))


def _table(parts: Sequence[Rows]) -> Table:
    """Return rows as the engine reads them: first those to learn from, then those to stop on, if any.

    A row weighs as much as it has words, so that all words weigh the same; codes are read as they are.
    """
    codes, targets, words = (np.concatenate(column) for column in zip(*parts, strict=True))
    count = len(parts[0].codes)
    rows = np.arange(len(codes), dtype=np.int32)
    packed = pack_splits([Split(rows[:count], rows[count:], rows[:0])], words, multiple=_FEW_ROWS)
    stops = packed.stop_rows.shape[1] if packed.stop_count.any() else 0
    channels, nothing = codes.shape[-1], np.zeros(0, np.float32)
    split = SplitRows(
        fill=np.zeros(channels, np.float32),
        shift=np.zeros(channels, np.float32),
        scale=np.ones(channels, np.float32),
        target_shift=nothing,
        target_scale=nothing,
        train_rows=packed.train_rows[0],
        train_weight=packed.train_weight[0],
        train_count=np.int32(packed.train_count[0]),
        stop_rows=packed.stop_rows[0, :stops],
        stop_weight=packed.stop_weight[0, :stops],
        stop_count=np.int32(packed.stop_count[0]),
    )
    return Table(SharedRows(with_padding(codes), with_padding(targets)), [split])


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
