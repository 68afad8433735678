"""What all network estimators share: from arrays to members, and from members to answers.

A class lists its parameters and says which recipe they make (`_recipe`); everything else is here.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Float32, Float64, Shaped
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from gorae.backend import Device, select_devices
from gorae.data import as_stream, in_blocks
from gorae.errors import DataError, ParameterError, as_input_error
from gorae.estimators.fitting import fit_network, unchanged_on_failure
from gorae.estimators.given import given_rows
from gorae.estimators.hidden import hidden_place
from gorae.estimators.learned import Learned, answering_problem
from gorae.estimators.parameters import check_flag
from gorae.estimators.population import Recipe, in_target_unit
from gorae.estimators.saving import Savable
from gorae.estimators.state import network_state, restored
from gorae.estimators.storage import stored_rows
from gorae.estimators.stream_rows import stream_bounds
from gorae.estimators.streaming import fit_stream
from gorae.estimators.training_rows import checked_classes
from gorae.train import (
    Asked,
    History,
    MemberResult,
    hidden_activations,
    layer_names,
    member_outputs,
)


class NetworkEstimator(Savable, BaseEstimator):
    """The abstract base of every estimator that the population engine trains."""

    _learned: Learned
    _takes_module = False

    @abstractmethod
    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the current parameters ask of the engine, all checked."""

    def _recipe_of(self, matrix: np.ndarray, outputs: int) -> Recipe:
        """Return the recipe for these rows."""
        return self._recipe(matrix.shape[1], outputs, len(matrix))

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, groups: Any = None) -> Self:
        """Train `members` networks on all rows.

        Args:
            X: `(n, features)`, numbers; uint8 stays bytes until the batch. Or a map-style dataset, as PyTorch
                has them: what has `__len__` and `__getitem__`, whose items are rows, or pairs of a row and
                its target; it is read whole. A `gorae.data.Stream` of either, and a memory-mapped array of
                more than 256 MiB, is read block by block, ahead of time on threads, and never held whole;
                targets, weights and groups are in memory.
            y: targets, one a row; None for those of a dataset.
            sample_weight: one weight a row: weight k counts as k copies, weight 0 as removed. Where a batch
                holds all rows this is exact, since equal rows are then made one with their summed weight; in
                minibatches it is so in the mean over seeds.
            groups: a group a row (a patient, a document): early stopping then watches whole groups, of which
                no row is learned from; without early stopping it decides nothing.

        Returns:
            This estimator.

        Raises:
            InputError: when X or y cannot be used, or a parameter is out of its range. The estimator is then
                what it was before.
            KeyboardInterrupt: after Ctrl-C when no member had finished an epoch; else the fit ends with the
                members as they are and a warning.
        """
        stream = as_stream(X)
        if stream is not None:
            with unchanged_on_failure(self):
                fit_stream(self, stream, y, sample_weight, groups=groups)
            return self
        warm = check_flag("warm_start", getattr(self, "warm_start", False))
        earlier = self._learned if warm and self.__sklearn_is_fitted__() else None
        classes = getattr(self, "classes_", None) if earlier is not None else None
        with unchanged_on_failure(self):
            fit_network(self, X, y, sample_weight, earlier=earlier, classes=classes, groups=groups)
        return self

    @property
    def history_(self) -> list[History]:
        """The history of each member: losses, scores and gradient norms, one entry an epoch."""
        return [member.history for member in self._members]

    @property
    def layer_names_(self) -> list[str]:
        """The names of the layers that have parameters, in the order of the data."""
        self._check_fitted()
        return layer_names(answering_problem(self._learned.shape))

    def hidden_features(self, X: Any, layer: str | int | None = None) -> Float32[np.ndarray, "rows width"]:
        """Return a hidden layer of the first member: the space in which rows are compared.

        Args:
            X: `(n, features)`.
            layer: its name ("hidden 1") or its place from 0; None for the last, and for the scaled inputs
                where nothing is hidden. One program computes all layers of a structure.

        Returns:
            What the layer answers, `(n, width)`.

        Raises:
            ParameterError: when there is no such layer.
        """
        if layer is None:
            return self._answers(X, features=True)[0]
        names = self.layer_names_[:-1]
        place = hidden_place(layer, names)
        matrix, asked, devices = self._questions(X, self._members[:1])
        found = hidden_activations(answering_problem(self._learned.shape), matrix, asked[0], devices=devices)
        ends = np.cumsum([0, *self._learned.shape.hidden_widths])
        return _finite(found[None])[0, :, ends[place] : ends[place + 1]]

    @property
    def _members(self) -> tuple[MemberResult, ...]:
        """The trained members."""
        self._check_fitted()
        return self._learned.members

    def _answers(self, X: Any, *, features: bool = False) -> Float32[np.ndarray, "members rows outputs"]:
        """Return the outputs of each member, in the model's scale, or the first one's last hidden layer.

        Raises:
            InputError: when X cannot be used, or is so far from the training rows that the outputs overflow.
        """
        self._check_fitted()
        stream = as_stream(X)
        if stream is not None:
            blocks = in_blocks(stream, stream_bounds(stream), lambda _, rows, __: rows)
            return np.concatenate([self._answers(rows, features=features) for rows in blocks], axis=-2)
        learned = self._learned
        for rows, known in vars(self).get("_remembered", ()):
            if rows is X and not features:
                return known
        members = learned.members[:1] if features else learned.members
        matrix, asked, devices = self._questions(X, members)
        problem = answering_problem(learned.shape)
        return _finite(np.stack(member_outputs(problem, matrix, asked, devices=devices, features=features)))

    def _questions(
        self, X: Any, members: Sequence[MemberResult]
    ) -> tuple[np.ndarray, list[Asked], list[Device]]:
        """Return rows as they are stored, what to ask of each member about them, and where."""
        matrix = stored_rows(given_rows(self, X), self._learned.anchor)
        rows = np.arange(len(matrix))
        asked = [Asked(m.parameters, m.buffers, self._learned.encoding, rows) for m in members]
        devices = select_devices(self.device)  # pyright: ignore[reportAttributeAccessIssue]  every subclass has it
        return matrix, asked, devices

    @contextmanager
    def remembering(self, answers: Sequence[tuple[Any, np.ndarray | None]]) -> Iterator[None]:
        """Answer for these very objects from what is known, inside the block: scorers ask one by one.

        Args:
            answers: pairs of rows and the outputs `(members, n, outputs)` for them; None is not remembered.
        """
        self._remembered = [pair for pair in answers if pair[1] is not None]
        try:
            yield
        finally:
            del self._remembered

    @contextmanager
    def trained_within(self, widths: Sequence[int] | None) -> Iterator[None]:
        """Train, inside the block, in a program for hidden layers of these widths: it is compiled already.

        Args:
            widths: of the hidden layers, no narrower than this estimator's; None for its own.
        """
        self._within = widths
        try:
            yield
        finally:
            del self._within

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is something learned."""
        return "_learned" in vars(self)

    def _check_fitted(self) -> None:
        """Refuse to answer before `fit`."""
        with as_input_error():
            check_is_fitted(self)

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what a file of this estimator holds."""
        return network_state(self)

    @classmethod
    def _from_state(cls, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Self:
        """Return the fitted estimator that a file holds."""
        return restored(cls, arrays, meta, meta.get("shape") if cls._takes_module else None)


class NetworkClassifier(ClassifierMixin, NetworkEstimator):
    """The abstract base of network classifiers."""

    classes_: Shaped[np.ndarray, " classes"]
    score = as_input_error()(ClassifierMixin.score)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one epoch more, on these rows only.

        The first call decides how rows are read: columns are scaled by its rows' mean and deviation, so give
        it rows that are like the later ones, or scale them yourself and set `scale=None`. Optimizers keep
        what they remember from call to call; the learning rate is constant whatever `schedule` says, as it
        is not known how many calls will come. No checkpoint is written.

        Args:
            X: `(n, features)`, numbers; cut into batches of `batch_size`.
            y: labels, one a row.
            classes: every label that may ever come; needed in the first call unless `fit` came before.
            sample_weight: one weight a row.

        Returns:
            This estimator.

        Raises:
            InputError: when X or y cannot be used, or a parameter is out of its range.
        """
        _check_incremental(self)
        earlier = self._learned if self.__sklearn_is_fitted__() else None
        if classes is None and earlier is None:
            raise ParameterError(
                "classes must be passed on the first call to partial_fit: every label that may come."
            )
        if earlier is not None:
            if classes is not None and not np.array_equal(checked_classes(classes), self.classes_):
                raise ParameterError(
                    f"classes={list(classes)!r} are not those of the first call: {self.classes_.tolist()}."
                )
            classes = self.classes_
        with unchanged_on_failure(self):
            fit_network(self, X, y, sample_weight, earlier=earlier, classes=classes, one_epoch=True)
        return self

    def predict(self, X: Any) -> Shaped[np.ndarray, " rows"]:
        """Return the class of each row: the largest mean output of the members."""
        scores = self._mean_scores(X)
        return self.classes_[np.argmax(scores, axis=1)]

    def member_scores_(self, X: Any) -> Float32[np.ndarray, "members rows classes"]:
        """Return each member's scores, `(members, n, classes)`: for probabilities what the softmax is of."""
        return self._answers(X)

    @abstractmethod
    def _mean_scores(self, X: Any) -> Float32[np.ndarray, "rows classes"]:
        """Return what `predict` compares: the members' mean probabilities, or their mean scores."""


class NetworkRegressor(RegressorMixin, NetworkEstimator):
    """The abstract base of network regressors."""

    score = as_input_error()(RegressorMixin.score)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch more, on these rows only.

        The first call decides how rows and targets are read: they are scaled by its mean and deviation, so
        give it rows that are like the later ones. Optimizers keep what they remember from call to call; the
        learning rate is constant whatever `schedule` says. No checkpoint is written.

        Args:
            X: `(n, features)`, numbers; cut into batches of `batch_size`.
            y: targets, one or several a row.
            sample_weight: one weight a row.

        Returns:
            This estimator.

        Raises:
            InputError: when X or y cannot be used, or a parameter is out of its range.
        """
        _check_incremental(self)
        earlier = self._learned if self.__sklearn_is_fitted__() else None
        with unchanged_on_failure(self):
            fit_network(self, X, y, sample_weight, earlier=earlier, one_epoch=True)
        return self

    def predict(self, X: Any) -> Float64[np.ndarray, " rows *outputs"]:
        """Return the mean of the members' predictions, `(n,)` or `(n, outputs)`."""
        return self.member_predictions_(X).mean(axis=0)

    def member_predictions_(self, X: Any) -> Float64[np.ndarray, "members rows *outputs"]:
        """Return each member's predictions, `(members, n)` or `(members, n, outputs)`."""
        answers = self._answers(X)
        values = in_target_unit(answers, self._learned.encoding) + self._learned.target_anchor
        return values[..., 0] if self._learned.flat_target else values

    def __sklearn_tags__(self) -> Any:
        """Say that several outputs are fine."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _finite(answers: np.ndarray) -> np.ndarray:
    """Return answers `(members, n, width)` that are all finite.

    Raises:
        DataError: where a row is so far from the training rows that they overflow.
    """
    finite = np.isfinite(answers).all(axis=(0, 2))
    if not finite.all():
        row = int(np.argmin(finite))
        raise DataError(
            f"row {row} (from 0) of X is so far from the training rows that the output overflows; "
            "check its values."
        )
    return answers


def class_probabilities(logits: Float[np.ndarray, "*rows classes"]) -> Float32[np.ndarray, "*rows classes"]:
    """Return the softmax over the last axis, in float32."""
    return softmax(logits.astype(np.float32), axis=-1)


def log_probabilities(
    probabilities: Float32[np.ndarray, "rows classes"],
) -> Float32[np.ndarray, "rows classes"]:
    """Return the logarithm of probabilities; one that is 0 in float32 counts as the smallest above it."""
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))


def one_margin(scores: Float[np.ndarray, "rows classes"]) -> Float[np.ndarray, " rows *classes"]:
    """Return scores as scikit-learn's `decision_function` gives them: one column for two classes."""
    return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores


def _check_incremental(estimator: Any) -> None:
    """Refuse parameters that only a look at all rows gives a meaning.

    Raises:
        ParameterError: for early stopping, and for balanced classes.
    """
    if getattr(estimator, "early_stopping", False):
        raise ParameterError(
            "partial_fit cannot stop early, as it sees a part of the rows; set early_stopping=False."
        )
    if isinstance(getattr(estimator, "class_weight", None), str):
        raise ParameterError(
            f"partial_fit cannot weigh classes by {estimator.class_weight!r}, as it sees a part of the rows; "
            "give class_weight as a dictionary {class: weight}."
        )
