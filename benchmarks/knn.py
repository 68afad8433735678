"""k nearest neighbours (k = 10) on MNIST against scikit-learn's brute force and a plain matrix product.

60,000 training images; the same queries, the same threads on both sides, runs in turn. scikit-learn gets
float64 rows, its faster way here and the one whose answers are ours; ours are the bytes as they come. The
plain product is JAX's float32 product of the queries with the training rows, in batches, whose result nobody
looks at. `first` is a first prediction after `fit`: compiling, placing the rows, finding directions.

The row "noise" has 60,000 rows of uniform noise, which no projection compresses: there the search takes the
whole product, and what it costs beyond it is seen.
"""

import argparse
from collections.abc import Callable

import jax
import jax.numpy as jnp
import machine
import numpy as np
from sklearn.neighbors import KNeighborsClassifier as Peer

from gorae.data.named import load_named
from gorae.estimators.neighbors import KNeighborsClassifier

K = 10
WANTED = {
    "euclidean": {"ratio": 2.5, "share_of_product": 1 / 1.15},
    "manhattan": {"ratio": 6.0, "share_of_product": None},
    "noise": {"ratio": None, "share_of_product": 1 / 1.15},
}


def plain_product(train: np.ndarray, queries: np.ndarray) -> Callable[[], None]:
    """Return a call of the float32 product of all queries with all training rows, in batches of 256."""
    rows = jax.device_put(train.astype(np.float32))
    batches = [queries[i : i + 256].astype(np.float32) for i in range(0, len(queries), 256)]
    product = jax.jit(lambda batch, rows: jnp.matmul(batch, rows.T, precision=jax.lax.Precision.HIGHEST))

    def call() -> None:
        for batch in batches:
            jax.block_until_ready(product(batch, rows))

    call()
    return call


def compare(name: str, metric: str, train: np.ndarray, y: np.ndarray, queries: np.ndarray, runs: int) -> dict:
    """Time both sides and the product in turn."""
    wide, wide_queries = train.astype(np.float64), queries.astype(np.float64)
    peer = Peer(K, algorithm="brute", metric=metric).fit(wide, y)
    own = KNeighborsClassifier(K, metric=metric).fit(train, y)
    product = plain_product(train, queries) if metric == "euclidean" else None
    first, _ = machine.timed(lambda: own.predict(queries))
    times: dict[str, list[float]] = {"peer": [], "own": [], "product": []}
    identical = True
    for _ in range(runs):
        peer_seconds, expected = machine.timed(lambda: peer.predict(wide_queries))
        own_seconds, found = machine.timed(lambda: own.predict(queries))
        identical = identical and np.array_equal(found, expected)
        times["peer"].append(peer_seconds)
        times["own"].append(own_seconds)
        if product is not None:
            times["product"].append(machine.timed(product)[0])
    row = machine.compared(
        f"kNN prediction, {name}, {metric}, k={K}, {len(queries)} queries",
        'scikit-learn KNeighborsClassifier(algorithm="brute")',
        times["peer"],
        times["own"],
        WANTED["noise" if name == "noise" else metric]["ratio"],
        own_queries_per_second=machine.spread([len(queries) / s for s in times["own"]]),
        first_seconds=first,
        predictions_identical=bool(identical),
    )
    if product is not None:
        row["product_seconds"] = machine.spread(times["product"])
        row["speed_beside_product"] = machine.ratios(times["product"], times["own"])
        row["speed_beside_product_wanted"] = WANTED["euclidean"]["share_of_product"]
    return row


def show(row: dict) -> None:
    """Print a row of the table."""
    product = row.get("speed_beside_product")
    print(
        f"{row['job']}: {row['own_queries_per_second']['median']:.0f} queries/s, "
        f"{row['ratio']['median']:.2f}x scikit-learn ({row['ratio']['low']:.2f}-{row['ratio']['high']:.2f}, "
        f"wanted {row['wanted']})"
        + (f", {product['median']:.2f}x a plain product (wanted at least 0.87)" if product else "")
        + f", first call {row['first_seconds']:.1f} s, "
        + ("identical predictions" if row["predictions_identical"] else "DIFFERENT PREDICTIONS"),
        flush=True,
    )


def main() -> None:
    """Run the comparisons and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="runs in turn; the median is quoted")
    parser.add_argument("--data-dir", help="folder with MNIST's idx files (else GORAE_DATA)")
    parser.add_argument("--queries", type=int, default=10_000, help="test images for the Euclidean distance")
    parser.add_argument("--manhattan-queries", type=int, default=300, help="test images for L1")
    parser.add_argument("--noise-queries", type=int, default=1000, help="rows of noise to ask for")
    given = parser.parse_args()
    mnist = load_named("mnist", data_dir=given.data_dir)
    if mnist.test_X is None:
        raise SystemExit("MNIST's test images are missing.")
    X, y = mnist.X.reshape(len(mnist.X), -1), np.asarray(mnist.y)
    test = mnist.test_X.reshape(len(mnist.test_X), -1)
    random = np.random.default_rng(0)
    noise = random.random((len(X) + given.noise_queries, X.shape[1]), dtype=np.float32)
    jobs = [
        ("MNIST", "euclidean", X, test[: given.queries]),
        ("MNIST", "manhattan", X, test[: given.manhattan_queries]),
        ("noise", "euclidean", noise[: len(X)], noise[len(X) :]),
    ]
    rows = []
    for name, metric, train, queries in jobs:
        rows.append(compare(name, metric, train, y, queries, given.runs))
        show(rows[-1])
    print(machine.write("knn", {"rows": rows}))


if __name__ == "__main__":
    main()
