"""Expectations that several suites share."""

from collections.abc import Iterable
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


def among(column: str, options: Iterable[str]) -> gxe.Expectation:
    """The column contains only these values (or null)."""
    values = list(options)
    return gxe.ExpectColumnValuesToBeInSet(
        column=column,
        value_set=values,
        severity="critical",
        description=f"{column} is one of {', '.join(values)}",
        meta={"check": f"{column}_in_closed_list"},
    )


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


def no_rows(check: str, query: str, *, expected: str, severity: Severity = "critical") -> gxe.Expectation:
    """The query on `{batch}` returns no rows."""
    return NoRowsExpectation(
        unexpected_rows_query=query,
        severity=severity,
        description=expected,
        meta={"check": check},
    )
