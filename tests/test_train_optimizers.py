"""Optimizers: steps by hand, against optax, and against PyTorch where it is installed; decay and L1."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gorae.errors import ParameterError
from gorae.train import OPTIMIZERS, find_optimizer, hyper_scalars
from gorae.train.step import update
from population_cases import line

NAMES = sorted(OPTIMIZERS)
RATE, DECAY, STEPS = 0.1, 0.04, 6
WEIGHT = np.array([[3.0, -2.0], [0.5, 4.0]], np.float32)
BIAS = np.array([1.0, -6.0], np.float32)


def gradient(parameters):
    """The gradient of a bowl with its bottom away from 0, steeper in one direction than in the other."""
    weight, bias = parameters
    return (weight - 7.0) * np.array([[1.0, 3.0], [0.2, 1.5]], np.float32), 2.0 * (bias + 4.0)


def steps(name, count=STEPS, progress=0.0, schedule="constant", **numbers):
    """Parameters after each of some steps."""
    problem = line(optimizer=name, schedule=schedule)
    numbers = {"learning_rate": RATE, **numbers}
    hyper = {key: jnp.asarray(value) for key, value in hyper_scalars(**numbers).items()}
    parameters = (jnp.asarray(WEIGHT), jnp.asarray(BIAS))
    state = find_optimizer(name).direction(hyper).init(parameters)
    move = jax.jit(lambda p, s: update(problem, hyper, p, s, gradient(p), jnp.float32(progress)))
    found = []
    for _ in range(count):
        parameters, state = move(parameters, state)
        found.append(parameters)
    return found


def test_gradient_descent_by_hand():
    """W - 0.1 g: 3 - 0.1 (3 - 7) = 3.4; bias 1 - 0.1 * 2 (1 + 4) = 0."""
    ((weight, bias),) = steps("sgd", 1)

    np.testing.assert_allclose(weight[0, 0], 3.4, rtol=1e-6)
    np.testing.assert_allclose(bias[0], 0.0, atol=1e-6)


def test_the_schedule_is_a_factor_of_the_rate():
    """At three quarters of a cosine the step is 0.1 * (1 - cos(pi/4)) / 2 times the gradient -4."""
    ((weight, _),) = steps("sgd", 1, progress=0.75, schedule="cosine")

    np.testing.assert_allclose(weight[0, 0], 3 + 0.4 * (1 - np.cos(np.pi / 4)) / 2, rtol=1e-6)


def test_momentum_by_hand():
    """v: -4, then 0.5 * -4 + (3.4 - 7) = -5.6; w: 3.4, then 3.96."""
    first, second = steps("momentum", 2, momentum=0.5)

    np.testing.assert_allclose([first[0][0, 0], second[0][0, 0]], [3.4, 3.96], rtol=1e-6)


def test_nesterov_by_hand():
    """V as in momentum, direction g + 0.5 v: -6, so 3.6; then g = -3.4, v = -5.4, -6.1, so 4.21."""
    first, second = steps("nesterov", 2, momentum=0.5)

    np.testing.assert_allclose([first[0][0, 0], second[0][0, 0]], [3.6, 4.21], rtol=1e-6)


def test_adam_moves_by_the_rate_at_first():
    """The corrected moments of one gradient are g and g^2: a step as long as the rate, whatever g."""
    ((weight, bias),) = steps("adam", 1)

    np.testing.assert_allclose(weight, WEIGHT - RATE * np.sign(gradient((WEIGHT, BIAS))[0]), rtol=1e-6)
    np.testing.assert_allclose(bias, BIAS - RATE * np.sign(gradient((WEIGHT, BIAS))[1]), rtol=1e-6)


def test_adam_is_algorithm_1():
    """Six steps as the paper writes them, in 64 bits."""
    weight, mean, square = WEIGHT.astype(np.float64), 0.0, 0.0
    for t, (found, _) in enumerate(steps("adam"), start=1):
        g = gradient((weight, BIAS))[0]
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
        weight = weight - RATE * (mean / (1 - 0.9**t)) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)

        np.testing.assert_allclose(found, weight, rtol=2e-6)


def optax_optimizer(name):
    mask = lambda tree: jax.tree.map(lambda leaf: leaf.ndim >= 2, tree)  # noqa: E731  optax wants a function
    decay = optax.add_decayed_weights(DECAY, mask=mask)
    rules = {
        "sgd": [decay, optax.sgd(RATE)],
        "momentum": [decay, optax.sgd(RATE, momentum=0.8)],
        "nesterov": [decay, optax.sgd(RATE, momentum=0.8, nesterov=True)],
        "adam": [decay, optax.adam(RATE)],
        "adamw": [optax.adamw(RATE, weight_decay=DECAY, mask=mask)],
    }
    return optax.chain(*rules[name])


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_optax_steps(name):
    """Six steps with weight decay, coupled or decoupled, are those of optax's own optimizer."""
    theirs = optax_optimizer(name)
    parameters = (jnp.asarray(WEIGHT), jnp.asarray(BIAS))
    state = theirs.init(parameters)
    for found in steps(name, weight_decay=DECAY, momentum=0.8):
        moves, state = theirs.update(gradient(parameters), state, parameters)
        parameters = optax.apply_updates(parameters, moves)

        for one, other in zip(found, parameters, strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_pytorch_steps(name):
    """Six steps with weight decay are those of the optimizer that PyTorch has under that name."""
    torch = pytest.importorskip(
        "torch", reason="PyTorch is an extra; without it there is nothing to compare with"
    )
    weight, bias = (torch.nn.Parameter(torch.from_numpy(value.copy())) for value in (WEIGHT, BIAS))
    groups = [{"params": [weight], "weight_decay": DECAY}, {"params": [bias], "weight_decay": 0.0}]
    theirs = {
        "sgd": lambda: torch.optim.SGD(groups, RATE),
        "momentum": lambda: torch.optim.SGD(groups, RATE, momentum=0.8),
        "nesterov": lambda: torch.optim.SGD(groups, RATE, momentum=0.8, nesterov=True),
        "adam": lambda: torch.optim.Adam(groups, RATE),
        "adamw": lambda: torch.optim.AdamW(groups, RATE),
    }[name]()
    for found in steps(name, weight_decay=DECAY, momentum=0.8):
        values = (weight.detach().numpy(), bias.detach().numpy())
        for parameter, g in zip((weight, bias), gradient(values), strict=True):
            parameter.grad = torch.from_numpy(np.asarray(g, np.float32))
        theirs.step()

        np.testing.assert_allclose(found[0], weight.detach().numpy(), rtol=1e-5)
        np.testing.assert_allclose(found[1], bias.detach().numpy(), rtol=1e-5)


def test_coupled_and_decoupled_decay_differ():
    """Adam divides a coupled decay by its own size, and it hardly counts; AdamW shrinks by rate * decay."""
    ((coupled, _),) = steps("adam", 1, weight_decay=1.0)
    ((decoupled, _),) = steps("adamw", 1, weight_decay=1.0)
    ((none, _),) = steps("adam", 1)

    np.testing.assert_allclose(np.abs(coupled - WEIGHT), RATE, rtol=1e-5)
    np.testing.assert_allclose(decoupled, none - RATE * WEIGHT, rtol=1e-5)


@pytest.mark.parametrize("penalty", ["weight_decay", "l1"])
@pytest.mark.parametrize("name", NAMES)
def test_penalties_spare_biases(name, penalty):
    """Biases move as without a penalty, weights do not."""
    penalised, plain = steps(name, 3, **{penalty: 0.5})[-1], steps(name, 3)[-1]

    np.testing.assert_array_equal(penalised[1], plain[1])
    assert np.abs(penalised[0] - plain[0]).max() > 5e-5


def test_l1_by_hand():
    """The subgradient of 0.5 |w| is 0.5 sign w: one step of descent moves by 0.1 * 0.5 towards 0 besides."""
    ((penalised, _),) = steps("sgd", 1, l1=0.5)
    ((plain, _),) = steps("sgd", 1)

    np.testing.assert_allclose(penalised, plain - 0.05 * np.sign(WEIGHT), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_optimizers_start_from_zeros(name):
    """A new member's optimizer state is all zeros, which is what the engine gives it."""
    state = (
        find_optimizer(name).direction({"momentum": jnp.float32(0.9)}).init((jnp.ones(3), jnp.ones((2, 2))))
    )

    assert not any(np.any(leaf) for leaf in jax.tree.leaves(state))


def test_an_unknown_optimizer_gets_a_hint():
    """A name that is nearly one is told which."""
    with pytest.raises(ParameterError, match="Did you mean 'adamw'"):
        find_optimizer("AdamW1")
