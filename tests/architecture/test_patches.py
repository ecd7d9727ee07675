"""Tests change the product only through pytest's monkeypatch, which takes the change back.

A plain assignment to an attribute of a module outlives its test: others of the same process then test something else.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
PRODUCT = "allive."


def lasting_changes(source: str) -> Iterator[int]:
    """Lines that assign to, or delete, an attribute of an imported module; a script's own process may."""
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))]
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported = [alias for alias in node.names if alias.name.startswith(PRODUCT)]
            modules |= {alias.asname or alias.name.split(".")[0] for alias in imported}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PRODUCT):
            modules |= {alias.asname or alias.name for alias in node.names if alias.name.islower()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.Delete):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        for target in targets:
            base: ast.expr = target
            while isinstance(base, ast.Attribute):
                base = base.value
            if isinstance(target, ast.Attribute) and isinstance(base, ast.Name) and base.id in modules:
                yield node.lineno


def test_no_test_changes_the_product_for_good() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in TESTS.rglob("*.py")
        if "node_modules" not in path.parts
        for line in lasting_changes(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_a_lasting_change_is_found() -> None:
    assert list(lasting_changes("import allive.ingestion.load\n\nallive.ingestion.load.validate = None\n")) == [3]
    assert list(lasting_changes("from allive.ingestion import load\nload.validate = None\n")) == [2]
    assert list(lasting_changes("import allive.ingestion.load as load\ndel load.validate\n")) == [2]
    assert not list(lasting_changes("from allive.ingestion import load\nfound = load.validate\nself.x = 1\n"))
