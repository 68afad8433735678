"""Integrated gradients: what each column adds to a network's answer on the way from a baseline to the row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from gorae.backend import select_devices
from gorae.errors import DataError, InputTypeError, ParameterError, closest
from gorae.estimators.given import given_rows
from gorae.estimators.learned import Learned, answering_problem
from gorae.estimators.network import NetworkClassifier, NetworkEstimator
from gorae.estimators.sequence_rows import sequence_reader
from gorae.estimators.storage import stored_rows
from gorae.evidence.checks import check_count, check_level
from gorae.evidence.spread import t_quantile
from gorae.explanation.gradients import Output, Paths, path_attributions
from gorae.explanation.rows import TableModel, reads_tables

__all__ = ["Attributions", "checked_output", "explained_classes", "integrated_gradients", "network_of"]

_OUTPUTS = ("logit", "probability")


@dataclass(frozen=True)
class Attributions:
    """What each column adds to the answers for some rows.

    Attributes:
        names: of the columns.
        of: for each row the class that is explained, or "prediction" of a regressor.
        output: "logit", "probability" or "value".
        values: (rows, columns) what each column adds: the mean over the members.
        low: (rows, columns) lower bounds over the members; None where there is one.
        high: (rows, columns) upper bounds.
        start: (rows,) the answer at the baseline.
        end: (rows,) the answer at the row; values sum up to end - start, but for `gap`.
        gap: (rows,) what the sum misses: the error of so many steps.
        members: networks that were averaged.
        level: share of such intervals that cover the mean over all members that training could make.
    """

    names: tuple[str, ...]
    of: tuple[Any, ...]
    output: str
    values: Float[np.ndarray, "rows columns"]
    low: Float[np.ndarray, "rows columns"] | None
    high: Float[np.ndarray, "rows columns"] | None
    start: Float[np.ndarray, " rows"]
    end: Float[np.ndarray, " rows"]
    gap: Float[np.ndarray, " rows"]
    members: int
    level: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        arrays = ("values", "low", "high", "start", "end", "gap")
        found = {name: getattr(self, name) for name in arrays}
        return {
            "names": list(self.names),
            "of": list(self.of),
            "output": self.output,
            **{name: None if array is None else array.tolist() for name, array in found.items()},
            "members": self.members,
            "level": self.level,
        }

    def strongest(self, row: int = 0, count: int = 10) -> list[dict[str, Any]]:
        """Return the columns that add most to the answer for one row, for or against it.

        Args:
            row: which one, from 0.
            count: columns at most.
        """
        order = np.argsort(-np.abs(self.values[row]), kind="stable")[:count]
        return [
            {
                "column": self.names[i],
                "attribution": float(self.values[row, i]),
                "low": None if self.low is None else float(self.low[row, i]),
                "high": None if self.high is None else float(self.high[row, i]),
            }
            for i in order
        ]


def integrated_gradients(
    model: Any,
    X: Any,
    *,
    baseline: Any = None,
    of: Any = None,
    output: str = "logit",
    steps: int = 64,
    level: float = 0.95,
) -> Attributions:
    r"""Return what each column adds to a network's answer, averaged over its members.

    For the answer f, the row x and the baseline x' column i adds

    .. math:: (x_i - x'_i) \int_0^1 \frac{\partial f}{\partial x_i}(x' + \alpha (x - x')) \, d\alpha ,

    and all columns together f(x) - f(x') (completeness); of a linear model it is its weight times x_i - x'_i.
    What a column adds is told against the baseline: without one, against the mean training row, so that a
    column at its mean adds nothing.

    Args:
        model: a fitted network estimator of gorae, a search or a cautious classifier around one, or the model
            of a study that is one. A study's scaled probabilities are explained as the network states them.
        X: rows, as the model takes them; bytes too.
        baseline: a row to compare with, as the model takes it, or a number for all columns; None for the mean
            of the rows that the network was trained on (of all their values, where pictures are scaled
            alike).
        of: the class that is explained; None for the predicted one of each row. Of several outputs of a
            regressor the place of one.
        output: of a class its "logit", the score against the mean score of the others (for two classes the
            log-odds), or its "probability". Values of a regressor are explained in the unit of the targets.
        steps: points on the way; more make the gap smaller.
        level: of the interval over the members, of which there must be two or more.

    Returns:
        The attributions, one a row and column; of a study one a column of the table.

    Raises:
        InputTypeError: for a model that is no network, which has no gradient.
        ParameterError: for an unknown class, or a parameter out of its range.
        InputError: when rows or baseline cannot be used.
        NotFittedError: when the model is not fitted.

    Example:
        >>> from gorae import LinearRegressor
        >>> X = np.random.default_rng(0).normal(size=(40, 2))
        >>> model = LinearRegressor(learning_rate=0.1, random_state=0).fit(X, X @ [3.0, -1.0])
        >>> found = integrated_gradients(model, X[:1], baseline=0.0)
        >>> bool(np.allclose(found.values, model.coef_ * X[:1], atol=1e-4))
        True

    References:
        Sundararajan, Taly, Yan (2017), "Axiomatic attribution for deep networks", sections 2 to 4.
    """
    check_level(level)
    check_count("steps", steps)
    network = network_of(model)
    X, baseline, names, places = _as_read(model, network, X, baseline)
    labels = model.classes if reads_tables(model) else getattr(network, "classes_", None)
    which, told = explained_classes(network, X, of, labels)
    explained = checked_output(network, output)
    paths = _of_members(network, X, baseline, which, explained, steps)
    return _averaged(paths, names, places, told, explained, level)


def network_of(model: Any) -> Any:
    """Return the fitted network estimator that answers for a model.

    Raises:
        InputTypeError: when it is no network.
        NotFittedError: when it is not fitted.
    """
    inner = model
    for name in ("best_estimator_", "estimator_", "estimator"):
        if not isinstance(inner, NetworkEstimator) and (name != "estimator" or reads_tables(inner)):
            inner = getattr(inner, name, inner)
    if isinstance(inner, type) or not isinstance(inner, NetworkEstimator):
        what = f"the class {inner.__name__}" if isinstance(inner, type) else type(inner).__name__
        raise InputTypeError(
            f"integrated gradients need a fitted network (MLP or linear), but the model is {what}; "
            "permutation_importance and partial_dependence take every model."
        )
    inner._check_fitted()
    return inner


def _as_read(
    model: Any, network: Any, X: Any, baseline: Any
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...], list[tuple[int, ...]] | None]:
    """Return rows and baseline as the network takes them, and which inputs make each named column."""
    places, names = None, None
    if reads_tables(model):
        baseline, X = _as_matrix(model, baseline, X), model.matrix(X)
        names = tuple(model.column_places)
        places = [tuple(own) for own in model.column_places.values()]
        if all(len(own) == 1 for own in places):
            places = None
    if sequence_reader(network) is not None:
        raise DataError(
            "attributions are of columns, and sequences have none: gorae.explanation.token_attributions "
            "tells what each token adds; of a series, replace steps and see what predict_proba answers."
        )
    X = given_rows(network, X)
    if names is None:
        own = getattr(network, "feature_names_in_", None)
        names = tuple(f"x{i}" for i in range(X.shape[1])) if own is None else tuple(map(str, own))
    return X, None if baseline is None else _checked_baseline(baseline, X), names, places


def _as_matrix(model: TableModel, baseline: Any, X: Any) -> np.ndarray | None:
    """Return a baseline for a model that reads tables as its estimator reads it."""
    if baseline is None:
        return None
    given = model.given(X)
    if np.isscalar(baseline):
        if not isinstance(given, np.ndarray):
            raise DataError(
                f"baseline must be a table of one row, with the columns of the others, got {baseline!r}."
            )
        baseline = np.full((1, given.shape[1]), baseline)
    elif isinstance(baseline, np.ndarray | list | tuple) and np.ndim(baseline) == 1:
        baseline = np.asarray(baseline)[None]
    return model.matrix(baseline)


def _checked_baseline(baseline: Any, X: np.ndarray) -> np.ndarray:
    """Return one row to compare with."""
    try:
        row = np.asarray(baseline, np.float64)
    except (TypeError, ValueError):
        raise DataError(f"baseline must be a row of numbers, got {baseline!r:.60}.") from None
    if row.ndim == 2 and len(row) == 1:
        row = row[0]
    if row.shape not in ((), (X.shape[1],)):
        raise DataError(
            f"baseline must be a number or one row of {X.shape[1]} numbers, got the shape {row.shape}."
        )
    row = np.broadcast_to(row, (X.shape[1],))
    if not np.isfinite(row).all():
        raise DataError(f"baseline must be finite, but its column {int(np.argmin(np.isfinite(row)))} is not.")
    return row


def explained_classes(
    network: Any, X: np.ndarray, of: Any, labels: Any
) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Return the output that is explained for each row, and what it is called."""
    if not isinstance(network, NetworkClassifier):
        outputs = network._learned.shape.outputs
        if of is None and outputs > 1:
            raise ParameterError(f"this model has {outputs} outputs; say which one, of=0 to {outputs - 1}.")
        place = 0 if of is None else of
        if not isinstance(place, int | np.integer) or not 0 <= place < outputs:
            raise ParameterError(f"of must be the place of an output, 0 to {outputs - 1}, got {of!r}.")
        return np.full(len(X), place, np.int32), ("prediction",) * len(X)
    own = network.classes_.tolist()
    if of is None:
        which = np.searchsorted(network.classes_, network.predict(X)).astype(np.int32)
    else:
        known = labels.tolist()
        code = None if of not in known else (of if labels is network.classes_ else known.index(of))
        if code not in own:
            near = closest(str(of), [str(label) for label in known])
            hint = f" Did you mean {near!r}?" if near else ""
            raise ParameterError(f"of must be a class of the model, {known[:10]}, got {of!r}.{hint}")
        which = np.full(len(X), own.index(code), np.int32)
    named = own if labels is network.classes_ else [labels.tolist()[code] for code in own]
    return which, tuple(named[place] for place in which)


def checked_output(network: Any, output: str) -> Output:
    """Return what is explained: of a class a logit or a probability, of a regressor the value."""
    if output not in _OUTPUTS:
        near = closest(str(output), _OUTPUTS)
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"output must be one of {', '.join(_OUTPUTS)}, got {output!r}.{hint}")
    if not isinstance(network, NetworkClassifier):
        return "value"
    if output == "probability" and not hasattr(network, "predict_proba"):
        raise ParameterError("this model has scores but no probabilities; use output='logit'.")
    return "probability" if output == "probability" else "logit"


def _of_members(
    network: Any, X: np.ndarray, baseline: np.ndarray | None, which: np.ndarray, output: Output, steps: int
) -> list[Paths]:
    """Return what each member says, in the unit of the targets."""
    learned = network._learned
    problem = answering_problem(learned.shape)
    device = select_devices(network.device)[0]
    stored = stored_rows(X, learned.anchor)
    start = None if baseline is None else (baseline - learned.anchor).astype(np.float32)
    unit, shift = target_unit(learned, output, which)
    found = []
    for member in learned.members:
        paths = path_attributions(
            problem, member, learned.encoding, stored, start, which, output=output, steps=steps, device=device
        )
        values, first, last = (np.asarray(part, np.float64) * unit for part in paths)
        found.append(Paths(values, first + shift, last + shift))
    return found


def _averaged(
    paths: Sequence[Paths],
    names: tuple[str, ...],
    places: list[tuple[int, ...]] | None,
    told: tuple[Any, ...],
    output: str,
    level: float,
) -> Attributions:
    """Return the mean over the members with its interval, inputs of one column added up."""
    each = np.stack([one.attributions for one in paths])
    start, end = (np.mean([getattr(one, side) for one in paths], axis=0) for side in ("start", "end"))
    if places is not None:
        each = np.stack([each[..., list(own)].sum(axis=-1) for own in places], axis=-1)
    values, low, high, members = each.mean(axis=0), None, None, len(each)
    if members > 1:
        reach = t_quantile(level, members - 1.0) * each.std(axis=0, ddof=1) / np.sqrt(members)
        low, high = values - reach, values + reach
    gap = end - start - values.sum(axis=1)
    return Attributions(names, told, output, values, low, high, start, end, gap, members, level)


def target_unit(learned: Learned, output: Output, which: np.ndarray) -> tuple[float, float]:
    """Return factor and summand that bring a network's answer to the unit of the targets."""
    if output != "value":
        return 1.0, 0.0
    place = int(which[0])
    unit = 1 / float(np.asarray(learned.encoding.target_scale)[place])
    return unit, float(np.asarray(learned.encoding.target_shift)[place] + learned.target_anchor[place])
