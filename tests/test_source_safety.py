"""What the source must not hold (RELIABILITY S3), and how it is cut (HABITS 1, 4, 14)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "gorae"
FILES = sorted(SOURCE.rglob("*.py"))
RUNS_CODE = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "shelve", "marshal", "jsonpickle"}
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "joblib.load", "yaml.load"}
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc", "core"}


def find_danger(text: str, may_print: bool = False) -> Iterator[str]:
    """Yield what in a source text could run code from data, a shell, or writes to the terminal."""
    names: dict[str, str] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    yield from (full for full in names.values() if full.split(".")[0] in RUNS_CODE or full in CALLS)
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        head, dot, rest = ast.unparse(node.func).partition(".")
        called = names.get(head, head) + dot + rest
        if called in CALLS or (called == "print" and not may_print):
            yield called
        for keyword in node.keywords:
            told = f"{keyword.arg}={ast.unparse(keyword.value)}"
            if told in {"allow_pickle=True", "weights_only=False"} or (
                keyword.arg == "shell" and told != "shell=False"
            ):
                yield told


def part(path: Path) -> str:
    """Return which part of the package a file belongs to."""
    return path.relative_to(SOURCE).parts[0]


def test_no_danger() -> None:
    """No module can run code from data or a shell, and only the command line prints."""
    found = {
        str(path.relative_to(SOURCE)): list(find_danger(path.read_text("utf-8"), part(path) == "cli"))
        for path in FILES
    }

    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "import cloudpickle as cp",
        "from pickle import loads",
        "import joblib\njoblib.load(path)",
        "from joblib import load",
        "import yaml as y\ny.load(text)",
        "eval('1')",
        "exec(text)",
        "import os\nos.system('ls')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "print('x')",
    ],
)
def test_planted_danger(text: str) -> None:
    """Each dangerous line planted in a source is found."""
    assert len(list(find_danger(text))) == 1


def test_no_false_alarm() -> None:
    """A safe call, a method that has the same name, and the word in a string are no danger."""
    text = (
        "import re, jax\nre.compile('x')\njax.jit(f).lower().compile()\nmodel.eval()\ns = 'pickle eval(1)'\n"
    )

    assert list(find_danger(text)) == []


def test_files_are_short() -> None:
    """No file is over 400 lines."""
    counts = {str(path.relative_to(SOURCE)): len(path.read_text("utf-8").splitlines()) for path in FILES}

    assert {name: lines for name, lines in counts.items() if lines > 400} == {}


def test_functions_are_short() -> None:
    """No function is over 60 lines, its docstring not counted."""
    long = [
        f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > 60
    ]

    assert long == []


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function has without its docstring."""
    first = node.body[0]
    docstring = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_names_say_what() -> None:
    """No module or folder has a name that says nothing of its subject."""
    vague = [
        str(path.relative_to(SOURCE))
        for path in FILES
        if VAGUE & {path.stem, *path.relative_to(SOURCE).parts}
    ]

    assert vague == []
