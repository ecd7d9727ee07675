"""The parts of a contract: the requirements on records of one type, stated once, as data."""

from dataclasses import dataclass
from functools import cached_property

from allive.ingestion.contracts.fields import Choice, CountryCode, FieldType

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True)
class Field:
    """A field of a landed record. Missing and bad fields are reported in the contract's order."""

    name: str
    type: FieldType
    required: bool = False
    column: str = ""
    """The raw column that holds it, if its name differs (`position_s` → `position_ms`)."""
    default: str | None = None
    """The field whose value fills it if it is missing."""
    is_later: bool = False
    """True if there are tables from before the field existed, whose files lack its column."""
    description: str = ""
    """The meaning of the value, with its unit."""

    @property
    def column_name(self) -> str:
        """The raw column that holds the field."""
        return self.column or self.name


@dataclass(frozen=True)
class RowRule:
    """A rule over the typed columns of one record: if `broken_if` is true, the record is rejected."""

    reason: str
    broken_if: str
    """SQL over the raw columns; NULL counts as not broken. `loaded_ms` is the load's time (epoch ms)."""
    if_positive: str = ""
    """The field that needs another one if it is above 0, in a rule of this kind (`positive_needs`)."""
    needed: str = ""
    """The field that it needs."""


def positive_needs(reason: str, field: str, needed: str) -> RowRule:
    """Return the rule that a record whose `field` is above 0 must have the field `needed`."""
    return RowRule(reason, f"{field} > 0 and {needed} is null", field, needed)


# The latest record wins, so one that is dated years ahead by mistake could never be corrected.
_UPDATED_IN_FUTURE = RowRule("in_future", f"epoch_ms(updated_at) > loaded_ms + {DAY_MS}")


@dataclass(frozen=True)
class Contract:
    """One record type: its fields (required first), its rules, and how its table is laid out."""

    record_type: str
    fields: tuple[Field, ...]
    own_rules: tuple[RowRule, ...] = ()
    """Added to the rules for every record type."""
    keeps_odd_records: bool = False
    """True if an optional field that cannot be read becomes NULL with a warning, instead of rejecting the record."""
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
    def partition_sql(self) -> str:
        """SQL for the partition column over the other typed columns."""
        return next(expression for name, _, expression in self.derived if name == self.partition_column)

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields in files."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def rules(self) -> tuple[RowRule, ...]:
        """The rules between fields, in the order in which they are checked."""
        return (_UPDATED_IN_FUTURE, *self.own_rules) if "updated_at" in self.field_names else self.own_rules

    @cached_property
    def lenient(self) -> tuple[Field, ...]:
        """The fields that can be kept with a value other than the one written, with a warning: NULL, or `other`."""
        return tuple(
            field
            for field in self.fields
            if (isinstance(field.type, Choice) and field.type.other)
            or (not field.required and self._is_forgiven(field))
        )

    @cached_property
    def rejecting(self) -> tuple[Field, ...]:
        """The fields whose records are rejected if their value cannot be read."""
        return tuple(field for field in self.fields if field.required or not self._is_forgiven(field))

    def _is_forgiven(self, field: Field) -> bool:
        return self.keeps_odd_records or isinstance(field.type, Choice | CountryCode)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The fields that every record must have."""
        return tuple(field.name for field in self.fields if field.required)

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Every reason for which a record can be rejected; the first that applies is given."""
        return (
            "malformed",
            *(f"missing_{field.name}" for field in self.fields if field.required),
            *(f"bad_{field.name}" for field in self.rejecting),
            *(rule.reason for rule in self.rules),
        )
