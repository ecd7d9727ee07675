"""Runs dbt in this process (1 s, against 5-7 s for its command line) and returns the result of each node."""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import duckdb

from allive.ingestion.settings import Settings
from allive.orchestration import warm_worker
from allive.orchestration.parsed_project import ParsedProject, dbt_arguments, profile_environment, without_dbt_flags

_COUNT_OF_ROWS: Final = re.compile(r"Got (\d+) results?, configured to (?:warn|fail) if .*")
_EXAMPLES: Final = 3
_LONGEST_VALUE: Final = 80

BUILT_STATUSES = frozenset({"success", "pass", "warn", "no-op"})


@dataclass(frozen=True)
class NodeResult:
    """The result of one dbt node: a model, a seed, a test or a unit test."""

    unique_id: str
    status: str  # dbt's: success, error, skipped; pass, warn, fail
    seconds: float
    failures: int | None
    message: str | None
    rows: int | None = None
    examples: tuple[str, ...] = ()
    """For a test that found records: some of them, as text. They can name people and are never published."""
    is_remembered: bool = False
    """Whether the result is from an earlier build with the same inputs for this node."""

    @property
    def holds(self) -> bool:
        """Whether the node was built, or its test passed (a warning does not fail)."""
        return self.status in BUILT_STATUSES

    @property
    def description(self) -> str | None:
        """The message, with some of the records that a test found."""
        return f"{self.message}, such as {'; '.join(self.examples)}" if self.examples else self.message


@functools.cache
def parsed_manifest(project: ParsedProject) -> Any:
    """The project's manifest as a dbt object."""
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415

    return Manifest.from_msgpack(project.parsed_path.read_bytes())


def invoke_dbt(
    settings: Settings, project: ParsedProject, project_dir: Path, command: Sequence[str], **environment: str
) -> tuple[NodeResult, ...]:
    """Run a dbt command (its name, then its own arguments) and return the results of its nodes.

    Reports each finished node with `warm_worker.report`. `environment` has the variables that macros read.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    def on_event(event: Any) -> None:
        if event.info.name == "NodeFinished":
            warm_worker.report(event.data.node_info.node_name, event.data.node_info.node_status)

    name, *arguments = command
    shared = dbt_arguments(settings, project_dir=project_dir, target=project.folder, engine=project.engine)
    try:
        with without_dbt_flags(), profile_environment(settings, **environment):
            runner = dbtRunner(manifest=parsed_manifest(project), callbacks=[on_event])
            result = runner.invoke([name, *shared, "--no-write-json", *arguments])
    finally:
        # Otherwise the file stays locked for as long as this process lives.
        DuckDBConnectionManager.close_all_connections()
    if result.result is None:
        raise RuntimeError(
            f"dbt stopped before it built anything: {result.exception}. Its log: {settings.home}/logs/dbt.log"
        )
    nodes = tuple(
        NodeResult(
            unique_id=node.node.unique_id,
            status=str(node.status),
            seconds=round(node.execution_time, 3),
            failures=node.failures,
            message=in_words(node.message),
        )
        for node in result.result
    )
    queries = {node.node.unique_id: getattr(node.node, "compiled_code", None) for node in result.result}
    return with_examples(settings.warehouse_path, nodes, queries)


def in_words(message: str | None) -> str | None:
    """Reword dbt's message of a test that found records; keep all other messages.

    >>> in_words("Got 259 results, configured to warn if != 0"), in_words("Got 1 result, configured to fail if != 0")
    ('found 259 records, expected none', 'found 1 record, expected none')
    """
    counted = _COUNT_OF_ROWS.fullmatch(message or "")
    if counted is None:
        return message
    return f"found {int(counted[1]):,} record{'' if counted[1] == '1' else 's'}, expected none"


def with_examples(
    warehouse: Path, nodes: Sequence[NodeResult], queries: Mapping[str, str | None]
) -> tuple[NodeResult, ...]:
    """Add examples to each data test that found records, by running the test's query."""
    found = [
        node for node in nodes if node.status in {"warn", "fail"} and node.failures and queries.get(node.unique_id)
    ]
    if not found:
        return tuple(nodes)
    examples = {}
    try:
        with duckdb.connect(warehouse, read_only=True) as con:
            con.execute("set TimeZone = 'UTC'")
            for node in found:
                rows = con.execute(f"select * from ({queries[node.unique_id]}\n) as found limit {_EXAMPLES}")
                names = [column[0] for column in rows.description or ()]
                examples[node.unique_id] = tuple(_row(names, row) for row in rows.fetchall())
    except duckdb.Error:
        # The test already has its result; the examples are optional.
        pass
    return tuple(replace(node, examples=examples.get(node.unique_id, ())) for node in nodes)


def _row(names: Sequence[str], row: Sequence[Any]) -> str:
    shown = ((name, str(value)[:_LONGEST_VALUE]) for name, value in zip(names, row, strict=True) if value is not None)
    return ", ".join(f"{name} {value}" for name, value in shown)
