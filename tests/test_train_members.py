"""A member is what it would have been alone, whatever else is trained, and however it is stacked."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae.train import Member, SharedRows, hyper_scalars
from population_cases import (
    STOPS,
    arrays,
    assert_alike,
    assert_same,
    fit,
    folds,
    largest_difference,
    line,
    members,
    narrow,
    network,
    outputs,
    split,
    table,
)

COUNT = 5


def narrow_members(count=COUNT, **numbers):
    return members(count, **{"learning_rate": 0.01, "momentum": 0.9, **numbers})


def fit_narrow(who, **options):
    return fit(narrow(), who, table(1), folds((), inputs=1), **options)


@pytest.fixture(scope="module")
def alone():
    """Each member trained in a program of its own."""
    return fit(network(), members(COUNT), chunk=1)


@pytest.fixture(scope="module")
def narrow_alone():
    return fit_narrow(narrow_members(), chunk=1)


def test_training_learns(alone):
    """The members' losses fall, so that what is compared below is more than noise."""
    for result in alone:
        assert result.history.train_loss[-1] < 0.7 * result.history.train_loss[0]


@settings(max_examples=8)
@given(chosen=st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=4, unique=True))
def test_company_and_order_change_nothing(alone, chosen):
    """Any members in any order, one at a time, are bitwise what they were in the whole population."""
    who = members(COUNT)
    results = fit(network(), [who[i] for i in chosen], chunk=1)

    for i, result in zip(chosen, results, strict=True):
        assert_same(result, alone[i])


def test_a_member_alone_in_a_table_of_its_own_fold(alone):
    """With its own fold the only one, and padded more, a member is bitwise the same."""
    own = folds(padded=24)[:1]
    (result,) = fit(network(), members(COUNT)[:1], splits=own, chunk=1)

    assert_same(result, alone[0])


def test_rows_of_no_fold_change_nothing(alone):
    """Rows that no fold names may hold anything, also where padding points, and folds may lie anywhere."""
    rows, codes = table()
    unused = np.arange(7, 11)
    hostile = np.roll(np.where(np.isin(np.arange(16), unused)[:, None], np.nan, rows), 9, axis=0)
    moved = [
        s._replace(train_rows=(s.train_rows + 9) % 16, stop_rows=(s.stop_rows + 9) % 16) for s in folds()
    ]
    moved = [s._replace(train_rows=np.where(s.train_weight > 0, s.train_rows, 0)) for s in moved]
    results = fit(network(), members(COUNT), SharedRows(hostile, np.roll(codes, 9)), moved, chunk=1)

    for result, reference in zip(results, alone, strict=True):
        assert_same(result, reference)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 3, 1]])
def test_a_stack_trains_what_each_would_be_alone(alone, order):
    """Stacked in fours (the second stack half empty), members are and answer within 1e-6 as they do alone."""
    who = members(COUNT)
    results = fit(network(), [who[i] for i in order], chunk=4)

    for i, result in zip(order, results, strict=True):
        assert_alike(result, alone[i])
        answers = [outputs(network(), table(), folds(), each) for each in (result, alone[i])]
        np.testing.assert_allclose(*answers, rtol=0, atol=1e-6 * np.abs(answers[1]).max())


def test_a_stack_of_narrow_networks(narrow_alone):
    """With one input, momentum and no early stopping, too, members are within 1e-6 after 100 to 400 steps."""
    for result, reference in zip(fit_narrow(narrow_members(), chunk=3), narrow_alone, strict=True):
        assert largest_difference(result, reference) <= 1e-6


def test_twice_is_once(alone):
    """The same fit twice is bitwise the same."""
    for result, reference in zip(fit(network(), members(COUNT), chunk=1), alone, strict=True):
        assert_same(result, reference)


@pytest.mark.parametrize("changed", ["seed", "stream"])
def test_seed_and_stream_decide_the_randomness(alone, changed):
    """Another seed, or another stream of the same seed, is another member."""
    who = members(1)[0]
    other = Member({**who.hyper, changed: np.uint32(12345)}, 0)
    (result,) = fit(network(), [other], chunk=1)

    assert largest_difference(result, alone[0]) > 1e-2


