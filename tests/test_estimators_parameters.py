"""Parameters that cannot be: the message says what was wanted, what came and, for a name, the near one."""

import numpy as np
import pytest

from gorae.errors import DeviceError, GoraeError, ParameterError
from gorae.estimators import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor, Perceptron

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 5.0]])
Y = np.array([0, 1, 0, 1])

WRONG = [
    ("hidden", (0,), r"every width in hidden must be an integer of at least 1, got 0"),
    ("hidden", 128, r"hidden must be a sequence of widths such as \(128,\), got 128"),
    ("hidden", "128", r"hidden must be a sequence of widths such as \(128,\), got '128'"),
    ("hidden", (8.5,), r"every width in hidden must be an integer of at least 1, got 8.5"),
    ("activation", "rellu", r"activation must be one of .*, got 'rellu'. Did you mean 'relu'\?"),
    ("activation", ["relu"], r"activation must be one of .*, got \['relu'\]"),
    ("maxout_pieces", 1, r"maxout_pieces must be an integer of at least 2, got 1"),
    ("dropout", 1.0, r"dropout must be a number in \[0, 1\), got 1.0"),
    ("dropout", -0.1, r"dropout must be a number in \[0, 1\), got -0.1"),
    ("dropout", "0.5", r"dropout must be a number in \[0, 1\), got '0.5'"),
    ("normalization", "batchnorm", r"normalization must be one of batch, layer, got 'batchnorm'"),
    ("initialization", "he_norml", r"Did you mean 'he_normal'\?"),
    ("optimizer", "adma", r"optimizer must be one of .*, got 'adma'. Did you mean 'adam'\?"),
    ("optimizer", None, r"optimizer must be one of .*, got None"),
    ("learning_rate", 0, r"learning_rate must be a number in \(0, 1e\+30\], got 0"),
    ("learning_rate", float("nan"), r"learning_rate must be a number in \(0, 1e\+30\], got nan"),
    ("learning_rate", True, r"learning_rate must be a number .*, got True"),
    ("schedule", "cosin", r"schedule must be one of .*, got 'cosin'. Did you mean 'cosine'\?"),
    ("momentum", 1.0, r"momentum must be a number in \[0, 1\), got 1.0"),
    ("weight_decay", -1, r"weight_decay must be a number in \[0, 1e\+30\], got -1"),
    ("l1", "x", r"l1 must be a number in \[0, 1e\+30\], got 'x'"),
    ("label_smoothing", 1, r"label_smoothing must be a number in \[0, 1\), got 1"),
    ("batch_size", 0, r"batch_size must be a whole number from 1 to 2,147,483,647, got 0"),
    ("batch_size", 32.0, r"batch_size must be a whole number .*, got 32.0"),
    ("epochs", -3, r"epochs must be a whole number from 1 to 2,147,483,647, got -3"),
    ("epochs", 2**40, r"epochs must be a whole number from 1 to 2,147,483,647, got 1099511627776"),
    ("early_stopping", "yes", r"early_stopping must be True or False, got 'yes'"),
    ("patience", 0, r"patience must be a whole number from 1"),
    ("tol", -1e-3, r"tol must be a number in \[0, 1e\+30\], got -0.001"),
    (
        "class_weight",
        "balance",
        r"class_weight must be None, 'balanced' or a dict.*'balance'. Did you mean 'balanced'",
    ),
    ("class_weight", {0: -1.0}, r"class_weight\[0\] must be a number in \[0, 1e\+300\], got -1.0"),
    ("class_weight", {0: 0.0, 1: 0.0}, r"class_weight is 0 for every class that there is"),
    ("class_weight", {2: 1.0}, r"class_weight names 2, which is no class of y: \[0, 1\]"),
    ("scale", "standart", r"scale must be one of .*, got 'standart'. Did you mean 'standard'\?"),
    ("members", 0, r"members must be a whole number from 1"),
    ("warm_start", 1, r"warm_start must be True or False, got 1"),
    ("checkpoint", 7, r"checkpoint must be None or the path of a folder, got 7"),
    ("device", "gppu", r"device must be None or one of .*, got 'gppu'. Did you mean 'gpu'\?"),
    ("class_weight", {"0": 1.0}, r"names '0', .* The label 0 is of another type \(int, not str\)"),
    ("class_weight", {0: 10**400}, r"class_weight\[0\] must be a number in .*, got 1000.*\.\.\."),
    ("learning_rate", 10**400, r"learning_rate must be a number in \(0, 1e\+30\], got 1000.*\.\.\.$"),
    ("scale", np.array([1, 2]), r"scale must be one of .*, got array\(\[1, 2\]\)"),
    ("device", np.array([1, 2]), r"device must be None or one of .*, got array\(\[1, 2\]\)"),
    ("hidden", np.array(2), r"hidden must be a sequence of widths such as \(128,\), got array\(2\)"),
    ("hidden", b"x", r"hidden must be a sequence of widths"),
    ("hidden", {9: 2.0}, r"hidden must be a sequence of widths"),
    ("members", 10**8, r"100,000,000 members would keep about .* MB, but the budget is .* use fewer members"),
    ("hidden", (10**9,), r"1 member would keep about .* use fewer members or a smaller model"),
    ("hidden", (2**31 - 1, 2**31 - 1), r"1 member would keep about"),
    ("random_state", -1, r"random_state must be a whole number from 0 to 4,294,967,295, got -1"),
    ("random_state", 2**32, r"random_state must be a whole number from 0 to 4,294,967,295, got 4294967296"),
    ("random_state", 10**5000, r"got a number of thousands of digits"),
    ("random_state", "zero", r"'zero' cannot be used to seed"),
    ("verbose", -1, r"verbose must be a whole number from 0"),
    ("verbose", "loud", r"verbose must be a whole number from 0"),
]


