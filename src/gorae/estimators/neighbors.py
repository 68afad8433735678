"""k nearest neighbours as scikit-learn estimators: exact, by brute force, with scikit-learn's answers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from jaxtyping import Float64, Int64
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from gorae.errors import DamagedFileError, ParameterError, as_input_error
from gorae.estimators.given import finite_values, given_pair, given_rows
from gorae.estimators.meta_reading import read_feature_names, read_mapping
from gorae.estimators.parameter_meta import parameters_from_meta
from gorae.estimators.parameters import check_choice, check_count
from gorae.estimators.saving import Savable, labels_from_meta, labels_to_meta
from gorae.estimators.storage import DTYPES
from gorae.models.distances import METRICS, find_metric
from gorae.models.neighbors import NeighborIndex, NeighborTable, without_self
from gorae.models.prefixes import NearestFirst
from gorae.models.ties import scikit_learn_ties
from gorae.models.votes import WEIGHTS, class_scores, neighbor_means, neighbor_probabilities, vote_weights


class Neighbors(Savable, BaseEstimator):
    """What the classifier and the regressor share: the training rows, and the search among them."""

    def __init__(self, n_neighbors: int = 5, *, metric: str = "euclidean", weights: str = "uniform"):
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.weights = weights

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True) -> Any:
        """Return the nearest training rows, nearest first.

        Args:
            X: `(n, features)`, or None for the training rows themselves, each without itself.
            n_neighbors: how many; the constructor's number if None.
            return_distance: whether distances come first.

        Returns:
            Distances `(n, k)` and indices `(n, k)`, or the indices alone.

        Raises:
            InputError: X cannot be used, or has other features than the training rows.
            ParameterError: there are fewer training rows than neighbours asked for.
            NotFittedError: before `fit`.

        Example:
            >>> model = KNeighborsRegressor(1).fit([[0.0], [1.0], [4.0]], [0.0, 1.0, 4.0])
            >>> model.kneighbors([[3.0]])
            (array([[1.]]), array([[2]]))
        """
        table = self._table(X, n_neighbors)
        return tuple(table) if return_distance else table.indices

    @contextmanager
    def remembering(self, known: Sequence[tuple[Any, NearestFirst]]) -> Iterator[None]:
        """Answer for these very objects from what is known, inside the block: scorers ask one by one.

        Args:
            known: pairs of rows and their nearest training rows.
        """
        self._remembered = known
        try:
            yield
        finally:
            del self._remembered

    def nearest_first(self, X: Any, most: int) -> NearestFirst:
        """Return what answers for rows with any number of neighbours up to `most`."""
        return NearestFirst(self._index, given_rows(self, X), most)

    def _fit(self, X: Any, y: Any) -> np.ndarray:
        """Check parameters and rows, keep the rows, and return the checked targets."""
        self._check_parameters()
        X, y = given_pair(self, X, y)
        if not isinstance(self, ClassifierMixin):
            y = finite_values(y)
        self._index = NeighborIndex(X, self.metric)
        self.n_samples_fit_ = len(X)
        return y

    def _check_parameters(self) -> None:
        """Check what does not depend on the rows."""
        check_count("n_neighbors", self.n_neighbors)
        find_metric(self.metric)
        check_choice("weights", self.weights, WEIGHTS)

    def _table(self, X: Any, n_neighbors: int | None = None, *, only_votes: bool = False) -> NeighborTable:
        """Return the neighbours that scikit-learn's brute force would find."""
        with as_input_error():
            check_is_fitted(self)
        known = next((nearest for rows, nearest in vars(self).get("_remembered", ()) if rows is X), None)
        queries = known.queries if known is not None else None if X is None else given_rows(self, X)
        k = check_count("n_neighbors", self.n_neighbors if n_neighbors is None else n_neighbors)
        rows = self.n_samples_fit_
        count = rows if queries is None else len(queries)
        if k + (queries is None) > rows:
            relation = "<" if queries is None else "<="
            raise ParameterError(
                f"Expected n_neighbors {relation} n_samples_fit, but n_neighbors = {k}, n_samples_fit = "
                f"{rows}, n_samples = {count}; choose fewer neighbours or fit on more rows."
            )
        kind = self._index.metric.kind
        if known is not None:
            return known.first(k, lambda: scikit_learn_ties(kind, count, rows, only_votes=only_votes))
        rule = scikit_learn_ties(kind, count, rows, only_votes=only_votes)
        if queries is None:
            return without_self(self._index.search(None, k + 1, rule))
        return self._index.search(queries, k, rule)

    def _shared_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what both estimators keep in a file."""
        meta = {
            "parameters": {
                "n_neighbors": int(self.n_neighbors),
                "metric": str(self.metric),
                "weights": str(self.weights),
            },
            "feature_names": [str(name) for name in getattr(self, "feature_names_in_", [])],
        }
        return {"train": self._index.train}, meta

    @classmethod
    def _restored(cls, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Self:
        """Return a new estimator that holds the rows of a file.

        Raises:
            DamagedFileError: the file does not hold what this estimator wrote.
        """
        estimator: Any = cls(**parameters_from_meta(cls, read_mapping(meta, "parameters")))
        estimator._check_parameters()
        train, targets = arrays.get("train"), arrays.get("targets")
        if (
            train is None
            or train.ndim != 2
            or train.dtype not in DTYPES
            or targets is None
            or len(targets) != len(train)
            or estimator.metric not in METRICS
        ):
            raise DamagedFileError(f"the file does not hold the training rows of a {cls.__name__}.")
        estimator._index = NeighborIndex(train, estimator.metric)
        estimator.n_samples_fit_, estimator.n_features_in_ = train.shape
        names = read_feature_names(meta, estimator.n_features_in_)
        if names is not None:
            estimator.feature_names_in_ = names
        return estimator


class KNeighborsClassifier(ClassifierMixin, Neighbors):
    r"""Classify a row by the votes of its nearest training rows.

    $\hat p(c \mid x) = \sum_{i \in N_k(x)} w_i [y_i = c] / \sum_{i \in N_k(x)} w_i$ over the $k$ nearest
    training rows, with $w_i = 1$ or $w_i = 1 / d(x, x_i)$; neighbours at distance 0 then outvote all others.

    The search is exact: float32 on the device finds candidates, float64 on the host ranks them, and a bound
    on the rounding shows that no other row can belong to them. Predictions and probabilities are those of
    scikit-learn's `KNeighborsClassifier(algorithm="brute")` on float64 input. Where several rows are exactly
    as far as the k-th neighbour, its choice among them depends on the number of its threads and of the
    queries (see `gorae.models.ties`), and is followed here too.

    Args:
        n_neighbors: how many neighbours vote; more make the boundary smoother.
        metric: "euclidean" ("l2"), "sqeuclidean", "manhattan" ("l1", "cityblock"), "chebyshev" or "cosine".
        weights: "uniform", or "distance" for votes by inverse distance.

    Attributes:
        classes_: the class labels, sorted.
        n_samples_fit_: how many training rows there are.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> KNeighborsClassifier(5).fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.9
        True

    References:
        T. Cover, P. Hart, Nearest neighbor pattern classification, IEEE Trans. Inf. Theory 13 (1967).
    """

    score = as_input_error()(ClassifierMixin.score)

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the training rows.

        Args:
            X: `(n, features)`, numbers; uint8 stays bytes.
            y: `(n,)`, class labels.

        Returns:
            This estimator.

        Raises:
            InputError: X or y cannot be used, or a parameter is out of its range.
        """
        self.classes_, self._codes = np.unique(self._fit(X, y), return_inverse=True)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the class with most votes for each row; the first of equals.

        Args:
            X: `(n, features)`, or None for the training rows, each judged without itself.
        """
        table = self._voters(X)
        votes = vote_weights(table.distances, self.weights)
        scores = class_scores(self._codes[table.indices], votes, len(self.classes_))
        return self.classes_[scores.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Float64[np.ndarray, "n classes"]:
        """Return the share of the votes for each class, in the order of `classes_`.

        Args:
            X: `(n, features)`, or None for the training rows, each judged without itself.
        """
        table = self._voters(X)
        return neighbor_probabilities(table, self._codes, len(self.classes_), weights=self.weights)

    def _voters(self, X: Any) -> NeighborTable:
        """Return who votes.

        For equal votes, metrics without a product and rows that need no copy, scikit-learn merges votes into
        the search, which then orders ties in another way.
        """
        plain = isinstance(X, np.ndarray) and X.flags.c_contiguous
        merged = self.weights == "uniform" and plain and self.metric not in ("euclidean", "sqeuclidean")
        return self._table(X, only_votes=merged)

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what a file of this estimator holds."""
        arrays, meta = self._shared_state()
        return {**arrays, "targets": self._codes}, {**meta, "classes": labels_to_meta(self.classes_)}

    @classmethod
    def _from_state(cls, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Self:
        """Return the fitted estimator that a file holds."""
        estimator = cls._restored(arrays, meta)
        estimator.classes_ = labels_from_meta(meta["classes"])
        codes: Int64[np.ndarray, " rows"] = arrays["targets"]
        if (
            codes.ndim != 1
            or codes.dtype != np.int64
            or codes.min() < 0
            or codes.max() >= len(estimator.classes_)
        ):
            raise DamagedFileError("the file's class codes do not fit its classes.")
        estimator._codes = codes
        return estimator


class KNeighborsRegressor(RegressorMixin, Neighbors):
    r"""Predict the mean target of the nearest training rows.

    $\hat y(x) = \sum_{i \in N_k(x)} w_i y_i / \sum_{i \in N_k(x)} w_i$ with $w_i = 1$ or
    $w_i = 1 / d(x, x_i)$. The search is `KNeighborsClassifier`'s: exact, and with scikit-learn's answers.

    Args:
        n_neighbors: how many neighbours are averaged; more make the function smoother.
        metric: "euclidean" ("l2"), "sqeuclidean", "manhattan" ("l1", "cityblock"), "chebyshev" or "cosine".
        weights: "uniform", or "distance" for weights by inverse distance.

    Attributes:
        n_samples_fit_: how many training rows there are.

    Example:
        >>> model = KNeighborsRegressor(2).fit([[0.0], [1.0], [4.0]], [0.0, 1.0, 4.0])
        >>> model.predict([[3.0]])
        array([2.5])
    """

    score = as_input_error()(RegressorMixin.score)

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the training rows.

        Args:
            X: `(n, features)`, numbers; uint8 stays bytes.
            y: `(n,)` or `(n, outputs)`, numbers.

        Returns:
            This estimator.

        Raises:
            InputError: X or y cannot be used, or a parameter is out of its range.
        """
        self._targets = np.asarray(self._fit(X, y))
        return self

    def predict(self, X: Any) -> Float64[np.ndarray, " n *outputs"]:
        """Return the weighted mean of the neighbours' targets.

        Args:
            X: `(n, features)`, or None for the training rows, each without itself.
        """
        return neighbor_means(self._table(X), self._targets, weights=self.weights)

    def __sklearn_tags__(self) -> Any:
        """Say that there may be several targets."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what a file of this estimator holds."""
        arrays, meta = self._shared_state()
        return {**arrays, "targets": self._targets}, meta

    @classmethod
    def _from_state(cls, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Self:
        """Return the fitted estimator that a file holds."""
        estimator = cls._restored(arrays, meta)
        if arrays["targets"].ndim not in (1, 2) or arrays["targets"].dtype.kind not in "iuf":
            raise DamagedFileError("the file's targets are no numbers.")
        if not np.isfinite(arrays["targets"]).all():
            raise DamagedFileError("the file's targets are not finite.")
        estimator._targets = arrays["targets"]
        return estimator