@pytest.mark.parametrize("chunk", [1, 4])
def test_a_diverging_member_changes_no_other(alone, chunk):
    """A learning rate of 1e30 in the middle changes the others by exactly nothing, also inside a stack."""
    who = members(COUNT)
    wild = Member({**who[2].hyper, "learning_rate": np.float32(1e30)}, who[2].split)
    reference = alone if chunk == 1 else fit(network(), who, chunk=chunk)
    results = fit(network(), [*who[:2], wild, *who[3:]], chunk=chunk)

    for i in (0, 1, 3, 4):
        assert_same(results[i], reference[i])
    assert results[2].diverged


@pytest.mark.parametrize(
    ("problem", "stops"), [(network(), STOPS), (narrow(), ())], ids=["adamw, stopping early", "momentum"]
)
def test_a_diverged_member_is_put_back(problem, stops):
    """It is marked with its step; what it holds and answers is finite, its kept state included."""
    inputs = problem.build.shape.inputs
    splits, shared = folds(stops, inputs=inputs), table(inputs)
    (result,) = fit(problem, members(1, learning_rate=1e30), shared, splits, keep_state=True, chunk=1)

    assert result.diverged
    assert result.diverged_step < result.steps
    kept = (result.parameters, result.buffers, result.state._replace(best_loss=np.float32(0)))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(kept))
    assert np.isfinite(outputs(problem, shared, splits, result)).all()
    assert np.isnan(result.history.train_loss[-1])
    assert np.isnan(result.history.validation_score[-1])


def test_the_step_of_divergence_by_hand():
    """Gradient descent on (w - y)^2 / 2 with rate 11 moves w - y to -10 (w - y): 4, 40, 400, beyond 1e15."""
    shared = SharedRows(np.zeros((8, 1), np.float32), np.full((8, 1), 4, np.float32))  # only the bias counts
    numbers = hyper_scalars(learning_rate=11, epochs=40)
    (result,) = fit(line(), [Member(numbers, 0)], shared, [split(range(3), inputs=1, outputs=1)], chunk=1)
    _, bias = jax.tree.leaves(result.parameters)

    # The step that leaves 1e15 is number 14 (4e15); put back to the start of its epoch: 4 - (-10)^14 * 4.
    assert result.diverged_step == 14
    assert result.epochs == 15
    assert result.best_epoch == 14
    np.testing.assert_allclose(bias, 4 - 4 * (-10.0) ** 14, rtol=1e-4)
    np.testing.assert_allclose(result.history.train_loss[:3], [8, 800, 80000], rtol=1e-5)


def test_results_are_arrays_of_their_own():
    """Results may be written to, and hold on to no larger array."""
    for chunk in (1, 4):
        for result in fit(network(), members(COUNT, epochs=2), chunk=chunk):
            for leaf in jax.tree.leaves((result.parameters, result.buffers)):
                assert leaf.flags.owndata
                assert leaf.flags.writeable


def interrupted_narrow(epochs):
    """Members as they were after some epochs, ready to go on."""
    early = [m._replace(hyper={**m.hyper, "epochs": np.uint32(epochs)}) for m in narrow_members()]
    states = [result.state for result in fit_narrow(early, keep_state=True, chunk=1)]
    return [
        member._replace(state=state._replace(stopped=np.bool_(False)))
        for member, state in zip(narrow_members(), states, strict=True)
    ]


def test_going_on_is_not_stopping(narrow_alone):
    """A member that stops half way and goes on from its state is bitwise the one that never stopped."""
    for result, reference in zip(fit_narrow(interrupted_narrow(40), chunk=1), narrow_alone, strict=True):
        assert_same(result._replace(history=None), reference._replace(history=None))
        for new, whole in zip(result.history, reference.history, strict=True):
            np.testing.assert_array_equal(new, whole[40:])


def test_new_and_old_members_share_a_stack(narrow_alone):
    """Members that go on and members that begin are stacked together, and neither minds."""
    mixed = narrow_members()
    mixed[1::2] = interrupted_narrow(40)[1::2]

    for result, reference in zip(fit_narrow(mixed, chunk=3), narrow_alone, strict=True):
        assert largest_difference(result, reference) <= 1e-6


def test_results_hold_no_nan(alone, narrow_alone):
    """Nothing but histories, where NaN says that nothing was measured, holds a NaN."""
    for result in [*alone, *narrow_alone]:
        assert all(np.isfinite(leaf).all() for leaf in arrays(result._replace(history=None)))
