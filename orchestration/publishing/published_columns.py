"""Refuses to publish columns that name a subscriber, a bank account or an address."""

from typing import Final

import duckdb

PERSONAL_COLUMNS: Final = frozenset(
    {
        "subscriber_id",
        "subscriber_pseudonym",
        "period_id",
        "playback_id",
        "email",
        "iban",
        "bic",
        "street",
        "postcode",
        "town",
        "country",
        "legal_name",
        "account_holder",
        "siren",
        "vat_id",
        "tax_country",
        "contact_email",
    }
)


class PersonalDataError(RuntimeError):
    """A table of the new copy has a column that must not leave the warehouse."""


def refuse_personal_columns(con: duckdb.DuckDBPyConnection) -> None:
    """Check every column of the copy that `con` has just written, regardless of its source.

    Raises:
        PersonalDataError: There is a personal column, which every dashboard could read.
    """
    columns = con.execute(
        "select schema_name, table_name, column_name from duckdb_columns() "
        "where database_name = current_database() and not internal order by all"
    ).fetchall()
    personal = [f"{schema}.{table}.{column}" for schema, table, column in columns if column in PERSONAL_COLUMNS]
    if personal:
        raise PersonalDataError(
            f"Found personal columns in the new serving copy: {', '.join(personal)}; expected none. Take the column "
            "out of the mart, or the mart out of PUBLISHED_MARTS. The copy in service was not changed."
        )
