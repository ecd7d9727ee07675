"""The imports between the modules of the product, read from the sources, and the drawing of them in ARCHITECTURE.md."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
NAMESPACE: Final = "allive."
PACKAGES: Final = ("ingestion", "payouts", "orchestration", "dashboards")
IMPORTED_BY_NAME: Final = {
    "orchestration.definitions": "orchestration.defs",
    "payouts.month_checks": "payouts.expectations",
}
"""Imports that no statement shows: Dagster loads a folder, Great Expectations a suite."""

Graph = Mapping[str, set[str]]


@cache
def modules() -> Mapping[str, Path]:
    """Every module of the product by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            inside = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(inside[:-1] if inside[-1] == "__init__" else inside)] = path
    return found


@cache
def imports() -> Graph:
    """The modules of the product that each module imports: at its top, inside functions, and for type checks only."""
    known = modules()
    graph = {name: {*imported(path.read_text(encoding="utf-8"), known)} - {name} for name, path in known.items()}
    for importer, target in IMPORTED_BY_NAME.items():
        graph[importer].add(target)
    return graph


def statements(source: str) -> Iterator[tuple[str | None, str]]:
    """Every name that a source imports, wherever the statement stands: its module (for `from`) and the name itself.

    Both are without the namespace `allive`, as in the folders.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((None, alias.name.removeprefix(NAMESPACE)) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            module = str(node.module).removeprefix(NAMESPACE)
            yield from ((module, f"{module}.{alias.name}") for alias in node.names)


def names_in(source: str) -> set[str]:
    """The imports of a source by all their names: `from package import name` gives `package` and `package.name`."""
    return {name for pair in statements(source) for name in pair if name}


def imported(source: str, known: Iterable[str]) -> Iterator[str]:
    """Every module among `known` that a source imports. `from package import name` means the module, if it is one."""
    known = set(known)
    for module, name in statements(source):
        target = name if name in known else module
        if target in known:
            yield str(target)


def rooms_of(graph: Graph, room_of: Mapping[str, str]) -> dict[str, set[str]]:
    """The imports between rooms; `room_of` has the room of each module. A room does not import itself."""
    rooms: dict[str, set[str]] = {room: set() for room in room_of.values()}
    for name, targets in graph.items():
        if name in room_of:
            rooms[room_of[name]] |= {room_of[target] for target in targets if target in room_of} - {room_of[name]}
    return rooms


def reachable(graph: Graph, start: Iterable[str]) -> set[str]:
    """Every module that the start imports, directly or through others."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        new = graph.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def circles(graph: Graph) -> set[str]:
    """The nodes that import themselves through others."""
    return {node for node in graph if node in reachable(graph, [node])}


def second_level(name: str) -> str:
    """The folder or module right below the package.

    >>> second_level("payouts.verification.weights"), second_level("payouts.run")
    ('payouts.verification', 'payouts.run')
    """
    return ".".join(name.split(".")[:2])


_BLOCK: Final = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE: Final = re.compile(r"^ *%% (\w+)$", re.MULTILINE)
_NODE: Final = re.compile(r'^ *(\w+)\["(\w+): ([^"]+)"\]$')
_EDGE: Final = re.compile(r"^ *(\w+) --> ([\w &]+)$")


class Drawing:
    """A flowchart: its rooms with their modules and folders, and its edges. Its first line is `%% name`."""

    def __init__(self, block: str) -> None:
        title, *lines = (line for line in block.splitlines() if line.strip() and line.strip() != "flowchart TD")
        found = _TITLE.match(title)
        assert found, f"expected `%% name` as the first line, found {title!r}"
        self.name = found[1]
        self.rooms: dict[str, tuple[str, ...]] = {}
        self.edges: dict[str, set[str]] = {}
        for line in lines:
            if node := _NODE.match(line):
                assert node[1] == node[2], f"the node {node[1]} is labelled {node[2]}"
                self.rooms[node[1]] = tuple(entry.strip() for entry in node[3].split(","))
            elif edge := _EDGE.match(line):
                self.edges.setdefault(edge[1], set()).update(part.strip() for part in edge[2].split("&"))
            else:
                raise AssertionError(f"neither a room nor an edge: {line!r}")

    def room_of(self, names: Iterable[str]) -> dict[str, str]:
        """The room of each module of this package, by the entries that the rooms list."""
        of_entry = {f"{self.name}.{entry.rstrip('/')}": room for room, own in self.rooms.items() for entry in own}
        return {name: of_entry[second_level(name)] for name in names if second_level(name) in of_entry}


def drawings(text: str) -> dict[str, Drawing]:
    """The flowcharts of a page by name."""
    return {drawing.name: drawing for drawing in map(Drawing, _BLOCK.findall(text))}
