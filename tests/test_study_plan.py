"""The plan: the richest that fits the time, with what it gave up in words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae.errors import ParameterError
from gorae.study import MODELS, make_plan
from gorae.study.plan import check_models, choose_models, duration, machine_speed

SPEED = 1e11
PLAIN = tuple(model for model in MODELS if model not in ("cnn", "bag", "gru"))
"""The rungs for rows that are neither images nor texts."""


def plan_for(rows=1000, features=20, classes=3, models=PLAIN, budget=600.0, **options):
    """A plan on a machine of a fixed speed."""
    return make_plan(rows, features, classes, models, budget=budget, speed=SPEED, **options)


def wealth(plan):
    """Everything that a plan can give up; more is richer."""
    return (
        plan.outer,
        plan.inner,
        plan.repeats,
        plan.members,
        *plan.settings.values(),
        plan.neighbor_rows or float("inf"),
    )


@given(
    rows=st.integers(10, 10**6),
    features=st.integers(1, 3000),
    classes=st.integers(0, 50),
    budget=st.floats(1, 1e5),
    more=st.floats(1, 100),
)
def test_more_time_is_never_a_poorer_plan(rows, features, classes, budget, more):
    """With a larger budget nothing is given up that a smaller one has."""
    models = PLAIN if classes else PLAIN[2:]
    poor = plan_for(rows, features, classes, models, budget)
    rich = plan_for(rows, features, classes, models, budget * more)
    assert all(b >= a for a, b in zip(wealth(poor), wealth(rich), strict=True))


@given(rows=st.integers(10, 10**6), features=st.integers(1, 3000), budget=st.floats(1, 1e5))
def test_plan_fits_or_says_that_it_does_not(rows, features, budget):
    """A plan is expected to fit its budget; where none does, the poorest one says so."""
    plan = plan_for(rows, features, budget=budget)
    poorest = plan_for(rows, features, budget=1e-3)
    assert plan.seconds <= budget or wealth(plan) == wealth(poorest)
    assert (plan.seconds > budget) == any("the budget itself" in words for words in plan.gave_up)


def test_small_data_have_everything():
    """Small data get repeated, full nested cross-validation within ten minutes, and nothing is given up."""
    plan = plan_for(150, 4)
    assert (plan.outer, plan.inner, plan.repeats, plan.gave_up) == (5, 3, 3, ())
    assert plan.lines[0] == "5 outer folds, repeated 3 times, 3 inner folds to choose settings"
    assert plan.lines[-1].endswith("of 10 min")


def test_many_pictures_get_fewer_folds_and_settings():
    """60,000 pictures get fewer folds and settings, and each thing given up is told."""
    plan = plan_for(60_000, 784, 10)
    assert plan.seconds <= 600
    assert plan.outer < 5
    assert plan.neighbor_rows == 20_000
    told = " ".join(plan.gave_up)
    for words in ("5 outer folds (now 3)", "3 inner folds", "settings of bayes", "neighbours among all rows"):
        assert words in told


def test_few_folds_where_classes_allow_no_more():
    """Classes or groups that allow two folds get two, outside and inside."""
    plan = plan_for(60, 4, most_folds=2)
    assert (plan.outer, plan.inner) == (2, 2)


def test_poorest_plan_has_nothing_to_choose():
    """With one setting a model there is nothing to choose, and the plan does not speak of inner folds."""
    plan = plan_for(60_000, 784, 10, budget=1.0)
    assert not plan.chooses
    assert plan.lines[0] == "a single outer split, no settings to choose"
    assert replace(plan, settings={"mlp": 2}).chooses


def test_ensemble_alone_is_planned_with_its_network():
    """An ensemble without the single network still plans that network's settings, and speaks of them."""
    plan = plan_for(models=("chance", "ensemble"))
    assert plan.settings == {"mlp": 8}
    assert "8 of mlp" in plan.lines[1]
    assert "epochs" in plan.lines[2]


@pytest.mark.parametrize("budget", [0, -1, float("nan"), "10m", None])
def test_bad_time(budget):
    """A time that is no positive number is refused by name."""
    with pytest.raises(ParameterError, match="time must be a positive number of seconds"):
        plan_for(budget=budget)


def test_models_are_put_in_order():
    """Models come simplest first whatever their order, with chance to compare with."""
    assert choose_models(["mlp", "bayes"], "classification") == ("chance", "bayes", "mlp")
    assert choose_models(None, "classification") == PLAIN
    assert "bayes" not in choose_models(None, "regression")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["linaer"], "Did you mean 'linear'?"),
        (["forest"], "models must be among chance, bayes"),
        ([], "at least one of bayes"),
        (["chance"], "at least one of bayes"),
        ("mlp", r"models must be a list of names, such as \['linear', 'mlp'\], got 'mlp'"),
        (3, "models must be a list of names"),
        ([None], "got None"),
    ],
)
def test_bad_models(names, words):
    """A name that is no model, or none at all, is refused with what there is."""
    with pytest.raises(ParameterError, match=words):
        check_models(names)


def test_bayes_needs_classes():
    """Gaussian Bayes is refused for a regression, and says why."""
    with pytest.raises(ParameterError, match="'bayes' needs classes, but the task is regression"):
        choose_models(["bayes", "knn"], "regression")


@pytest.mark.parametrize(("seconds", "words"), [(42, "42 s"), (600, "10 min"), (7200, "2.0 h")])
def test_duration(seconds, words):
    """Durations are told in the unit that people would use."""
    assert duration(seconds) == words


def test_machine_speed_is_one():
    """The timing of the machine gives a plausible number of operations a second."""
    assert 1e7 < machine_speed(1e-6) < 1e15


def test_images_get_a_convolutional_network():
    """By itself it is on the ladder where rows are images that are not very small; asked for, it needs images."""
    assert "cnn" in choose_models(None, "classification", (28, 28))
    assert "cnn" not in choose_models(None, "classification", (8, 8))
    assert "cnn" not in choose_models(None, "regression")
    assert choose_models(["cnn"], "classification", (8, 8)) == ("chance", "cnn")
    with pytest.raises(ParameterError, match=r"'cnn' needs images; give image_shape=\(height, width\)"):
        choose_models(["cnn"], "classification")


def test_a_convolutional_network_that_takes_too_long_is_left_out():
    """Where no plan with it fits, the plan is the richest without it, and says so; alone it stays."""
    long = plan_for(60_000, 784, 10, (*PLAIN, "cnn"), budget=60, image_shape=(28, 28))
    rest = plan_for(60_000, 784, 10, PLAIN, budget=60)
    alone = plan_for(60_000, 784, 10, ("chance", "cnn"), budget=60, image_shape=(28, 28))

    assert long.models == PLAIN
    assert wealth(long) == wealth(rest)
    assert long.gave_up[0].startswith("the convolutional network: with it the study would take")
    assert alone.models == ("chance", "cnn")
    assert "cnn" in plan_for(60_000, 784, 10, MODELS, budget=1e5, image_shape=(28, 28)).models
