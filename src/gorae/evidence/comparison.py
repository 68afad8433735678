"""Is one model better than another, on the same folds?

Two ways to the same question. ``paired_row_comparison`` needs the losses of the out-of-fold rows of both
models and is the sharper one: its intervals are about 0.6 times as wide. ``paired_comparison`` needs only
their fold scores. Both are about the difference between the mean true scores of the two models' fits
(``intervals`` tells more).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr

from gorae.errors import InputError
from gorae.evidence.checks import check_choice, check_level, check_same_length, finite_vector
from gorae.evidence.intervals import INFLATION_UNKNOWN, optimism_inflation
from gorae.evidence.metrics import METRICS, higher_is_better, oriented, score_of, target_variance
from gorae.evidence.resampled import resampled_mean
from gorae.evidence.spread import mean_spread, t_quantile, unit_means

__all__ = [
    "Close",
    "Comparison",
    "held_out_comparison",
    "paired_comparison",
    "paired_row_comparison",
    "simplest_close",
]


@dataclass(frozen=True)
class Comparison:
    """What was found between a first and a second model.

    Attributes:
        difference: Score of the first minus score of the second, in the metric's units.
        low: Lower bound of the difference.
        high: Upper bound of the difference.
        p_value: How often a difference at least this large comes of chance where there is none.
        level: Share of such intervals that cover the true difference.
        verdict: "better", "worse" (the first, than the second) or "no difference shown".
        method: How it was made, in words.
    """

    difference: float
    low: float
    high: float
    p_value: float
    level: float
    verdict: str
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class Close:
    """The winner of a ladder and the simplest model that is not shown to be worse.

    Attributes:
        winner: Place of the best score on the ladder.
        simplest: Place of the first model that is not shown worse than the winner; the winner's own where all
            are.
        comparison: The winner against that model; None where they are the same.
        sentence: The finding in words, with figures.
    """

    winner: int
    simplest: int
    comparison: Comparison | None
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        return asdict(self)


def paired_comparison(
    scores_a: Any,
    scores_b: Any,
    *,
    test_sizes: Any,
    train_sizes: Any,
    metric: str = "accuracy",
    level: float = 0.95,
) -> Comparison:
    """Compare two models by their scores on the same folds, with the corrected resampled t.

    Of simulated pairs of equally good models it tells 1.2 to 1.8 % apart on average at the 95 % level (up to
    6.5 % in a cell of 400): careful rather than sharp.

    Args:
        scores_a: (folds,) scores of the first model, repeats one after the other.
        scores_b: (folds,) scores of the second model on the same folds.
        test_sizes: (folds,) rows each fold was scored on, or one number for all.
        train_sizes: (folds,) rows each fold was trained on, or one number for all.
        metric: One of METRICS; decides whether more is better.
        level: Share of such intervals that cover the true difference.

    Returns:
        The comparison.

    Raises:
        InputError: If there are fewer than 2 folds, lengths differ, a value is not finite or a size not
            positive.
        ParameterError: If the metric is unknown or the level not between 0 and 1.

    Example:
        >>> a, b = [0.90, 0.92, 0.91, 0.89, 0.93], [0.80, 0.83, 0.80, 0.80, 0.82]
        >>> found = paired_comparison(a, b, test_sizes=20, train_sizes=80)
        >>> print(f"{found.verdict} by {found.low:.2f} to {found.high:.2f}, p {found.p_value:.4f}")
        better by 0.08 to 0.12, p 0.0001

    References:
        Nadeau, Bengio (2003), "Inference for the generalization error", section 4.
    """
    check_choice("metric", metric, METRICS)
    scores_a = finite_vector("scores_a", scores_a, at_least=2)
    scores_b = finite_vector("scores_b", scores_b, at_least=2)
    check_same_length(scores_a=scores_a, scores_b=scores_b)
    found = resampled_mean(scores_a - scores_b, test_sizes=test_sizes, train_sizes=train_sizes, level=level)
    return Comparison(
        found.mean,
        found.low,
        found.high,
        found.p_value,
        level,
        _verdict(metric, found.low, found.high),
        "fold scores, paired, corrected resampled t",
    )


def paired_row_comparison(
    metric: str,
    losses_a: Any,
    losses_b: Any,
    *,
    train_scores_a: Any = None,
    train_scores_b: Any = None,
    targets: Any = None,
    units: Any = None,
    level: float = 0.95,
) -> Comparison:
    """Compare two models by their losses on the same out-of-fold rows.

    The rows' differences d have a plain paired variance, inflated by the mean of the two models' phi (see
    ``optimism_inflation``), each weighted by the variance of its own losses. For accuracy, where d is -1, 0
    or 1, one unit is added in favour of each model (Bonett and Price), so that the interval holds where the
    models hardly ever differ; the other metrics use Student's t with degrees of freedom for the tails of d.

    Of simulated pairs of equally good models, each on inputs of its own, it tells apart at the 95 % level: by
    accuracy 4.3 % on average (0 to 10 % in a cell of 400), by R2 5.0 %, by RMSE 4.4 %, by log-loss 2.8 %; by
    accuracy 13 % for the tied splits told of at ``cross_validated_interval``.

    Args:
        metric: One of METRICS.
        losses_a: (scorings,) loss of each row by the first model, as ``row_losses`` gives them.
        losses_b: (scorings,) loss of the same rows by the second model.
        train_scores_a: (folds,) score of each fold's first model on its own training rows; None: phi is 1.2.
        train_scores_b: (folds,) the same for the second model.
        targets: (scorings,) the true numbers; only ``r2`` needs them.
        units: (scorings,) the row's number under repeats, its group under grouped folds; None: each its own.
        level: Share of such intervals that cover the true difference.

    Returns:
        The comparison, in the metric's units.

    Raises:
        InputError: If lengths differ, a value is not finite or there are fewer than two units.
        ParameterError: If the metric is unknown or the level not between 0 and 1.

    Example:
        >>> a, b = [0.0] * 95 + [1.0] * 5, [0.0] * 80 + [1.0] * 20
        >>> found = paired_row_comparison("accuracy", a, b)
        >>> print(f"{found.difference:.2f}, {found.low:.2f} to {found.high:.2f}: {found.verdict}")
        0.15, 0.07 to 0.23: better

    References:
        Bayle, Bayle, Janson, Mackey (2020), "Cross-validation confidence intervals for test error", section
        4.
        Bonett, Price (2012), "Adjusted Wald confidence interval for a difference of binomial proportions
        based on paired data", equation 4.
    """
    check_level(level)
    losses_a, losses_b = _paired_losses(losses_a, losses_b, units, targets)
    inflation = _pair_inflation(metric, (losses_a, train_scores_a), (losses_b, train_scores_b), targets)
    method = f"out-of-fold rows, paired, variance x {inflation:.2f}"
    return _by_rows(metric, losses_a, losses_b, targets, units, level, inflation, method)


def held_out_comparison(
    metric: str, losses_a: Any, losses_b: Any, *, targets: Any = None, units: Any = None, level: float = 0.95
) -> Comparison:
    """Compare two fitted models by their losses on the same rows, from which neither has learned.

    As ``paired_row_comparison``, but with the plain paired variance: no row that is scored has taught a model
    that scores another.

    Args:
        metric: One of METRICS.
        losses_a: (rows,) loss of each row by the first model, as ``row_losses`` gives them.
        losses_b: (rows,) loss of the same rows by the second model.
        targets: (rows,) the true numbers; only ``r2`` needs them.
        units: (rows,) the row's group where rows belong together; None: each its own.
        level: Share of such intervals that cover the true difference.

    Returns:
        The comparison, in the metric's units.

    Raises:
        InputError: If lengths differ, a value is not finite or there are fewer than two units.
        ParameterError: If the metric is unknown or the level not between 0 and 1.

    Example:
        >>> a, b = [0.0] * 95 + [1.0] * 5, [0.0] * 80 + [1.0] * 20
        >>> found = held_out_comparison("accuracy", a, b)
        >>> print(f"{found.difference:.2f}, {found.low:.2f} to {found.high:.2f}: {found.verdict}")
        0.15, 0.07 to 0.22: better

    References:
        Bonett, Price (2012), equation 4, as in ``paired_row_comparison``.
    """
    check_level(level)
    losses_a, losses_b = _paired_losses(losses_a, losses_b, units, targets)
    return _by_rows(metric, losses_a, losses_b, targets, units, level, 1.0, "held-out rows, paired")


def _paired_losses(losses_a: Any, losses_b: Any, units: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return both models' losses as vectors; refuse what does not belong to the same rows."""
    losses_a, losses_b = finite_vector("losses_a", losses_a), finite_vector("losses_b", losses_b)
    check_same_length(losses_a=losses_a, losses_b=losses_b, units=units, targets=targets)
    return losses_a, losses_b


