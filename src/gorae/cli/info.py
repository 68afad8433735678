"""`gorae info`: what a model file holds, without building the model."""

from importlib import import_module
from typing import Any

import click

from gorae.cli.options import as_json, print_json, shown
from gorae.cli.tagging import told_facts
from gorae.errors import FileError, InputError

_COLUMNS_SHOWN = 30
_DATA = {"treebank": "a treebank (CoNLL-U)", "table": "a table"}
_KINDS = {"number": "number", "truth": "truth value", "hashed": "text with many values"}
_TIMES = {
    "days": "date",
    "seconds": "date with time",
    "duration": "duration",
    "clock": "time of day",
}


@click.command(short_help="Tell what a model file holds.")
@click.argument("model", type=click.Path())
@as_json
def info(model: str, as_json: bool) -> None:
    """Tell what the file MODEL holds, and which columns a new file needs.

    The model is not built; its hash is checked.
    """
    try:
        summary = import_module("gorae.files").read_meta(model)
    except FileError:
        found = import_module("gorae.data").contents_of(model)
        if found.kind not in _DATA:
            raise
        raise InputError(
            f"{model!r} is no model, but {_DATA[found.kind]}; info tells of what gorae fit made of one."
        ) from None
    meta = summary.meta
    inner = _mapping(meta, "estimator") or meta
    content: dict[str, Any] = {
        "kind": summary.kind,
        "model": meta.get("name"),
        "estimator": inner.get("class"),
        "parameters": _mapping(inner, "parameters"),
        "target": meta.get("target"),
        "columns": _columns(meta),
        "facts": _mapping(meta, "facts"),
        "arrays": {name: [a.dtype, list(a.shape)] for name, a in summary.arrays.items()},
        "bytes": sum(a.stop - a.start for a in summary.arrays.values()),
    }
    if as_json:
        print_json("gorae.info/1", content)
        return
    about = f"{shown(summary.kind)}, {shown(content['estimator'])}, {content['bytes'] / 1e6:.2f} MB in arrays"
    shape = _mapping(content["facts"], "data").get("image_shape")
    needed = _image(shape, content["columns"]) or _needed(content["columns"])
    told = told_facts(content["facts"]) or _facts(content["facts"])
    for line in (f"{model}: {about}", *told, *needed):
        click.echo(line)
    for name, value in content["parameters"].items():
        click.echo(f"  {shown(name)} = {shown(value)}")


def _facts(facts: dict[str, Any]) -> list[str]:
    """Return in words what the study found, as far as the file says it."""
    lines = []
    data, test = _mapping(facts, "data"), _mapping(facts, "test")
    if data:
        of = f", target {data['target']!r}" if data.get("target") else ""
        about = f"{data.get('columns')} columns, {data.get('task')}{of}"
        lines.append(f"learned from {_learned(data, test)} rows of {data.get('name')}: {about}")
    if facts.get("best"):
        made = f"made {facts.get('created')} by gorae {facts.get('version')}"
        search = _mapping(facts, "search")
        tried = f"{facts['best']}: the best of {search.get('settings')} settings" if search else None
        lines.append(f"{tried or 'best of the ladder: ' + str(facts['best'])}; {made}")
    if test:
        figures = [test.get(name) for name in ("score", "low", "high")]
        score, low, high = (f"{v:.4f}" if isinstance(v, float) else str(v) for v in figures)
        seen = f", of which {test['seen']} were learned from too" if test.get("seen") else ""
        lines.append(
            f"{test.get('metric')} on {test.get('rows')} test rows, held apart{seen}: {score} "
            f"({low} to {high})"
        )
    return [shown(line) for line in lines]


def _learned(data: dict[str, Any], test: dict[str, Any]) -> Any:
    """Return how many rows were learned from: the facts count the test rows with them."""
    rows, held = data.get("rows"), test.get("rows", 0)
    return rows - held if isinstance(rows, int) and isinstance(held, int) else rows


def _columns(meta: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the columns that a new file needs: name, kind, and for text how many values it knows."""
    codes = _mapping(meta, "encoding").get("codes")
    texts = _mapping(_mapping(meta, "encoding"), "texts")
    if texts:
        cut = _mapping(texts, "tokenizer").get("name")
        return [{"name": texts.get("column"), "kind": f"texts, cut into {cut}"}]
    if not isinstance(codes, list):
        names = meta.get("feature_names")
        return [{"name": name, "kind": "number"} for name in names] if isinstance(names, list) else []
    found = []
    for code in codes:
        if not isinstance(code, dict):
            continue
        kind, categories = str(code.get("kind")), code.get("categories")
        column: dict[str, Any] = {"name": code.get("name"), "kind": _KINDS.get(kind, "text")}
        if kind == "time":
            column["kind"] = _TIMES.get(str(code.get("unit")), "time")
        if kind in ("category", "ordinal") and isinstance(categories, list):
            column["values"] = categories
        found.append(column)
    return found


def _needed(columns: list[dict[str, Any]]) -> list[str]:
    """Return the columns that a new file needs as lines."""
    if not columns:
        return []
    lines = [f"a new file needs {len(columns)} columns, by name, in any order:"]
    for column in columns[:_COLUMNS_SHOWN]:
        values = column.get("values")
        of = "" if values is None else f" with {len(values)} values"
        lines.append(shown(f"  {column['name']}: {column['kind']}{of}"))
    if len(columns) > _COLUMNS_SHOWN:
        lines.append(f"  and {len(columns) - _COLUMNS_SHOWN} more (--json lists them)")
    return lines


def _image(shape: Any, columns: list[dict[str, Any]]) -> list[str]:
    """Return in a line which images a model reads; nothing where it reads no images."""
    if not isinstance(shape, list) or len(shape) not in (2, 3) or not all(type(n) is int for n in shape):
        return []
    height, width, channels = (*shape, 1)[:3]
    return [f"a new image needs {len(columns):,} cells: {height} x {width} x {channels}"]


def _mapping(meta: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a part of the metadata, empty where there is none: the file may be anybody's."""
    part = meta.get(name)
    return part if isinstance(part, dict) else {}
