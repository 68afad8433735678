"""A tag for every word of a sentence: part-of-speech tagging and its kin, as an estimator."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from jaxtyping import Float32, Int32, Shaped
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from gorae.backend import select_devices
from gorae.data import Vocabulary, size_class
from gorae.data.sentence_rows import MAX_LETTERS, WordCodes
from gorae.errors import as_input_error
from gorae.estimators.fitting import unchanged_on_failure
from gorae.estimators.learned import Learned, answering_problem
from gorae.estimators.meta_reading import read_count
from gorae.estimators.network import class_probabilities
from gorae.estimators.parameters import check_choice, check_count, check_real
from gorae.estimators.population import Recipe, network_problem
from gorae.estimators.recipes import batch_rows, training_numbers
from gorae.estimators.saving import Savable
from gorae.estimators.sentences import aligned_tags, given_sentences, tagged_sentences
from gorae.estimators.starting_vectors import check_frozen
from gorae.estimators.state import network_state, restored
from gorae.estimators.tagging import by_sentence, chain_tags, fit_tagger, tag_scores
from gorae.estimators.training_rows import group_codes
from gorae.models.tagger import TaggerShape
from gorae.nn.cells import has_small_steps
from gorae.train import History, layer_names

_VOCABULARIES = ("words", "characters")
_PARTS = ("tokens", "ends", "counts")
_FEW_CODES = 64


class SequenceTagger(Savable, BaseEstimator):
    r"""Tag every word of a sentence with recurrent networks, or an ensemble of them.

    A word becomes a learnt vector beside features of its characters (filters that slide over them), so that
    a word that was never seen is tagged by its spelling; an LSTM reads the sentence in both directions, and a
    layer scores the tags $e_{t,k}$ of each word. "softmax" minimises $-\log \mathrm{softmax}(e_t)_{y_t}$,
    word by word; "crf" adds scores of neighbouring tags and minimises $-\log p(y_1 .. y_T)$ of the whole
    chain, whose best sequence `predict` finds (Viterbi). Works for any language written with spaces; Korean
    syllables are read as their letters.

    Args:
        hidden: features of the hidden state, of each direction.
        layers: recurrent layers that stand on one another.
        cell: "lstm", "gru", "rnn" (tanh) or "rnn_relu".
        decoder: "softmax" or "crf".
        word_width: numbers of a word's vector; words are looked up in small letters.
        vectors: what known words begin with that have a vector already, as wide as `word_width`: a mapping
            from words to vectors, the path of a word2vec or GloVe file, or what `gorae.data.read_vectors`
            gives. With `min_count=1` words that come once have theirs too. A saved model needs no file.
        freeze_vectors: whether these vectors stay as they are; those of other words are learned anyway.
        character_width: numbers of a character's vector.
        filters: features of a word's characters; 0 leaves them out.
        letters: characters of a word that are read; of a longer one its first and its last half of them.
        min_count: how often a word must come to have a vector of its own.
        max_words: how many words may have one, the most frequent first; None for 200,000.
        word_dropout: probability that a word is taken for an unknown one in a training step, in [0, 1): its
            tag is then learnt by its characters and neighbours.
        dropout: probability that a feature of a word is silenced in a training step, in [0, 1).
        row_length: words of a row in training. Short sentences share a row, none seeing another; longer ones
            are cut. `predict` cuts nothing below 1,024 words.
        optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
        learning_rate: length of a step; the schedule multiplies it.
        schedule: "constant", "step", "cosine", "one_cycle" or "warm_up".
        weight_decay: strength of the squared penalty on weights.
        label_smoothing: share of the target spread evenly over all tags, in [0, 1); for "softmax".
        batch_size: rows a step: `batch_size * row_length` words.
        epochs: passes over the training sentences, at most.
        early_stopping: whether to cut `validation_fraction` of the sentences off, stop when their loss has
            not improved for `patience` epochs, and keep the best epoch's parameters.
        validation_fraction: share of the sentences that are cut off to stop on.
        patience: epochs without improvement until training stops.
        members: networks trained from different seeds; probabilities (of chains: scores) are their mean.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of weights, row order and dropout; the same seed gives bitwise the same model.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Example:
        >>> sentences = [["the", "whale", "sings"], ["a", "pod", "sleeps"], ["the", "pod", "sings"]] * 4
        >>> tags = [["DET", "NOUN", "VERB"]] * 12
        >>> tagger = SequenceTagger(hidden=8, filters=8, learning_rate=0.03, epochs=30, random_state=0)
        >>> tagger.fit(sentences, tags).predict(["a whale sleeps", ["the", "pod"]])
        [['DET', 'NOUN', 'VERB'], ['DET', 'NOUN']]
        >>> tagger.score(sentences, tags)
        1.0

    References:
        Huang, Xu & Yu 2015, "Bidirectional LSTM-CRF models for sequence tagging".
        Ma & Hovy 2016, "End-to-end sequence labeling via bi-directional LSTM-CNNs-CRF".
        Kiperwasser & Goldberg 2016, "Simple and accurate dependency parsing using bidirectional LSTM feature
        representations", section 4 (word dropout).
    """

    classes_: Shaped[np.ndarray, " tags"]
    _learned: Learned
    _coding: WordCodes
    _answers_tags = True
    momentum, l1, tol = 0.9, 0.0, 0.0
    """What the engine asks of every network, and nobody of a tagger."""

    def __init__(
        self,
        hidden: int = 128,
        *,
        layers: int = 1,
        cell: str = "lstm",
        decoder: str = "softmax",
        word_width: int = 64,
        vectors: Any = None,
        freeze_vectors: bool = False,
        character_width: int = 24,
        filters: int = 128,
        letters: int = 16,
        min_count: int = 2,
        max_words: int | None = None,
        word_dropout: float = 0.1,
        dropout: float = 0.4,
        row_length: int = 64,
        optimizer: str = "adam",
        learning_rate: float = 5e-3,
        schedule: str = "one_cycle",
        weight_decay: float = 0.0,
        label_smoothing: float = 0.0,
        batch_size: int = 8,
        epochs: int = 20,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        members: int = 1,
        checkpoint: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.hidden, self.layers, self.cell, self.decoder = hidden, layers, cell, decoder
        self.word_width, self.vectors, self.freeze_vectors = word_width, vectors, freeze_vectors
        self.character_width, self.filters, self.letters = character_width, filters, letters
        self.min_count, self.max_words = min_count, max_words
        self.word_dropout, self.dropout, self.row_length = word_dropout, dropout, row_length
        self.optimizer, self.learning_rate, self.schedule = optimizer, learning_rate, schedule
        self.weight_decay, self.label_smoothing = weight_decay, label_smoothing
        self.batch_size, self.epochs = batch_size, epochs
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.patience, self.members, self.checkpoint = patience, members, checkpoint
        self.device, self.random_state, self.verbose = device, random_state, verbose

    def fit(self, sentences: Any, tags: Any = None, *, groups: Any = None) -> Self:
        """Train `members` networks on tagged sentences.

        Args:
            sentences: what `gorae.read_conllu` gives, or a list of which each item is a list of words or a
                text, which is cut into words.
            tags: a list of tags a sentence, one a word; None for the universal tags of a treebank.
            groups: a group a sentence (a document): early stopping then watches whole groups, of which no
                sentence is learned from; without early stopping it decides nothing.

        Returns:
            This estimator.

        Raises:
            InputError: when sentences and tags do not fit, or a parameter is out of its range. The estimator
                is then what it was before.
            KeyboardInterrupt: after Ctrl-C when no member had finished an epoch; else the fit ends with the
                members as they are and a warning.
        """
        given = tagged_sentences(sentences, tags)
        with unchanged_on_failure(self):
            fit_tagger(self, given, None if groups is None else group_codes(groups, len(given.forms)))
        return self

    def predict(self, sentences: Any) -> list[list[Any]]:
        """Return the tags of each sentence, one a word.

        Args:
            sentences: as in `fit`.
        """
        forms = given_sentences(sentences)
        return self._tags(forms)

    def tag(self, sentences: Any) -> list[list[tuple[str, Any]]]:
        """Return the words of each sentence with their tags: what a text was cut into can be seen.

        Args:
            sentences: as in `fit`.
        """
        forms = given_sentences(sentences)
        both = zip(forms, self._tags(forms), strict=True)
        return [list(zip(words, tags, strict=True)) for words, tags in both]

    def predict_proba(self, sentences: Any) -> list[Float32[np.ndarray, "words tags"]]:
        """Return the probabilities of each word's tags, an array `(words, tags)` for each sentence.

        With "crf" they are those of a word's tag whatever the other tags are.

        Args:
            sentences: as in `fit`.
        """
        self._check_fitted()
        forms = given_sentences(sentences)
        answers, places = self._scores(forms)
        if self._shape.decoder == "softmax":
            shares = np.mean([class_probabilities(one) for one in answers], axis=0)
        else:
            device = select_devices(self.device)[0]
            shares = chain_tags(np.mean(answers, axis=0), places, device, shares=True)
        return list(by_sentence(shares, places, forms))

    def member_proba_(self, sentences: Any) -> list[Float32[np.ndarray, "members words tags"]]:
        """Return each member's probabilities of each word's tags, `(members, words, tags)` for each sentence.

        Where members disagree, more data could tell: `gorae.evidence.uncertainty` of one sentence's array
        gives the two parts of each word's uncertainty. The mean of "softmax" members is `predict_proba`; of
        "crf" each member's chain stands for itself, where `predict_proba` is of the chain of mean scores.

        Args:
            sentences: as in `fit`.
        """
        self._check_fitted()
        forms = given_sentences(sentences)
        answers, places = self._scores(forms)
        device = select_devices(self.device)[0]
        soft = self._shape.decoder == "softmax"
        shares = [
            class_probabilities(one) if soft else chain_tags(one, places, device, shares=True)
            for one in answers
        ]
        each = [by_sentence(one, places, forms) for one in shares]
        return [np.stack(of_sentence) for of_sentence in zip(*each, strict=True)]

    def score(self, sentences: Any, tags: Any = None) -> float:
        """Return the share of words whose tag is right: what scikit-learn's tools take with scoring=None.

        Their own names, scoring="accuracy" among them, are for one target a row; `gorae.SearchCV` reads such
        a name as a score over words, and for scikit-learn `gorae.estimators.tag_scorer("f1_macro")` is one.

        Args:
            sentences: as in `fit`.
            tags: the true tags; None for the universal tags of a treebank.
        """
        forms = given_sentences(sentences)
        truth = aligned_tags(sentences, forms, tags)
        pairs = [
            tag == wanted
            for found, known in zip(self._tags(forms), truth, strict=True)
            for tag, wanted in zip(found, known, strict=True)
        ]
        return float(np.mean(pairs))

    def encode(self, sentences: Any) -> Int32[np.ndarray, "sentences words channels"]:
        """Return sentences in numbers, one a row, as the networks read them and as `gorae.to_torch` wants.

        A word is 1 where it is the first (else 0), its code, and the codes of its characters; code 1 is
        unknown, and zeros stand behind the last word and the last character.

        Args:
            sentences: as in `fit`.
        """
        self._check_fitted()
        forms = given_sentences(sentences)
        found = np.zeros((len(forms), max(map(len, forms)), self._coding.channels), np.int32)
        for row, words in enumerate(forms):
            found[row, : len(words), 1:] = self._coding.table(words)
        found[:, 0, 0] = 1
        return found

    @property
    def history_(self) -> list[History]:
        """The history of each member: losses a word, right tags and gradient norms, one entry an epoch."""
        self._check_fitted()
        return [member.history for member in self._learned.members]

    @property
    def layer_names_(self) -> list[str]:
        """The names of the layers that have parameters, in the order of the data."""
        self._check_fitted()
        return layer_names(answering_problem(self._learned.shape))

    @property
    def _shape(self) -> TaggerShape:
        """The structure of the members."""
        assert isinstance(self._learned.shape, TaggerShape)
        return self._learned.shape

    def _tags(self, forms: list[list[str]]) -> list[list[Any]]:
        """Return the tags of sentences that are words."""
        self._check_fitted()
        answers, places = self._scores(forms)
        if self._shape.decoder == "softmax":
            shares = [class_probabilities(one) for one in answers]
            codes = np.argmax(np.mean(shares, axis=0) if len(shares) > 1 else answers[0], axis=-1)
        else:
            device = select_devices(self.device)[0]
            codes = chain_tags(np.mean(answers, axis=0), places, device, shares=False)
        return [self.classes_[own].tolist() for own in by_sentence(codes, places, forms)]

    def _scores(self, forms: list[list[str]]) -> tuple[list[np.ndarray], Any]:
        """Return each member's scores of the rows that sentences make, and where their words stand."""
        return tag_scores(
            self._learned,
            self._coding,
            forms,
            row_length=check_count("row_length", self.row_length),
            device=self.device,
        )

    def _recipe(self, coding: WordCodes, tags: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine.

        Codes are rounded up to few sizes, so that folds share a program; what no code points to learns
        nothing.
        """
        dropout = check_real("dropout", self.dropout, 0, 1, open_high=True)
        smoothing = check_real("label_smoothing", self.label_smoothing, 0, 1, open_high=True)
        check_choice("decoder", self.decoder, ["softmax", "crf"])
        numbers = training_numbers(self)
        shape = TaggerShape(
            inputs=coding.channels,
            outputs=tags,
            words=size_class(len(coding.words), multiple=_FEW_CODES),
            characters=size_class(len(coding.characters)),
            word_width=self.word_width,
            character_width=self.character_width,
            filters=self.filters,
            hidden=self.hidden,
            layers=self.layers,
            cell=self.cell,
            decoder=self.decoder,  # pyright: ignore[reportArgumentType]  checked above
            word_dropout=check_real("word_dropout", self.word_dropout, 0, 1, open_high=True),
            frozen=check_frozen(self),
        )
        batch, parts = batch_rows(self, rows)
        problem = network_problem(
            shape,
            objective="crf" if self.decoder == "crf" else "tag_cross_entropy",
            optimizer=self.optimizer,
            schedule=self.schedule,
            batch_size=batch,
            classes=tags,
            shuffle=parts,
            divided_from=2 if has_small_steps(shape.cell, batch, shape.hidden) else 0,
        )
        return Recipe(problem, {**numbers, "dropout": dropout, "label_smoothing": smoothing})

    def _check_fitted(self) -> None:
        """Refuse to answer before `fit`."""
        with as_input_error():
            check_is_fitted(self)

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is something learned."""
        return "_learned" in vars(self)

    def __sklearn_tags__(self) -> Any:
        """Say that rows are sentences: no array of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.target_tags.required = False
        return tags

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what a file of this estimator holds."""
        arrays, meta = network_state(self)
        for name in _VOCABULARIES:
            known: Vocabulary = getattr(self._coding, name)
            arrays.update({f"{name}/{part}": array for part, array in known.to_arrays().items()})
        return arrays, {**meta, "letters": self._coding.letters}

    @classmethod
    def _from_state(cls, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Self:
        """Return the fitted estimator that a file holds."""
        estimator = restored(cls, arrays, meta)
        del estimator.n_features_in_
        letters = read_count(meta, "letters", low=1, high=MAX_LETTERS)
        known = [
            Vocabulary.from_arrays({part: arrays[f"{name}/{part}"] for part in _PARTS})
            for name in _VOCABULARIES
        ]
        estimator._coding = _fitting(WordCodes(*known, letters=letters), estimator._shape)
        return estimator


def _fitting(coding: WordCodes, shape: TaggerShape) -> WordCodes:
    """Return a coding of words that a network was made for.

    Raises:
        ValueError: when the network is for other codes.
    """
    enough = shape.words >= len(coding.words) and shape.characters >= len(coding.characters)
    if shape.inputs != coding.channels or not enough:
        raise ValueError("its words and characters are not those of its network")
    return coding