def _by_rows(
    metric: str,
    losses_a: np.ndarray,
    losses_b: np.ndarray,
    targets: Any,
    units: Any,
    level: float,
    inflation: float,
    method: str,
) -> Comparison:
    """Compare two models by the losses of the same rows; the variance is inflated by a factor."""
    difference = score_of(metric, losses_a, targets) - score_of(metric, losses_b, targets)
    if metric == "accuracy":
        centre, variance, freedom = _bonett_price(losses_b - losses_a, units)
    else:
        influence = _difference_influence(metric, losses_a, losses_b, targets)
        spread = mean_spread(influence, units)
        centre, variance, freedom = difference, spread.variance, spread.freedom
    error = float(np.sqrt(variance * inflation))
    reach = t_quantile(level, freedom) * error
    if error > 0:
        p_value = float(2 * stdtr(freedom, -abs(centre) / error))
    else:
        p_value = 1.0 if centre == 0 else 0.0
    low, high = centre - reach, centre + reach
    return Comparison(difference, low, high, p_value, level, _verdict(metric, low, high), method)


def _verdict(metric: str, low: float, high: float) -> str:
    if low <= 0 <= high:
        return "no difference shown"
    return "better" if (low > 0) == higher_is_better(metric) else "worse"


def _pair_inflation(
    metric: str, first: tuple[np.ndarray, Any], second: tuple[np.ndarray, Any], targets: Any
) -> float:
    factors, weights = [], []
    for losses, train_scores in (first, second):
        known = train_scores is not None
        factors.append(
            optimism_inflation(metric, losses, train_scores, targets=targets) if known else INFLATION_UNKNOWN
        )
        weights.append(float(losses.var()))
    return float(np.average(factors, weights=weights)) if sum(weights) > 0 else max(factors)


