"""Time until a search has GridSearchCV's best mean score, to 0.002: an empty compile cache, a new process.

scikit-learn tries a grid of 48 settings (learning rate, alpha, width) of its MLPClassifier over 5 folds, with
its own epochs (200), batches (200 rows) and stopping (10 epochs without 1e-4 less training loss), rows scaled
in each fold by a Pipeline, in two processes of one thread each. gorae is given the same settings, folds and
initial weights, and scales in each fold itself; its weight decay is what scikit-learn's alpha comes to, which
divides it by the rows of each batch. How it gets to the score is its own affair. On digits its epochs,
batches and stopping are the peer's too, and it takes successive halving, whose survivors train to their end.
On breast cancer, where the ranks of settings are noise and halving has nothing to go by, it trains with
batches of 32 rows, which need fewer epochs: 8 or 10, both tried in one training. A row of its own
tells what it takes there with the peer's epochs, batches and stopping, every setting to its end. A pair has
reached the score if its best mean score over the same folds is within 0.002 of the peer's best, the best of
all 48.

Against skorch both sides have the same budget: all settings, all epochs, nothing halved, nothing stopped.

Seconds are those of the whole `fit`, refit and all, with tracing and compilation; imports and the start of
worker processes are on neither side's clock. `ratio_without_refit` leaves the last fit on all rows out. Each
pair has folds and seeds of its own.

    python benchmarks/search_time_to_best.py --pairs 5
"""

import json
import warnings
from typing import Any

import machine
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

LOADERS = {"digits": load_digits, "breast-cancer": load_breast_cancer}
WANTED = {
    "scikit-learn": {"digits": 10, "breast-cancer": 15},
    "scikit-learn, trained alike": {"breast-cancer": None},
    "skorch": {"digits": 5, "breast-cancer": 5},
}
PEERS = {
    "scikit-learn": "scikit-learn GridSearchCV(n_jobs=2)",
    "scikit-learn, trained alike": "scikit-learn GridSearchCV(n_jobs=2)",
    "skorch": "skorch in GridSearchCV(n_jobs=2)",
}
CLOSE = 0.002
RATES = [3e-4, 1e-3, 3e-3, 1e-2]
ALPHAS = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0]
WIDTHS = [50, 100]
BATCH = 200
EPOCHS = {"scikit-learn": 200, "scikit-learn, trained alike": 200, "skorch": 50}
OWN = {"batch": 32, "epochs": [8, 10]}
"""Of gorae on breast cancer, where it need not train as the peer does."""
HALVING = {"digits": 4, "breast-cancer": None}
"""4: of 48 settings at epoch 12 the best 12 go on to 50, of these the best 3 to 200."""
FIRST_SEED = 100
"""Of the pairs that are told; the grid, the halving and `OWN` were chosen while looking at seeds 0 to 5."""


def lists(quick: bool) -> tuple[list[float], list[float], list[int]]:
    """Return learning rates, alphas and widths."""
    return (RATES[2:], ALPHAS[:1], WIDTHS[:2]) if quick else (RATES, ALPHAS, WIDTHS)


def epochs_of(against: str, quick: bool) -> int:
    """Return the most epochs a setting trains for."""
    return 10 if quick else EPOCHS[against]


def data(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, StratifiedKFold]:
    """Return rows, classes and the splitter of a pair."""
    X, y = LOADERS[name](return_X_y=True)
    return X, y, StratifiedKFold(5, shuffle=True, random_state=seed)


def is_trained_differently(against: str, name: str) -> bool:
    """Return whether gorae trains as `OWN` says, and not as the peer does."""
    return (against, name) == ("scikit-learn", "breast-cancer")


def share_of_alpha(rows: int, batch: int) -> float:
    """Return the mean of one over the rows of a batch, over an epoch; the last batch is smaller."""
    sizes = [min(batch, rows - first) for first in range(0, rows, batch)]
    return float(np.mean([1 / size for size in sizes]))


