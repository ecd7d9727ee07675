"""Expectations that several suites share."""

from typing import Any, Literal

import great_expectations.expectations as gxe

Severity = Literal["critical", "warning"]


def filled(*columns: str) -> list[gxe.Expectation]:
    """Every row has a value in each of the columns."""
    return [
        gxe.ExpectColumnValuesToNotBeNull(
            column=column,
            severity="critical",
            description=f"every record has {column}",
            meta={"check": f"{column}_filled"},
        )
        for column in columns
    ]


def between(column: str, minimum: int, maximum: int | None = None) -> gxe.Expectation:
    """The column's values are within bounds, both included (or null)."""
    bounds = f"at least {minimum}" if maximum is None else f"{minimum} to {maximum}"
    return gxe.ExpectColumnValuesToBeBetween(
        column=column,
        min_value=minimum,
        max_value=maximum,
        severity="critical",
        description=f"{column} is {bounds}",
        meta={"check": f"{column}_within_bounds"},
    )


_ROWS = "unexpected_rows_query.table"


class NoRowsExpectation(gxe.UnexpectedRowsExpectation):  # type: ignore[misc]
    """Runs its query once if no rows are needed. The library's own class always counts the rows and fetches them."""

    def get_validation_dependencies(self, *args: Any, **kwargs: Any) -> Any:
        """The count, and the rows if the result can show them."""
        needed = super().get_validation_dependencies(*args, **kwargs)
        if needed.result_format["result_format"] == "BOOLEAN_ONLY":
            needed.remove_metric_configuration(_ROWS)
        return needed

    def _validate(self, metrics: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        return super()._validate({_ROWS: None} | metrics, *args, **kwargs)


def no_rows(
    check: str, query: str, *, expected: str, severity: Severity = "critical", of: str = "row"
) -> gxe.Expectation:
    """The query on `{batch}` returns no rows; `of` names what a row of it is."""
    return NoRowsExpectation(
        unexpected_rows_query=query,
        severity=severity,
        description=expected,
        meta={"check": check, "of": of},
    )


def no_files(
    check: str, broken_if: str, *, expected: str, where: str = "true", severity: Severity = "critical"
) -> gxe.Expectation:
    """No landed file breaks the fact.

    Args:
        check: the name of the check.
        broken_if: SQL with aggregates over a file's records. It needs a least number of records: a few of them can be
            alike by chance.
        expected: the fact, in words.
        where: SQL for the records that count.
        severity: whether a file that breaks it is held.
    """
    # By file: in a batch, good files would hide a bad one.
    return no_rows(
        check,
        f"select source_file from {{batch}} where {where} group by source_file having {broken_if}",
        expected=expected,
        severity=severity,
        of="file",
    )
