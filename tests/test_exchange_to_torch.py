"""Networks of gorae as modules of PyTorch: equal answers from raw rows, plain layers, and back again."""

import numpy as np
import pytest

from exchange_cases import CALIBRATIONS, FITS, LAYERS, answered, calibrated, fitted
from gorae import nn
from gorae.errors import InputError, NotFittedError
from gorae.estimators import GaussianBayes, MLPClassifier
from gorae.exchange import from_torch, to_torch
from text_cases import reviews, text_study

torch = pytest.importorskip("torch", reason="PyTorch is an extra; without it there are no modules")


def answer(module, rows):
    with torch.no_grad():
        return module(torch.from_numpy(np.asarray(rows))).numpy()


@pytest.mark.parametrize("name", FITS)
def test_fitted_networks_answer_alike(name):
    """A module answers what the estimator does, to 1e-5 of the size of the answer, from rows as they are."""
    case = fitted(name)

    np.testing.assert_allclose(answer(to_torch(case.model), case.rows), case.answers, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("kind", "curve"), CALIBRATIONS)
def test_calibrated_probabilities_are_alike(kind, curve):
    """A module calibrates as the model does, whatever it has learned of its probabilities."""
    model, rows = calibrated(kind, curve)

    np.testing.assert_allclose(answer(to_torch(model), rows), model.predict_proba(rows), atol=1e-6)


def test_the_model_of_a_study_of_texts_answers_alike():
    """Of a study that was fitted and not loaded too, a module reads the codes that its matrix holds."""
    data = reviews(60)
    model = text_study(data.drop("label"), data["label"]).model
    texts = ["a wonderful whale", "dreadful and dreadful", "xyzzy"]

    found = answer(to_torch(model), np.asarray(model.matrix(texts), np.float32))

    np.testing.assert_allclose(found, model.predict_proba(texts), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_answer_alike(name):
    """A module of a layer answers what the layer does, images with their channels last."""
    case = answered(name)
    module = to_torch(case.model, case.rows.shape[1:])

    np.testing.assert_allclose(answer(module, case.rows), case.answers, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_there_and_back(name):
    """What became a module becomes a network again that answers alike."""
    case = answered(name)
    if name == "tokens":
        pytest.skip("rows of tokens reach the embedding as float32 numbers")
    network = from_torch(to_torch(case.model, case.rows.shape[1:]), case.rows.shape[1:])

    np.testing.assert_allclose(network(case.rows, nn.inference())[0], case.answers, rtol=1e-5, atol=1e-5)


def test_the_layers_are_pytorchs_own():
    """Every submodule is of torch.nn, and an ensemble's members have their own weights."""
    module = to_torch(fitted("maxout ensemble").model)
    kinds = {type(part).__module__.partition(".nn")[0] for part in module.modules() if part is not module}

    assert kinds == {"torch"}
    assert module.members.get_submodule("0.output").weight.shape == (3, 5)
    assert not torch.equal(
        module.members.get_submodule("0.output").weight, module.members.get_submodule("1.output").weight
    )


def test_a_module_trains_on():
    """Weights are parameters, encodings are buffers, and a step of PyTorch's moves the answer."""
    case = fitted("prelu")
    module = to_torch(case.model).train()
    before = answer(module.eval(), case.rows)
    module.train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    module(torch.from_numpy(case.rows)).square().sum().backward()
    optimizer.step()

    assert {"shift", "scale"} <= set(dict(module.named_buffers()))
    assert not np.allclose(answer(module.eval(), case.rows), before)


def test_a_module_moves_and_is_saved_without_gorae(tmp_path):
    """Its state is a plain state_dict, which another module of the same network takes."""
    case = fitted("values")
    module, other = to_torch(case.model), to_torch(case.model)
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    for parameter in other.parameters():
        torch.nn.init.zeros_(parameter)
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))

    assert np.array_equal(answer(other, case.rows), answer(module, case.rows))


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (
            lambda: GaussianBayes().fit([[0.0], [1.0]], [0, 1]),
            InputError,
            "fitted networks .* got GaussianBayes",
        ),
        (MLPClassifier, NotFittedError, "not fitted"),
        (lambda: nn.Flatten(), InputError, "input_shape must be the shape of one row"),
    ],
)
def test_refusals(make, error, told):
    """What is no network, or is none yet, is refused in one sentence."""
    with pytest.raises(error, match=told):
        to_torch(make())


def test_an_activation_of_ones_own_is_refused():
    """A function that PyTorch is not told about is named."""

    def wave(x):
        return x * x

    with pytest.raises(InputError, match="activation wave cannot be written"):
        to_torch(nn.Activation(wave), (3,))
