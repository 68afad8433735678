"""A member alone, whose steps are divided over the cores, is the same member."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gorae
import sequence_cases
from gorae import nn
from gorae.backend import select_devices
from gorae.errors import GoraeWarning
from gorae.estimators.population import Build
from gorae.models import MLPShape
from gorae.models.network import parameters_by_layer
from gorae.train import Checkpoint, Problem, divided, plan_members, planner, task
from population_cases import (
    CLASSES,
    STOPS,
    assert_alike,
    assert_same,
    fit,
    members,
    network,
    split,
    table,
)


@pytest.fixture(autouse=True)
def divides(monkeypatch):
    """Divide steps of any size, over four cores."""
    monkeypatch.setattr(planner, "_DIVIDED_STEP", 0)
    monkeypatch.setattr(planner, "_FEWEST_ROWS", 1)
    cores(monkeypatch, 4)


def cores(monkeypatch, count):
    """Let the machine have so many cores."""
    monkeypatch.setattr("gorae.backend.devices.cores", lambda: count)


def problem(**options):
    """An MLP with dropout, momentum, a schedule and clipped gradients, which takes no statistics over rows."""
    shape = MLPShape(17, CLASSES, hidden=(17,), normalization="layer", dropout=True, activation="tanh")
    options = {"optimizer": "adamw", "schedule": "cosine", "batch_size": 4, "classes": CLASSES, **options}
    return Problem(
        Build(shape), parameters_by_layer, "cross_entropy", divided_from=2, clip=True, row_work=600, **options
    )


def one(rows=7, **numbers):
    """A member, and the fold of so many rows that it learns from."""
    weights = np.linspace(0.3, 2.0, rows)
    return members(1, **{"dropout": 0.4, "clip": 0.5, **numbers}), [
        split(range(rows), STOPS, weights=weights)
    ]


def trained(problem, who, splits, **options):
    """What becomes of the member."""
    (result,) = fit(problem, who, table(), splits, **options)
    return result


@pytest.mark.parametrize("rows", [7, 3, 1])
@pytest.mark.parametrize("micro_batch", [0, 1])
def test_parts_make_the_same_steps_as_the_whole_batch(rows, micro_batch):
    """Weighted rows, dropout, a last batch that is mostly padding, early stopping: all but rounding is equal."""
    who, splits = one(rows, epochs=30)
    given = problem(micro_batch=micro_batch)
    alone = trained(given, who, splits, alone=True)
    assert_alike(alone, trained(given, who, splits))
    assert alone.epochs == 30


def test_two_parts_and_four_are_the_same_but_for_rounding(monkeypatch):
    """The number of cores changes no draw."""
    who, splits = one()
    four = trained(problem(), who, splits, alone=True)
    cores(monkeypatch, 2)
    assert_alike(trained(problem(), who, splits, alone=True), four)


def test_twice_the_same_is_bitwise_the_same():
    """Which thread is first decides nothing."""
    who, splits = one()
    first = trained(problem(), who, splits, alone=True)
    for _ in range(3):
        assert_same(trained(problem(), who, splits, alone=True), first)


def test_a_member_that_was_stopped_goes_on_to_bitwise_the_same_end(tmp_path):
    """A checkpoint of a divided member is resumed."""
    who, splits = one(epochs=60)
    whole = trained(problem(), who, splits, alone=True)
    place = Checkpoint(tmp_path / "fit", every=3)
    heard = []
    options = {"checkpoint": place, "alone": True}
    begun = trained(
        problem(), who, splits, progress=lambda now: heard.append(now) or now.epochs > 2, **options
    )
    assert begun.epochs < 60
    assert_same(trained(problem(), who, splits, **options), whole)


def test_a_member_that_diverges_is_frozen_at_finite_parameters():
    """The step is told, as of a member of a population."""
    who, splits = one(learning_rate=1e30, clip=1e30)
    alone, member = (trained(problem(), who, splits, alone=each) for each in (True, False))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(alone.parameters))
    assert alone.diverged_step == member.diverged_step >= 0


def test_what_fails_in_a_part_ends_the_training(monkeypatch):
    """An error of a thread that helps is the training's error."""

    def failing(*arguments):
        if int(arguments[-1]) == 3:
            raise ValueError("the last part")
        return program(*arguments)

    who, splits = one()
    made = divided.compile_gradient
    program = None

    def spoiled(*given):
        nonlocal program
        program = made(*given)
        return failing

    monkeypatch.setattr(divided, "compile_gradient", spoiled)
    with pytest.raises(ValueError, match="the last part"):
        trained(problem(), who, splits, alone=True)


