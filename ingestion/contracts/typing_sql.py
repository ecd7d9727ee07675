"""The one place where a contract becomes SQL: records as text in, typed and judged records out."""

from ingestion.contracts.contract import Contract, Field
from ingestion.contracts.fields import sql_text

ACCEPTED = "accepted"
UNKNOWN = "unknown_"
"""Outcome of an accepted record in which an optional field of a closed list was unknown."""


def text_column(field: Field) -> str:
    """The column in which readers hand over a field's text (NULL: missing)."""
    return f"text_{field.name}"


def judged_records(contract: Contract, source: str) -> str:
    """SQL for every record of `source` with its outcome: accepted, `unknown_<field>`, or a reason.

    Args:
        contract: the contract of the record type.
        source: a subquery with source_file, source_line, raw, is_malformed and the text columns.

    Returns:
        A query with the contract's columns and `outcome`. Parameters: `$loaded_ms`,
        `$batch_number`. A rejected record carries its raw text in the first column: both kinds
        leave in one pass over the file, into different partitions, without a spare column.
        `outcome` is an ENUM: partitioning by text allocates for every row.
    """
    texts = ", ".join(f"nullif({text_column(field)}, '') as {text_column(field)}" for field in contract.fields)
    values = ", ".join(f"{field.type.value(text_column(field))} as value_{field.name}" for field in contract.fields)
    columns = ", ".join(
        f"coalesce(value_{field.name}, value_{field.default}) as {field.column_name}"
        if field.default
        else f"value_{field.name} as {field.column_name}"
        for field in contract.fields
    )
    text_names = ", ".join(text_column(field) for field in contract.fields)
    value_names = ", ".join(f"value_{field.name}" for field in contract.fields)
    derived = "".join(f", {expression} as {name}" for name, _, expression in contract.derived)
    first, *rest = contract.columns
    final = ", ".join(
        f"case when is_accepted then {name} end as {name}" if name == contract.partition_column else name
        for name in rest
    )
    outcomes = ", ".join(map(sql_text, _outcomes(contract)))
    return f"""
        with texts as (
            select source_file, source_line, raw, is_malformed, {texts} from ({source})
        ),
        typed as (select source_file, source_line, raw, is_malformed, {text_names}, {values} from texts),
        named as (
            select source_file, source_line, raw, is_malformed, {text_names}, {value_names}, {columns}
            from typed
        ),
        derived as (
            select
                *,
                cast($batch_number as bigint) as batch_number,
                cast($loaded_ms as bigint) as loaded_ms
                {derived}
            from named
        ),
        judged as (select *, {_outcome(contract)} as outcome from derived),
        final as (
            select *, outcome = '{ACCEPTED}' or starts_with(outcome, '{UNKNOWN}') as is_accepted
            from judged
        )
        select
            case when is_accepted then {first} else raw end as {first}, {final},
            cast(outcome as enum ({outcomes})) as outcome
        from final
    """


def _outcomes(contract: Contract) -> list[str]:
    return [ACCEPTED, *contract.reasons, *(UNKNOWN + field.name for field in contract.fields if field.is_lenient)]


def _outcome(contract: Contract) -> str:
    """The first reason that applies, in the order of `Contract.reasons`."""
    cases = ["when is_malformed then 'malformed'"]
    cases += [
        f"when {text_column(field)} is null then {sql_text('missing_' + field.name)}"
        for field in contract.fields
        if field.required
    ]
    bad = "when {text} is not null and value_{name} is null then {outcome}"
    cases += [
        bad.format(text=text_column(field), name=field.name, outcome=sql_text("bad_" + field.name))
        for field in contract.fields
        if not field.is_lenient
    ]
    cases += [f"when {rule.broken_if} then {sql_text(rule.reason)}" for rule in contract.rules]
    cases += [
        bad.format(text=text_column(field), name=field.name, outcome=sql_text(UNKNOWN + field.name))
        for field in contract.fields
        if field.is_lenient
    ]
    return f"case {' '.join(cases)} else '{ACCEPTED}' end"
