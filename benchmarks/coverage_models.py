"""Cheap problems with a known truth and models that are fitted on many data sets at once.

Used by interval_coverage.py. Every array has a leading axis of data sets; features are (sets, rows, width),
targets (sets, rows). A fitted model is a function from features to log-odds of the second class, or to
numbers; a linear one carries its weights, so that its true loss has a closed form. Other true losses are
means over quasi-random points of the loss expected there, in few dimensions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from scipy.special import expit, ndtr, ndtri
from scipy.stats import qmc
from sklearn.tree import DecisionTreeClassifier

Fitted = Callable[[np.ndarray], np.ndarray]
HERMITE, HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
HERMITE_WEIGHTS = HERMITE_WEIGHTS / HERMITE_WEIGHTS.sum()


@dataclass(frozen=True)
class Linear:
    """Weights (sets, width) and offsets (sets,) of linear models."""

    weights: np.ndarray
    offset: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Return (sets, rows) outputs for features (sets, rows, width) or (rows, width)."""
        return (features @ self.weights[..., None])[..., 0] + self.offset[:, None]


@cache
def points(width: int) -> np.ndarray:
    """Return quasi-random standard normal points (512, width)."""
    # Points off the cube's faces, so that none is infinite.
    return ndtri(np.clip(qmc.Sobol(width, rng=1).random(512), 1e-6, 1 - 1e-6))


