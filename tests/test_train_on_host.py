"""Training by NumPy on the host: the same members as the compiled program's, and each what it is alone."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae.backend import select_devices
from gorae.estimators.population import Build
from gorae.models import MLPShape
from gorae.models.network import parameters_by_layer
from gorae.train import (
    Asked,
    Member,
    Problem,
    SharedRows,
    hyper_scalars,
    member_bytes,
    member_outputs,
)
from gorae.train.checkpoint import Checkpoint
from gorae.train.order import epoch_order, orders_on_host
from population_cases import (
    CLASSES,
    STOPS,
    arrays,
    assert_same,
    fit,
    folds,
    largest_difference,
    split,
    table,
)

OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw")
ACTIVATIONS = ("relu", "tanh", "sigmoid", "identity")


def classifier(activation="relu", optimizer="adam", hidden=(5, 4), batch=3, **options):
    """An MLP of classes that NumPy trains."""
    shape = MLPShape(17, CLASSES, hidden=hidden, activation=activation)
    options = {"optimizer": optimizer, "batch_size": batch, "classes": CLASSES, **options}
    return Problem(Build(shape), parameters_by_layer, "cross_entropy", on_host=activation, **options)


def population(count=5, epochs=12, **numbers):
    """Members of folds with 7, 3 and 1 rows, with numbers of their own."""
    own = {"weight_decay": 0.01, "l1": 1e-3, "label_smoothing": 0.1, "seed": 3, "epochs": epochs} | numbers
    rates = [{"learning_rate": 0.01 * (i + 1), "stream": i} for i in range(count)]
    return [Member(hyper_scalars(**own | rate), i % 3) for i, rate in enumerate(rates)]


def compiled_too(problem, who, splits=None, shared=None):
    """What NumPy makes of members, and what the compiled program does."""
    ours = fit(problem, who, shared, splits)
    return list(zip(ours, fit(replace(problem, on_host=""), who, shared, splits, chunk=1), strict=True))


def assert_like_the_program(pairs):
    """Parameters, records and what became of members are the same, but for rounding."""
    for one, other in pairs:
        assert largest_difference(one, other) <= 3e-6
        assert one[3:7] == other[3:7]
        for mine, theirs in zip(one.history, other.history, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_goes_the_programs_way(optimizer):
    """With weight decay, L1, label smoothing and weighted rows, in folds of 7, 3 and 1 rows."""
    assert_like_the_program(compiled_too(classifier(optimizer=optimizer), population()))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (1,), (6, 3, 2)])
def test_every_activation_at_every_depth(activation, hidden):
    """Gradients by hand are JAX's: no hidden layer, one unit, three layers.

    By momentum: Adam makes whole steps of gradients, also of those that are hardly more than rounding.
    """
    problem = classifier(activation, "momentum", hidden)
    assert_like_the_program(compiled_too(problem, population(3)))


@pytest.mark.parametrize("outputs", [1, 2, 9])
def test_regression_learns_what_the_program_does(outputs):
    """Of one value and of many, shifted far from 0, some missing, rows of weight 0 among them."""
    rng = np.random.default_rng(outputs)
    rows = rng.normal(5, 2, (16, 3)).astype(np.float32)
    rows[2, 1] = rows[7, 0] = np.nan
    shared = SharedRows(rows, rng.normal(40, 3, (16, outputs)).astype(np.float32))
    ones = np.ones(outputs, np.float32)
    whole = split(range(7), STOPS, inputs=3, outputs=outputs, weights=[1, 0, 2, 0, 1, 3, 1])
    own = whole._replace(
        fill=np.float32([4, 5, 6]),
        shift=np.float32([5, 5, 5]),
        scale=np.float32([0.5, 0.4, 0]),
        target_shift=40 * ones,
        target_scale=ones / 3,
    )
    shape = MLPShape(3, outputs, hidden=(4,), activation="tanh")
    problem = Problem(
        Build(shape), parameters_by_layer, "squared_error", batch_size=2, missing=True, on_host="tanh"
    )
    assert_like_the_program(compiled_too(problem, [Member(hyper_scalars(epochs=9), 0)], [own], shared))


def test_a_step_worked_by_hand():
    r"""One row x = 2, target 1, weights w = 3, v = -1, ReLU, no biases, rate 0.1.

    h = 6, s = -6, dL/ds = s - 1 = -7; dL/dv = -7 * 6 = -42, dL/dw = -7 * -1 * 2 = 14, biases -7 and 7; so
    v = -1 + 4.2, w = 3 - 1.4, and the biases 0.7 and -0.7. The loss is 49 / 2.
    """
    shape = MLPShape(1, 1, hidden=(1,))
    options = {"optimizer": "sgd", "batch_size": 1, "on_host": "relu"}
    problem = Problem(Build(shape), parameters_by_layer, "squared_error", **options)
    x, y = np.zeros((16, 1), np.float32), np.zeros((16, 1), np.float32)
    x[0], y[0] = 2, 1

    def drawn(hyper, device):
        del hyper, device
        model = problem.build(jax.random.key(0), {"dropout": 0.0})
        values = iter([np.float32([[3]]), np.float32([0]), np.float32([[-1]]), np.float32([0])])
        return jax.tree.map(lambda _: next(values), model), None

    member = Member(hyper_scalars(learning_rate=0.1, epochs=1), 0, draw=drawn)
    (result,) = fit(problem, [member], SharedRows(x, y), [split([0], inputs=1, outputs=1)])
    found = [float(leaf.ravel()[0]) for leaf in jax.tree.leaves(result.parameters)]
    np.testing.assert_allclose(found, [1.6, -0.7, 3.2, 0.7], rtol=1e-6)
    assert result.history.train_loss.tolist() == [24.5]
    np.testing.assert_allclose(result.history.gradient_norms[0], np.hypot([14, 42], [7, 7]), rtol=1e-6)


@pytest.mark.parametrize("stops", [(), STOPS])
@pytest.mark.parametrize("numbers", [{"patience": 2}, {"patience": 1, "tol": 0.5}], ids=str)
def test_members_stop_when_the_programs_do(stops, numbers):
    """Each at its own epoch, on stopping rows or on its training loss, the others going on."""
    pairs = compiled_too(classifier(), population(7, epochs=30, **numbers), folds(stops))
    assert_like_the_program(pairs)
    assert len({one.epochs for one, _ in pairs}) > 1


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_a_member_is_bitwise_what_it_is_alone(chunk):
    """In stacks of any size, in any order, though others stop earlier."""
    who = population(5, patience=3, epochs=20)
    together = fit(classifier(), who, chunk=chunk)
    backwards = fit(classifier(), who[::-1], chunk=chunk)[::-1]
    for member, one, other in zip(who, together, backwards, strict=True):
        (alone,) = fit(classifier(), [member])
        assert_same(one, alone)
        assert_same(other, alone)


def test_one_that_diverges_touches_nobody():
    """It is frozen where it was finite, with its step; the others are bitwise what they were."""
    who = population(4, weight_decay=0.0)
    wild = [*who[:2], who[2]._replace(hyper=who[2].hyper | {"learning_rate": np.float32(1e30)}), who[3]]
    calm, found = fit(classifier(), who), fit(classifier(), wild)
    for place in (0, 1, 3):
        assert_same(calm[place], found[place])
    assert found[2].diverged
    assert all(np.isfinite(leaf).all() for leaf in arrays(found[2])[:6])
    assert_like_the_program(compiled_too(classifier(), [wild[2]]))


def test_in_parts_it_is_bitwise_the_same():
    """Paused after 5 epochs and gone on with; and what the pause has told stays as it was."""
    who = population(3)
    paused = fit(classifier(), who, until=5, keep_state=True)
    before = [[leaf.copy() for leaf in arrays(one)] for one in paused]
    later = [member._replace(state=one.state) for member, one in zip(who, paused, strict=True)]
    for one, other in zip(fit(classifier(), later), fit(classifier(), who), strict=True):
        for mine, theirs in zip(
            jax.tree.leaves(one.parameters), jax.tree.leaves(other.parameters), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)
    for one, kept in zip(paused, before, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(arrays(one), kept, strict=True))


def test_from_a_checkpoint_it_is_bitwise_the_same(tmp_path):
    """A training that was kept at every epoch and cut off after four goes on to the same end."""
    who = population(3)
    first = Checkpoint(tmp_path / "kept", every=1)
    fit(classifier(), who, checkpoint=first, until=4)
    for one, other in zip(fit(classifier(), who, checkpoint=first), fit(classifier(), who), strict=True):
        assert_same(one, other)


def test_nobody_to_train():
    """No members are no results."""
    assert fit(classifier(), []) == []


def test_numbers_too_large_are_no_warning():
    """A row to stop on that overflows where it is scaled: the member is what the program makes of it."""
    shared = SharedRows(np.where(np.arange(16)[:, None] == 12, 1e30, table().rows), table().targets)
    tiny = folds()[0]._replace(scale=np.full(17, 1e20, np.float32))
    problem, member = classifier(), population(1, learning_rate=1e-3)
    assert_like_the_program(compiled_too(problem, member, [tiny], shared))


def test_memory_of_rows_counts():
    """Every member is planned with a copy of its rows, of which a program has one for all."""
    problem, fold = classifier(), folds(padded=4096)[0]
    more = member_bytes(problem, fold) - member_bytes(replace(problem, on_host=""), fold)
    assert more > 4 * 4096 * (17 + 1)


@given(st.integers(1, 70), st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_rows_are_in_the_programs_order(count, seed, epoch):
    """Bitwise, for several members at once."""
    hyper = {"seed": np.uint32([seed, 7]), "stream": np.uint32([0, 4])}
    ours = orders_on_host(hyper, np.int32([epoch, 1]), count)
    for place, at in enumerate((epoch, 1)):
        own = {name: values[place] for name, values in hyper.items()}
        theirs = epoch_order(own, np.int32(at), np.int32(count), 70)
        np.testing.assert_array_equal(ours[place], theirs[:count])


@pytest.mark.parametrize("part", [0, 3, 257, 300])
def test_a_row_has_one_answer(part):
    """Bitwise the same among few rows and among many; about what the program answers."""
    problem, device = classifier(), select_devices("cpu")
    (one,) = fit(problem, population(1))
    rows = np.random.default_rng(0).normal(size=(300, 17)).astype(np.float32)
    which = np.arange(300)[::-1][:part]
    few, every = (Asked(one.parameters, one.buffers, folds()[0], rows) for rows in (which, np.arange(300)))
    (some,) = member_outputs(problem, rows, [few], devices=device)
    (all_of_them,) = member_outputs(problem, rows, [every], devices=device)
    (program,) = member_outputs(replace(problem, on_host=""), rows, [every], devices=device)
    np.testing.assert_array_equal(some, all_of_them[which])
    np.testing.assert_allclose(all_of_them, program, rtol=1e-5, atol=1e-5)


def test_nothing_is_compiled():
    """Neither to draw, where NumPy draws, nor to train, nor to answer."""
    from gorae import MLPClassifier
    from gorae.backend import clear_programs
    from gorae.backend.compile import _programs

    clear_programs()
    X, y = table().rows, table().targets
    model = MLPClassifier((4,), epochs=30, members=2, early_stopping=True, random_state=0).fit(X, y)
    model.predict_proba(X)
    assert not _programs
