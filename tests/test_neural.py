"""Networks of one's own: any Equinox module, trained as populations are."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from gorae import nn
from gorae.errors import DataError, FileError, InputError, ParameterError
from gorae.estimators import MLPClassifier, NeuralClassifier, NeuralRegressor, load
from gorae.search import SearchCV
from gorae.study import load as load_any
from gorae.trust import CautiousClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = np.array(["left", "right"])[(X[:, 0] + X[:, 1] > 0).astype(int)]
VALUES = X[:, 0] * 2 + 100


def make(key, inputs, outputs):
    return eqx.nn.MLP(inputs, outputs, 8, 1, jax.nn.tanh, key=key)


def as_mlp(key):
    """The network of an MLPClassifier((8,)), drawn as it draws it."""
    first, last = jax.random.split(key)
    dense = nn.Dense.create(first, 4, 8, nn.default_initialization("relu"))
    head = nn.Dense.create(last, 8, 2, nn.default_initialization("identity"))
    return nn.Sequential((nn.Sequential((dense, nn.Activation.create("relu"))), head))


class Dropping(eqx.Module):
    """A module with dropout, which is called with a key in training."""

    dense: eqx.nn.Linear
    dropout: eqx.nn.Dropout

    def __init__(self, key):
        self.dense, self.dropout = eqx.nn.Linear(4, 2, key=key), eqx.nn.Dropout(0.5)

    def __call__(self, x, *, key=None):
        return self.dense(self.dropout(x, key=key))


OPTIONS = {"epochs": 4, "batch_size": 16, "learning_rate": 0.01, "random_state": 0}


@pytest.mark.usefixtures("compiled")
def test_a_module_is_what_the_same_network_of_gorae_is():
    """The layers of an MLP given as a module train to bitwise what the estimator of them, compiled, does."""
    own = NeuralClassifier(as_mlp, members=2, **OPTIONS).fit(X, Y)
    known = MLPClassifier((8,), members=2, **OPTIONS).fit(X, Y)

    assert np.array_equal(own.predict_proba(X), known.predict_proba(X))
    assert own.layer_names_ == ["hidden 1", "output"]
    assert np.array_equal(own.hidden_features(X), known.hidden_features(X))


def test_a_function_draws_each_member_and_a_module_begins_all():
    """Members of a function begin with weights of their own; members of a module with the module's."""
    slow = {**OPTIONS, "learning_rate": 1e-30, "epochs": 1}
    drawn = NeuralClassifier(make, members=2, **slow).fit(X, Y).member_scores_(X)
    module = make(jax.random.key(3), 4, 2)
    given = NeuralClassifier(module, members=2, scale=None, **slow).fit(X, Y).member_scores_(X)

    assert not np.allclose(drawn[0], drawn[1])
    np.testing.assert_allclose(given[0], jax.vmap(module)(X), rtol=1e-5, atol=1e-6)
    assert np.array_equal(given[0], given[1])


def test_equal_structures_share_a_program_and_not_their_weights():
    """Two modules of one structure begin with their own weights, though one program trains both."""
    slow = {**OPTIONS, "learning_rate": 1e-30, "epochs": 1, "scale": None}
    modules = [make(jax.random.key(seed), 4, 2) for seed in (1, 2)]
    scores = [NeuralClassifier(module, **slow).fit(X, Y).member_scores_(X)[0] for module in modules]

    for module, found in zip(modules, scores, strict=True):
        np.testing.assert_allclose(found, jax.vmap(module)(X), rtol=1e-5, atol=1e-6)


def test_fine_tuning_goes_on_from_the_weights():
    """Training a module that knows the answer starts with a lower loss than training a new one."""
    first = NeuralClassifier(make, scale=None, **{**OPTIONS, "epochs": 60}).fit(X, Y)
    learned = first._learned.members[0].parameters.module
    blank = make(jax.random.key(0), 4, 2)
    module = eqx.combine(jax.tree.map(jnp.asarray, learned), eqx.partition(blank, eqx.is_array)[1])
    more = NeuralClassifier(module, scale=None, **OPTIONS).fit(X, Y)

    assert more.loss_curve_[0] < first.loss_curve_[0] / 2


