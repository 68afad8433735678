"""`gorae info`: what a model file holds, without building the model."""

from importlib import import_module
from typing import Any

import click

from gorae.cli.options import as_json, print_json, shown


@click.command(short_help="Tell what a model file holds.")
@click.argument("model", type=click.Path())
@as_json
def info(model: str, as_json: bool) -> None:
    """Tell what the file MODEL holds, without building the model; its hash is checked."""
    summary = import_module("gorae.files").read_meta(model)
    meta = summary.meta
    inner = _mapping(meta, "estimator") or meta
    content: dict[str, Any] = {
        "kind": summary.kind,
        "model": meta.get("name"),
        "estimator": inner.get("class"),
        "parameters": _mapping(inner, "parameters"),
        "target": meta.get("target"),
        "facts": _mapping(meta, "facts"),
        "arrays": {name: [a.dtype, list(a.shape)] for name, a in summary.arrays.items()},
        "bytes": sum(a.stop - a.start for a in summary.arrays.values()),
    }
    if as_json:
        print_json("gorae.info/1", content)
        return
    about = f"{shown(summary.kind)}, {shown(content['estimator'])}, {content['bytes'] / 1e6:.2f} MB in arrays"
    for line in (f"{model}: {about}", *_facts(content["facts"])):
        click.echo(line)
    for name, value in content["parameters"].items():
        click.echo(f"  {shown(name)} = {shown(value)}")


def _facts(facts: dict[str, Any]) -> list[str]:
    """Return in words what the study found, as far as the file says it."""
    lines = []
    data, test = _mapping(facts, "data"), _mapping(facts, "test")
    if data:
        about = f"{data.get('rows')} rows, {data.get('columns')} columns, {data.get('task')}"
        of = f", target {data['target']!r}" if data.get("target") else ""
        lines.append(f"trained on {data.get('name')}: {about}{of}")
    if facts.get("best"):
        made = f"made {facts.get('created')} by gorae {facts.get('version')}"
        lines.append(f"best of the ladder: {facts['best']}; {made}")
    if test:
        figures = [test.get(name) for name in ("score", "low", "high")]
        score, low, high = (f"{v:.4f}" if isinstance(v, float) else str(v) for v in figures)
        lines.append(f"{test.get('metric')} on {test.get('rows')} test rows: {score} ({low} to {high})")
    return [shown(line) for line in lines]


def _mapping(meta: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a part of the metadata, empty where there is none: the file may be anybody's."""
    part = meta.get(name)
    return part if isinstance(part, dict) else {}