def _bonett_price(wins: np.ndarray, units: Any) -> tuple[float, float, float]:
    """Return centre, variance and freedom of a difference of accuracies, one unit added for either model."""
    values = np.append(unit_means(wins, units), [1.0, -1.0])
    count = len(values)
    return float(values.mean()), float(values.var() / count), count - 3.0


def _difference_influence(
    metric: str, losses_a: np.ndarray, losses_b: np.ndarray, targets: Any
) -> np.ndarray:
    """Return one value a row whose mean moves as the difference of scores does, to first order."""
    if metric == "log_loss":
        return losses_a - losses_b
    if metric == "r2":
        numbers = np.asarray(targets, dtype=np.float64)
        variance = target_variance(numbers, len(losses_a))
        gained = float((losses_b - losses_a).mean()) / variance
        return (losses_b - losses_a - gained * (numbers - numbers.mean()) ** 2) / variance
    parts = [
        losses / (2 * np.sqrt(losses.mean())) if losses.any() else losses for losses in (losses_a, losses_b)
    ]
    return parts[0] - parts[1]


def simplest_close(
    names: Sequence[str],
    scores: Any,
    compare: Callable[[int, int], Comparison],
    *,
    metric: str = "accuracy",
    chosen: int | None = None,
) -> Close:
    r"""Find the simplest model of a ladder that is not shown to be worse than the winner.

    The winner has the best score; of equal ones the simplest; or it was chosen otherwise. It is compared with
    the models below it, simplest first, until one is not shown worse. Every comparison stands at its own
    level: being the winner favours it, so a "better" is to be read with that in mind, and a "no difference
    shown" is not proof of none.

    Args:
        names: (models,) names in order of capacity, the simplest first.
        scores: (models,) their scores.
        compare: Gives the comparison of the model at its first place with that at its second.
        metric: One of METRICS; decides whether more is better.
        chosen: Place of the model that is taken for the winner whatever its score; None for the best score.

    Returns:
        The winner, the simplest close model, their comparison and a sentence.

    Raises:
        InputError: If the lengths differ, there is no model, or a score is not finite.
        ParameterError: If the metric is unknown.

    Example:
        >>> folds = [[0.5, 0.6, 0.5], [0.90, 0.94, 0.89], [0.91, 0.93, 0.92]]
        >>> def compare(a, b):
        ...     return paired_comparison(folds[a], folds[b], test_sizes=50, train_sizes=100)
        >>> found = simplest_close(["chance", "linear", "MLP"], [0.53, 0.91, 0.92], compare)
        >>> print(found.sentence.replace(" (", "\n("))
        MLP scores best, but is not shown to be better than the simpler linear
        (difference in accuracy 0.010, 95 % interval -0.069 to 0.089).
    """
    scores = finite_vector("scores", scores)
    if len(names) != len(scores):
        raise InputError(
            f"One score a name is needed, but there are {len(names)} names and {len(scores)} scores."
        )
    better = oriented(metric, scores)
    best = int(np.argmax(better))
    winner = best if chosen is None else chosen
    leads = "scores best, but is" if winner == best else "is"
    found_below = []
    for place in range(winner):
        found = compare(winner, place)
        if found.verdict != "better":
            shown = "not shown to be better" if found.verdict != "worse" else "worse"
            simpler = f"the simpler {names[place]} ({_figures(metric, found)})"
            sentence = f"{names[winner]} {leads} {shown} than {simpler}."
            return Close(winner, place, found, sentence)
        found_below.append(found)
    if winner == 0:
        return Close(0, 0, None, f"{names[0]} scores best, and nothing on the ladder is simpler.")
    nearest = int(np.argmax(better[:winner]))
    told = _figures(metric, found_below[nearest])
    sentence = (
        f"{names[winner]} is better than every simpler model on the ladder; the best of these is "
        f"{names[nearest]} ({told})."
        if winner > 1
        else f"{names[winner]} is better than {names[0]}, the only simpler model ({told})."
    )
    return Close(winner, winner, None, sentence)


_WRITTEN = {"r2": "R2", "rmse": "RMSE", "log_loss": "log-loss"}


def _figures(metric: str, found: Comparison) -> str:
    """Return difference and interval in words: two digits of the half width, three decimals of small ones."""
    half = (found.high - found.low) / 2
    decimals = 3 if max(abs(found.low), abs(found.high)) < 10 else 0
    if half > 0:
        decimals = max(decimals, 1 - math.floor(math.log10(half)))
    difference, low, high = (f"{x:,.{decimals}f}" for x in (found.difference, found.low, found.high))
    written = _WRITTEN.get(metric, metric)
    return f"difference in {written} {difference}, {100 * found.level:g} % interval {low} to {high}"
