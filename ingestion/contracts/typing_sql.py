"""Turns a contract into SQL that takes records as text and returns them typed and judged. No other module does."""

from allive.ingestion.contracts.contract import Contract, Field
from allive.ingestion.contracts.fields import IS_PLAIN
from allive.ingestion.sql_text import sql_text

ACCEPTED = "accepted"
ODD = "odd"
"""Outcome of an accepted record with a field that is not kept as written."""

_END_OF_NOTES = "chr(0)"
_END_OF_NOTE = "chr(1)"
_SEPARATORS = f"{_END_OF_NOTES} || {_END_OF_NOTE}"
_NOTED_CHARACTERS = 60


def text_column(field: Field) -> str:
    """The column in which readers pass a field's text (NULL if missing)."""
    return f"text_{field.name}"


def judged_records(contract: Contract, source: str) -> str:
    """SQL for every record of `source` with its outcome: accepted, odd, or a reason.

    Args:
        contract: the contract of the record type.
        source: a subquery with source_file, source_line, raw, is_malformed, is_plain and the text columns.

    Returns:
        A query with the contract's columns and `outcome`. Parameters: `$loaded_ms`, `$batch_number`.
        In a rejected record, the first column contains its raw text. In an odd record, it contains notes of what was
        written in the odd fields, then the column's own value (`odd_notes`, `without_notes`). So all kinds are written
        in one pass over the file, to different partitions, without an extra column.
        `outcome` is an ENUM, because partitioning by text allocates memory for every row.
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
    outcomes = ", ".join(map(sql_text, (ACCEPTED, ODD, *contract.reasons)))
    return f"""
        with texts as (
            select source_file, source_line, raw, is_malformed, {IS_PLAIN}, {texts} from ({source})
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
            select *, outcome = '{ACCEPTED}' or outcome = '{ODD}' as is_accepted
            from judged
        )
        select
            case
                when outcome = '{ACCEPTED}' then {first}
                when outcome = '{ODD}' then concat({_notes(contract)}, {_END_OF_NOTES}, {first})
                else raw
            end as {first},
            {final},
            cast(outcome as enum ({outcomes})) as outcome
        from final
    """


def odd_notes(contract: Contract, source: str) -> str:
    """SQL for the text that was written in the odd fields of the odd records of `source`, a query of `judged_records`.

    Returns:
        A query with source_file, source_line, field (its name in files) and written (the beginning of its text).
    """
    first = next(iter(contract.columns))
    return f"""
        with notes as (
            select
                source_file, source_line,
                unnest(string_split(split_part({first}, {_END_OF_NOTES}, 1), {_END_OF_NOTE})) as note
            from ({source})
        )
        select
            source_file, source_line, split_part(note, '=', 1) as field,
            substr(note, strpos(note, '=') + 1) as written
        from notes
    """


def without_notes(contract: Contract, source: str) -> str:
    """SQL for the contract's columns, without notes, of the odd records of `source`, a query of `judged_records`."""
    first, *rest = contract.columns
    return f"select split_part({first}, {_END_OF_NOTES}, 2) as {first}, {', '.join(rest)} from ({source})"


def _notes(contract: Contract) -> str:
    """SQL for `field=written text` of each odd field."""
    notes = (
        f"case when {_is_odd(field)} then "
        f"concat({sql_text(field.name + '=')}, left(translate({text_column(field)}, {_SEPARATORS}, ''), "
        f"{_NOTED_CHARACTERS})) end"
        for field in contract.lenient
    )
    return f"concat_ws({_END_OF_NOTE}, {', '.join(notes) or 'null'})"


def _is_odd(field: Field) -> str:
    return field.type.is_odd(text_column(field), _value(field))


def _value(field: Field) -> str:
    return f"value_{field.name}"


def _outcome(contract: Contract) -> str:
    """SQL for the first reason that applies, in the order of `Contract.reasons`."""
    cases = ["when is_malformed then 'malformed'"]
    cases += [
        f"when {field.type.is_missing(text_column(field), _value(field))} then {sql_text('missing_' + field.name)}"
        for field in contract.fields
        if field.required
    ]
    cases += [
        f"when {field.type.is_bad(text_column(field), _value(field))} then {sql_text('bad_' + field.name)}"
        for field in contract.rejecting
    ]
    cases += [f"when {rule.broken_if} then {sql_text(rule.reason)}" for rule in contract.rules]
    cases += [f"when {_is_odd(field)} then '{ODD}'" for field in contract.lenient]
    return f"case {' '.join(cases)} else '{ACCEPTED}' end"
