"""Running dbt in this process (1 s, against 5-7 s for its command line), and what became of each node."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.settings import Settings
from orchestration import warm_worker
from orchestration.parsed_project import ParsedProject, dbt_arguments, profile_environment

BUILT_STATUSES = frozenset({"success", "pass", "warn", "no-op"})


@dataclass(frozen=True)
class NodeResult:
    """What became of one dbt node: a model, a seed, a test or a unit test."""

    unique_id: str
    status: str  # dbt's: success, error, skipped; pass, warn, fail
    seconds: float
    failures: int | None
    message: str | None
    rows: int | None = None
    is_remembered: bool = False
    """Whether an earlier build on the same inputs of this node found it."""

    @property
    def holds(self) -> bool:
        """Whether the node was built, or its test passed (a warning does not fail)."""
        return self.status in BUILT_STATUSES


@functools.cache
def parsed_manifest(project: ParsedProject) -> Any:
    """The project's manifest as dbt takes it."""
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415

    return Manifest.from_msgpack(project.parsed_path.read_bytes())


def invoke_dbt(
    settings: Settings, project: ParsedProject, project_dir: Path, command: Sequence[str], **environment: str
) -> tuple[NodeResult, ...]:
    """Run a dbt command (its name, then its own arguments) and report of its nodes.

    Tells (`warm_worker.tell`) of each node that is finished. `environment` is what macros read of it.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    def hear(event: Any) -> None:
        if event.info.name == "NodeFinished":
            warm_worker.tell(event.data.node_info.node_name, event.data.node_info.node_status)

    name, *arguments = command
    shared = dbt_arguments(settings, project_dir=project_dir, target=project.folder, engine=project.engine)
    try:
        with profile_environment(settings, **environment):
            runner = dbtRunner(manifest=parsed_manifest(project), callbacks=[hear])
            result = runner.invoke([name, *shared, "--no-write-json", *arguments])
    finally:
        # Else the file stays locked for as long as this process lives.
        DuckDBConnectionManager.close_all_connections()
    if result.result is None:
        raise RuntimeError(
            f"dbt stopped before it built anything: {result.exception}. Its log: {settings.home}/logs/dbt.log"
        )
    return tuple(
        NodeResult(
            unique_id=node.node.unique_id,
            status=str(node.status),
            seconds=round(node.execution_time, 3),
            failures=node.failures,
            message=node.message,
        )
        for node in result.result
    )
