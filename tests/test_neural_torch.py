"""PyTorch's modules and datasets in gorae's estimators, and back."""

import numpy as np
import pytest

from gorae.estimators import NeuralClassifier
from gorae.exchange import from_torch, to_onnx, to_torch

torch = pytest.importorskip("torch", reason="PyTorch is an extra; without it there are no modules")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(40, 1, 6, 5)).astype(np.float32)
Y = (X[:, 0, :, 0].sum(1) > 0).astype(int)


def small():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3),
        torch.nn.BatchNorm2d(3),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(36, 2),
    ).eval()


def test_a_module_is_trained_on_and_goes_back():
    """A module's weights are where training begins, and a trained network is a module again."""
    module = small()
    network = from_torch(module, (1, 6, 5))
    images = X.transpose(0, 2, 3, 1)
    still = {"learning_rate": 1e-30, "epochs": 1, "scale": None, "random_state": 0}
    begun = NeuralClassifier(network, weight_decay=0.0, **still).fit(images, Y)
    head = begun._learned.members[0].parameters.module.nodes[-1]
    trained = NeuralClassifier(network, epochs=5, members=2, random_state=0).fit(images, Y)
    back = to_torch(trained)

    np.testing.assert_allclose(np.sort(head.bias), np.sort(module[-1].bias.detach()), rtol=1e-6)
    with torch.no_grad():
        found = back(torch.from_numpy(images.reshape(40, -1))).numpy()
    np.testing.assert_allclose(found, trained.predict_proba(images), rtol=1e-5, atol=1e-5)


def test_a_dataset_of_tensors():
    """A TensorDataset is read as the arrays that it is made of, channels last."""
    big = np.repeat(np.repeat(X, 2, axis=2), 2, axis=3)
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(big), torch.from_numpy(Y))
    options = {"epochs": 1, "random_state": 0}
    network = from_torch(
        torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()),
        (1, 12, 10),
    )
    model = NeuralClassifier(network, **options).fit(dataset)
    known = NeuralClassifier(network, **options).fit(big.transpose(0, 2, 3, 1), Y)

    assert np.array_equal(
        model.predict_proba(big.transpose(0, 2, 3, 1)), known.predict_proba(big.transpose(0, 2, 3, 1))
    )


def test_a_network_of_ones_own_as_onnx(tmp_path):
    """What came from PyTorch leaves as ONNX."""
    runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    images = X.transpose(0, 2, 3, 1)
    model = NeuralClassifier(from_torch(small(), (1, 6, 5)), epochs=2, random_state=0).fit(images, Y)
    to_onnx(model, tmp_path / "own.onnx")
    session = runtime.InferenceSession(tmp_path / "own.onnx", providers=["CPUExecutionProvider"])

    np.testing.assert_allclose(
        session.run(None, {"rows": images.reshape(40, -1)})[0],
        model.predict_proba(images),
        rtol=1e-5,
        atol=1e-5,
    )
