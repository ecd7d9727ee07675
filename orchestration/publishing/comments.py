"""Comments on every table and column of a copy: those of the marts are their descriptions in dbt."""

from collections.abc import Iterable
from typing import Final

import duckdb

from allive.ingestion.sql_text import sql_name, sql_text

_MONTH: Final = "Settlement month as text, `YYYY-MM`."
_ARTIST: Final = "Artist."
_RECORD_TYPE: Final = "Type of the landed records."
_REASON_CODE: Final = "The bank's reason as a code; null if it gave none."
_REASON_FR: Final = "The reason in French."
_REASON_EN: Final = "The reason in English."

_PUBLISHED: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "adjustments": (
        "Grain: one row per run, month that it settled again, and artist: the rows of each run's `adjustments.csv`.",
        {
            "settlement_month": "Month of the run, `YYYY-MM`.",
            "corrects_month": "Month that was settled again, `YYYY-MM`.",
            "artist_id": _ARTIST,
            "booked_cents": "Booked for that month before, by its close and earlier adjustments.",
            "recomputed_cents": "Result of settling the month again.",
            "adjustment_cents": "Difference, booked by this run.",
        },
    ),
    "artist_payouts": (
        "Grain: one row per closed month and artist: the rows of each run's `artist_payouts.csv`.",
        {
            "settlement_month": _MONTH,
            "artist_id": _ARTIST,
            "artist_name": "Name when the month closed.",
            "category": "Category on the month's last day.",
            "watch_ms": "Watch time that weighed in paid periods, in ms.",
            "paying_subscribers": "Subscribers of whose envelopes a direct part went to the artist.",
            "direct_nanos": "Direct part of subscribers' envelopes.",
            "pool_nanos": "Share of the pool.",
            "earned_nanos": "Direct and pool together.",
            "earned_cents": "Earnings, rounded once over all artists of the run.",
            "adjustment_cents": "Sum of the run's adjustments of earlier months.",
            "brought_forward_cents": "Balance before the run.",
            "paid_cents": "Ordered to be paid; 0 if everything is carried.",
            "carried_forward_cents": "Balance after the run; it can be negative.",
            "carry_reason": "Why the balance is carried; empty if it is paid.",
        },
    ),
    "checks": (
        "Grain: one row per dbt test of the build behind this copy.",
        {
            "name": "Name of the check.",
            "asset": "Model that is tested.",
            "kind": "`data` tests landed data, `unit` tests the code on cases worked out by hand.",
            "status": "`pass`, `warn`, `fail` or `error`.",
            "severity": "Effect of a failure: `warn` shows it, `error` keeps the copy from being published.",
            "failures": "Number of rows that break the test.",
            "message": "Result in words; it names no record.",
            "description": "Purpose of the check.",
            "checked_at": "Instant of the check, UTC.",
        },
    ),
    "closed_months": (
        "Grain: one row per closed month: its control totals and its place in the chain of closed months.",
        {
            "settlement_month": _MONTH,
            "run_hash": "SHA-256 that identifies the run and all of its files.",
            "closed_at": "Instant of the close, UTC.",
            "periods": "Paid periods that the run settled.",
            "idle_periods": "Periods of subscribers who watched nothing that counts.",
            "envelope_nanos": "Sum of the envelopes.",
            "envelope_cents": "Sum of the envelopes, in cents.",
            "direct_nanos": "Sum of the direct parts.",
            "pool_nanos": "The pool.",
            "pool_members": "Number of artists who share the pool.",
            "earned_cents": "Sum of what artists earned.",
            "adjustment_cents": "Sum of the adjustments of earlier months.",
            "brought_forward_cents": "Sum of the balances before the run.",
            "paid_cents": "Sum ordered to be paid.",
            "paid_artists": "Number of artists paid.",
            "carried_forward_cents": "Sum of the balances after the run.",
            "open_periods": "Paid periods of later months at the time of the close.",
            "open_envelope_cents": "Sum of their envelopes.",
            "payment_date": "Requested date of the payments.",
            "pool_rule": "How the pool was shared: `equal` or `direct`.",
            "minimum_payout_cents": "Smallest balance that was paid.",
        },
    ),
    "copy": (
        "Grain: one row: this copy.",
        {
            "inputs": "SHA-256 of everything the copy was made from.",
            "published_at": "Instant of publishing, UTC.",
            "data_until_at": "Instant of the latest heartbeat, UTC.",
        },
    ),
    "estimates": (
        "Grain: one row per open month, artist and Paris day on which a copy was published, for 62 days.",
        {
            "settlement_month": _MONTH,
            "artist_id": _ARTIST,
            "seen_on": "Day in Paris.",
            "earned_nanos": "Estimate on that day, direct and pool together.",
            "direct_nanos": "Estimate of the direct part.",
            "pool_nanos": "Estimate of the share of the pool.",
            "earned_cents": "The estimate in cents; null for days that an earlier release published.",
            "watch_ms": "Watch time that weighs so far, in ms.",
        },
    ),
    "freshness": (
        "Grain: one row per type of landed records.",
        {
            "record_type": _RECORD_TYPE,
            "records": "Records loaded, all versions.",
            "last_loaded_at": "Instant of the last load, UTC.",
            "last_event_at": "Latest instant in the records, UTC; null if they have none.",
        },
    ),
    "held_batches": (
        "Grain: one row per batch that is held and waits for a decision.",
        {
            "batch": "Id of the batch.",
            "record_type": _RECORD_TYPE,
            "reason": "Checks that failed, by name.",
            "found": "The finding, and the value that was expected.",
            "held_at": "Instant since when it is held, UTC.",
            "records": "Records in it.",
            "first_day": "First day in Paris of its records.",
            "last_day": "Last day in Paris of its records.",
        },
    ),
    "ibans_set_aside": (
        "Grain: one row per artist and IBAN that nothing is paid to until another arrives or somebody confirms it.",
        {
            "artist_id": _ARTIST,
            "masked_iban": "The IBAN, all but its ends left out.",
            "set_aside_at": "Instant since when, UTC.",
            "end_to_end_id": "Payment whose return or rejection set it aside.",
            "is_current": "True if the artist's latest record bears it; null if that is not known.",
            "reason_code": _REASON_CODE,
            "reason_fr": _REASON_FR,
            "reason_en": _REASON_EN,
        },
    ),
    "marts": (
        "Grain: one row per mart in this copy.",
        {"mart": "Name of the table in schema `marts`.", "rows": "Its number of rows."},
    ),
    "open_balances": (
        "Grain: one row per artist whose balance is not 0: amounts that the next run brings forward.",
        {
            "artist_id": _ARTIST,
            "balance_cents": "Balance: carried and pending together; negative if corrections exceed earnings.",
            "carried_cents": "Carried by the last run.",
            "pending_cents": "Since then: returns and given-back orders, less payments made otherwise; write-offs.",
            "carry_reason": "Why the last run carried it; null if it carried nothing.",
            "carried_since": "First month since when every run has carried an amount of this sign, `YYYY-MM`.",
            "minimum_payout_cents": "Smallest balance that the last run paid.",
        },
    ),
    "payment_holds": (
        "Grain: one row per artist whose payments are held.",
        {
            "artist_id": _ARTIST,
            "held_at": "Instant since when, UTC.",
            "operator": "Person who holds them.",
            "why": "Their reason.",
        },
    ),
    "payments": (
        "Grain: one row per attempt to pay an artist's amount of a closed month, and per amount never ordered.",
        {
            "end_to_end_id": "Id of the transfer at the bank.",
            "message_id": "Id of its order; null if it was never ordered.",
            "settlement_month": _MONTH,
            "artist_id": _ARTIST,
            "state": "`unordered`, `ordered`, `executed`, `partly_returned`, `returned`, `cancelled`, `given_back`, or "
            "`reordered`: a later attempt took its place.",
            "state_on": "Day of the state: the bank's, or the day in Paris on which it was recorded.",
            "paid_cents": "Amount that the closed month pays; attempts that were not reordered add up to it.",
            "withheld_cents": "Part of it that is withheld, as the law says.",
            "ordered_cents": "Amount of the transfer: paid less withheld.",
            "returned_cents": "Part of the transfer that came back.",
            "withheld_back_cents": "Withheld amount that went back to the balance with it.",
            "ordered_at": "Instant of the order, UTC.",
            "requested_on": "Day on which the bank is asked to execute it.",
            "executed_on": "Day on which the bank booked it.",
            "repeated_by": "Id of the attempt that took its place.",
            "reason_code": _REASON_CODE,
            "reason_class": "Class of the reason: what it means for the next payment.",
            "reason_fr": _REASON_FR,
            "reason_en": _REASON_EN,
            "waits_for": "Who has the next move: `bank`, `artist`, `allive` or `close`; null if nothing is left to do.",
            "next_command": "Command that takes it further.",
        },
    ),
    "payments_otherwise": (
        "Grain: one row per payment made otherwise than by our orders.",
        {
            "artist_id": _ARTIST,
            "paid_cents": "Amount that was paid.",
            "means": "By which means, in the operator's words.",
            "paid_on": "Day of the payment.",
            "operator": "Person who recorded it.",
            "why": "Their reason.",
            "taken_up_by": "Run that took it into a balance, `YYYY-MM`; null until then.",
        },
    ),
    "payments_register": (
        "Grain: one row: the register of payments as it was read.",
        {
            "head": "SHA-256 of its last line.",
            "lines": "Number of its lines.",
            "read_at": "Instant of reading, UTC.",
        },
    ),
    "rejects": (
        "Grain: one row per type of landed records and reason, over everything that was ever loaded.",
        {
            "record_type": _RECORD_TYPE,
            "reason": "Why the lines were rejected.",
            "rejects": "Number of lines.",
            "last_loaded_at": "Instant of the last load with such a line, UTC.",
        },
    ),
    "scenarios": (
        "Grain: one row per scenario: another policy under which months are settled again.",
        {
            "place": "Order on the page, from 1.",
            "scenario": "Name.",
            "kind": "The setting of the policy that differs.",
            "value": "Its value, in cents, seconds or basis points; null if it is no number.",
        },
    ),
    "statements": (
        "Grain: one row per statement that can be downloaded.",
        {"settlement_month": _MONTH, "artist_id": _ARTIST},
    ),
    "unmatched_movements": (
        "Grain: one row per movement or status of the bank's files that is no payment's for certain.",
        {
            "movement": "Id in the register of payments.",
            "reason": "Why it was not matched; `unrelated` if nothing in it points to one of our orders.",
            "booked_on": "Day of the booking.",
            "amount_cents": "Amount, negative if money left the account; null for a status.",
            "currency": "Currency of the amount.",
            "counterparty": "Other party; null if unrelated.",
            "text": "The bank's text, IBANs masked; null if unrelated.",
            "end_to_end_id": "Id of a transfer that it names; null if unrelated.",
            "message_id": "Id of an order that it names; null if unrelated.",
            "bank_file": "Name of the imported file.",
            "imported_at": "Instant of the import, UTC.",
        },
    ),
    "what_if": (
        "Grain: one row per month, scenario and artist.",
        {
            "settlement_month": _MONTH,
            "scenario": "Name of the scenario.",
            "artist_id": _ARTIST,
            "category": "Category on the month's last day.",
            "earned_cents": "Earnings under the scenario.",
            "paid_cents": "Payment under the scenario; balances count only in the month that closes next.",
        },
    ),
    "what_if_months": (
        "Grain: one row per month and scenario.",
        {
            "settlement_month": _MONTH,
            "scenario": "Name of the scenario.",
            "inputs": "Hash of everything that settling the month reads.",
            "is_closed": "True if the month is closed.",
            "with_balances": "True if payments include balances brought forward and adjustments.",
            "periods": "Paid periods.",
            "own_envelopes": "Periods that keep their own envelope, whatever the scenario sets.",
            "envelope_nanos": "Sum of the envelopes.",
            "direct_nanos": "Sum of the direct parts.",
            "pool_nanos": "The pool.",
            "pool_members": "Number of artists who share the pool.",
            "earned_cents": "Sum of the earnings.",
            "paid_cents": "Sum of the payments.",
            "paid_artists": "Number of artists paid.",
            "carried_forward_cents": "Sum of the balances after the run.",
        },
    ),
}


