"""The verdict on the gap between training and validation, on planted cases."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from gorae.errors import InputError, ParameterError
from gorae.evidence import Interval, gap_verdict

SIZES = {"test_sizes": 20, "train_sizes": 80}


def best(score, reach):
    """The best known validation score with a symmetric interval."""
    return Interval(score, score - reach, score + reach, 0.95, "planted")


def scores(mean, noise=0.01):
    """Five fold scores around a mean, always the same."""
    return mean + noise * np.array([-1.0, 0.5, 1.0, -1.0, 0.5])


def cross_validated(make, features, labels, folds=5):
    """Train and validation accuracies of a scikit-learn model."""
    fold = np.arange(len(labels)) % folds
    found = []
    for part in range(folds):
        out = fold == part
        model = make().fit(features[~out], labels[~out])
        found.append((model.score(features[~out], labels[~out]), model.score(features[out], labels[out])))
    return np.array(found).T


@pytest.fixture(scope="module")
def noisy():
    """Two normal classes whose labels are wrong in a fifth of the rows."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 300)
    features = rng.standard_normal((300, 3)) + 2.0 * labels[:, None]
    return features, np.where(rng.random(300) < 0.2, 1 - labels, labels)


def test_memoriser_of_noisy_labels_overfits(noisy):
    """One nearest neighbour knows all noisy training labels and about two thirds of new ones."""
    train, validation = cross_validated(lambda: KNeighborsClassifier(1), *noisy)

    assert gap_verdict(train, validation, test_sizes=60, train_sizes=240, reference=0.5).verdict == "overfits"


def test_linear_model_of_linear_classes_fits_well(noisy):
    """Logistic regression on the same rows fits well: it cannot memorise."""
    train, validation = cross_validated(LogisticRegression, *noisy)

    assert (
        gap_verdict(train, validation, test_sizes=60, train_sizes=240, reference=0.5).verdict == "fits well"
    )


def test_linear_model_of_rings_underfits():
    """A line through two rings stays near chance where neighbours reach 1."""
    rng = np.random.default_rng(4)
    labels, angle = rng.integers(0, 2, 300), rng.uniform(0, 2 * np.pi, 300)
    features = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1 + 2 * labels[:, None])
    train, validation = cross_validated(LogisticRegression, features, labels)

    found = gap_verdict(
        train, validation, test_sizes=60, train_sizes=240, reference=0.5, best_known=best(0.99, 0.01)
    )
    assert (found.verdict, "another model" in found.reason) == ("underfits", True)


def test_digits_like_fit_is_healthy():
    """Training .999 and validation .975 on ten classes: beyond noise, but below what matters."""
    found = gap_verdict(
        scores(0.999, 0.001), scores(0.975, 0.004), test_sizes=360, train_sizes=1440, reference=0.1
    )

    assert (found.verdict, found.low > 0) == ("fits well", True)
    assert "2.7 %" in found.reason


def test_large_but_noisy_gap_is_not_shown():
    """A gap of .1 among folds that scatter by .2 is within the noise."""
    found = gap_verdict(scores(0.9), scores(0.8, 0.2), reference=0.3, **SIZES)

    assert (found.verdict, "within the noise" in found.reason) == ("fits well", True)


def test_near_chance_underfits_without_a_better_model():
    """Training near chance underfits, even if no other model is known."""
    found = gap_verdict(scores(0.52), scores(0.51), reference=0.5, **SIZES)

    assert (found.verdict, "next to nothing" in found.reason) == ("underfits", True)


def test_little_to_learn_is_learned():
    """An R2 of .08 fits well where no model does better and it is clearly above 0."""
    told = {"reference": 0.0, "metric": "r2", "best_known": best(0.08, 0.01), **SIZES}

    assert gap_verdict(scores(0.081, 0.002), scores(0.079, 0.002), **told).verdict == "fits well"


def test_behind_by_little_does_not_matter():
    """Training at .93 where another model reaches .95 on new rows is no underfit."""
    found = gap_verdict(scores(0.93), scores(0.925), reference=0.5, best_known=best(0.95, 0.005), **SIZES)

    assert found.verdict == "fits well"


def test_behind_within_the_interval_is_not_shown():
    """Training below the best score but inside its interval is no underfit."""
    found = gap_verdict(scores(0.8), scores(0.795), reference=0.5, best_known=best(0.9, 0.12), **SIZES)

    assert found.verdict == "fits well"