def test_dropout_drops_in_training_only():
    """Predictions are the module's without dropout, the same in every call; training draws by row and step."""
    model = NeuralClassifier(Dropping, **OPTIONS).fit(X, Y)
    again = NeuralClassifier(Dropping, **OPTIONS).fit(X, Y)
    module = model._learned.members[0].parameters.module
    dense = model._learned.encoding
    scaled = (X - dense.shift) * dense.scale

    assert np.array_equal(model.predict_proba(X), again.predict_proba(X))
    np.testing.assert_allclose(
        model.member_scores_(X)[0], scaled @ module.dense.weight.T + module.dense.bias, rtol=1e-4, atol=1e-5
    )


def test_rows_of_any_shape():
    """Rows come as their module reads them, or as numbers side by side with their shape named."""

    def over_cells(key):
        return nn.Sequential(
            (nn.Conv.create(key, 1, 2, (3,)), nn.Activation.create("relu"), nn.GlobalPool.create("average"))
        )

    shaped = NeuralClassifier(over_cells, **OPTIONS).fit(X[:, :, None], Y)
    flat = NeuralClassifier(over_cells, input_shape=(4, 1), **OPTIONS).fit(X, Y)

    assert shaped.row_shape_in_ == (4, 1)
    assert np.array_equal(shaped.predict_proba(X[:, :, None]), flat.predict_proba(X))
    with pytest.raises(DataError, match=r"rows of shape \(4, 1\), as those learned from, got \(2, 2\)"):
        shaped.predict(X.reshape(-1, 2, 2))


def test_values_in_their_own_unit():
    """A module of one number, with or without an axis of its own, predicts targets in their unit."""
    module = eqx.nn.MLP(4, "scalar", 8, 1, key=jax.random.key(0))
    model = NeuralRegressor(module, **{**OPTIONS, "epochs": 200}).fit(X, VALUES)

    assert model.predict(X).shape == (60,)
    assert model.score(X, VALUES) > 0.9
    two = NeuralRegressor(make, **OPTIONS).fit(X, np.stack([VALUES, -VALUES], axis=1))
    assert two.predict(X).shape == (60, 2)


@pytest.mark.parametrize(
    "module",
    [make, make(jax.random.key(0), 4, 2), partial(make, outputs=2)],
    ids=["function", "module", "partial"],
)
def test_a_clone_has_the_same_program(module):
    """What clones are compiled for is equal, as cross-validation makes many of them."""
    model = NeuralClassifier(module, **OPTIONS)
    first, second = (each._recipe(4, 2, 60) for each in (model, clone(clone(model))))

    assert first.problem == second.problem
    assert hash(first.problem) == hash(second.problem)
    assert first.draw == second.draw


def test_scikit_learn_and_gorae_take_it():
    """cross_val_score, a search over training and a cautious classifier train modules as other networks."""
    model = NeuralClassifier(make, **OPTIONS)
    search = SearchCV(model, {"learning_rate": [0.001, 0.03]}, cv=2, random_state=0).fit(X, Y)
    cautious = CautiousClassifier(model, cv=2, random_state=0).fit(X, Y)

    assert cross_val_score(model, X, Y, cv=2).shape == (2,)
    assert search.best_params_ == {"learning_rate": 0.03}
    assert cautious.predict(X).shape == (60,)


