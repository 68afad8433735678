"""Contract 3: the rows that an outer fold is scored on change nothing in that fold's models."""

from dataclasses import replace

import numpy as np
import pytest

import gorae.estimators.population as population
import gorae.search.plain as plain
from gorae.backend import select_devices
from gorae.estimators import GaussianBayes, LinearRegressor, MLPClassifier
from gorae.search import nested_estimator, nested_folds, nested_neighbors, nested_networks
from study_cases import classes_rows, values_rows

VOTES = [
    {"n_neighbors": k, "metric": m, "weights": "distance"} for k in (1, 5) for m in ("euclidean", "manhattan")
]
SHRUNK = [{"shrinkage": 0.01}, {"shrinkage": 0.9}]
RATES = [{"learning_rate": 1e-3}, {"learning_rate": 1e-1}]
NETWORK = {"batch_size": 16, "epochs": 4, "early_stopping": True, "random_state": 0}


def bayes(rows, folds):
    """Gaussian Bayes, two shrinkages to choose from."""
    return nested_estimator(GaussianBayes(), SHRUNK, rows, folds)


def neighbors(rows, folds):
    """Nearest neighbours, four settings to choose from."""
    return nested_neighbors(VOTES, rows, folds)


def ensemble(rows, folds):
    """Two small networks, two learning rates to choose from."""
    prototype = MLPClassifier((8,), **NETWORK)
    devices = select_devices("cpu")
    return nested_networks(prototype, RATES, rows, folds, members=2, seed=0, devices=devices)[1]


def line(rows, folds):
    """A linear regression by gradients, two learning rates to choose from."""
    return nested_networks(
        LinearRegressor(**NETWORK), RATES, rows, folds, seed=0, devices=select_devices("cpu")
    )[0]


PROCEDURES = [(bayes, classes_rows), (neighbors, classes_rows), (ensemble, classes_rows)]
PROCEDURES += [(neighbors, values_rows), (line, values_rows)]


def differences(procedure, rows, folds, spoiled):
    """What the first fold's models show of a change in the rows they are scored on; one row is left alone."""
    before, after = procedure(rows, folds), procedure(spoiled, folds)
    alone = folds[0].score[0]
    seen = {
        "answers": (before.outputs[0, alone], after.outputs[0, alone]),
        "training score": (before.train_scores[0], after.train_scores[0]),
        "inner scores": (before.inner_scores[0], after.inner_scores[0]),
        "choice": (before.chosen[0], after.chosen[0]),
    }
    return [name for name, (first, second) in seen.items() if not np.array_equal(first, second)]


def other_targets(rows, fold):
    """The same rows, but every target that the fold is scored on is another one."""
    targets = rows.targets.copy()
    targets[fold.score] = (targets[fold.score] + 1) % 3 if rows.classes else -50.0 * targets[fold.score]
    return replace(rows, targets=targets)


def other_inputs(rows, fold):
    """The same rows, but all inputs that the fold is scored on except one row's are outliers or missing."""
    matrix = rows.matrix.copy()
    matrix[fold.score[1::2]] = 1e6
    matrix[fold.score[2::2]] = np.nan
    return replace(rows, matrix=matrix)


@pytest.mark.parametrize("spoil", [other_targets, other_inputs])
@pytest.mark.parametrize(("procedure", "data"), PROCEDURES)
def test_scored_rows_change_nothing(procedure, data, spoil):
    """Other targets, outliers and gaps in a fold's scored rows leave its models as they are, bitwise."""
    rows, folds = data()
    assert differences(procedure, rows, folds, spoil(rows, folds[0])) == []


@pytest.mark.parametrize("procedure", [bayes, neighbors])
def test_unseen_category_changes_nothing(procedure):
    """A column that only a scored row has (an unseen category) is silent in that fold, bitwise."""
    rows, folds = classes_rows()
    column = np.zeros((len(rows.matrix), 1), np.float32)
    without = replace(rows, matrix=np.hstack([rows.matrix, column]))
    column[folds[0].score[0]] = 1.0
    with_it = replace(rows, matrix=np.hstack([rows.matrix, column]))
    assert differences(procedure, without, folds, with_it) == []


def test_planted_scaler_is_found(monkeypatch):
    """Scaling by all rows instead of the fold's own is found by the same probe."""
    fit = plain.fit_affine
    monkeypatch.setattr(plain, "fit_affine", lambda matrix, rows, **options: fit(matrix, **options))
    rows, folds = classes_rows()
    assert "answers" in differences(bayes, rows, folds, other_inputs(rows, folds[0]))


def test_planted_scaler_of_networks_is_found(monkeypatch):
    """Scaling networks' inputs by all rows is found by the same probe."""
    fit = population.fit_affines

    def of_all(matrix, row_sets, *rest, **options):
        return fit(matrix, [np.arange(len(matrix))] * len(row_sets), *rest, **options)

    monkeypatch.setattr(population, "fit_affines", of_all)
    rows, folds = classes_rows()
    assert "answers" in differences(ensemble, rows, folds, other_inputs(rows, folds[0]))


@pytest.mark.parametrize("procedure", [bayes, neighbors])
def test_planted_target_encoding_is_found(procedure):
    """A column made from the targets of all rows is found by the same probe."""

    def encoded(rows, folds):
        category = np.arange(len(rows.matrix)) % 5
        mean = np.array([rows.targets[category == c].mean() for c in range(5)])
        matrix = np.hstack([rows.matrix, mean[category][:, None]]).astype(np.float32)
        return procedure(replace(rows, matrix=matrix), folds)

    rows, folds = classes_rows()
    assert "answers" in differences(encoded, rows, folds, other_targets(rows, folds[0]))


def test_planted_choice_is_found():
    """Choosing settings on the scored rows themselves is found by the same probe."""
    rows, folds = classes_rows()
    peeking = [fold._replace(inner=[(fold.train, fold.score)]) for fold in folds]
    assert "inner scores" in differences(bayes, rows, peeking, other_targets(rows, folds[0]))


def test_noise_gives_chance():
    """On targets of pure noise the nested score of the best of many is chance; the inner best is not."""
    nested, plain_best = [], []
    settings = [
        {"n_neighbors": k, "metric": m, "weights": "uniform"}
        for k in (1, 2, 3, 5, 8, 13)
        for m in ("l1", "l2")
    ]
    for seed in range(12):
        rng = np.random.default_rng(seed)
        rows, _ = classes_rows(60, missing=False, seed=seed)
        rows = replace(rows, targets=rng.permutation(np.arange(60) % 2).astype(np.int32), classes=2)
        folds = nested_folds(rows.targets, outer=5, inner=2, stratify=True, seed=seed)
        found = nested_neighbors(settings, rows, folds)
        nested.append(found.fold_scores.mean())
        plain_best.append(found.inner_scores.max(axis=1).mean())
    error = np.std(nested, ddof=1) / np.sqrt(len(nested))
    assert abs(np.mean(nested) - 0.5) < 3 * error
    assert np.mean(plain_best) > 0.53
