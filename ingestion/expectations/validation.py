"""Validates a relation of an open DuckDB connection against a suite."""

import importlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from allive.ingestion.reports import CheckResult

_NAMED_AT_MOST = 5

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Docs:
    """The data docs that a validation updates."""

    folder: Path
    about: str
    """Which data are validated: a batch, a month."""


def validate(
    con: duckdb.DuckDBPyConnection, relation: str, suite: str, docs: Docs | None = None
) -> tuple[CheckResult, ...]:
    """Run a suite on a table or view; every expectation becomes one check result.

    An expectation that could not be evaluated counts as failed.

    Args:
        con: an open connection; the validation does not see its temporary relations.
        relation: `table` or `schema.table`; a name from the code, never from the data.
        suite: the module with the `SUITE` to run, such as `allive.ingestion.expectations.lives`.
            Each of its expectations has `meta={"check": name}` and a description.
        docs: the data docs in which the outcome replaces the suite's earlier one; None leaves them.
    """
    # Importing Great Expectations takes seconds: only code that validates should pay for it.
    from allive.ingestion.expectations.duckdb_datasource import batch_over  # noqa: PLC0415

    schema, _, table = relation.rpartition(".")
    batch = batch_over(con, schema or None, table)
    # First only the counts. Example rows take one more query per expectation: they are fetched only for failed ones.
    outcome = batch.validate(importlib.import_module(suite).SUITE, result_format="BOOLEAN_ONLY")
    if docs is not None:
        _document(docs, outcome)
    return tuple(_result(_with_examples(batch, result)) for result in outcome.results)


def _document(docs: Docs, outcome: Any) -> None:
    try:
        # Takes as long to import as the library.
        from allive.ingestion.expectations.data_docs import write_docs  # noqa: PLC0415

        write_docs(docs.folder, outcome, about=docs.about)
    except Exception as error:  # noqa: BLE001 - the pages only inform: files and money must not wait for them
        _LOG.warning("the data docs in %s could not be written: %s", docs.folder, error)


def _with_examples(batch: Any, result: Any) -> Any:
    """A failed expectation's result with the rows that break it, 200 at most."""
    if result.success:
        return result
    is_query = result.expectation_config.type == "no_rows_expectation"
    return batch.validate(
        result.expectation_config.to_domain_obj(), result_format="COMPLETE" if is_query else "SUMMARY"
    )


def _result(result: Any) -> CheckResult:
    expectation = result.expectation_config
    return CheckResult(
        name=expectation.meta["check"],
        passed=bool(result.success),
        severity="critical" if expectation.severity == "critical" else "warning",
        found=_found(result),
        expected=expectation.description,
        detail=_detail(result),
    )


def _found(result: Any) -> str:
    values = result.result
    if result.success:
        return "holds"
    if "unexpected_count" in values:
        return f"{values['unexpected_count']} of {values['element_count']} rows break it"
    if "observed_value" in values:
        return f"{values['observed_value']} {result.expectation_config.meta['of']}(s) break it"
    return "could not be evaluated"


def _detail(result: Any) -> str:
    values = result.result
    if result.success:
        return ""
    if examples := values.get("partial_unexpected_list"):
        return "such as " + ", ".join(dict.fromkeys(map(str, examples[:_NAMED_AT_MOST])))
    if rows := (values.get("details") or {}).get("unexpected_rows"):
        return "such as " + "; ".join(_row(row) for row in rows[:_NAMED_AT_MOST])
    return _exception(result.exception_info)


def _row(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


def _exception(info: dict[str, Any]) -> str:
    """The message, which is one level deeper if a metric of the expectation failed."""
    for entry in (info, *(nested for nested in info.values() if isinstance(nested, dict))):
        if message := entry.get("exception_message"):
            return str(message)
    return ""
