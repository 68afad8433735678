"""Rebuild the README's benchmark table from the JSON in benchmarks/results; `--check` only compares."""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BEGIN = "<!-- benchmarks: made by benchmarks/readme_table.py from benchmarks/results -->"
END = "<!-- end of benchmarks -->"
SOURCES = ("grid_search", "single_fit", "knn")


def rows() -> list[dict[str, Any]]:
    """Return the rows of all benchmarks that compare with a peer."""
    found = []
    for name in SOURCES:
        path = Path(__file__).parent / "results" / f"{name}.json"
        if path.exists():
            found += json.loads(path.read_text())["rows"]
    return found


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
    facts = json.loads((Path(__file__).parent / "results" / "grid_search.json").read_text())["machine"]
    lines.append("")
    lines.append(
        f"{facts['processor']}, {facts['cores']} cores, shared with other work; Python {facts['python']}, "
        f"JAX {facts['jax']}, scikit-learn {facts['scikit-learn']}."
    )
    return "\n".join(lines)


def _seconds(value: float) -> str:
    """Return seconds with three digits."""
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
