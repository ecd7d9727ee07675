"""Converts the values of a Parquet column to the text that another format would contain."""

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from allive.ingestion.contracts.fields import Takes

Column: TypeAlias = "pa.Array[Any]"

NOT_TEXT = "\0"
"""Prefix of a value that its field cannot hold: an instant without a zone, a list, an id with decimals."""


def texts_of(values: Column, takes: Takes) -> Column:
    """A column as strings; null stays NULL.

    Args:
        values: a column of any type.
        takes: which values the field accepts; the others are marked with `NOT_TEXT`.
    """
    if pt.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if pt.is_null(kind):
        return values.cast(pa.string())
    if _is_string(kind):
        return _valid_strings(values)
    if takes is not Takes.WORD and (pt.is_integer(kind) or (pt.is_decimal(kind) and kind.scale == 0)):
        return values.cast(pa.string())
    if takes is Takes.ANYTHING:
        if pt.is_timestamp(kind) and kind.tz is not None:
            micros = values.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
            texts = micros.cast(pa.timestamp("us")).cast(pa.string())
            instants: Column = pc.call_function("binary_join_element_wise", [texts, pa.scalar("Z"), pa.scalar("")])
            return instants
        if pt.is_floating(kind) or pt.is_decimal(kind) or pt.is_boolean(kind) or pt.is_date(kind):
            return values.cast(pa.string())
    return _marked(values)


def _marked(values: Column) -> Column:
    """Values that their field cannot hold, as readable text, each marked with `NOT_TEXT`."""
    texts: Column
    if pt.is_nested(values.type) or pt.is_floating(values.type):  # Arrow writes 123.0 as 123, and cannot write lists
        texts = pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
    else:
        texts = values.cast(pa.string())
    marked: Column = pc.call_function("binary_join_element_wise", [pa.scalar(NOT_TEXT), texts, pa.scalar("")])
    return marked


def _is_string(kind: pa.DataType) -> bool:
    return (
        pt.is_string(kind)
        or pt.is_large_string(kind)
        or pt.is_string_view(kind)
        or pt.is_binary(kind)
        or pt.is_large_binary(kind)
        or pt.is_binary_view(kind)
    )


def _valid_strings(values: Column) -> Column:
    """Strings in valid UTF-8. Files and Arrow do not guarantee it, and DuckDB fails on anything else."""
    try:
        strings = values.cast(pa.string())
        strings.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array([_decoded(value) for value in values.cast(pa.binary()).to_pylist()])
    return strings


def _decoded(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return NOT_TEXT