def own(against: str, name: str, seed: int, quick: bool) -> dict[str, float]:
    """Search with gorae: to a score in its own way, or with a peer's whole budget."""
    import gorae

    X, y, cv = data(name, seed)
    rates, alphas, widths = lists(quick)
    epochs = epochs_of(against, quick)
    differently = is_trained_differently(against, name)
    batch = OWN["batch"] if differently else BATCH
    share = 1 / batch if against == "skorch" else share_of_alpha(len(X) * 4 // 5, batch)
    same_budget = {"patience": epochs, "tol": 0.0} if against == "skorch" else {}
    model = gorae.MLPClassifier(
        batch_size=batch,
        epochs=epochs,
        initialization="glorot_uniform",
        random_state=seed,
        **same_budget,
    )
    space = {
        "learning_rate": rates,
        "weight_decay": [alpha * share for alpha in alphas],
        "hidden": [(width,) for width in widths],
    }
    if differently:
        space["epochs"] = OWN["epochs"]
    halving = None if against == "skorch" or quick else HALVING[name]
    search = gorae.SearchCV(model, space, sampler="grid", cv=cv, halving=halving, random_state=seed)
    return machine.timed_search(search, X, y)


def scikit_learn(name: str, seed: int, quick: bool) -> dict[str, float]:
    """Search with GridSearchCV."""
    X, y, cv = data(name, seed)
    rates, alphas, widths = lists(quick)
    model = MLPClassifier(random_state=seed, max_iter=epochs_of("scikit-learn", quick))
    grid = {
        "mlpclassifier__learning_rate_init": rates,
        "mlpclassifier__alpha": alphas,
        "mlpclassifier__hidden_layer_sizes": [(width,) for width in widths],
    }
    search = GridSearchCV(make_pipeline(StandardScaler(), model), grid, cv=cv, n_jobs=2)
    GridSearchCV(model, {"max_iter": [1, 2]}, cv=2, n_jobs=2).fit(X[:100], y[:100])  # starts the workers
    return machine.timed_search(search, X, y)


def skorch(name: str, seed: int, quick: bool) -> dict[str, float]:
    """Search with GridSearchCV over a network of skorch."""
    import torch
    from skorch import NeuralNetClassifier
    from torch_network import Perceptron

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    X, y, cv = data(name, seed)
    rates, alphas, widths = lists(quick)
    model = NeuralNetClassifier(
        Perceptron,
        module__inputs=X.shape[1],
        module__outputs=int(y.max()) + 1,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        batch_size=BATCH,
        max_epochs=epochs_of("skorch", quick),
        iterator_train__shuffle=True,
        train_split=None,
        callbacks__print_log=None,
        verbose=0,
    )
    grid = {
        "neuralnetclassifier__lr": rates,
        "neuralnetclassifier__optimizer__weight_decay": [alpha / BATCH for alpha in alphas],
        "neuralnetclassifier__module__hidden": [(width,) for width in widths],
    }
    search = GridSearchCV(make_pipeline(StandardScaler(), model), grid, cv=cv, n_jobs=2)
    rows, classes = X.astype(np.float32), y.astype(np.int64)
    model.set_params(module__hidden=(4,))
    GridSearchCV(model, {"max_epochs": [1, 2]}, cv=2, n_jobs=2).fit(rows[:100], classes[:100])
    return machine.timed_search(search, rows, classes)


def child(side: str, against: str, name: str, seed: str, quick: str) -> None:
    """Run one side in this process and print its figures; gorae once more, now that all is compiled."""
    warnings.simplefilter("ignore")
    asked = name, int(seed), quick == "True"
    if side == "peer":
        print(json.dumps(skorch(*asked) if against == "skorch" else scikit_learn(*asked)))
        return
    import gorae

    gorae.SearchCV, gorae.MLPClassifier  # noqa: B018 - lazy names: touching them loads JAX
    found = own(against, *asked)
    print(json.dumps({**found, "warm": own(against, *asked)["seconds"]}))


def compare(against: str, name: str, pairs: int, quick: bool) -> dict[str, Any]:
    """Alternate a peer and gorae; return the row."""
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + pairs):
        asked = against, name, seed, quick
        found.append(machine.pair(__file__, *asked, threads=1))
        print(*asked, found[-1], flush=True)
    reached = [mine["score"] >= peer["score"] - CLOSE for peer, mine in found]
    rates, alphas, widths = lists(quick)
    settings = len(rates) * len(alphas) * len(widths)
    about = f"time to the best score, reached by {sum(reached)} of {pairs}"
    if against == "skorch":
        about = f"{epochs_of(against, quick)} epochs each"
    elif against != "scikit-learn":
        about += ", all 48 trained as the peer does"
    elif is_trained_differently(against, name):
        about += f", with batches of {OWN['batch']} and {' or '.join(map(str, OWN['epochs']))} epochs"
    peers, owns = ([pair[side]["seconds"] for pair in found] for side in (0, 1))
    return machine.compared(
        f"{name}, {settings} settings x 5 folds, {about}, cold",
        PEERS[against],
        peers,
        owns,
        WANTED[against][name],
        own_warm_seconds=machine.spread([mine["warm"] for _, mine in found]),
        ratio_without_refit=machine.ratios(
            *([pair[side]["seconds"] - pair[side]["refit"] for pair in found] for side in (0, 1))
        ),
        reached=reached,
        peer_scores=[peer["score"] for peer, _ in found],
        own_scores=[mine["score"] for _, mine in found],
    )


def main() -> None:
    """Make all comparisons and write the ratios."""
    if machine.ran_child(child):
        return
    parser = machine.pairs_parser(__doc__ or "")
    parser.add_argument("--against", choices=list(WANTED), help="one of the peers")
    parser.add_argument("--only", choices=list(LOADERS), help="one of the data sets")
    given = machine.pairs_given(parser)
    rows = []
    for against in [given.against] if given.against else WANTED:
        for name in [name for name in WANTED[against] if given.only in (None, name)]:
            rows.append(compare(against, name, given.pairs, given.quick))
            machine.show(rows[-1])
    content = {"close": CLOSE, "grid": {"rates": RATES, "alphas": ALPHAS, "widths": WIDTHS}, "rows": rows}
    if given.against or given.only:
        print(json.dumps(content, indent=1))
        return
    machine.record("search_time_to_best", content, given, packages=("torch", "skorch"))


if __name__ == "__main__":
    main()
