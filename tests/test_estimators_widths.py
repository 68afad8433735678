"""Hidden layers of several widths in one program: units of zeros stay zero, and cost less than they save."""

from itertools import pairwise

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes

from gorae import MLPClassifier, MLPRegressor, nn
from gorae.backend import select_devices
from gorae.errors import ParameterError
from gorae.estimators.carrying import fit_arrays, follow, planned_cost
from gorae.estimators.learned import answering_problem
from gorae.estimators.padding import Drawing, into_wide, out_of_wide, padded, widened
from gorae.estimators.population import network_problem
from gorae.estimators.together import Fit, begin_together, fit_together, learn, train_together
from gorae.estimators.width_plan import plan_widths
from gorae.estimators.widths import can_be_widened, choose_widths, holding, needs_telling
from gorae.models import MLP_ACTIVATION_NAMES, LinearShape, MLPShape
from gorae.train import Member, hyper_scalars
from gorae.train.problem import parameter_shapes
from gorae.train.task import draw_compiled
from population_cases import CLASSES, fit

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.usefixtures("compiled"),
]

CANCER = tuple(part[:120] for part in load_breast_cancer(return_X_y=True))
DIABETES = tuple(part[:101] for part in load_diabetes(return_X_y=True))
SOLO = {"batch_size": 32, "epochs": 12, "learning_rate": 0.01, "random_state": 5}
OPTIMIZERS = ["sgd", "momentum", "nesterov", "adam", "adamw"]


ALONE = ("relu", "gelu", "elu", "identity", "step", "sigmoid", "maxout")
KINDS = [
    *({"activation": name} for name in ALONE),
    {"activation": "tanh", "normalization": "batch"},
    {"activation": "leaky_relu", "normalization": "layer"},
    {"activation": "selu", "dropout": True},
    {"activation": "softplus", "normalization": "batch", "dropout": True},
    {"activation": "prelu", "dropout": True, "normalization": "batch"},
    {"activation": "softmax", "dropout": True, "normalization": "layer"},
    {"activation": "maxout", "maxout_pieces": 3, "dropout": True, "normalization": "layer"},
]
"""What networks that share a program may have: every activation, beside every normalisation, with dropout."""


def flops(widths, inputs, outputs):
    """The operations of a row, counted by hand."""
    sizes = [inputs, *widths, outputs]
    return 6 * sum(a * b for a, b in pairwise(sizes))


def cost(rows, chosen, inputs, outputs, compile_flops):
    """The work of all trainings, with a compilation for each program."""
    programs = {chosen.get(widths, (*widths, "alone")) for widths in rows}
    trained = sum(flops(chosen.get(own, own), inputs, outputs) * n for own, n in rows.items())
    return trained + compile_flops * len(programs)


def test_two_widths_share_a_program_if_that_is_less_work():
    """Of 1-10-1 and 1-16-1, 100 rows each: padding takes 6 * (32 - 20) * 100 = 7200 operations more."""
    rows = {(10,): 100, (16,): 100}
    assert choose_widths(rows, 1, 1, compile_flops=7201) == {(10,): (16,), (16,): (16,)}
    assert choose_widths(rows, 1, 1, compile_flops=7200) == {}


def test_what_units_take_beside_the_products_counts_too():
    """Ten operations a unit and row make of the 7200 above 7200 + 10 * 6 * 100 = 13200."""
    rows = {(10,): 100, (16,): 100}
    assert choose_widths(rows, 1, 1, a_unit=10, compile_flops=13201) == {(10,): (16,), (16,): (16,)}
    assert choose_widths(rows, 1, 1, a_unit=10, compile_flops=13200) == {}


def test_shared_widths_are_rounded_up_and_those_alone_are_not():
    """Eight an octave above 16: 90 and 100 share 104, 5 and 13 share 13; the rounding is paid for too."""
    assert choose_widths({(100,): 1, (90,): 1}, 1, 1) == {(90,): (104,), (100,): (104,)}
    assert choose_widths({(5,): 1, (13,): 1}, 1, 1) == {(5,): (13,), (13,): (13,)}
    assert choose_widths({(100,): 1}, 1, 1) == {}
    paid = 12 * (104 - 90 + 104 - 100)  # by one row of each
    assert choose_widths({(100,): 1, (90,): 1}, 1, 1, compile_flops=paid) == {}


def test_layers_are_as_wide_as_the_widest_of_each():
    """Of (30, 9) and (8, 14), each layer is the wider one's."""
    assert set(choose_widths({(30, 9): 1, (8, 14): 1}, 1, 1).values()) == {(30, 14)}


