"""The values of a Parquet column as the text another format would have held."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

NOT_TEXT = "\0"
"""Marks a value that its field cannot be: an instant without zone, a list, an id with decimals."""


def texts_of(values: pa.Array, *, is_text: bool) -> pa.Array:
    """A column as strings, NULL where it is null.

    Args:
        values: a column of any type.
        is_text: whether the field holds text (an id), which only strings and whole numbers are.
    """
    if pt.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pt.is_null(kind):
        return values.cast(pa.string())
    if _is_string(kind):
        return _valid_strings(values)
    if pt.is_integer(kind):
        return values.cast(pa.string())
    if not is_text:
        if pt.is_timestamp(kind) and kind.tz is not None:
            micros = values.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
            return _append_z(micros.cast(pa.timestamp("us")).cast(pa.string()))
        if pt.is_floating(kind) or pt.is_decimal(kind) or pt.is_boolean(kind) or pt.is_date(kind):
            return values.cast(pa.string())
    return pc.if_else(values.is_valid(), pa.scalar(NOT_TEXT), pa.scalar(None, pa.string()))


def _is_string(kind: pa.DataType) -> bool:
    return (
        pt.is_string(kind)
        or pt.is_large_string(kind)
        or pt.is_string_view(kind)
        or pt.is_binary(kind)
        or pt.is_large_binary(kind)
        or pt.is_binary_view(kind)
    )


def _valid_strings(values: pa.Array) -> pa.Array:
    """Strings in UTF-8: neither files nor Arrow promise it, and DuckDB stops at others."""
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


def _append_z(texts: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(texts, pa.scalar("Z"), "")
