"""Recurrent layers, embeddings and pooling over time: worked steps, relations, and what they refuse."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.errors import InputError, ParameterError
from gorae.nn import recurring
from gorae.nn.cells import CELLS
from gorae.nn.recurring import Way, Weights, recur

CELL_NAMES = list(CELLS)
BATCH, TIME, INPUTS, WIDTH = 3, 7, 4, 5
LENGTHS = np.array([7, 1, 4], np.int32)

every_cell = pytest.mark.parametrize("cell", CELL_NAMES)


def drawn(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) * 0.5


def weights(cell, seed=0, inputs=INPUTS, width=WIDTH):
    """Return weights of a cell, biases included, none of them 0."""
    gates = CELLS[cell].gates * width
    parts = [drawn(seed + k, *size) for k, size in enumerate([(inputs, gates), (width, gates), (gates,)])]
    return Weights(*parts, drawn(seed + 9, width) if CELLS[cell].inner else None)


def one_step(cell, x, h, c=0.0):
    """Return the hidden state after one step of a cell of width 1 whose weights are all 1, biases 0.

    The state before it is made by hand: the cell is asked for its own `forward`.
    """
    kind = CELLS[cell]
    state = tuple(jnp.full((1, 1), value) for value in (h, c))[: kind.states]
    part = jnp.ones((1, kind.gates))
    after, _ = kind.forward(x * part, h * part, state)
    return [float(one[0, 0]) for one in after]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_one_step_of_every_cell_by_hand():
    """With all weights 1, input 0.5 and hidden state 0.25, every gate sees 0.75."""
    lstm_c = sigmoid(0.75) * 2.0 + sigmoid(0.75) * np.tanh(0.75)
    n = np.tanh(0.5 + sigmoid(0.75) * 0.25)
    expected = {
        "rnn": [np.tanh(0.75)],
        "rnn_relu": [0.75],
        "lstm": [sigmoid(0.75) * np.tanh(lstm_c), lstm_c],
        "gru": [(1 - sigmoid(0.75)) * n + sigmoid(0.75) * 0.25],
    }

    assert one_step("rnn_relu", -1.0, 0.25) == [0.0]
    for cell, values in expected.items():
        np.testing.assert_allclose(one_step(cell, 0.5, 0.25, c=2.0), values, rtol=1e-6, err_msg=cell)


def test_two_steps_of_a_sum_by_hand():
    """A ReLU cell with weights 1 adds up what it reads: 1, 1 + 2, 1 + 2 + 3; from the end 6, 5, 3."""
    x = jnp.asarray([[[1.0], [2.0], [3.0]]])
    ones = Weights(jnp.ones((1, 1)), jnp.ones((1, 1)), jnp.zeros(1))
    kind = CELLS["rnn_relu"]

    assert recur(Way(kind), x, ones, None).ravel().tolist() == [1, 3, 6]
    assert recur(Way(kind, reverse=True), x, ones, jnp.array([2])).ravel().tolist() == [3, 2, 0]


@pytest.mark.parametrize(("time", "lengths"), [(13, None), (16, [13, 1, 9]), (12, [3, 2, 4])], ids=str)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_blocks_of_any_size_give_the_same(cell, time, lengths, monkeypatch):
    """Steps one by one, or in blocks that the longest row fills in part: the same answers and slopes."""
    x, g, way = drawn(1, 3, time, 2), drawn(2, 3, time, 3), Way(CELLS[cell])
    own, real = weights(cell, inputs=2, width=3), None if lengths is None else jnp.asarray(lengths)

    def run(longest):
        monkeypatch.setattr(recurring, "_LONGEST_BLOCK", longest)
        return jax.jit(jax.value_and_grad(lambda w: jnp.sum(recur(way, x, w, real) * g)))(own)

    for one, other in zip(*map(jax.tree.leaves, (run(1), run(8))), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@every_cell
def test_a_sequence_reversed_through_the_reversed_cell(cell):
    """Reading the reversed rows from the end gives the reversed answers."""
    x, own = drawn(3, BATCH, TIME, INPUTS), weights(cell)
    forward = recur(Way(CELLS[cell]), jnp.asarray(x), own, None)
    back = recur(Way(CELLS[cell], reverse=True), jnp.asarray(x[:, ::-1]), own, None)

    np.testing.assert_allclose(back[:, ::-1], forward, rtol=1e-6, atol=1e-6)


@every_cell
def test_a_masked_tail_changes_nothing(cell):
    """Whatever stands after a row's last step, NaN too: not a bit of answers or slopes changes."""
    layer = nn.Recurrent.create(jax.random.key(0), INPUTS, WIDTH, cell=cell, layers=2, bidirectional=True)
    context = nn.Context(None, training=True, lengths=jnp.asarray(LENGTHS))
    x = drawn(4, BATCH, TIME, INPUTS)
    dirty = np.where((np.arange(TIME) < LENGTHS[:, None])[..., None], x, np.nan)

    @jax.jit
    def run(layer, x):
        def total(layer, x):
            found = layer(x, context)[0]
            return jnp.sum(found * jnp.cos(jnp.arange(found.size).reshape(found.shape))), found

        return jax.grad(total, argnums=(0, 1), has_aux=True)(layer, x)

    for one, other in zip(*map(jax.tree.leaves, (run(layer, x), run(layer, dirty))), strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.isfinite(one).all()


@pytest.mark.parametrize(
    ("lengths", "cell"), [(None, "rnn"), (None, "gru"), (None, "lstm"), ([20, 17], "lstm")]
)
def test_sequences_of_one_row_do_not_see_each_other(cell, lengths):
    """Sequences of 4, 9 and 7 steps in one row answer, in both directions, and learn as they would alone."""
    layer = nn.Recurrent.create(jax.random.key(0), INPUTS, WIDTH, cell=cell, layers=2, bidirectional=True)
    x, slopes = drawn(1, 2, 20, INPUTS), drawn(2, 2, 20, 2 * WIDTH)
    starts = ((0, 4, 13, 20), (0, 20 if lengths is None else 17))
    begins = np.zeros((2, 20), bool)
    begins[0, [0, 4, 13]] = begins[1, 0] = True
    counts = None if lengths is None else jnp.array(lengths)

    def together(layer):
        context = nn.Context(None, training=True, lengths=counts, begins=jnp.asarray(begins))
        outputs = layer(x, context)[0]
        return jnp.sum(outputs * slopes), outputs

    def alone(layer):
        total, parts = 0.0, []
        for row, places in enumerate(starts):
            for start, end in pairwise(places):
                parts.append(layer(x[row : row + 1, start:end], nn.Context(None, training=True))[0][0])
                total += jnp.sum(parts[-1] * slopes[row, start:end])
        return total, jnp.concatenate(parts)

    found, outputs = jax.jit(jax.grad(together, has_aux=True))(layer)
    wanted, parts = jax.jit(jax.grad(alone, has_aux=True))(layer)

    np.testing.assert_allclose(outputs.reshape(40, -1)[: len(parts)], parts, rtol=1e-5, atol=1e-6)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_row_is_what_it_would_be_alone(cell):
    """A row in a batch of longer ones answers as the row by itself, cut to its length."""
    layer = nn.Recurrent.create(jax.random.key(0), INPUTS, WIDTH, cell=cell, bidirectional=True)
    x = drawn(4, BATCH, TIME, INPUTS)
    together, _ = layer(x, nn.Context(None, training=True, lengths=jnp.asarray(LENGTHS)))

    for row, length in enumerate(LENGTHS):
        alone, _ = layer(x[row : row + 1, :length], nn.Context(None, training=True))
        np.testing.assert_allclose(together[row, :length], alone[0], rtol=1e-5, atol=1e-6)
        assert not np.asarray(together[row, length:]).any()


@pytest.mark.parametrize("steps", [1, 13])
def test_more_padding_changes_no_answer(steps):
    """Rows padded further have the same answers."""
    way, own = Way(CELLS["lstm"]), weights("lstm")
    x, lengths = drawn(0, 2, 3, INPUTS), jnp.array([3, 2])
    more = np.pad(x, ((0, 0), (0, steps), (0, 0)))

    short, long = (np.asarray(recur(way, v, own, lengths)) for v in (x, more))
    np.testing.assert_allclose(long[:, :3], short, rtol=1e-6, atol=1e-7)
    assert not long[:, 3:].any()


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "some"])
def test_a_window_ends_the_slopes(reverse, lengths):
    """Slopes of windows of 3 are those of the same way with the state's gradient stopped every 3 steps."""
    own, window = weights("lstm"), 3
    kind, x, g = CELLS["lstm"], jnp.asarray(drawn(7, BATCH, TIME, INPUTS)), drawn(8, BATCH, TIME, WIDTH)
    real = np.full(BATCH, TIME) if lengths is None else lengths

    def by_hand(own):
        total = 0.0
        for row in range(BATCH):
            steps = range(int(real[row]))
            state = (jnp.zeros((1, WIDTH)),) * 2
            for place, t in enumerate(reversed(steps) if reverse else steps):
                if place % window == 0:
                    state = jax.lax.stop_gradient(state)
                part = x[row, t][None] @ own.inputs + own.bias
                state, _ = kind.forward(part, state[0] @ own.hidden, state)
                total += jnp.sum(state[0] * g[row, t])
        return total

    def ours(own):
        given_lengths = None if lengths is None else jnp.asarray(lengths)
        return jnp.sum(recur(Way(kind, reverse, window), x, own, given_lengths) * g)

    value, slopes = jax.value_and_grad(ours)(own)
    expected, expected_slopes = jax.jit(jax.value_and_grad(by_hand))(own)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for one, other in zip(jax.tree.leaves(slopes), jax.tree.leaves(expected_slopes), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_k_stacked_copies_are_k_models(cell):
    """Members stacked, each with its own weights, rows and lengths: as alone, slopes too."""
    way, members = Way(CELLS[cell], reverse=True), 3
    own = [weights(cell, 20 * m) for m in range(members)]
    xs = [drawn(m, BATCH, TIME, INPUTS) for m in range(members)]
    lengths = [np.array(rows) for rows in ([7, 2, 3], [1, 1, 2], [4, 5, 1])]

    def run(own, x, lengths):
        return jax.value_and_grad(lambda w: jnp.sum(recur(way, x, w, lengths) ** 2))(own)

    stack = jax.tree.map(lambda *a: np.stack(a), *own)
    together = jax.jit(jax.vmap(run))(stack, np.stack(xs), np.stack(lengths))
    for m in range(members):
        alone = jax.jit(run)(own[m], xs[m], lengths[m])
        found = jax.tree.map(lambda a, m=m: a[m], together)
        for one, other in zip(*map(jax.tree.leaves, (found, alone)), strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


def test_what_a_layer_is_drawn_as():
    """Hidden weights are orthogonal gate by gate; only the forget gate of an LSTM has a bias."""
    layer = nn.Recurrent.create(jax.random.key(1), 3, 4, cell="lstm", layers=2, bidirectional=True)
    assert [len(sides) for sides in layer.layers] == [2, 2]
    assert layer.layers[1][0].inputs.shape == (8, 16)
    for sides in layer.layers:
        for one in sides:
            assert np.asarray(one.bias).tolist() == [0] * 4 + [1] * 4 + [0] * 8
            for gate in np.split(np.asarray(one.hidden), 4, axis=1):
                np.testing.assert_allclose(gate @ gate.T, np.eye(4), atol=1e-5)


def test_dropout_between_layers_is_one_mask_for_all_steps():
    """A feature of a row is silenced at all steps or at none; without dropout no random number is wanted."""
    layer = nn.Recurrent.create(jax.random.key(0), 1, 6, cell="rnn", layers=2, dropout=0.5)
    x = jnp.ones((2, 5, 1))
    seen = jnp.concatenate([jnp.eye(6)] * 6, axis=1)[:, :6]
    through = layer.layers[1][0]._replace(inputs=seen, hidden=jnp.zeros((6, 6)))
    layer = nn.Recurrent((layer.layers[0], (through,)), layer.dropout, "rnn")
    found, _ = layer(x, nn.Context(jax.random.key(3), training=True))
    silent = np.asarray(found) == 0

    assert 0 < silent.mean() < 1
    np.testing.assert_array_equal(silent, np.broadcast_to(silent[:, :1], silent.shape))
    plain = nn.Recurrent.create(jax.random.key(0), 1, 2, layers=2)
    plain(x, nn.Context(None, training=True))


def test_an_embedding_looks_up():
    """Codes become rows of the table; the slope of a row is the sum over its places; frozen ones have none."""
    table = jnp.asarray([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    layer = nn.Embedding(table)
    codes = jnp.asarray([[2.0, 0.0, 2.0]])

    assert layer(codes, nn.inference())[0].tolist() == [[[4, 5], [0, 1], [4, 5]]]
    slopes = jax.grad(lambda layer: layer(codes, nn.inference())[0].sum())(layer)
    assert slopes.table.tolist() == [[1, 1], [0, 0], [2, 2]]
    frozen = nn.Embedding.create(jax.random.key(0), 3, 2, vectors=table, frozen=True)
    assert not jax.tree.leaves(nn.partition(frozen)[0])
    np.testing.assert_array_equal(frozen(codes, nn.inference())[0], layer(codes, nn.inference())[0])


def test_pooling_over_time_by_hand():
    """Over the two real steps (1, -1) and (3, -5), then over one; of two directions the first step counts."""
    x = jnp.asarray([[[1.0, -1.0], [3.0, -5.0], [9.0, 9.0]]] * 2)
    context = nn.Context(None, training=False, lengths=jnp.array([2, 1]))
    found = {kind: nn.StepPool.create(kind)(x, context)[0].tolist() for kind in ("mean", "max", "last")}
    both, _ = nn.StepPool.create("last", directions=2)(x, context)

    assert found == {"mean": [[2, -3], [1, -1]], "max": [[3, -1], [1, -1]], "last": [[3, -5], [1, -1]]}
    assert both.tolist() == [[3, -1], [1, -1]]


def test_attention_is_a_weighted_mean_by_hand():
    """With W = 1, b = 0, v = 2 the scores are 2 tanh(x): weights e^(2 tanh x) over their sum."""
    layer = nn.StepPool("attention", 1, nn.Dense(jnp.ones((1, 1)), jnp.zeros(1)), jnp.array([2.0]))
    x = jnp.asarray([[[0.5], [-1.0], [7.0]]])
    shares = np.exp(2 * np.tanh([0.5, -1.0]))
    context = nn.Context(None, training=False, lengths=jnp.array([2]))

    np.testing.assert_allclose(
        layer(x, context)[0].item(), (shares * [0.5, -1.0]).sum() / shares.sum(), rtol=1e-6
    )


@pytest.mark.parametrize("kind", nn.STEP_POOLINGS)
def test_pooling_does_not_see_the_tail(kind):
    """NaN after the last step changes nothing, and no real step at all gives zeros; slopes stay finite."""
    layer = nn.StepPool.create(kind, features=2, key=jax.random.key(0))
    context = nn.Context(None, training=True, lengths=jnp.array([2, 0]))
    clean = drawn(0, 2, 4, 2)
    dirty = np.where((np.arange(4) < np.array([[2], [0]]))[..., None], clean, np.nan)
    run = jax.jit(lambda x: jax.value_and_grad(lambda x: layer(x, context)[0].sum())(x))

    for one, other in zip(run(clean), run(dirty), strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.isfinite(other).all()
    assert not np.asarray(layer(dirty, context)[0])[1].any()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: nn.Recurrent.create(jax.random.key(0), 2, 3, cell="lst"), "Did you mean 'lstm'"),
        (lambda: nn.Recurrent.create(jax.random.key(0), 0, 3), "inputs must be an integer of at least 1"),
        (lambda: nn.Recurrent.create(jax.random.key(0), 2, 3, window=0), "window must be an integer"),
        (lambda: nn.Recurrent.create(jax.random.key(0), 2, 3, layers=2, dropout=1.0), "dropout rate must"),
        (lambda: nn.Embedding.create(jax.random.key(0), 3, 2, vectors=[[1.0, 2.0]]), r"\(3, 2\).*\(1, 2\)"),
        (lambda: nn.StepPool.create("median"), "pooling over time must be one of attention, last, max, mean"),
        (lambda: nn.StepPool.create("attention"), "attention is learnt"),
        (lambda: nn.StepPool.create("last", directions=3), "directions must be 1 or 2"),
    ],
)
def test_mistakes_are_told(make, told):
    """A value that makes no layer is refused in one sentence."""
    with pytest.raises(ParameterError, match=told):
        make()


def test_a_batch_of_another_shape_is_refused():
    """The sentence says the shape that was wanted and the one that came."""
    layer = nn.Recurrent.create(jax.random.key(0), 3, 1)
    with pytest.raises(InputError, match=r"\(batch, length, 3\), got shape \(2, 8, 4\)"):
        layer(jnp.ones((2, 8, 4)), nn.inference())