def test_a_short_search_shares_one_program_and_a_long_one_none():
    """With ever more rows ever fewer widths share a program."""
    widths = [(int(width),) for width in np.random.default_rng(0).choice(np.arange(16, 256), 24, False)]
    programs = []
    for rows in (10**4, 10**6, 10**7, 10**10):
        chosen = choose_widths(dict.fromkeys(widths, rows), 64, 10)
        programs.append(len({chosen.get(own, own) for own in widths}))
    assert programs == sorted(programs)
    assert programs[0] == 1
    assert 1 < programs[1] < programs[2] < 24
    assert programs[3] == 24


WORK = st.integers(1, 3).flatmap(
    lambda depth: st.dictionaries(
        st.tuples(*[st.integers(1, 300)] * depth), st.integers(0, 10**6), min_size=1, max_size=12
    )
)


@given(WORK, st.integers(1, 50), st.integers(1, 5), st.sampled_from([0.0, 1e6, 1e9, 1e11]))
def test_what_is_chosen_is_wide_enough_and_never_more_work(rows, inputs, outputs, compile_flops):
    """Every network fits into its program, who shares one is not alone, and all together take no longer."""
    chosen = choose_widths(rows, inputs, outputs, compile_flops=compile_flops)
    assert chosen.keys() <= rows.keys()
    assert all(a <= b for own, wide in chosen.items() for a, b in zip(own, wide, strict=True))
    assert all(list(chosen.values()).count(wide) > 1 for wide in chosen.values())
    ours = cost(rows, chosen, inputs, outputs, compile_flops)
    assert ours <= cost(rows, {}, inputs, outputs, compile_flops) * (1 + 1e-12)


@given(WORK, st.randoms(use_true_random=False))
def test_the_order_of_settings_does_not_matter(rows, random):
    """The same widths in another order share the same programs."""
    items = list(rows.items())
    random.shuffle(items)
    assert choose_widths(dict(items), 8, 3, compile_flops=1e9) == choose_widths(rows, 8, 3, compile_flops=1e9)


def test_many_widths_are_chosen_for_in_parts():
    """Five hundred widths of two layers are more than are compared at once; few programs are left."""
    widths = np.random.default_rng(0).integers(3, 300, (500, 2))
    rows = {tuple(map(int, each)): 10**4 for each in widths}
    chosen = choose_widths(rows, 64, 10)
    assert len(set(chosen.values())) < 20
    assert cost(rows, chosen, 64, 10, 5e10) < cost(rows, {}, 64, 10, 5e10) / 10


@given(WORK, st.tuples(st.integers(1, 300)), st.sampled_from([0.0, 1e6, 1e9, 1e11]))
def test_who_was_not_planned_for_gets_the_cheapest_program_with_room(rows, widths, compile_flops):
    """Or none, where that is more work than a program of its own; no other one with room costs less."""
    programs = [each for each in rows if len(each) == 1]
    found = holding(widths, programs, 1000, 8, 3, compile_flops=compile_flops)
    more = {each: (flops(each, 8, 3) - flops(widths, 8, 3)) * 1000 for each in programs if each >= widths}
    cheap = {each: cost for each, cost in more.items() if cost < compile_flops}
    assert found == min(cheap, key=lambda each: cheap[each], default=None)


def ready_fits(widths, **parameters):
    """Fits of these widths on one set of rows."""
    X, y = CANCER
    rows = np.arange(80)
    fits = [Fit(MLPClassifier(each, **SOLO | parameters), rows) for each in widths]
    return list(begin_together(fits, X, y).ready.values())


def test_a_plan_decides_for_each_network_by_itself():
    """Those that were expected as planned, others as their own width says; whoever else is asked about."""
    plan = plan_widths(ready_fits([(7,), (20,), (30,)]))
    asked = ready_fits([(7,), (9,), (25,), (31,)])
    together = plan.wider(asked)
    apart = {problem: wide for one in asked for problem, wide in plan.wider([one]).items()}
    widths = {own.build.shape.hidden: wide.build.shape.hidden for own, wide in together.items()}
    assert together == apart
    assert widths == {(7,): (30,), (9,): (30,), (25,): (30,)}
    assert plan.wider(ready_fits([(7,)], batch_size=16)) == {}


@pytest.mark.parametrize("name", MLP_ACTIVATION_NAMES)
def test_activations_of_wider_layers_answer_zero_for_zero(name):
    """Those that are not told which units are their own: f(0) = 0 for the activations that are said to be so."""
    layer = {
        "prelu": lambda: nn.PReLU.create(3),
        "maxout": lambda: nn.Maxout(np.zeros((3, 6)), np.zeros(6), 2),
    }
    zeros, _ = layer.get(name, lambda: nn.Activation.create(name))()(
        np.zeros((2, 3), np.float32), nn.inference()
    )
    told = needs_telling(MLPShape(1, 1, (1,), name))
    assert told == bool((np.asarray(zeros) != 0).any())