def write_comments(con: duckdb.DuckDBPyConnection) -> None:
    """Comment on the tables and columns of a copy; `warehouse` is attached and has the marts' own comments."""
    con.execute(
        ";\n".join(
            f"comment on {kind} {name} is {sql_text(comment)}"
            for kind, name, comment in (*_of_marts(con), *_of_published(con))
        )
    )


def write_comments_of(con: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Comment on some tables of schema `published` and their columns."""
    wanted = {f"published.{table}" for table in tables}
    con.execute(
        ";\n".join(
            f"comment on {kind} {name} is {sql_text(comment)}"
            for kind, name, comment in _of_published(con)
            if ".".join(name.split(".")[:2]) in wanted
        )
    )


def _of_marts(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    rows = con.execute(
        """
        with marts as (select table_name from duckdb_tables() where database_name = current_database()
            and schema_name = 'marts')
        select table_name, null, comment from duckdb_tables()
        where database_name = 'warehouse' and schema_name = 'marts' and table_name in (from marts)
        union all
        select table_name, column_name, comment from duckdb_columns()
        where database_name = 'warehouse' and schema_name = 'marts' and table_name in (from marts)
        """
    ).fetchall()
    return [
        ("column", f"marts.{table}.{sql_name(column)}", comment) if column else ("table", f"marts.{table}", comment)
        for table, column, comment in rows
        if comment
    ]


def _of_published(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    rows = con.execute(
        "select table_name, column_name from duckdb_columns() where database_name = current_database() "
        "and schema_name = 'published'"
    ).fetchall()
    tables = {table for table, _ in rows}
    return [
        *(("table", f"published.{table}", _PUBLISHED[table][0]) for table in sorted(tables)),
        *(("column", f"published.{table}.{sql_name(column)}", _PUBLISHED[table][1][column]) for table, column in rows),
    ]
