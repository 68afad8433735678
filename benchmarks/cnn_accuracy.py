"""What convolutional networks reach on MNIST, Fashion-MNIST and a subset of CIFAR-10, over three seeds.

Each is trained once a seed on the whole training file and scored on the test file, which nothing else sees.
With `--together` the seeds are the members of one fit, on all cores: each is scored alone, and the seconds of
a seed are those of the fit over the seeds.

    python benchmarks/cnn_accuracy.py --only fashion-mnist --data-dir FOLDER --together
"""

import argparse
import json
import lzma
import time
from pathlib import Path
from typing import Any

import machine
import numpy as np

SEEDS = 3
WANTED = {"mnist": 0.992, "fashion-mnist": 0.920, "cifar10": 0.66}
EPOCHS = {"mnist": 15, "fashion-mnist": 45, "cifar10": 25}
DROPOUT = {"mnist": 0.2, "fashion-mnist": 0.3, "cifar10": 0.2}
SMOOTHING = {"mnist": 0.0, "fashion-mnist": 0.1, "cifar10": 0.0}
CHANGES = {
    "mnist": {"shift": 2},
    "fashion-mnist": {"shift": 1, "horizontal_flip": True},
    "cifar10": {"shift": 3, "horizontal_flip": True},
}


def cifar(folder: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images with channels last and labels of a file in CIFAR-10's binary format."""
    packed = (Path(folder) / "cifar10" / name).read_bytes()
    rows = np.frombuffer(lzma.decompress(packed), np.uint8).reshape(-1, 3073)
    return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), rows[:, 0].astype(int)


def load(name: str, folder: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training and test images with their labels."""
    if name == "cifar10":
        return *cifar(folder, "train_jpeg_10000.bin.xz"), *cifar(folder, "test_jpeg_2000.bin.xz")
    from gorae.data import load_named

    found = load_named(name, data_dir=folder or None)
    assert found.test_X is not None
    assert found.test_y is not None
    sides = (-1, 28, 28)
    return found.X.reshape(sides), np.asarray(found.y), found.test_X.reshape(sides), np.asarray(found.test_y)


def network(name: str, seed: int, epochs: int, members: int = 1) -> Any:
    """Return the network for a set, unfitted."""
    import gorae

    def pooled(*kernels: tuple[int, int]) -> list[Any]:
        return [
            part
            for channels, size in kernels
            for part in (gorae.ConvPart(channels, size, padding="valid"), gorae.PoolPart())
        ]

    layers = {
        "mnist": [*pooled((16, 5), (32, 5)), gorae.DensePart(64)],
        "fashion-mnist": [*pooled((32, 3), (64, 3)), gorae.DensePart(48)],
        "cifar10": "small",
    }
    return gorae.CNNClassifier(
        layers[name],
        dropout=DROPOUT[name],
        label_smoothing=SMOOTHING[name],
        augmentation=gorae.Augmentation(**CHANGES[name]),
        optimizer="adamw",
        weight_decay=0.02,
        learning_rate=3e-3,
        schedule="one_cycle",
        epochs=epochs,
        members=members,
        random_state=seed,
    )


def together(
    name: str, data: tuple[np.ndarray, ...], epochs: int, seeds: int
) -> tuple[Any, list[float], float]:
    """Train all seeds as members of one fit; return it, the accuracy of each, and the seconds of all."""
    X, y, X_test, y_test = data
    model = network(name, 0, epochs, seeds)
    seconds, _ = machine.timed(lambda: model.fit(X, y))
    answers = model.member_proba_(X_test)
    scores = [float(np.mean(model.classes_[shares.argmax(axis=1)] == y_test)) for shares in answers]
    print(name, "all members together", float(model.score(X_test, y_test)), flush=True)
    return model, scores, seconds


def main() -> None:
    """Train, score, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", default="", help="folder with the sets")
    parser.add_argument("--only", choices=list(WANTED), help="one of the sets")
    parser.add_argument("--epochs", type=int, help="else what suits the set")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--together", action="store_true", help="train the seeds as members of one fit")
    given = parser.parse_args()
    rows = []
    for name in [given.only] if given.only else WANTED:
        X, y, X_test, y_test = load(name, given.data_dir)
        epochs = given.epochs or EPOCHS[name]
        scores, seconds = [], []
        if given.together:
            model, scores, whole = together(name, (X, y, X_test, y_test), epochs, given.seeds)
            seconds = [whole / given.seeds] * given.seeds
        for seed in () if given.together else range(given.seeds):
            model = network(name, seed, epochs)
            began = time.perf_counter()
            model.fit(X, y)
            seconds.append(time.perf_counter() - began)
            scores.append(float(model.score(X_test, y_test)))
            print(name, seed, scores[-1], f"{seconds[-1]:.0f} s", flush=True)
        half = float(np.std(scores, ddof=1) * 4.303 / np.sqrt(len(scores))) if len(scores) == SEEDS else None
        rows.append(
            {
                "set": name,
                "parameters": model._learned.shape.weights,
                "epochs": epochs,
                "together": given.together,
                "accuracy": scores,
                "mean": float(np.mean(scores)),
                "half_interval_of_seeds": half,
                "seconds_a_seed": seconds,
                "wanted": WANTED[name],
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    if given.seeds == SEEDS and not given.epochs:
        print(machine.write("cnn_accuracy", {"rows": [*_others(rows), *rows]}))


def _others(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the file holds of sets that were not trained now."""
    path, now = machine.RESULTS / "cnn_accuracy.json", {row["set"] for row in rows}
    known = json.loads(path.read_text())["rows"] if path.exists() else []
    return [row for row in known if row["set"] not in now]


if __name__ == "__main__":
    main()
