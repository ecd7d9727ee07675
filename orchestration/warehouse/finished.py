"""The record of the last finished build: its inputs and the result of each node, inside the warehouse itself."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from allive.ingestion.settings import Settings
from allive.orchestration.dbt_invocation import NodeResult
from allive.orchestration.outcome import UP_TO_DATE
from allive.orchestration.parsed_project import ParsedProject
from allive.orchestration.warehouse.inputs import Inputs
from allive.payouts.warehouse_file import open_warehouse
from allive.payouts.warehouse_mark import is_as_left


@dataclass(frozen=True)
class Build:
    """The state of the warehouse: built now (`built`), or already built from the same inputs."""

    inputs: Inputs
    built: bool
    built_at: str
    nodes: tuple[NodeResult, ...]
    dropped_because: str | None = None
    """Why the earlier warehouse was deleted and rebuilt from scratch; None if it was kept."""

    @property
    def broken(self) -> tuple[NodeResult, ...]:
        """The nodes that failed, or were skipped because another failed."""
        return tuple(node for node in self.nodes if not node.holds)

    def metadata_of(self, node: NodeResult) -> dict[str, Any]:
        """The metadata of a model of this build, as a run reports them."""
        metadata: dict[str, Any] = {
            "state": UP_TO_DATE if node.is_remembered else "built",
            "built_at": self.built_at,
            "seconds": node.seconds,
        }
        if self.dropped_because:
            metadata["dropped_because"] = self.dropped_because
        if node.rows is not None:
            metadata["dagster/row_count"] = node.rows
        return metadata


def read_finished_build(settings: Settings) -> Build | None:
    """Return the last build that finished without a failure, or None if there is none.

    There is also none if anything but the project has written to the warehouse since.
    """
    if not settings.warehouse_path.exists():
        return None
    with open_warehouse(settings, read_only=True) as con:
        if not is_as_left(settings, con):
            return None
        row = con.execute("select inputs, built_at, nodes from build.finished").fetchone()
    if row is None:
        return None
    inputs = json.loads(row[0])
    return Build(
        inputs=Inputs(**{**inputs, "booked": tuple(inputs["booked"])}),
        built=False,
        built_at=row[1],
        nodes=tuple(replace(node, is_remembered=True) for node in _nodes_from_json(row[2])),
    )


def note_finished_build(settings: Settings, build: Build) -> None:
    """Record a build without failures, so that it is not repeated from the same inputs."""
    with open_warehouse(settings, read_only=False) as con:
        con.execute(
            "insert into build.finished values (?, ?, ?)",
            [json.dumps(asdict(build.inputs)), build.built_at, _nodes_to_json(build.nodes)],
        )
        # All their tests have passed: macros/by_month.sql does not look at them again until they change.
        con.execute("update build.months_built set is_proven = true where not is_proven")


def with_remembered(
    nodes: tuple[NodeResult, ...], finished: Build | None, unit_tests: tuple[NodeResult, ...] | None
) -> tuple[NodeResult, ...]:
    """Add the earlier results of nodes that did not need to be built again, in the earlier build's order."""
    new = {node.unique_id: node for node in nodes}
    earlier = (*(finished.nodes if finished else ()), *(unit_tests or ()))
    known = {node.unique_id: replace(node, is_remembered=True) for node in earlier}
    # Dagster needs the outputs of one step in topological order, which is dbt's order.
    return tuple({**known, **new}.values())


def remember_unit_tests(project: ParsedProject, nodes: Iterable[NodeResult]) -> None:
    """Save the results of the unit tests of this version of the project, if all of them passed."""
    unit_tests = [node for node in nodes if node.unique_id.startswith("unit_test.")]
    if all(node.holds for node in unit_tests):
        project.unit_tests_path.write_text(_nodes_to_json(unit_tests), encoding="utf-8")


def read_unit_tests(project: ParsedProject) -> tuple[NodeResult, ...] | None:
    """Return the saved results of this version's unit tests, or None if they have not all passed yet."""
    path = project.unit_tests_path
    return _nodes_from_json(path.read_text(encoding="utf-8")) if path.exists() else None


def _nodes_to_json(nodes: Iterable[NodeResult]) -> str:
    return json.dumps([asdict(node) for node in nodes])


def _nodes_from_json(text: str) -> tuple[NodeResult, ...]:
    return tuple(NodeResult(**{**node, "examples": tuple(node.get("examples", ()))}) for node in json.loads(text))
