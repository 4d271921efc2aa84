"""No Einsum, rank, mapping or paper has its name in the code of binding, counting or timing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mappings
import sim
from mappings import MAPPINGS
from workloads import CASCADES, cascade

FILES = sorted(
    path
    for package in (mappings, sim)
    for path in Path(str(package.__file__)).parent.glob("*.py")
    if path.stem not in ("record", "vcd")  # formats, with words of their own
)


def library_names() -> tuple[set[str], set[str]]:
    """Names that no identifier may be, and names that no text may be."""
    einsums = {t for name in CASCADES.names() for t in cascade(name).tensors if len(t) > 1}
    ranks = {p for name in CASCADES.names() for parts in cascade(name).parts.values() for p in parts}
    return einsums, einsums | ranks | set(CASCADES.names()) | set(MAPPINGS.names()) | {"fusemax", "flat", "attention"}


def docstrings(tree: ast.AST) -> set[int]:
    """The nodes of docstrings, which may give examples."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(id(first.value))
    return found


@pytest.mark.parametrize("path", FILES, ids=[f"{p.parent.name}/{p.name}" for p in FILES])
def test_code_knows_no_name_of_the_library(path: Path) -> None:
    tree = ast.parse(path.read_text())
    identifiers, texts = library_names()
    documented = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            assert node.id not in identifiers, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            words = set(node.value.replace("-", "_").replace("_", " ").split()) | {node.value}
            assert not words & texts, f"{path.name}:{node.lineno}: {node.value!r}"