@dataclass(frozen=True)
class Classes:
    """Two normal classes of unit variance whose means lie a distance apart in the informative columns."""

    width: int
    distance: float
    informative: int = 0
    variance: float = 1.0

    @property
    def about(self) -> str:
        """The problem in words."""
        some = f", {self.informative} informative" if self.informative else ""
        return f"width {self.width}, distance {self.distance:g}{some}"

    @property
    def mean(self) -> np.ndarray:
        """Mean of the second class; the first has its negative."""
        used = self.informative or self.width
        return np.where(np.arange(self.width) < used, self.distance / 2 / np.sqrt(used), 0.0)

    def draw(self, rng: np.random.Generator, sets: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Return features and classes, sorted by class, so that dealing rows out stratifies the folds."""
        targets = np.sort(rng.integers(0, 2, (sets, rows)), axis=1)
        return self._features(rng, targets), targets

    def draw_pair(
        self, rng: np.random.Generator, sets: int, rows: int
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Return classes and two sets of features, alike and independent given the class."""
        targets = np.sort(rng.integers(0, 2, (sets, rows)), axis=1)
        return targets, (self._features(rng, targets), self._features(rng, targets))

    def _features(self, rng: np.random.Generator, targets: np.ndarray) -> np.ndarray:
        noise = rng.standard_normal((*targets.shape, self.width))
        return noise + (2 * targets[..., None] - 1) * self.mean

    def losses(self, fitted: Fitted, features: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """Return the loss of each row; log-loss only for linear models, whose truth is known."""
        odds = fitted(features)
        found = {"accuracy": ((odds > 0) != targets).astype(float)}
        if isinstance(fitted, Linear):
            found["log_loss"] = np.logaddexp(0, -odds * (2 * targets - 1))
        return found

    def outputs(self, fitted: Fitted, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the intervals of held-out rows take: classes and probabilities."""
        odds = fitted(features)
        return {
            "accuracy": (odds > 0).astype(int),
            "log_loss": np.stack([expit(-odds), expit(odds)], axis=-1),
        }

    def true_losses(self, fitted: Fitted) -> dict[str, np.ndarray]:
        """Return the expected losses of each data set's model on fresh rows."""
        if isinstance(fitted, Linear):
            length = np.linalg.norm(fitted.weights, axis=1)
            centre = fitted.weights @ self.mean
            error = (ndtr(-(centre + fitted.offset) / length) + ndtr(-(centre - fitted.offset) / length)) / 2
            second = (centre + fitted.offset)[:, None] + length[:, None] * HERMITE
            first = (fitted.offset - centre)[:, None] + length[:, None] * HERMITE
            log_loss = (np.logaddexp(0, -second) + np.logaddexp(0, first)) @ HERMITE_WEIGHTS / 2
            return {"accuracy": error, "log_loss": log_loss}
        drawn = np.concatenate([points(self.width) + self.mean, points(self.width) - self.mean])
        chance = expit(2 * drawn @ self.mean)
        wrong = np.where(fitted(drawn) > 0, 1 - chance, chance)
        return {"accuracy": wrong.mean(axis=1)}


@dataclass(frozen=True)
class Numbers:
    """A linear target with unit noise, normal or Student's, whose columns explain a share of its variance."""

    width: int
    share: float
    tails: int = 0

    @property
    def about(self) -> str:
        """The problem in words."""
        return f"width {self.width}, R2 {self.share:g}{f', t{self.tails} noise' if self.tails else ''}"

    @property
    def variance(self) -> float:
        """Of the target."""
        return 1 / (1 - self.share)

    @property
    def slope(self) -> np.ndarray:
        """True weights; the offset is 3, away from where an error could hide."""
        return np.full(self.width, np.sqrt((self.variance - 1) / self.width))

    def draw(self, rng: np.random.Generator, sets: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Return features and targets."""
        features = rng.standard_normal((sets, rows, self.width))
        return features, features @ self.slope + self._noise(rng, (sets, rows)) + 3

    def draw_pair(
        self, rng: np.random.Generator, sets: int, rows: int
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Return targets that two sets of features explain to equal parts, and the two."""
        first, second = rng.standard_normal((2, sets, rows, self.width))
        return (first + second) @ self.slope / np.sqrt(2) + self._noise(rng, (sets, rows)) + 3, (
            first,
            second,
        )

    def _noise(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        if not self.tails:
            return rng.standard_normal(shape)
        return rng.standard_t(self.tails, shape) / np.sqrt(self.tails / (self.tails - 2))

    def losses(self, fitted: Fitted, features: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """Return the squared error of each row, under the names of both metrics."""
        squared = (fitted(features) - targets) ** 2
        return {"r2": squared, "rmse": squared}

    def outputs(self, fitted: Fitted, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the predictions, under the names of both metrics."""
        return dict.fromkeys(("r2", "rmse"), fitted(features))

    def true_losses(self, fitted: Fitted) -> dict[str, np.ndarray]:
        """Return the expected squared error of each data set's model on fresh rows."""
        if isinstance(fitted, Linear):
            off = ((fitted.weights - self.slope) ** 2).sum(axis=1) + (fitted.offset - 3) ** 2
        else:
            drawn = points(self.width)
            off = ((fitted(drawn) - drawn @ self.slope - 3) ** 2).mean(axis=1)
        return {"r2": 1 + off, "rmse": 1 + off}


def class_means(features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return, for both classes, membership, count and mean."""
    second = targets[..., None].astype(float)
    found: list[np.ndarray] = []
    for member in (1 - second, second):
        count = member.sum(axis=1)
        found += [member, count, (features * member).sum(axis=1) / count]
    return tuple(found)


def discriminant(features: np.ndarray, targets: np.ndarray) -> Linear:
    """Fit linear discriminant analysis."""
    first, count0, mean0, second, count1, mean1 = class_means(features, targets)
    rest = features - first * mean0[:, None] - second * mean1[:, None]
    scatter = np.swapaxes(rest, 1, 2) @ rest / (features.shape[1] - 2) + 1e-6 * np.eye(features.shape[2])
    weights = np.linalg.solve(scatter, (mean1 - mean0)[..., None])[..., 0]
    return Linear(weights, np.log(count1 / count0)[:, 0] - (weights * (mean0 + mean1)).sum(axis=1) / 2)


def gaussian_bayes(features: np.ndarray, targets: np.ndarray) -> Fitted:
    """Fit Gaussian Bayes with a diagonal covariance a class."""
    first, count0, mean0, second, count1, mean1 = class_means(features, targets)
    spread0 = ((features - mean0[:, None]) ** 2 * first).sum(axis=1) / count0
    spread1 = ((features - mean1[:, None]) ** 2 * second).sum(axis=1) / count1

    def height(drawn: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
        return -((drawn - mean[:, None]) ** 2 / spread[:, None] + np.log(spread)[:, None]).sum(axis=2) / 2

    prior = np.log(count1 / count0)
    return lambda drawn: height(drawn, mean1, spread1) - height(drawn, mean0, spread0) + prior


def logistic(features: np.ndarray, targets: np.ndarray) -> Linear:
    """Fit logistic regression with a unit ridge by Newton's method."""
    sets, rows, width = features.shape
    design = np.concatenate([features, np.ones((sets, rows, 1))], axis=2)
    ridge = np.append(np.ones(width), 1e-6)
    weights = np.zeros((sets, width + 1))
    for _ in range(8):
        stated = expit((design @ weights[..., None])[..., 0])
        slope = (np.swapaxes(design, 1, 2) @ (stated - targets)[..., None])[..., 0] + ridge * weights
        curvature = np.swapaxes(design * (stated * (1 - stated))[..., None], 1, 2) @ design + np.diag(ridge)
        weights = weights - np.linalg.solve(curvature, slope[..., None])[..., 0]
    return Linear(weights[:, :width], weights[:, width])


def neighbours(count: int, features: np.ndarray, targets: np.ndarray) -> Fitted:
    """Keep the rows; the output is the mean target of the nearest ones, minus a half for classes."""
    shift = 0.5 if targets.dtype.kind == "i" else 0.0

    def mean_target(drawn: np.ndarray) -> np.ndarray:
        found = []
        for place, (rows, values) in enumerate(zip(features, targets, strict=True)):
            distance = (rows**2).sum(axis=1) - 2 * (drawn[place] if drawn.ndim == 3 else drawn) @ rows.T
            near = distance.argmin(axis=1)[:, None]
            near = np.argpartition(distance, count - 1, axis=1)[:, :count] if count > 1 else near
            found.append(values[near].mean(axis=1) - shift)
        return np.array(found)

    return mean_target


def random_features(features: np.ndarray, targets: np.ndarray) -> Fitted:
    """Fit a network of 60 fixed tanh units by a ridge so small that it nearly memorises 60 rows."""
    rng = np.random.default_rng(7)
    inward, offset = rng.standard_normal((features.shape[2], 60)), rng.uniform(-2, 2, 60)
    hidden = np.tanh(features @ inward + offset)
    normal = np.swapaxes(hidden, 1, 2) @ hidden + 0.1 * np.eye(60)
    weights = np.linalg.solve(normal, np.swapaxes(hidden, 1, 2) @ (2.0 * targets - 1)[..., None])
    return lambda drawn: (np.tanh(drawn @ inward + offset) @ weights)[..., 0]


def one_split(features: np.ndarray, targets: np.ndarray) -> Fitted:
    """Fit the best single split over all columns."""
    sets, _, width = features.shape
    order = np.argsort(features, axis=1)
    values = np.take_along_axis(features, order, axis=1)
    signs = 2 * np.take_along_axis(np.broadcast_to(targets[..., None], order.shape), order, axis=1) - 1
    gain = signs.sum(axis=1, keepdims=True) - 2 * np.cumsum(signs, axis=1)[:, :-1]
    row, column = np.divmod(np.abs(gain).reshape(sets, -1).argmax(axis=1), width)
    each = np.arange(sets)
    bound = (values[each, row, column] + values[each, row + 1, column]) / 2
    side = np.where(gain[each, row, column] < 0, -1.0, 1.0)

    def odds(drawn: np.ndarray) -> np.ndarray:
        chosen = drawn[each, :, column] if drawn.ndim == 3 else drawn[:, column].T
        return np.where(chosen > bound[:, None], side[:, None], -side[:, None])

    return odds


def small_tree(features: np.ndarray, targets: np.ndarray) -> Fitted:
    """Fit scikit-learn's tree of depth 3."""
    pairs = zip(features, targets, strict=True)
    trees = [
        DecisionTreeClassifier(max_depth=3, min_samples_leaf=3, random_state=0).fit(x, y) for x, y in pairs
    ]
    return lambda drawn: np.array(
        [tree.predict(drawn[place] if drawn.ndim == 3 else drawn) - 0.5 for place, tree in enumerate(trees)]
    )


def ridge(features: np.ndarray, targets: np.ndarray, strength: float | np.ndarray = 1.0) -> Linear:
    """Fit ridge regression, with one strength or one a data set."""
    centre, level = features.mean(axis=1), targets.mean(axis=1)
    centred = features - centre[:, None]
    normal = np.swapaxes(centred, 1, 2) @ centred
    normal = normal + np.reshape(strength, (-1, 1, 1)) * np.eye(features.shape[2])
    weights = np.linalg.solve(normal, np.swapaxes(centred, 1, 2) @ (targets - level[:, None])[..., None])[
        ..., 0
    ]
    return Linear(weights, level - (weights * centre).sum(axis=1))


def chosen_ridge(features: np.ndarray, targets: np.ndarray) -> Linear:
    """Fit ridge regression, its strength chosen inside the training rows by leave-one-out in closed form."""
    strengths = np.array([0.3, 3.0, 10.0, 30.0, 100.0, 300.0])
    centred = features - features.mean(axis=1, keepdims=True)
    rest = targets - targets.mean(axis=1, keepdims=True)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    errors = []
    for strength in strengths:
        shrunk = lengths**2 / (lengths**2 + strength)
        answer = (left * shrunk[:, None]) @ (np.swapaxes(left, 1, 2) @ rest[..., None])
        leverage = (left**2 * shrunk[:, None]).sum(axis=2) + 1 / rest.shape[1]
        errors.append((((rest - answer[..., 0]) / (1 - leverage)) ** 2).mean(axis=1))
    return ridge(features, targets, strengths[np.argmin(errors, axis=0)])


@dataclass(frozen=True)
class Drawn:
    """Cross-validations of one model on many data sets; the leading axis counts data sets.

    Attributes:
        losses: By metric, (sets, repeats * rows).
        train: By metric, (sets, repeats * folds) scores on the folds' own training rows.
        truth: By metric, (sets, repeats * folds) true scores of the folds' models.
        refitted: By metric, (sets,) true scores of the models fitted on all rows.
        targets: (sets, repeats * rows).
        fold: (repeats * rows,) the fold of each scoring, counted over all repeats.
    """

    losses: dict[str, np.ndarray]
    train: dict[str, np.ndarray]
    truth: dict[str, np.ndarray]
    refitted: dict[str, np.ndarray]
    targets: np.ndarray
    fold: np.ndarray


def cross_validate(
    problem: Classes | Numbers,
    fit: Callable[[np.ndarray, np.ndarray], Fitted],
    folds: int,
    repeats: int,
    features: np.ndarray,
    targets: np.ndarray,
) -> Drawn:
    """Cross-validate on all data sets at once; the first repeat deals the rows out, the others draw folds."""
    rows = targets.shape[1]
    dealt = np.arange(rows) % folds
    shuffled = np.random.default_rng(rows)
    fold = np.concatenate(
        [dealt] + [shuffled.permutation(dealt) + folds * (1 + r) for r in range(repeats - 1)]
    )
    whole = problem.true_losses(fit(features, targets))
    losses = {metric: np.empty((len(targets), len(fold))) for metric in whole}
    train: dict[str, list] = {metric: [] for metric in whole}
    truth: dict[str, list] = {metric: [] for metric in whole}
    for part in range(folds * repeats):
        scored = np.flatnonzero(fold == part)
        kept = np.setdiff1d(np.arange(rows), scored % rows)
        fitted = fit(features[:, kept], targets[:, kept])
        found, true = problem.losses(fitted, features, targets), problem.true_losses(fitted)
        variance = targets[:, kept].var(axis=1)
        for metric in whole:
            losses[metric][:, scored] = found[metric][:, scored % rows]
            train[metric].append(score(metric, found[metric][:, kept].mean(axis=1), variance))
            truth[metric].append(score(metric, true[metric], problem.variance))
    return Drawn(
        losses,
        {metric: np.stack(values, axis=1) for metric, values in train.items()},
        {metric: np.stack(values, axis=1) for metric, values in truth.items()},
        {metric: score(metric, values, problem.variance) for metric, values in whole.items()},
        np.tile(targets, repeats),
        fold,
    )


def score(metric: str, mean_loss: np.ndarray, variance: np.ndarray | float) -> np.ndarray:
    """Return scores from mean losses, array-wise."""
    if metric == "accuracy":
        return 1 - mean_loss
    if metric == "log_loss":
        return mean_loss
    return np.sqrt(mean_loss) if metric == "rmse" else 1 - mean_loss / variance


def true_mean(metric: str, scores: np.ndarray) -> np.ndarray:
    """Return the mean true score of the folds' models; RMSE is averaged as squared error, as the rows are."""
    if metric == "rmse":
        return np.sqrt((scores**2).mean(axis=-1))
    return scores.mean(axis=-1)


MODELS: dict[str, Callable[[np.ndarray, np.ndarray], Fitted]] = {
    "Gaussian Bayes": gaussian_bayes,
    "discriminant": discriminant,
    "logistic": logistic,
    "1 neighbour": partial(neighbours, 1),
    "7 neighbours": partial(neighbours, 7),
    "random features": random_features,
    "tree of depth 3": small_tree,
    "one split": one_split,
    "ridge": ridge,
    "ridge chosen inside": chosen_ridge,
    "5 neighbours": partial(neighbours, 5),
}
