"""Networks over sequences as scikit-learn estimators: texts, bytes, lists of tokens or codes, series."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from gorae.data.sequence_rows import PackedRows, SequenceKind
from gorae.estimators.network import NetworkEstimator, NetworkRegressor
from gorae.estimators.parameters import check_choice, check_count, check_flag, check_real
from gorae.estimators.population import Recipe, network_problem
from gorae.estimators.recipes import batch_rows, training_numbers
from gorae.estimators.sequence_encoding import table_rows
from gorae.estimators.sequence_rows import check_read_alike
from gorae.estimators.softmax import SoftmaxClassifier
from gorae.estimators.starting_vectors import check_frozen
from gorae.models.sequence import BAG, SequenceShape
from gorae.nn.cells import has_small_steps

_BUCKET = 32
"""Batches whose rows are sorted by length together."""

_LONGEST_GRADIENT = 1e30


class _Sequences(NetworkEstimator):
    """What both estimators of sequences share."""

    _reads_sequences = True
    sequences_in_: SequenceKind
    # Parameters that both have in common and that a recipe reads.
    cell: str
    width: int
    layers: int
    bidirectional: bool
    pooling: str
    embedding: int
    vectors: Any
    freeze_vectors: bool
    max_tokens: int
    min_count: int
    truncate: int | None
    clip: float | None
    dropout: float
    optimizer: str
    schedule: str
    scale: str | None

    def _recipe_of(self, matrix: np.ndarray, outputs: int) -> Recipe:
        """Return the recipe for packed rows."""
        assert isinstance(matrix, PackedRows)
        assert matrix.sequences is not None
        check_read_alike(self, matrix.sequences)
        tokens = table_rows(matrix, check_count("max_tokens", self.max_tokens))
        return self._made(matrix.shape[1], outputs, len(matrix), tokens, matrix.sequences.channels)

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return the recipe of what was fitted."""
        shape = self._learned.shape
        assert isinstance(shape, SequenceShape)
        return self._made(inputs, outputs, rows, shape.tokens, shape.channels)

    def _made(self, inputs: int, outputs: int, rows: int, tokens: int, channels: int) -> Recipe:
        """Return the recipe for rows of this form."""
        dropout = check_real("dropout", self.dropout, 0, 1, open_high=True)
        check_choice("scale", self.scale, ["standard", None])
        check_count("min_count", self.min_count)
        clip = self.clip
        limit = 0.0 if clip is None else check_real("clip", clip, 0, _LONGEST_GRADIENT, open_low=True)
        shape = SequenceShape(
            inputs=inputs,
            outputs=outputs,
            tokens=tokens,
            channels=channels,
            embedding=check_count("embedding", self.embedding),
            cell=self.cell,
            width=check_count("width", self.width),
            layers=check_count("layers", self.layers),
            bidirectional=check_flag("bidirectional", self.bidirectional),
            pooling=self.pooling,
            dropout=dropout > 0,
            window=self.truncate,
            frozen=check_frozen(self),
        )
        batch, parts = batch_rows(self, rows)
        problem = network_problem(
            shape,
            **self._task(outputs),
            optimizer=self.optimizer,
            schedule=self.schedule,
            batch_size=batch,
            shuffle=parts,
            clip=clip is not None,
            divided_from=2 if shape.cell != BAG and has_small_steps(shape.cell, batch, shape.width) else 0,
            bucket=_BUCKET if parts else 0,
        )
        numbers = {**training_numbers(self), "dropout": dropout, "clip": limit, **self._numbers()}
        return Recipe(problem, numbers, merge=not parts)

    @abstractmethod
    def _task(self, outputs: int) -> Mapping[str, Any]:
        """Return objective and number of classes."""

    def _numbers(self) -> Mapping[str, float]:
        """Return further numbers of a member."""
        return {}

    def __sklearn_tags__(self) -> Any:
        """Say that rows are sequences: lists, texts, or arrays of three axes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.no_validation = True
        return tags


class SequenceClassifier(_Sequences, SoftmaxClassifier):
    r"""Classify sequences with a recurrent network, or an ensemble of them.

    Minimises the mean cross-entropy of $\mathrm{softmax}(W p + b)$, where p is pooled from the hidden states
    of all real steps. A sequence is a text, a byte string, a list of tokens (str) or of codes (whole numbers
    from 0), or a series `(T, C)`; X is a list of them, or an array `(n, T)` of codes or `(n, T, C)` of
    numbers. Tokens that a fold's training rows do not hold are unknown there. In training a batch costs what
    its longest sequence costs.

    Args:
        cell: "lstm", "gru", "rnn" (tanh), "rnn_relu", or "bag": steps are pooled as they are, in no order
            (with `pooling="mean"` the fastText classifier).
        width: numbers of the hidden state, of each direction.
        layers: recurrent layers on one another.
        bidirectional: whether each reads from both ends.
        pooling: what all steps become: their "mean", "max", the "last", or learnt "attention".
        embedding: numbers of a token's vector.
        vectors: what tokens begin with that have a vector already, as wide as `embedding`: a mapping from
            tokens to vectors, the path of a word2vec or GloVe file, or what `gorae.data.read_vectors` gives
            (read once for all fits of a search). Other tokens begin at random. A saved model holds what
            became of them, and needs no file.
        freeze_vectors: whether these vectors stay as they are; those of other tokens are learned anyway.
        tokenizer: cuts texts: "words", "characters", "bytes", "calls", a tokenizer of `gorae.data`, or None
            for words in small letters.
        max_tokens: the most tokens that are known, the most frequent of the training rows.
        min_count: how often a token must come in the training rows to be known.
        max_length: the most steps that are kept of a sequence; None for as many as the longest has.
        window: which steps are kept of a longer one: "head", "tail", "head_tail" or "spaced".
        truncate: steps after which no slope goes further back (truncated backpropagation through time); None
            for the whole way.
        clip: the longest that a step's gradient may be; a longer one is shortened. None for no limit.
        dropout: probability in [0, 1) that a feature is silenced in a training step, at all steps of a row:
            of what is read, between layers, and of what was pooled.
        optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
        learning_rate: length of a step; the schedule multiplies it.
        schedule: "constant", "step", "cosine", "one_cycle" or "warm_up".
        momentum: share of the last direction that is kept, for "momentum" and "nesterov".
        weight_decay: strength of the squared penalty on weights.
        l1: strength of the absolute penalty on weights.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).
        batch_size: rows a step; rows of a batch are about equally long.
        epochs: passes over the training rows, at most.
        early_stopping: whether to stop on rows cut from the training rows, as in `MLPClassifier`.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        class_weight: None, "balanced" (inverse to the class's rows) or a dictionary {class: weight}.
        scale: of series: "standard" (each channel to mean 0, deviation 1, over real steps) or None.
        members: networks trained from different seeds; probabilities are their mean.
        warm_start: whether `fit` goes on where the last fit stopped; what tokens are known stays as it was.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of weights, row order and dropout; the same seed gives bitwise the same model.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Raises:
        ParameterError: in a search, for `max_length` and `window`: sequences become rows once, for all
            settings.

    Example:
        >>> X = ["a good whale", "good, good", "a bad whale", "bad and sad", "so good", "so bad"]
        >>> y = ["+", "+", "-", "-", "+", "-"]
        >>> model = SequenceClassifier(
        ...     cell="gru", width=8, embedding=8, epochs=60, learning_rate=0.02, random_state=0
        ... ).fit(X, y)
        >>> model.predict(["good day", "a bad day"]).tolist()
        ['+', '-']

    References:
        Hochreiter & Schmidhuber 1997; Cho et al. 2014 (GRU); Joulin et al. 2017, "Bag of tricks for efficient
        text classification" (the bag); Lin et al. 2017 (attention).
    """

    def __init__(
        self,
        *,
        cell: str = "lstm",
        width: int = 64,
        layers: int = 1,
        bidirectional: bool = False,
        pooling: str = "mean",
        embedding: int = 64,
        vectors: Any = None,
        freeze_vectors: bool = False,
        tokenizer: Any = None,
        max_tokens: int = 20_000,
        min_count: int = 1,
        max_length: int | None = 256,
        window: str = "head",
        truncate: int | None = None,
        clip: float | None = 1.0,
        dropout: float = 0.0,
        optimizer: str = "adam",
        learning_rate: float = 2e-3,
        schedule: str = "constant",
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        label_smoothing: float = 0.0,
        batch_size: int = 64,
        epochs: int = 20,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 3,
        tol: float = 1e-4,
        class_weight: Any = None,
        scale: str | None = "standard",
        members: int = 1,
        warm_start: bool = False,
        checkpoint: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.cell, self.width, self.layers, self.bidirectional = cell, width, layers, bidirectional
        self.pooling, self.embedding = pooling, embedding
        self.vectors, self.freeze_vectors = vectors, freeze_vectors
        self.tokenizer, self.max_tokens, self.min_count = tokenizer, max_tokens, min_count
        self.max_length, self.window = max_length, window
        self.truncate, self.clip, self.dropout = truncate, clip, dropout
        self.optimizer, self.learning_rate, self.schedule = optimizer, learning_rate, schedule
        self.momentum, self.weight_decay, self.l1 = momentum, weight_decay, l1
        self.label_smoothing = label_smoothing
        self.batch_size, self.epochs = batch_size, epochs
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.patience, self.tol = patience, tol
        self.class_weight = class_weight
        self.scale, self.members = scale, members
        self.warm_start, self.checkpoint = warm_start, checkpoint
        self.device, self.random_state, self.verbose = device, random_state, verbose

    def _task(self, outputs: int) -> Mapping[str, Any]:
        """Return objective and number of classes."""
        return {"objective": "cross_entropy", "classes": outputs}

    def _numbers(self) -> Mapping[str, float]:
        """Return the label smoothing."""
        return {"label_smoothing": check_real("label_smoothing", self.label_smoothing, 0, 1, open_high=True)}


class SequenceRegressor(_Sequences, NetworkRegressor):
    r"""Predict one or several numbers from sequences with a recurrent network, or an ensemble of them.

    Minimises half the mean squared error of $W p + b$, where p is pooled from the hidden states of all real
    steps; targets are standardised inside. What a sequence may be stands in `SequenceClassifier`.

    Args:
        cell: "lstm", "gru", "rnn" (tanh), "rnn_relu", or "bag": steps are pooled as they are, in no order
            (with `pooling="mean"` the fastText classifier).
        width: numbers of the hidden state, of each direction.
        layers: recurrent layers on one another.
        bidirectional: whether each reads from both ends.
        pooling: what all steps become: their "mean", "max", the "last", or learnt "attention".
        embedding: numbers of a token's vector.
        vectors: what tokens begin with that have a vector already, as wide as `embedding`: a mapping from
            tokens to vectors, the path of a word2vec or GloVe file, or what `gorae.data.read_vectors` gives
            (read once for all fits of a search). Other tokens begin at random. A saved model holds what
            became of them, and needs no file.
        freeze_vectors: whether these vectors stay as they are; those of other tokens are learned anyway.
        tokenizer: cuts texts: "words", "characters", "bytes", "calls", a tokenizer of `gorae.data`, or None
            for words in small letters.
        max_tokens: the most tokens that are known, the most frequent of the training rows.
        min_count: how often a token must come in the training rows to be known.
        max_length: the most steps that are kept of a sequence; None for as many as the longest has.
        window: which steps are kept of a longer one: "head", "tail", "head_tail" or "spaced".
        truncate: steps after which no slope goes further back (truncated backpropagation through time); None
            for the whole way.
        clip: the longest that a step's gradient may be; a longer one is shortened. None for no limit.
        dropout: probability in [0, 1) that a feature is silenced in a training step, at all steps of a row:
            of what is read, between layers, and of what was pooled.
        optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
        learning_rate: length of a step; the schedule multiplies it.
        schedule: "constant", "step", "cosine", "one_cycle" or "warm_up".
        momentum: share of the last direction that is kept, for "momentum" and "nesterov".
        weight_decay: strength of the squared penalty on weights.
        l1: strength of the absolute penalty on weights.
        batch_size: rows a step; rows of a batch are about equally long.
        epochs: passes over the training rows, at most.
        early_stopping: whether to stop on rows cut from the training rows, as in `MLPClassifier`.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        scale: of series: "standard" (each channel to mean 0, deviation 1, over real steps) or None.
        members: networks trained from different seeds; predictions are their mean.
        warm_start: whether `fit` goes on where the last fit stopped; what tokens are known stays as it was.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of weights, row order and dropout; the same seed gives bitwise the same model.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> X = [rng.normal(size=(rng.integers(3, 9), 2)) for _ in range(200)]
        >>> y = np.array([x[:, 0].mean() for x in X])
        >>> model = SequenceRegressor(
        ...     cell="gru", width=16, learning_rate=0.02, epochs=60, schedule="cosine", tol=0, random_state=0
        ... ).fit(X, y)
        >>> model.score(X, y) > 0.8
        True

    References:
        As for `SequenceClassifier`.
    """

    def __init__(
        self,
        *,
        cell: str = "lstm",
        width: int = 64,
        layers: int = 1,
        bidirectional: bool = False,
        pooling: str = "mean",
        embedding: int = 64,
        vectors: Any = None,
        freeze_vectors: bool = False,
        tokenizer: Any = None,
        max_tokens: int = 20_000,
        min_count: int = 1,
        max_length: int | None = 256,
        window: str = "head",
        truncate: int | None = None,
        clip: float | None = 1.0,
        dropout: float = 0.0,
        optimizer: str = "adam",
        learning_rate: float = 2e-3,
        schedule: str = "constant",
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        batch_size: int = 64,
        epochs: int = 20,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 3,
        tol: float = 1e-4,
        scale: str | None = "standard",
        members: int = 1,
        warm_start: bool = False,
        checkpoint: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.cell, self.width, self.layers, self.bidirectional = cell, width, layers, bidirectional
        self.pooling, self.embedding = pooling, embedding
        self.vectors, self.freeze_vectors = vectors, freeze_vectors
        self.tokenizer, self.max_tokens, self.min_count = tokenizer, max_tokens, min_count
        self.max_length, self.window = max_length, window
        self.truncate, self.clip, self.dropout = truncate, clip, dropout
        self.optimizer, self.learning_rate, self.schedule = optimizer, learning_rate, schedule
        self.momentum, self.weight_decay, self.l1 = momentum, weight_decay, l1
        self.batch_size, self.epochs = batch_size, epochs
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.patience, self.tol = patience, tol
        self.scale, self.members = scale, members
        self.warm_start, self.checkpoint = warm_start, checkpoint
        self.device, self.random_state, self.verbose = device, random_state, verbose

    def _task(self, outputs: int) -> Mapping[str, Any]:
        """Return the objective."""
        return {"objective": "squared_error", "classes": 0}
