"""scikit-learn's own tools take the estimators; a fit is silent and leaves no memory behind (R15)."""

import gc
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gorae.estimators import LinearClassifier, LinearRegressor, MLPClassifier


def rows(seed: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Return 60 rows of 4 columns whose first tells two classes apart."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 4)) + 3
    return X, (X[:, 0] > 3).astype(int)


def network() -> MLPClassifier:
    """Return a network that trains in no time."""
    return MLPClassifier((8,), learning_rate=0.03, batch_size=16, epochs=8, random_state=0)


def test_pipeline() -> None:
    """The last step of a pipeline; its parameters are set by nested names."""
    X, y = rows()
    pipeline = make_pipeline(StandardScaler(), network()).set_params(mlpclassifier__epochs=9)

    assert pipeline.fit(X, y).score(X, y) > 0.9
    assert pipeline[-1].n_iter_ == 9


def test_grid_search() -> None:
    """GridSearchCV finds the learning rate that learns."""
    X, y = rows()

    search = GridSearchCV(network(), {"learning_rate": [1e-6, 0.03]}, cv=3).fit(X, y)

    assert search.best_params_ == {"learning_rate": 0.03}
    assert search.predict_proba(X).shape == (60, 2)


def test_cross_validation_with_weights() -> None:
    """cross_val_score hands sample weights on."""
    X, y = rows()

    scores = cross_val_score(network(), X, y, cv=3, params={"sample_weight": np.arange(1.0, 61.0)})

    assert scores.mean() > 0.7


def test_calibration() -> None:
    """CalibratedClassifierCV calibrates a model without probabilities."""
    X, y = rows()
    model = CalibratedClassifierCV(LinearClassifier("hinge", learning_rate=0.05, epochs=40, tol=0), cv=2)

    assert model.fit(X, y).predict_proba(X)[y == 1, 1].mean() > 0.8


def test_permutation_importance() -> None:
    """The column that tells the classes apart is the most important."""
    X, y = rows()

    found = permutation_importance(network().fit(X, y), X, y, n_repeats=3, random_state=0)

    assert np.argmax(found.importances_mean) == 0


def test_select_from_model() -> None:
    """Coefficients choose the column that tells the classes apart."""
    X, y = rows()
    selector = SelectFromModel(LinearClassifier(learning_rate=0.1, epochs=40, tol=0), max_features=1)

    assert selector.fit(X, y).get_support().tolist() == [True, False, False, False]


def test_column_transformer() -> None:
    """Columns of a frame, one of them text, come through a ColumnTransformer, as a frame too."""
    X, y = rows()
    frame = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.where(y, "moth", "ant"))
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["a", "b", "c"]),
            ("words", OneHotEncoder(sparse_output=False), ["kind"]),
        ]
    )
    pipeline = make_pipeline(columns.set_output(transform="pandas"), network())

    assert pipeline.fit(frame, y).score(frame, y) > 0.9
    assert "words__kind_moth" in pipeline[-1].feature_names_in_


def test_ensembles_of_scikit_learn() -> None:
    """Bagging, voting and one model a target take the estimators."""
    X, y = rows()

    assert BaggingClassifier(network(), n_estimators=2, random_state=0).fit(X, y).score(X, y) > 0.9
    assert VotingClassifier([("a", network()), ("b", network())], voting="soft").fit(X, y).score(X, y) > 0.9
    assert MultiOutputClassifier(network()).fit(X, np.column_stack([y, 1 - y])).predict(X).shape == (60, 2)


def test_silent(capfd: pytest.CaptureFixture) -> None:
    """With verbose=0 nothing is written; with verbose=1 no bar is, as there is no terminal."""
    X, y = rows()

    for verbose in (0, 1, True):
        network().set_params(verbose=verbose).fit(X, y)

    assert capfd.readouterr() == ("", "")


def test_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal verbose=1 draws a bar with members and best validation score on standard error."""
    X, y = rows()
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    network().set_params(verbose=1, members=2, early_stopping=True).fit(X, y)

    assert "training" in terminal.getvalue()
    assert "members, best validation score" in terminal.getvalue()


def test_memory_stays() -> None:
    """50 fits after 10 add less than 5 % to the memory that the process holds (RELIABILITY R15)."""
    X, y = rows()
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs /proc to see the memory of a process")

    def resident() -> int:
        gc.collect()
        return int(status.read_text().split("VmRSS:")[1].split()[0])

    held = []
    for count in (10, 50):
        for seed in range(count):
            network().set_params(random_state=seed).fit(X, y).predict(X)
        held.append(resident())

    assert held[1] < 1.05 * held[0]


def test_import_is_enough() -> None:
    """Importing the estimators starts no JAX backend and writes nothing."""
    program = (
        "import gorae.estimators, jax._src.xla_bridge as bridge; print(bridge.backends_are_initialized())"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_regression_in_a_pipeline() -> None:
    """A regressor's score in a pipeline is R²."""
    X, _ = rows()
    y = X @ [1.0, 2.0, 0.0, -1.0]
    pipeline = make_pipeline(
        StandardScaler(), LinearRegressor(learning_rate=0.1, epochs=100, patience=100, tol=0)
    )

    assert pipeline.fit(X, y).score(X, y) > 0.99
