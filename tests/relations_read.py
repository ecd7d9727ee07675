"""The relations of the warehouse that code reads, found in the SQL texts of its sources."""

import ast
import re
from functools import cache
from typing import Final

from tests.import_graph import modules

RELATION: Final = re.compile(r"\b((?:marts|intermediate|staging)\.\w+)")
Definition = tuple[str, str]
"""A module and a name that it defines or imports."""


def relations_read(*start: Definition) -> set[str]:
    """Every `schema.table` in the strings of these functions and of all that they use, in any module.

    Of a module that is used, the `.sql` files in its folder are read too.
    """
    waiting, seen, found = [*start], set(), set()
    while waiting:
        module, name = definition = waiting.pop()
        if definition in seen or module not in modules():
            continue
        seen.add(definition)
        found |= _in_sql_beside(module)
        defined, imported = _names_of(module)
        if name in imported:
            waiting.append(imported[name])
        for node in ast.walk(defined[name]) if name in defined else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(RELATION.findall(node.value))
            elif isinstance(node, ast.Name):
                waiting.append((module, node.id))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
                waiting.append((".".join(imported[node.value.id]), node.attr))
    return found


@cache
def _in_sql_beside(module: str) -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in modules()[module].parent.glob("*.sql"))
    return {relation for text in texts for relation in RELATION.findall(text)}


@cache
def _names_of(module: str) -> tuple[dict[str, ast.AST], dict[str, Definition]]:
    """The definitions at a module's top by name, and its imports: local name → module (as in the folders) and name."""
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    defined: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    imported = {
        alias.asname or alias.name: (node.module.removeprefix("allive."), alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    return defined, imported