def test_a_file_holds_arrays_and_the_user_the_code(tmp_path):
    """A saved network is loaded with its module, and answers bitwise as it did; rows keep their shape."""
    model = NeuralClassifier(make, members=2, **OPTIONS).fit(X, Y)
    model.save(tmp_path / "own.gorae")
    loaded = load_any(tmp_path / "own.gorae", module=make)

    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.module is make
    with pytest.raises(FileError, match=r"load\(path, module=...\)"):
        load(tmp_path / "own.gorae")
    with pytest.raises(InputError, match=r"arrays of the shapes \(2, 4\).*but the file holds \(8, 4\)"):
        load(tmp_path / "own.gorae", module=Dropping)
    with pytest.raises(InputError, match="must answer 2 numbers"):
        load(tmp_path / "own.gorae", module=partial(make, outputs=3))


def test_a_network_by_default_needs_no_code(tmp_path):
    """Without a module of one's own there is nothing that a file cannot hold."""
    model = NeuralClassifier(**OPTIONS).fit(X, Y)
    model.save(tmp_path / "small.gorae")

    assert np.array_equal(load(tmp_path / "small.gorae").predict_proba(X), model.predict_proba(X))


def test_a_module_for_another_kind_of_file_is_refused(tmp_path):
    """A module has no place in a file of an estimator that knows its own networks."""
    MLPClassifier((2,), epochs=1).fit(X, Y).save(tmp_path / "mlp.gorae")

    with pytest.raises(InputError, match="module is for NeuralClassifier"):
        load(tmp_path / "mlp.gorae", module=make)


def test_going_on():
    """Ten epochs and ten more are bitwise twenty; a checkpoint is another fit's where the weights differ."""
    once = NeuralClassifier(make, **{**OPTIONS, "epochs": 6}).fit(X, Y)
    twice = NeuralClassifier(make, **{**OPTIONS, "epochs": 3}, warm_start=True).fit(X, Y).fit(X, Y)

    assert np.array_equal(once.predict_proba(X), twice.predict_proba(X))


def test_a_checkpoint_knows_the_weights_that_a_fit_began_with(tmp_path):
    """A fit that begins with other weights does not go on from the first one's checkpoint."""
    one, other = (make(jax.random.key(seed), 4, 2) for seed in (1, 2))
    NeuralClassifier(one, checkpoint=tmp_path, **OPTIONS).fit(X, Y)
    NeuralClassifier(make(jax.random.key(1), 4, 2), checkpoint=tmp_path, **OPTIONS).fit(X, Y)

    with pytest.raises(FileError, match="holds another fit"):
        NeuralClassifier(other, checkpoint=tmp_path, **OPTIONS).fit(X, Y)


def stateful(key):
    return eqx.nn.make_with_state(eqx.nn.BatchNorm)(4, axis_name="batch", mode="ema")


def broken(key):
    raise RuntimeError("no weights today")


@pytest.mark.parametrize(
    ("module", "error", "told"),
    [
        (3, ParameterError, "must be an equinox.Module, or a function of a random key .* got int"),
        (lambda key: 3, InputError, "must make an equinox.Module, but it made int"),
        (broken, InputError, "could not be made: RuntimeError: no weights today"),
        (stateful, InputError, "a pair of a module and its state"),
        (partial(make, outputs=5), InputError, r"must answer 2 numbers for a row .* answers shape \(5,\)"),
        (
            partial(make, inputs=7),
            InputError,
            r"does not take rows of shape \(4,\): .*one row, as module\(x\)",
        ),
        (nn.Dense.create(jax.random.key(0), 3, 2), InputError, "called with a batch and a context"),
    ],
)
def test_refusals(module, error, told):
    """A module that cannot be what is wanted is refused before anything is trained."""
    with pytest.raises(error, match=told):
        NeuralClassifier(module, **OPTIONS).fit(X, Y)


@pytest.mark.parametrize(
    ("shape", "told"),
    [((3, 1), "needs rows of 3 numbers, but X has 4"), ("wide", "must be the shape of a row")],
)
def test_shapes_that_rows_have_not(shape, told):
    """The shape of a row must hold a row's numbers."""
    with pytest.raises(ParameterError, match=told):
        NeuralClassifier(make, input_shape=shape).fit(X, Y)
