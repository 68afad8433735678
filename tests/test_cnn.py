"""Convolutional networks as estimators: images in, parts of a batch, files, populations, bad input."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score

import gorae
from gorae.errors import DamagedFileError, DataError, ParameterError
from gorae.estimators import CNNClassifier, CNNRegressor, MLPClassifier, diagnose, load
from gorae.estimators.population import shape_of
from gorae.estimators.shapes import shape_from_meta, shape_to_meta
from gorae.estimators.together import Fit, fit_together
from gorae.models import CNNShape, ConvPart, DensePart, PoolPart, ResidualPart
from gorae.train import hyper_scalars
from gorae.train.augmenting import Blend
from gorae.train.step import Batch, blended_losses

PARTS = (ConvPart(4), PoolPart())
DIGITS = load_digits()
X, Y = DIGITS.images[:300].astype(np.uint8), DIGITS.target[:300]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def small(**more):
    return CNNClassifier(
        PARTS, **{"learning_rate": 0.02, "epochs": 6, "batch_size": 32, "random_state": 0, **more}
    )


@pytest.fixture(scope="module")
def fitted():
    """A small network, fitted on images."""
    return small(members=2, dropout=0.1, epochs=10).fit(X, Y)


def test_it_learns_digits(fitted):
    """Of 300 further digits it names more than four fifths."""
    assert fitted.score(DIGITS.images[300:600].astype(np.uint8), DIGITS.target[300:600]) > 0.8


def test_images_of_every_form(fitted):
    """Images with a channel axis, without one, in a list, and as rows of numbers are the same."""
    wanted = fitted.predict_proba(X[:9])

    for same in (X[:9, ..., None], list(X[:9]), X[:9].reshape(9, -1)):
        assert_array_equal(fitted.predict_proba(same), wanted)
    assert fitted.image_shape_in_ == (8, 8, 1)


def test_rows_with_their_shape_set():
    """Rows of numbers are images of the sizes that are set, as images of those sizes would be."""
    rows = np.random.default_rng(0).normal(size=(40, 6, 3, 2)).astype(np.float32)
    labels = rows[:, 0, 0, 0] > 0

    one = small(image_shape=(6, 3, 2)).fit(rows.reshape(40, -1), labels)
    two = small().fit(rows, labels)

    assert_array_equal(one.predict_proba(rows), two.predict_proba(rows))


def test_parts_of_a_batch_are_the_whole_batch(monkeypatch):
    """Gradients summed over parts of a batch, a partly filled last one among them, are those of the batch."""
    import gorae.estimators.cnn as cnn

    answers = []
    for part in (cnn._micro_batch, lambda *_: 0, lambda *_: 1):
        monkeypatch.setattr(cnn, "_micro_batch", part)
        model = small(epochs=2, optimizer="sgd", batch_size=48).fit(X[:100], Y[:100], np.arange(100) % 3)
        answers.append((model._recipe(64, 10, 100).problem.micro_batch, model.predict_proba(X)))

    assert [rows for rows, _ in answers] == [24, 0, 1]
    for _, found in answers[1:]:
        assert_allclose(found, answers[0][1], atol=1e-5)


def test_a_batch_without_fitting_parts_is_computed_as_a_whole():
    """37 rows, which only parts of one row divide, stay together; 100 are four times 25.

    But 251 images are too many for a cache to stay together, and 64 x 64 cells with 64 channels are large.
    """
    parts = [small(batch_size=rows)._recipe(64, 10, 300).problem.micro_batch for rows in (32, 37, 100, 251)]
    large = [
        CNNClassifier([ConvPart(64), PoolPart()], batch_size=rows)._recipe(4096, 10, 300).problem.micro_batch
        for rows in (48, 37, 5)
    ]

    assert parts == [0, 0, 25, 1]
    assert large == [4, 1, 0]


def test_augmentation_is_for_learning_only():
    """Images change from epoch to epoch while a network learns, always alike for a seed, and never when it answers."""
    changes = gorae.Augmentation(shift=1, horizontal_flip=True, mixup=0.4)
    one, two = (small(augmentation=changes, epochs=3).fit(X, Y) for _ in range(2))

    assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    assert_array_equal(one.predict_proba(X[:7]), one.predict_proba(X)[:7])
    assert not np.allclose(one.predict_proba(X), small(epochs=3).fit(X, Y).predict_proba(X))


def test_shifted_images_are_learned():
    """A network that has seen images shifted knows them shifted, better than one that has not."""
    moved = np.roll(DIGITS.images[300:600], (1, -1), (1, 2))
    labels = DIGITS.target[300:600]

    plain = small(epochs=12).fit(X, Y)
    shifting = small(epochs=12, augmentation=gorae.Augmentation(shift=1)).fit(X, Y)

    assert shifting.score(moved, labels) > plain.score(moved, labels) + 0.1


def test_blending_by_hand():
    """A linear model's step on rows blended with shares s: its loss is s L(own target) + (1 - s) L(partner's)."""
    blend = Blend(jnp.array([1, 0]), jnp.array([0.75, 0.5]))
    outputs, targets = jnp.array([[2.0], [-1.0]]), jnp.array([[0.0], [1.0]])
    problem = small().set_params(layers=[ConvPart(2)])._recipe(64, 10, 300).problem
    shares = jnp.full(2, 0.5)

    batch = Batch(outputs, targets, jnp.ones(2), shares, targets[blend.partner], blend.share)
    identity = replace(problem, objective="squared_error")
    losses = blended_losses(identity.objective, batch.x, batch, hyper_scalars())

    by_hand = [0.75 * 2.0 + 0.25 * 0.5, 0.5 * 2.0 + 0.5 * 0.5]
    assert_allclose(losses, by_hand)


def test_batch_normalisation_takes_whole_batches():
    """Statistics over a batch need all of it: nothing is cut."""
    recipe = small(normalization="batch")._recipe(64, 10, 300)

    assert recipe.problem.micro_batch == 0


def test_alone_and_in_a_population():
    """A fit among others is bitwise the fit alone; settings of other structures are in the same call."""
    rows = np.arange(120)
    fits = [Fit(small(epochs=2, learning_rate=rate), rows) for rate in (0.01, 0.02)]
    fits.append(Fit(CNNClassifier([DensePart(4)], epochs=2, random_state=0), rows))

    assert fit_together(fits, X, Y) == [None] * 3

    for fit in fits:
        alone = clone(fit.estimator).fit(X[rows], Y[rows])
        assert_array_equal(alone.predict_proba(X), fit.estimator.predict_proba(X))


def test_saved_and_loaded(fitted, tmp_path):
    """A network comes back from its file with its parts, and answers bitwise as before."""
    fitted.save(tmp_path / "net.gorae")

    loaded = load(tmp_path / "net.gorae")

    assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert loaded.layers == PARTS
    assert loaded.image_shape_in_ == (8, 8, 1)
    assert_array_equal(loaded.hidden_features(X[:3], "conv 1"), fitted.hidden_features(X[:3], "conv 1"))


def test_a_file_with_larger_layers_than_it_holds(fitted):
    """A shape that needs more weights than a file has numbers is refused before anything is made of it."""
    meta = shape_to_meta(fitted._learned.shape)
    first, *rest = meta["layers"]

    with pytest.raises(DamagedFileError, match="larger than what the file holds"):
        shape_from_meta({**meta, "layers": [{**first, "channels": 10**5}, *rest]}, {"a": np.zeros(5000)})
    with pytest.raises(ParameterError, match="would hold 64000000000 numbers of one row"):
        shape_from_meta({**meta, "layers": [{**first, "channels": 10**9}, *rest]}, {"a": np.zeros(5000)})


def test_every_shape_survives_json():
    """Shapes with every kind of part come back equal from what a file tells of them."""
    shape = CNNShape(
        (9, 9, 2), 3, (ConvPart(4, (3, 1), padding=1), ResidualPart(4), PoolPart("min"), DensePart(3))
    )

    assert shape_from_meta(shape_to_meta(shape), {"a": np.zeros(10**6)}) == shape


def test_search_over_layers():
    """Layers are searched like any other setting, images and all."""
    space = {"layers": [[ConvPart(2), PoolPart()], [ConvPart(3)]], "learning_rate": [0.02]}

    search = gorae.SearchCV(small(epochs=2), space, sampler="grid", cv=2).fit(X[:120], Y[:120])

    assert search.best_params_["layers"] in space["layers"]
    assert search.best_estimator_.image_shape_in_ == (8, 8, 1)


def test_within_scikit_learn():
    """Cross-validation hands images on, by rows."""
    assert cross_val_score(small(), X[:200], Y[:200], cv=2).mean() > 0.5


def test_it_is_diagnosed(fitted):
    """What a filter answers at all places counts as its answers: the layers are told by name."""
    from gorae.estimators.examined import hidden_of

    layers = hidden_of(fitted, X[:50])

    assert [(layer.name, layer.values.shape) for layer in layers] == [("conv 1", (50 * 16, 4))]
    assert diagnose(fitted, X, Y) is not None


def test_a_regressor_of_several_targets():
    """Two sums of cells are predicted from images, each in its own unit."""
    images = np.random.default_rng(1).normal(size=(300, 5, 5))
    targets = np.column_stack([images[:, 2, 1:4].sum(1), 100 + 30 * images[:, 0, 0]])
    model = CNNRegressor([ConvPart(6)], learning_rate=0.02, epochs=40, random_state=0)

    assert model.fit(images[:200], targets[:200]).score(images[200:], targets[200:]) > 0.8


def test_work_decides_about_stacking():
    """The planner counts a kernel at every place: ten weights over many cells are no tiny network."""
    from gorae.train.planner import is_tiny

    tiny = MLPClassifier((4,))._recipe(64, 10, 300).problem
    large = CNNClassifier([ConvPart(2)], image_shape=(64, 64))._recipe(64 * 64, 2, 300).problem

    assert [is_tiny(tiny), is_tiny(large)] == [True, False]
    assert shape_of(large).row_work > 64 * 64 * 18


@pytest.mark.parametrize(
    ("images", "more", "error", "sentence"),
    [
        (np.zeros((9, 3, 16, 16)), {}, DataError, r"looks like channels first.*transpose\(0, 2, 3, 1\)"),
        (
            np.zeros((9, 16, 16, 3)),
            {"image_shape": (16, 16)},
            DataError,
            r"image_shape is \(16, 16, 1\), but X",
        ),
        ([np.zeros((4, 4)), np.zeros((4, 5))], {}, DataError, r"image 1 \(from 0\) is \(4, 5\)"),
        (np.zeros((9, 3072)), {}, ParameterError, r"set image_shape=\(32, 32, 3\)"),
        (
            np.zeros((9, 12)),
            {"image_shape": (3, 5)},
            ParameterError,
            "needs rows of 15 numbers, but X has 12",
        ),
        (np.zeros((9, 12)), {"image_shape": 12}, ParameterError, "image_shape must be"),
        (np.zeros((9, 3, 4)), {"image_shape": "a"}, ParameterError, "image_shape must be"),
        (np.zeros((9, 9)), {"augmentation": {"shift": 1}}, ParameterError, "augmentation must be"),
        (np.zeros((9, 9)), {"augmentation": gorae.Augmentation(shift=9)}, gorae.errors.InputError, "shift"),
        (np.zeros((9, 12)), {"layers": "smal"}, ParameterError, "Did you mean 'small'"),
        (np.zeros((9, 9)), {"layers": [ConvPart(2, 5, padding="valid")]}, ParameterError, "layer 1 of 1"),
    ],
)
def test_bad_images(images, more, error, sentence):
    """What is wrong with images or layers is one sentence that says what to do."""
    with pytest.raises(error, match=sentence):
        small().set_params(**more).fit(images, np.arange(len(images)) % 2)


def test_other_images_than_it_has_learned(fitted):
    """Images of another size are refused, with both sizes."""
    with pytest.raises(DataError, match=r"image_shape is \(8, 8, 1\), but X holds images of \(4, 16, 1\)"):
        fitted.predict(X[:5].reshape(5, 4, 16))