def test_memory_that_runs_out_takes_the_parts_away(monkeypatch):
    """The step is then made whole, and the results are told to be the same but for rounding."""
    who, splits = one()
    whole = trained(problem(), who, splits)

    def failing(*given):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes.")

    monkeypatch.setattr(task, "train_divided", failing)
    with pytest.warns(GoraeWarning, match=r"steps on one core \(the same results but for rounding\)"):
        result = trained(problem(), who, splits, alone=True)
    assert_same(result, whole)


def test_two_epochs_and_two_more_are_four():
    """A warm start of a divided fit goes on where it stopped, bitwise."""
    _, X, y = recurrent()
    options = {"cell": "gru", "width": 5, "dropout": 0.3, "batch_size": 8, "tol": 0.0, "random_state": 0}
    whole = gorae.SequenceClassifier(**options, epochs=4).fit(X, y)
    begun = gorae.SequenceClassifier(**options, epochs=2, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(begun.predict_proba(X), whole.predict_proba(X))


def parts_of(given, **options):
    """Into how many parts the plan cuts a batch."""
    plan = plan_members(given, table(), split(range(7)), 1, select_devices("cpu"), alone=True, **options)
    return plan.parts


def test_parts_are_equal_and_whole_micro_batches(monkeypatch):
    """A power of two, no more than the cores, and no fewer rows than pay."""
    assert parts_of(problem(batch_size=64)) == 4
    assert parts_of(problem(batch_size=6)) == 2
    assert parts_of(problem(batch_size=7)) == 1
    assert parts_of(problem(batch_size=64, micro_batch=32)) == 2
    assert parts_of(problem(batch_size=96, micro_batch=32)) == 1
    assert parts_of(problem(batch_size=64, micro_batch=64)) == 1
    cores(monkeypatch, 3)
    assert parts_of(problem(batch_size=64)) == 2
    monkeypatch.setattr(planner, "_FEWEST_ROWS", 16)
    assert parts_of(problem(batch_size=16)) == 1


def test_who_is_not_divided(monkeypatch):
    """Members of populations, networks that normalise over batches, and steps that are soon made."""
    assert parts_of(network()) == 1
    given = problem()
    assert plan_members(given, table(), split(range(7)), 1, select_devices("cpu")).parts == 1
    monkeypatch.setattr(planner, "_DIVIDED_STEP", 600 * 4 + 1)
    assert parts_of(given) == 1
    monkeypatch.setattr(planner, "_DIVIDED_STEP", 600 * 4)
    assert parts_of(given) == 4


def test_memory_for_one_part_only_divides_nothing(monkeypatch):
    """Parts need what they compute side by side."""
    given, fold = problem(), split(range(7))
    each = planner.member_bytes(given, fold)
    monkeypatch.setattr(planner, "memory_budget", lambda device: 2 * each - 1 + planner._nbytes(table()))
    assert parts_of(given) == 1


@pytest.mark.parametrize("units", [None, 3.0])
def test_a_part_draws_what_the_whole_batch_draws_for_its_rows(units):
    """Masks of parts, one below the other, are the mask of the batch; at every place of three rows as well."""
    layer = nn.Dropout.create(0.5)
    units = None if units is None else jnp.float32(units)
    context = nn.Context(jax.random.key(3), training=True, units=units)
    for shape in ((6, 5), (6, 3, 5), (18, 5)):
        x = jnp.ones(shape)
        whole, _ = layer(x, context)
        size = shape[0] // 3
        parts = [layer(x[:size], replace(context, part=jnp.int32(part), parts=3))[0] for part in range(3)]
        np.testing.assert_array_equal(jnp.concatenate(parts), whole)


def recurrent():
    """A recurrent network of two layers that drops out, over series of several lengths."""
    X, values = sequence_cases.series(rows=45)
    model = gorae.SequenceClassifier(cell="gru", width=5, layers=2, dropout=0.3, batch_size=8)
    return model, X, values > np.median(values)


def convolutional():
    """A convolutional network whose images move, drop out and are blended."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (45, 8, 8)).astype(np.uint8), np.arange(45) % 3
    changes = gorae.Augmentation(shift=1, mixup=0.3)
    return gorae.CNNClassifier(dropout=0.3, augmentation=changes, batch_size=16), X, y


def convolutional_in_micro_batches():
    """The same, of more rows than are computed at once."""
    model, X, y = convolutional()
    return model.set_params(batch_size=64), np.concatenate([X, X[::-1]]), np.tile(y, 2)


def tagger():
    """A tagger with characters and a chain, which misses words in training."""
    words = [["the", "cat", "sat"], ["a", "dog"], ["cat"], ["the", "dog", "sat", "down"]] * 5
    tags = [["D", "N", "V"], ["D", "N"], ["N"], ["D", "N", "V", "A"]] * 5
    return (
        gorae.SequenceTagger(
            hidden=4, word_width=4, word_dropout=0.3, dropout=0.3, batch_size=8, decoder="crf"
        ),
        words,
        tags,
    )


@pytest.mark.parametrize("made", [recurrent, convolutional, convolutional_in_micro_batches, tagger])
def test_estimators_divide_a_fit_of_one_member(made, monkeypatch):
    """`fit` of one member learns, divided, what it learns whole."""
    model, X, y = made()
    model.set_params(epochs=4, random_state=0)
    plans = []
    plan = planner.batch_parts
    monkeypatch.setattr(planner, "batch_parts", lambda *given: plans.append(plan(*given)) or plans[-1])
    parted = model.fit(X, y).history_[0]
    assert plans[-1] > 1
    cores(monkeypatch, 1)
    whole = model.fit(X, y).history_[0]
    assert plans[-1] == 1
    np.testing.assert_allclose(parted.train_loss, whole.train_loss, rtol=1e-5)
    np.testing.assert_allclose(parted.gradient_norms, whole.gradient_norms, rtol=1e-4)


def parts_planned(model, X, y, monkeypatch):
    """Into how many parts a fit would cut its batches; nothing need be trained."""
    seen, plan = [], planner.batch_parts

    def planned(given, workers):
        seen.append(plan(given, workers))
        raise KeyboardInterrupt

    monkeypatch.setattr(planner, "batch_parts", planned)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    (parts,) = seen
    return parts


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_batch_normalisation_needs_the_whole_batch(normalization, monkeypatch):
    """A CNN's steps are divided unless a layer takes statistics over rows."""
    model, X, y = convolutional()
    parts = parts_planned(model.set_params(normalization=normalization), X, y, monkeypatch)
    assert (parts > 1) == (normalization == "layer")


@pytest.mark.parametrize(("count", "parts"), [(2, 1), (3, 2), (4, 4)])
def test_two_cores_do_not_divide_a_convolutional_network(count, parts, monkeypatch):
    """There the compiler divides what is in a convolution, and better."""
    model, X, y = convolutional()
    cores(monkeypatch, count)
    assert parts_planned(model, X, y, monkeypatch) == parts


@pytest.mark.parametrize(("width", "parts"), [(5, 4), (600, 1)])
def test_a_wide_recurrent_network_is_not_divided(width, parts, monkeypatch):
    """Its products are large enough for the compiler to divide."""
    model, X, y = recurrent()
    assert parts_planned(model.set_params(width=width, batch_size=32), X, y, monkeypatch) == parts
