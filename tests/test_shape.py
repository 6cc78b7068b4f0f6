"""The shape of the package: rooms, sizes and branches within what a newcomer can hold in mind."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

from radon.complexity import cc_visit
from radon.visitors import Class

PACKAGE = Path(__file__).parents[1] / "pyconquest_rt"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_ROOMS = 22
MOST_BRANCHES = 10
MODULE_LINES, CLASS_LINES, FUNCTION_LINES, USUAL_FUNCTION_LINES = 450, 250, 50, 25
NO_ROOMS = {"__init__", "__main__", "worker", "geometry", "config", "extractor", "hooks", "ingest", "schema"}
"""Doors that are not counted, and former names of public modules."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(module: Path) -> Iterator[Definition]:
    """Yield the functions, methods and classes of a module."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, Definition):
            yield node


def length(node: Definition) -> int:
    """Return the lines of a definition without its docstring."""
    first = node.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return _lines(node) - (_lines(first) if has_docstring else 0)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def named(module: Path, node: Definition) -> str:
    return f"{module.relative_to(PACKAGE)}:{node.lineno} {node.name}"


def test_top_level_rooms() -> None:
    rooms = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert len(rooms - NO_ROOMS) <= MOST_ROOMS, sorted(rooms - NO_ROOMS)


def test_former_names_are_three_lines() -> None:
    for name in ("config", "extractor", "hooks", "ingest", "schema"):
        assert len((PACKAGE / f"{name}.py").read_text("utf-8").splitlines()) == 3


def test_modules_are_short() -> None:
    lines = {str(path.relative_to(PACKAGE)): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > MODULE_LINES} == {}


def test_classes_and_functions_are_short() -> None:
    functions, too_long = [], {}
    for module in MODULES:
        for node in definitions(module):
            is_class = isinstance(node, ast.ClassDef)
            if length(node) > (CLASS_LINES if is_class else FUNCTION_LINES):
                too_long[named(module, node)] = length(node)
            if not is_class:
                functions.append(length(node))
    assert too_long == {}
    assert quantiles(functions, n=20)[-1] <= USUAL_FUNCTION_LINES


def test_no_function_has_more_than_ten_branches() -> None:
    """Cyclomatic complexity with boolean operators, by radon."""
    blocks = [(module, block) for module in MODULES for block in cc_visit(module.read_text("utf-8"))]
    parts = [(module, part) for module, block in blocks for part in (block, *getattr(block, "closures", ()))]
    assert {
        f"{module.relative_to(PACKAGE)}:{part.lineno} {part.name}": part.complexity
        for module, part in parts
        if part.complexity > MOST_BRANCHES and not isinstance(part, Class)
    } == {}
