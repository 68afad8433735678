"""An import points only to a part further left (DESIGN section 2): no cycle, none hidden in a function."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "gorae"
LAYERS = [
    {"errors"},
    {"backend", "files", "evidence", "data", "nn"},
    {"models", "train"},
    {"estimators"},
    {"search"},
    {"trust"},
    {"explanation", "similarity"},
    {"report", "exchange"},
    {"study"},
    {"cli", "web"},
    {"__main__"},
]
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
ALLOWED_BESIDE = {("data", "files")}
# The command line calls what a Python user calls, through the lazy names of the top-level module, and
# looks its own commands up by name: `gorae --help` has 0.3 s.
AT_THE_TOP = {"cli", "web", "__main__"}


def find_faults(root: Path) -> list[str]:
    """Return a sentence for every import under a package folder that the order does not allow."""
    trees = {module_name(path, root): ast.parse(path.read_bytes()) for path in sorted(root.rglob("*.py"))}
    trees.pop("gorae")  # a list of lazy names; it may reach everything
    faults: list[str] = []
    graph: dict[str, set[str]] = {}
    for module, tree in trees.items():
        part = part_of(module)
        graph[module] = {target for node in ast.walk(tree) for target in imported(node, trees)}
        if part not in RANK:
            faults.append(f"{module}: the part {part} is in no layer")
            continue
        wrong = sorted(target for target in graph[module] if is_wrong(part, target))
        faults += [f"{module} must not import {target}" for target in wrong]
        concealed = hidden(tree, trees) | (set() if part in AT_THE_TOP else named(tree))
        faults += [f"{module} hides an import of {target}" for target in sorted(concealed)]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        faults.append("cycle: " + " -> ".join(error.args[1]))
    return faults


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = ["gorae", *path.relative_to(root).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """Return the part that a module belongs to; the top-level module belongs to none."""
    return module.partition(".")[2].partition(".")[0]


def imported(node: ast.AST, modules: dict[str, ast.Module]) -> Iterator[str]:
    """Yield the project's modules that a node imports; a relative import as its dots, which are refused."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "gorae")
    elif isinstance(node, ast.ImportFrom) and node.level:
        yield "." * node.level + (node.module or "")
    elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gorae":
        for alias in node.names:  # from gorae.files import limits: the module, where there is one
            full = f"{node.module}.{alias.name}"
            is_module = full in modules or (node.module == "gorae" and alias.name in RANK)
            yield full if is_module else str(node.module)


def is_wrong(part: str, target: str) -> bool:
    """Return whether a part may not import that module."""
    to = part_of(target)
    if to not in RANK:  # the top-level module, a relative import, or no part at all
        return target != "gorae" or part not in AT_THE_TOP
    return to != part and (part, to) not in ALLOWED_BESIDE and RANK[to] >= RANK[part]


def hidden(tree: ast.Module, modules: dict[str, ast.Module]) -> set[str]:
    """Return what is imported from the project inside a function."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {name for function in functions for node in ast.walk(function) for name in imported(node, modules)}


def named(tree: ast.Module) -> set[str]:
    """Return what is imported from the project by a name in a string."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    asked = (call for call in calls if ast.unparse(call.func).endswith(("import_module", "__import__")))
    texts = {ast.unparse(call.args[0]).removeprefix("f").strip("'\"") for call in asked}
    return {text for text in texts if text.startswith(("gorae", "."))}


def test_source() -> None:
    """Every import of the package points to a part further left, in the open, and without a cycle."""
    assert find_faults(SOURCE) == []


def test_every_part_is_checked() -> None:
    """The checker reads the parts that exist: it does not pass by looking at nothing."""
    read = {part_of(module_name(path, SOURCE)) for path in SOURCE.rglob("*.py")}

    assert {"errors", "files", "data", "nn", "train", "estimators"} <= read


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"nn/dense.py": "from gorae.train import loop"}, "gorae.nn.dense must not import gorae.train"),
        ({"nn/dense.py": "from gorae import train"}, "gorae.nn.dense must not import gorae.train"),
        ({"train/loop.py": "import gorae.models.mlp"}, "gorae.train.loop must not import gorae.models.mlp"),
        ({"files/a.py": "from gorae.data import b"}, "gorae.files.a must not import gorae.data"),
        ({"errors.py": "import gorae.files"}, "gorae.errors must not import gorae.files"),
        ({"nn/a.py": "import gorae"}, "gorae.nn.a must not import gorae"),
        ({"nn/a.py": "from .. import train"}, "gorae.nn.a must not import .."),
        ({"utils/a.py": ""}, "gorae.utils.a: the part utils is in no layer"),
        ({"train/a.py": "def f():\n    from gorae.nn import b"}, "gorae.train.a hides an import of gorae.nn"),
        ({"cli/a.py": "def f():\n    import gorae.study"}, "gorae.cli.a hides an import of gorae.study"),
        (
            {"train/a.py": "class A:\n    async def f(self):\n        import gorae.nn"},
            "gorae.train.a hides an import of gorae.nn",
        ),
        (
            {"train/a.py": "import importlib\nimportlib.import_module('gorae.study')"},
            "gorae.train.a hides an import of gorae.study",
        ),
        (
            {"nn/a.py": "import gorae.nn.b", "nn/b.py": "from gorae.nn import a"},
            "cycle: gorae.nn.a -> gorae.nn.b -> gorae.nn.a",
        ),
        (
            {"nn/__init__.py": "from gorae.nn.a import A", "nn/a.py": "from gorae.nn import B"},
            "cycle: gorae.nn -> gorae.nn.a -> gorae.nn",
        ),
    ],
)
def test_planted_fault(tmp_path: Path, files: dict[str, str], fault: str) -> None:
    """A wrong, hidden or circular import planted in a package is the one fault that is found."""
    plant(tmp_path, files)

    assert [begin_first(found) for found in find_faults(tmp_path)] == [fault]


def test_allowed_imports(tmp_path: Path) -> None:
    """What the design allows is no fault: to the left, data to files, inside a part, lazily at the top."""
    sources = {
        "__init__.py": "def __getattr__(name):\n    from gorae.study import Study\n    return Study",
        "errors.py": "",
        "data/table.py": "import numpy\nfrom gorae.errors import DataError\nfrom gorae.files import atomic",
        "data/folds.py": "from gorae.data import table\n\ndef f():\n    import pandas",
        "cli/main.py": "import gorae\n\ndef f(n):\n    return importlib.import_module(f'gorae.cli.{n}')",
        "study/plan.py": "from gorae.evidence import intervals\nfrom gorae import nn",
        "nn/__init__.py": "from gorae.nn.dense import Dense",
        "nn/dense.py": "",
    }

    plant(tmp_path, sources)

    assert find_faults(tmp_path) == []


def plant(root: Path, files: dict[str, str]) -> None:
    """Write the sources of a small package."""
    for name, text in {"__init__.py": "", **files}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)


def begin_first(fault: str) -> str:
    """Return a fault; a cycle told from its first name on, as where it is entered is chance."""
    if not fault.startswith("cycle: "):
        return fault
    ring = fault.removeprefix("cycle: ").split(" -> ")[:-1]
    first = ring.index(min(ring))
    return "cycle: " + " -> ".join([*ring[first:], *ring[: first + 1]])