@pytest.mark.parametrize(("metric", "reference"), [("rmse", 10.0), ("log_loss", 2.3)])
def test_losses_are_turned_round(metric, reference):
    """A small training loss with a large validation loss overfits, the gap being positive."""
    found = gap_verdict(scores(0.1), scores(1.5), reference=reference, metric=metric, **SIZES)

    assert (found.verdict, found.low > 0) == ("overfits", True)
    assert (found.train, found.validation) == pytest.approx((0.1, 1.5))


def test_loss_behind_a_better_model_underfits():
    """A training RMSE of 5 where another model reaches 2 on new rows underfits."""
    found = gap_verdict(
        scores(5.0), scores(5.1), reference=8.0, metric="rmse", best_known=best(2.0, 0.3), **SIZES
    )

    assert (found.verdict, "at worst 2.3" in found.reason) == ("underfits", True)


@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_verdict_does_not_depend_on_the_unit(scale):
    """RMSE in another unit of the target has the same verdict and gap, in that unit."""
    told = {"reference": 10.0 * scale, "metric": "rmse", **SIZES}
    found = gap_verdict(scores(4.0) * scale, scores(6.0) * scale, **told)

    assert (found.verdict, found.low / scale) == ("overfits", pytest.approx(2.0))


def test_stricter_size_finds_smaller_gaps():
    """With ``matters`` at 2 % the digits-like fit overfits."""
    found = gap_verdict(scores(0.999, 0), scores(0.975, 0.004), reference=0.1, matters=0.02, **SIZES)

    assert found.verdict == "overfits"


def test_one_class_is_refused():
    """Chance that is perfect already leaves nothing to judge."""
    with pytest.raises(InputError, match="are all targets the same"):
        gap_verdict(scores(1.0, 0), scores(1.0, 0), reference=1.0, **SIZES)


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        ({"train_scores": [0.9]}, InputError, "at least 2"),
        ({"train_scores": [0.9, 0.8]}, InputError, "train_scores has 2, validation_scores has 5"),
        ({"validation_scores": [0.9, np.nan, 0.8, 0.8, 0.8]}, InputError, "must be finite"),
        ({"reference": np.nan}, InputError, "score of chance"),
        ({"matters": 0}, ParameterError, "matters"),
        ({"metric": "acc"}, ParameterError, "metric must be one of"),
        ({"level": 2}, ParameterError, "level"),
    ],
)
def test_bad_input_is_told(change, kind, told):
    """What is wrong is said in one sentence."""
    given = {"train_scores": scores(0.9), "validation_scores": scores(0.8), "reference": 0.5, **SIZES}

    with pytest.raises(kind, match=told):
        gap_verdict(**(given | change))


def test_gap_as_json():
    """A gap's dict goes through JSON."""
    found = gap_verdict(scores(0.9), scores(0.8), reference=0.5, **SIZES)

    assert json.loads(json.dumps(found.to_dict()))["verdict"] == found.verdict


def test_no_better_than_chance_is_never_well():
    """Scores at chance on new rows are no good fit, even where noisy folds cannot show the gap."""
    train, validation = scores(0.8, noise=0.2), scores(0.5, noise=0.4)

    found = gap_verdict(train, validation, test_sizes=20, train_sizes=80, reference=0.5)

    assert found.low < 0
    assert found.verdict == "overfits"
    assert "on new rows it does no better than chance (0.5)" in found.reason


def test_what_chance_may_explain_is_not_judged():
    """Where noise covers both the gap and the distance to chance, no verdict is given, and the reason says why."""
    train, validation = scores(0.62, noise=0.2), scores(0.6, noise=0.3)

    found = gap_verdict(train, validation, **SIZES, reference=0.5)

    assert found.verdict == "cannot be judged"
    assert "so is the distance to chance (0.5): more rows would tell" in found.reason


def test_learned_is_what_new_rows_show_too():
    """A noisy training score near chance is no underfit where validation is clearly beyond it."""
    found = gap_verdict(scores(0.62), scores(0.675), reference=0.592, **SIZES)

    assert found.verdict == "fits well"


def test_more_than_all_is_all():
    """A loss of more than what was learned is written in words."""
    found = gap_verdict(scores(0.1), scores(-0.1), reference=-0.003, metric="r2", matters=0.01, **SIZES)

    assert found.verdict == "overfits"
    assert "all of what training learned beyond chance (-0.003) is lost" in found.reason
