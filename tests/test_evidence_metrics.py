"""The metrics as losses per row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

from gorae.errors import InputError, InputTypeError, ParameterError
from gorae.evidence import higher_is_better, row_losses, score_of
from gorae.evidence.metrics import mean_loss

RNG = np.random.default_rng(11)
NUMBERS = RNG.normal(3, 2, 17)
ANSWERS = NUMBERS + RNG.normal(size=17)
CODES = RNG.integers(0, 3, 17)
STATED = RNG.dirichlet(np.ones(3), 17)


@pytest.mark.parametrize(
    ("metric", "truth", "outputs", "expected"),
    [
        ("accuracy", CODES, STATED.argmax(1), accuracy_score(CODES, STATED.argmax(1))),
        ("r2", NUMBERS, ANSWERS, r2_score(NUMBERS, ANSWERS)),
        ("rmse", NUMBERS, ANSWERS, root_mean_squared_error(NUMBERS, ANSWERS)),
        ("log_loss", CODES, STATED, log_loss(CODES, STATED, labels=[0, 1, 2])),
    ],
)
def test_score_equals_scikit_learns(metric, truth, outputs, expected):
    """The score of the rows' losses is scikit-learn's score of the same rows."""
    losses = row_losses(metric, truth, outputs)

    assert score_of(metric, losses, NUMBERS) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", ["accuracy", "r2", "rmse", "log_loss"])
def test_mean_loss_undoes_the_score(metric):
    """The mean loss found from a score is the mean of the losses it came from."""
    losses = RNG.uniform(0, 1, 17)

    assert mean_loss(metric, score_of(metric, losses, NUMBERS), NUMBERS.var()) == pytest.approx(losses.mean())


@given(st.floats(-1e3, 1e3), st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_r2_does_not_depend_on_unit_and_zero(shift, scale):
    """R2 is the same after shifting and scaling targets and predictions together."""
    moved = row_losses("r2", NUMBERS * scale + shift, ANSWERS * scale + shift)

    assert score_of("r2", moved, NUMBERS * scale + shift) == pytest.approx(
        r2_score(NUMBERS, ANSWERS), rel=1e-6
    )


def test_higher_is_better_by_metric():
    """More accuracy and R2 is better, more RMSE and log-loss is worse."""
    assert [higher_is_better(m) for m in ("accuracy", "r2", "rmse", "log_loss")] == [True, True, False, False]


def test_unknown_metric_suggests_the_near_one():
    """A misspelt metric is answered with the near name."""
    with pytest.raises(ParameterError, match="Did you mean 'accuracy'"):
        row_losses("acuracy", [1], [1])


def test_probability_zero_names_the_row():
    """A true class of probability 0 is refused with its row, as its log-loss is infinite."""
    with pytest.raises(InputError, match=r"row 1 has 0\.0"):
        row_losses("log_loss", [0, 1], [[0.5, 0.5], [1.0, 0.0]])


def test_code_without_a_column_is_refused():
    """A class code beyond the columns of the probabilities is refused."""
    with pytest.raises(InputError, match="class codes 0 to 1"):
        row_losses("log_loss", [0, 2], [[0.5, 0.5], [0.5, 0.5]])


def test_string_labels_have_no_log_loss():
    """Log-loss asks for codes where labels are strings."""
    with pytest.raises(InputError, match="encode the labels first"):
        row_losses("log_loss", ["a", "b"], [[0.5, 0.5], [0.5, 0.5]])


def test_lengths_that_differ_are_told():
    """Truth and outputs of different lengths are told with both lengths."""
    with pytest.raises(InputError, match="truth has 3, outputs has 2"):
        row_losses("accuracy", [1, 2, 3], [1, 2])


def test_nan_prediction_names_its_place():
    """A NaN among predictions is named with its place."""
    with pytest.raises(InputError, match=r"outputs\[1\] is nan"):
        row_losses("rmse", [1.0, 2.0], [1.0, np.nan])


def test_words_are_no_numbers():
    """Words where numbers are wanted are a type error of gorae's own."""
    with pytest.raises(InputTypeError, match="one axis of numbers"):
        row_losses("rmse", ["a", "b"], [1.0, 2.0])


def test_r2_of_constant_targets_is_refused():
    """R2 is not defined where all targets are equal, however many decimals they have."""
    with pytest.raises(InputError, match="constant targets"):
        score_of("r2", [0.1, 0.2, 0.3], [0.1, 0.1, 0.1])


def test_r2_without_targets_is_refused():
    """R2 says that it needs targets."""
    with pytest.raises(InputError, match="needs the true numbers"):
        score_of("r2", [0.1, 0.2])


def test_words_against_codes_are_told():
    """String labels compared with codes are refused, not counted as all wrong."""
    with pytest.raises(InputError, match="'a' is compared with 0"):
        row_losses("accuracy", ["a", "b"], [0, 1])


def test_error_beyond_float64_is_told():
    """An error whose square is no float64 is named with its place, without a warning."""
    with pytest.raises(InputError, match=r"squared errors\[1\] is inf"):
        row_losses("rmse", [1.0, 2.0], [1.0, 1e200])
