"""The shape of the package: rooms and sizes within what a newcomer can hold in mind."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

PACKAGE = Path(__file__).parents[1] / "pyconquest_rt"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_ROOMS = 22
USUAL_FUNCTION_LINES = 25  # which 95 % of them have at most, without their docstring
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


def test_top_level_rooms() -> None:
    rooms = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert len(rooms - NO_ROOMS) <= MOST_ROOMS, sorted(rooms - NO_ROOMS)


def test_former_names_are_three_lines() -> None:
    for name in ("config", "extractor", "hooks", "ingest", "schema"):
        assert len((PACKAGE / f"{name}.py").read_text("utf-8").splitlines()) == 3


def test_most_functions_are_short() -> None:
    functions = [
        length(node)
        for module in MODULES
        for node in definitions(module)
        if not isinstance(node, ast.ClassDef)
    ]
    assert quantiles(functions, n=20)[-1] <= USUAL_FUNCTION_LINES