@pytest.mark.parametrize(
    ("name", "value", "sentence"), WRONG, ids=[f"{name} {i}" for i, (name, _, _) in enumerate(WRONG)]
)
def test_wrong_parameter(name: str, value: object, sentence: str) -> None:
    """A parameter that cannot be is refused when `fit` begins, in words that name it and its value."""
    model = MLPClassifier(**{name: value})

    with pytest.raises((GoraeError, ValueError), match=sentence) as caught:
        model.fit(X, Y)

    assert isinstance(caught.value, GoraeError)


def test_validation_fraction() -> None:
    """The share of rows to stop on is between 0 and 1, both excluded."""
    for share in (0, 1, 1.5, None):
        with pytest.raises(
            ParameterError, match=rf"validation_fraction must be a number in \(0, 1\), got {share}"
        ):
            MLPRegressor(early_stopping=True, validation_fraction=share).fit(X, Y)


def test_loss() -> None:
    """An unknown loss is told with the near one."""
    with pytest.raises(ParameterError, match=r"loss must be one of .*, got 'hingge'. Did you mean 'hinge'\?"):
        LinearClassifier("hingge").fit(X, Y)


def test_class_weight_near_name() -> None:
    """A class weight for a label that does not exist is told with the near label."""
    with pytest.raises(ParameterError, match=r"class_weight names 'catt', .*Did you mean 'cat'\?"):
        Perceptron(class_weight={"catt": 2.0}).fit(X, ["ant", "cat", "ant", "cat"])


def test_device_that_is_not_there() -> None:
    """A device that this machine lacks is told, with what there is."""
    with pytest.raises(DeviceError, match="device='tpu' was asked for, but JAX finds only"):
        MLPClassifier(device="tpu").fit(X, Y)


def test_hinge_has_no_probabilities() -> None:
    """Only the softmax gives probabilities; the other losses have no such method."""
    assert hasattr(LinearClassifier(), "predict_proba")
    for name in ("predict_proba", "predict_log_proba", "member_proba_"):
        assert not hasattr(LinearClassifier("hinge"), name)


def test_checkpoint_and_warm_start() -> None:
    """A checkpoint and a warm start contradict each other, which is said."""
    with pytest.raises(ParameterError, match="checkpoint and warm_start cannot be used together"):
        MLPClassifier(checkpoint="somewhere", warm_start=True).fit(X, Y)


def test_weights_of_classes_count_by_their_ratios() -> None:
    """Equal weights are no weights, however large; and ratios survive at any size."""
    plain = MLPClassifier((4,), epochs=3, random_state=0).fit(X, Y).predict_proba(X)
    equal = MLPClassifier((4,), epochs=3, random_state=0, class_weight={0: 1e299, 1: 1e299}).fit(X, Y)
    np.testing.assert_array_equal(equal.predict_proba(X), plain)
    one, large = (
        MLPClassifier((4,), epochs=3, random_state=0, class_weight={0: size, 1: 3 * size}).fit(X, Y)
        for size in (1.0, 2.0**900)
    )
    np.testing.assert_array_equal(one.predict_proba(X), large.predict_proba(X))


@pytest.mark.parametrize("classes", [[None, 0, 1], [float("nan"), 0, 1], ["0", 0, 1], [[0, 1]], 3])
def test_classes_of_a_partial_fit(classes: object) -> None:
    """The labels that may come are distinct, known and of one type."""
    with pytest.raises(GoraeError):
        LinearClassifier().partial_fit(X, Y, classes=classes)


def test_classes_of_another_type() -> None:
    """A label that only looks like a class is told so."""
    with pytest.raises(GoraeError, match=r"The label '0' is of another type \(str, not int\)"):
        LinearClassifier().partial_fit(X, Y, classes=["0", "1"])


@pytest.mark.parametrize("groups", [[0, None, 1, 1], [0.0, float("nan"), 1.0, 1.0]])
def test_groups_that_are_missing(groups: object) -> None:
    """A row without its group is named."""
    with pytest.raises(GoraeError, match=r"groups must not be missing, but row 1 \(from 0\)"):
        LinearClassifier(early_stopping=True).fit(X, Y, groups=groups)


def test_targets_below_float32() -> None:
    """Targets that float32 cannot tell apart are refused instead of lost."""
    with pytest.raises(GoraeError, match="give it in a smaller unit"):
        LinearRegressor(epochs=1).fit(X, X[:, 0] * 1e-44)