@pytest.mark.parametrize(
    "shape",
    [
        MLPShape(3, 2, (4, 2), normalization="layer"),
        MLPShape(3, 2, (4,), normalization="batch", activation="maxout"),
        MLPShape(3, 2, (4,), initialization="orthogonal"),
        MLPShape(3, 2, ()),
        LinearShape(3, 2),
    ],
    ids=["two units", "maxout", "orthogonal", "no hidden layer", "linear"],
)
def test_who_is_trained_at_its_own_width(shape):
    """Networks that are no part of a wider one, or whose gradients are rounding."""
    assert not can_be_widened(shape)


@pytest.mark.parametrize(
    "number", range(len(KINDS)), ids=["-".join(map(str, kind.values())) for kind in KINDS]
)
def test_units_of_zeros_stay_zero_and_change_nothing(number):
    """After 40 steps with weight decay and L1 the padding of the whole state is 0, the rest as it is alone.

    Normalisation of three units, or of three rows, divides by what is nearly 0 at times, and so makes more of
    what rounds otherwise.
    """
    optimizer = OPTIMIZERS[number % len(OPTIMIZERS)]
    shape = MLPShape(17, CLASSES, (3, 5), **KINDS[number])
    own = network_problem(
        shape, objective="cross_entropy", optimizer=optimizer, batch_size=4, classes=CLASSES
    )
    wide = widened(own, (7, 6))
    numbers = {"learning_rate": 0.01, "weight_decay": 0.01, "l1": 1e-3, "epochs": 20, "seed": 3}
    member = Member(hyper_scalars(**numbers, dropout=0.3 * shape.dropout), 0)
    (alone,) = fit(own, [member], chunk=1, keep_state=True)
    (within,) = fit(wide, [into_wide(member, own, wide)], chunk=1, keep_state=True)
    cut, noise = out_of_wide(within, own), 30 if shape.normalization else 1
    assert (cut.epochs, cut.best_epoch) == (alone.epochs, alone.best_epoch)
    for whole, part in zip(
        jax.tree.leaves(within.state),
        jax.tree.leaves(padded(cut.state, shape, wide.build)),
        strict=True,
    ):
        np.testing.assert_array_equal(whole, part)
    for one, other in zip(jax.tree.leaves(alone), jax.tree.leaves(cut), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4 * noise, atol=2e-6 * noise)
    np.testing.assert_allclose(cut.history.train_loss, alone.history.train_loss, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "kind",
    [
        {"activation": "prelu"},
        {"initialization": "glorot_normal"},
        {"initialization": "he_uniform", "normalization": "batch"},
        {"initialization": "zeros"},
        {"activation": "maxout", "maxout_pieces": 3},
        {"dropout": True, "normalization": "layer", "activation": "softmax"},
    ],
    ids=["prelu", "normal", "batch", "zeros", "maxout", "told"],
)
def test_the_first_weights_are_those_of_the_network_alone(kind):
    """Bitwise, though they are drawn for the wide network; the rest is 0."""
    shape = MLPShape(5, 2, (6, 4), **kind)
    own = network_problem(shape, objective="squared_error")
    wide = widened(own, (9, 19))
    (device,) = select_devices("cpu")[:1]
    hyper = hyper_scalars(seed=3, stream=1, dropout=0.25)
    alone = draw_compiled(own, hyper, device)
    drawn = Drawing(own, wide)(hyper, device)
    wanted = padded(alone, shape, wide.build)
    assert jax.tree.structure(drawn) == jax.tree.structure(parameter_shapes(wide))
    for one, other in zip(jax.tree.leaves(wanted), jax.tree.leaves(drawn), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("estimator", "data", "hidden"),
    [
        (MLPClassifier(early_stopping=True, patience=1, **SOLO), CANCER, [(3,), (11,)]),
        (MLPRegressor(members=2, activation="tanh", **SOLO), DIABETES, [(3, 8), (7, 5)]),
        (
            MLPClassifier(dropout=0.3, normalization="layer", activation="softplus", **SOLO),
            CANCER,
            [(3, 8), (7, 5)],
        ),
    ],
    ids=["classifier", "regressor", "told"],
)
def test_an_estimator_is_what_it_would_be_alone(estimator, data, hidden):
    """Parameters, histories and predictions up to rounding; in its own shapes, whatever it was trained in."""
    X, y = data
    rows = np.arange(0, len(y), 2)
    fits = [Fit(clone(estimator).set_params(hidden=widths), rows) for widths in hidden]
    together = begin_together(fits, X, y)
    assert len({one.program for one in together.ready.values()}) == 1
    assert train_together(together)
    for place, each in enumerate(fits):
        ours = learn(together, place)
        alone = clone(each.estimator).fit(X[rows], y[rows])
        assert ours._learned.shape == alone._learned.shape
        np.testing.assert_allclose(ours._answers(X), alone._answers(X), rtol=1e-4, atol=1e-5)
        for one, other in zip(ours._members, alone._members, strict=True):
            assert (one.epochs, one.best_epoch) == (other.epochs, other.best_epoch)
            for a, b in zip(
                jax.tree.leaves((one.parameters, one.history)),
                jax.tree.leaves((other.parameters, other.history)),
                strict=True,
            ):
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_in_parts_and_from_a_file_it_is_bitwise_the_same():
    """Fits that pause, are kept as arrays of their own shapes, and go on with others, or alone."""
    X, y = CANCER
    rows = np.arange(80)
    fits = [Fit(MLPClassifier(widths, **SOLO), rows) for widths in [(3,), (5,), (11,)]]
    whole, parts = begin_together(fits, X, y), begin_together(fits, X, y)
    train_together(whole)
    train_together(parts, [1, 2], until=5)
    kept = fit_arrays(parts, 1)
    assert {(30, 5), (5, 2)} <= {array.shape for array in kept.values()}
    train_together(parts, [0], until=5)
    train_together(parts, [1])
    train_together(parts, [2, 0])
    for place in range(3):
        for one, other in zip(
            jax.tree.leaves(whole.members[place][0].parameters),
            jax.tree.leaves(parts.members[place][0].parameters),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


def test_who_cannot_share_is_bitwise_what_it_is_alone():
    """Settings with dropout, and of another depth, beside some that share a program."""
    X, y = CANCER
    rows = np.arange(80)
    settings = [{"hidden": (3,)}, {"hidden": (5,)}, {"hidden": (4,), "dropout": 0.2}, {"hidden": (2, 3)}]
    fits = [Fit(MLPClassifier(**SOLO).set_params(**setting), rows) for setting in settings]
    together = begin_together(fits, X, y)
    assert [one.recipe.within for one in together.ready.values()] == [[5], [5], None, None]
    train_together(together)
    for place in (2, 3):
        alone = clone(fits[place].estimator).fit(X[rows], y[rows])
        np.testing.assert_array_equal(learn(together, place).predict_proba(X), alone.predict_proba(X))


def test_a_network_cannot_go_on_as_one_of_another_width():
    """Though one program trains both; and each is counted at its own width."""
    X, y = CANCER
    rows = np.arange(80)
    fits = [Fit(MLPClassifier(widths, **SOLO), rows) for widths in [(3,), (5,)]]
    together = begin_together(fits, X, y)
    assert [planned_cost(together, place).flops for place in (0, 1)] == [
        flops((width,), 30, 2) * 80 * SOLO["epochs"] for width in (3, 5)
    ]
    train_together(together, until=2)
    with pytest.raises(ParameterError, match="not with another structure"):
        follow(together, 0, fits[0], 1)
    follow(together, 0, Fit(clone(fits[1].estimator).set_params(learning_rate=0.1), rows), 1)
    assert train_together(together)
    assert learn(together, 0)._learned.shape == answering_problem(MLPShape(30, 2, (5,))).build.shape


def test_a_final_fit_within_wider_layers():
    """It is the fit alone up to rounding; widths that do not suit it are left alone."""
    X, y = CANCER
    base = MLPClassifier((5,), **SOLO)
    alone, within, small = clone(base).fit(X, y), clone(base), clone(base)
    with within.trained_within([11]):
        within.fit(X, y)
    assert within._learned.shape == alone._learned.shape
    assert "_within" not in vars(within)
    np.testing.assert_allclose(within.predict_proba(X), alone.predict_proba(X), rtol=0, atol=1e-5)
    with small.trained_within([4]):
        small.fit(X, y)
    np.testing.assert_array_equal(small.predict_proba(X), alone.predict_proba(X))


def test_a_width_that_is_refused_does_not_touch_those_that_share():
    """It is told, and the others are trained."""
    X, y = CANCER
    rows = np.arange(80)
    found = fit_together([Fit(MLPClassifier(widths, **SOLO), rows) for widths in [(3,), (0,), (5,)]], X, y)
    assert [error is None for error in found] == [True, False, True]
