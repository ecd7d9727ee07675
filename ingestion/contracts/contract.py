"""The shape of a contract: what a record of one type must be, stated once, as data."""

from dataclasses import dataclass
from functools import cached_property

from ingestion.contracts.fields import Choice, FieldType


@dataclass(frozen=True)
class Field:
    """A field of a landed record, in the order in which missing and bad ones are named."""

    name: str
    type: FieldType
    required: bool = False
    column: str = ""
    """The raw column that holds it, where its name differs (`position_s` → `position_ms`)."""
    default: str | None = None
    """The column that fills it where it is missing."""

    @property
    def column_name(self) -> str:
        """The raw column that holds the field."""
        return self.column or self.name

    @property
    def is_lenient(self) -> bool:
        """Whether an unknown value becomes NULL with a warning instead of a reject."""
        return isinstance(self.type, Choice) and not self.required


@dataclass(frozen=True)
class RowRule:
    """A rule over the typed columns of one record: where `broken_if` holds, it is rejected."""

    reason: str
    broken_if: str
    """SQL over the raw columns; NULL counts as kept. `loaded_ms` is the load's time (epoch ms)."""


@dataclass(frozen=True)
class Contract:
    """One record type: its fields (required first), its rules, and how its table is laid out."""

    record_type: str
    fields: tuple[Field, ...]
    rules: tuple[RowRule, ...] = ()
    derived: tuple[tuple[str, str, str], ...] = ()
    """Further columns: name, SQL type, SQL over the typed columns."""
    partition_column: str | None = None

    @cached_property
    def columns(self) -> dict[str, str]:
        """The raw table's columns and their DuckDB types, in order."""
        return (
            {field.column_name: field.type.sql_type for field in self.fields}
            | {"source_file": "VARCHAR", "source_line": "BIGINT", "batch_number": "BIGINT"}
            | {name: sql_type for name, sql_type, _ in self.derived}
        )

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """The fields as files name them."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The fields that every record must carry."""
        return tuple(field.name for field in self.fields if field.required)

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Every reason for which a record can be rejected; the first that applies is given."""
        return (
            "malformed",
            *(f"missing_{field.name}" for field in self.fields if field.required),
            *(f"bad_{field.name}" for field in self.fields if not field.is_lenient),
            *(rule.reason for rule in self.rules),
        )
