"""Rebuild the README's benchmark table from the JSON in benchmarks/results; `--check` only compares."""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BEGIN = "<!-- benchmarks: made by benchmarks/readme_table.py from benchmarks/results -->"
END = "<!-- end of benchmarks -->"
SOURCES = (
    "grid_search",
    "single_fit",
    "knn",
    "search_time_to_best",
    "search_pytorch",
    "search_knn",
    "search_linear",
    "search_journal",
    "label_audit",
    "cnn_speed",
    "recurrent_speed",
    "tagger",
)
PEERS = {"skorch": "skorch", "torch": "PyTorch", "cleanlab": "cleanlab"}


def result(name: str) -> dict[str, Any]:
    """Return what a benchmark has written, or nothing."""
    path = Path(__file__).parent / "results" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def rows() -> list[dict[str, Any]]:
    """Return the rows of all benchmarks that compare with a peer."""
    return [row for name in SOURCES for row in result(name).get("rows", [])]


def table() -> str:
    """Return the table as Markdown, losing rows and all."""
    lines = ["| job | against | they | gorae | ratio (range) |", "|---|---|---:|---:|---:|"]
    for row in rows():
        ratio = row["ratio"]
        lines.append(
            f"| {row['job']} | {row['peer']} | {_seconds(row['peer_seconds']['median'])} "
            f"| {_seconds(row['own_seconds']['median'])} | {ratio['median']:.2g} ({ratio['low']:.2g} to "
            f"{ratio['high']:.2g}) |"
        )
    facts = result("grid_search")["machine"]
    further = result("search_time_to_best").get("machine", {})
    versions = "".join(f", {told} {further[name]}" for name, told in PEERS.items() if name in further)
    lines.append("")
    lines.append(
        f"{facts['processor']}, {facts['cores']} cores, shared with other work; Python {facts['python']}, "
        f"JAX {facts['jax']}, scikit-learn {facts['scikit-learn']}{versions}."
    )
    return "\n".join([*lines, *coverage()])


def coverage() -> list[str]:
    """Return what simulation says of the nested interval, if it has been run."""
    found = result("nested_coverage").get("summary")
    if not found:
        return []
    nested, plain = found["nested"], found["plain"]
    shares = [f"{each['mean_coverage']:.1%} (from {each['lowest']:.1%})" for each in (nested, plain)]
    return [
        "",
        f"`SearchCV(nested=True)`, simulated {found['repetitions']:,} times in {found['cells']} cells: the "
        f"score is off by {nested['mean_bias']:+.4f} on average and its 95 % interval covers the truth in "
        f"{shares[0]}; the best score without nesting is off by {plain['mean_bias']:+.4f}, covering in "
        f"{shares[1]}.",
    ]


def _seconds(value: float) -> str:
    """Return seconds with two or three digits."""
    if value < 0.01:
        return f"{value * 1000:.2g} ms"
    return f"{value * 1000:.0f} ms" if value < 0.1 else f"{value:.3g} s"


def main() -> None:
    """Write the table into the README, or say that it is out of date."""
    path = ROOT / "README.md"
    text = path.read_text()
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    new = f"{text[:start]}\n{table()}\n{text[end:]}"
    if "--check" in sys.argv:
        sys.exit(0 if new == text else "README.md: the benchmark table is out of date")
    path.write_text(new)


if __name__ == "__main__":
    main()
