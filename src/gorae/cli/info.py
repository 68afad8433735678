"""`gorae info`: what a model file holds, without building the model."""

from importlib import import_module
from typing import Any

import click

from gorae.cli.options import as_json, print_json


@click.command()
@click.argument("model", type=click.Path())
@as_json
def info(model: str, as_json: bool) -> None:
    """Tell what the file MODEL holds, without building the model; its hash is checked."""
    summary = import_module("gorae.files").read_meta(model)
    meta = summary.meta
    inner = meta.get("estimator") if isinstance(meta.get("estimator"), dict) else meta
    content: dict[str, Any] = {
        "kind": summary.kind,
        "model": meta.get("name"),
        "estimator": inner.get("class"),
        "parameters": inner.get("parameters"),
        "target": meta.get("target"),
        "facts": meta.get("facts"),
        "arrays": {name: [a.dtype, list(a.shape)] for name, a in summary.arrays.items()},
        "bytes": sum(a.stop - a.start for a in summary.arrays.values()),
    }
    if as_json:
        print_json("gorae.info/1", content)
        return
    click.echo(f"{model}: {summary.kind}, {content['estimator']}, {content['bytes'] / 1e6:.2f} MB in arrays")
    for line in _facts(content["facts"] or {}):
        click.echo(line)
    for name, value in (content["parameters"] or {}).items():
        click.echo(f"  {name} = {value}")


def _facts(facts: dict[str, Any]) -> list[str]:
    """Return in words what the study found."""
    lines = []
    data, test = facts.get("data"), facts.get("test")
    if data:
        lines.append(
            f"trained on {data['name']}: {data['rows']} rows, {data['columns']} columns, {data['task']}"
        )
    if facts.get("best"):
        made = f"made {facts.get('created')} by gorae {facts.get('version')}"
        lines.append(f"best of the ladder: {facts['best']}; {made}")
    if test:
        lines.append(
            f"{test['metric']} on {test['rows']} held-out rows: {test['score']:.4f} "
            f"({test['low']:.4f} to {test['high']:.4f})"
        )
    return lines
