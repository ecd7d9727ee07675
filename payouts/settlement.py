"""Reads a settled month from the marts: totals, policy, artists, payees, blockers. Decides nothing."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from allive.ingestion.paris_days import paris_day
from allive.payouts.balances import Payee


@dataclass(frozen=True)
class ArtistMonth:
    """One artist's earnings in the month, on the data the warehouse was built from (`marts.fct_artist_months`)."""

    artist_id: str
    category: str | None
    is_pool_member: bool
    watch_ms: int
    paying_subscribers: int
    direct_nanos: int
    pool_nanos: int
    earned_nanos: int
    earned_cents: int


@dataclass(frozen=True)
class Blocker:
    """One reason in the data why a month cannot close (`marts.fct_close_blockers`)."""

    settlement_month: str
    reason: str
    subject_id: str
    found: int


@dataclass(frozen=True)
class ArtistCorrection:
    """One artist in a month of the look-back: cents booked so far, and cents when settled now."""

    artist_id: str
    booked_cents: int
    recomputed_cents: int


@dataclass(frozen=True)
class Resettlement:
    """A closed month of the look-back, settled again (RULES.md §6).

    Attributes:
        catalogue: The run whose pinned catalogue it was settled with; None means today's,
            because of an amendment.
        totals: As in a `Settlement`, plus the periods that no month has booked.
        artists: Every artist of the month, corrected or not.
    """

    settlement_month: str
    catalogue: str | None
    totals: dict[str, int]
    policy: dict[str, Any]
    pool_members: tuple[str, ...]
    artists: tuple[ArtistCorrection, ...]

    @property
    def is_changed(self) -> bool:
        """Whether anything has to be booked: an artist's cents, or a period."""
        return self.totals["unbooked_periods"] > 0 or any(
            artist.booked_cents != artist.recomputed_cents for artist in self.artists
        )


@dataclass(frozen=True)
class Settlement:
    """One settlement month, settled and not yet closed.

    Attributes:
        totals: The month's row of `marts.fct_settlement_months`: periods, envelope, direct, pool, open envelopes.
        policy: The policy row in force on the month's last day.
        blockers: Blockers of the month and of its look-back.
        raw_versions: The pinned version of each raw table; None if nothing has landed.
    """

    settlement_month: str
    totals: dict[str, int]
    policy: dict[str, Any]
    pool_members: tuple[str, ...]
    artists: tuple[ArtistMonth, ...]
    payees: dict[str, Payee] = field(repr=False)
    blockers: tuple[Blocker, ...]
    raw_versions: dict[str, int | None]
    look_back: tuple[Resettlement, ...] = ()


def read_settlement(con: duckdb.DuckDBPyConnection, month: str) -> Settlement | None:
    """Return the month as settled in the marts, or None if the warehouse has no data for it."""
    totals = _totals(con, month)
    if totals is None:
        return None
    artists = tuple(
        ArtistMonth(*values)
        for values in con.execute(
            """
            select
                artist_id, category, is_pool_member, current_watch_ms, current_paying_subscribers,
                current_direct_nanos, current_pool_nanos, current_earned_nanos, current_earned_cents
            from marts.fct_artist_months where settlement_month = ? order by artist_id
            """,
            [month],
        ).fetchall()
    )
    look_back = _read_look_back(con)
    return Settlement(
        settlement_month=month,
        totals=totals,
        policy=_policy(con, month),
        pool_members=_pool_members(con, month),
        artists=artists,
        payees=_read_payees(con),
        blockers=_read_blockers(con, (month, *(again.settlement_month for again in look_back))),
        raw_versions=dict(con.execute("select table_name, version from raw.pins order by table_name").fetchall()),
        look_back=look_back,
    )


def _read_look_back(con: duckdb.DuckDBPyConnection) -> tuple[Resettlement, ...]:
    months = con.execute(
        "select settlement_month, catalogue from marts.fct_settlement_months "
        "where is_in_look_back order by settlement_month"
    ).fetchall()
    return tuple(_read_resettlement(con, month, catalogue) for month, catalogue in months)


def _read_resettlement(con: duckdb.DuckDBPyConnection, month: str, catalogue: str | None) -> Resettlement:
    totals = _totals(con, month)
    assert totals is not None  # noqa: S101 - the month was read from the same mart
    artists = con.execute(
        """
        select artist_id, coalesce(booked_earned_cents, 0) + adjustment_cents, current_earned_cents
        from marts.fct_artist_months where settlement_month = ? order by artist_id
        """,
        [month],
    ).fetchall()
    return Resettlement(
        settlement_month=month,
        catalogue=catalogue,
        totals=totals,
        policy=_policy(con, month),
        pool_members=_pool_members(con, month),
        artists=tuple(ArtistCorrection(*values) for values in artists),
    )


def _totals(con: duckdb.DuckDBPyConnection, month: str) -> dict[str, int] | None:
    return _row(
        con,
        """
        select
            periods, idle_periods, envelope_nanos, direct_nanos, pool_nanos, unbooked_periods, open_periods,
            open_envelope_nanos
        from marts.fct_settlement_months where settlement_month = ?
        """,
        month,
    )


def _policy(con: duckdb.DuckDBPyConnection, month: str) -> dict[str, Any]:
    policy = _row(
        con,
        """
        select
            policy_valid_from, price_cents, envelope_cents, minimum_live_s, minimum_pool_share_bp,
            minimum_payout_cents, look_back_months, payment_delay_days, pool_rule
        from marts.fct_settlement_months where settlement_month = ?
        """,
        month,
    )
    assert policy is not None  # noqa: S101 - its totals were found in the same row
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in policy.items()}


def _pool_members(con: duckdb.DuckDBPyConnection, month: str) -> tuple[str, ...]:
    rows = con.execute(
        "select artist_id from marts.fct_artist_months "
        "where settlement_month = ? and is_pool_member order by artist_id",
        [month],
    ).fetchall()
    return tuple(artist_id for (artist_id,) in rows)


def was_built_after(
    con: duckdb.DuckDBPyConnection, kept_catalogues: dict[str, str | None], look_back: tuple[str, ...]
) -> bool:
    """Whether the warehouse was built completely, passed all blocking checks, and has exactly these months booked.

    Args:
        con: The warehouse.
        kept_catalogues: The current result of `allive.payouts.bookings.kept_catalogues`.
        look_back: The current result of `allive.payouts.look_back.look_back_of_next_run`.
    """
    finished = con.execute(
        "select count(*) from information_schema.tables where table_schema = 'build' and table_name = 'finished'"
    ).fetchone()
    if finished != (1,) or con.execute("select count(*) from build.finished").fetchone() == (0,):
        return False
    booked = con.execute("select settlement_month, catalogue, is_in_look_back from booked.months").fetchall()
    return set(booked) == {(month, run, month in look_back) for month, run in kept_catalogues.items()}


def first_month_with_periods(con: duckdb.DuckDBPyConnection) -> str | None:
    """Return the earliest settlement month that has periods to settle."""
    row = con.execute("select min(settlement_month) from marts.fct_settlement_months where periods > 0").fetchone()
    return row[0] if row else None


def known_months(con: duckdb.DuckDBPyConnection) -> tuple[str, str] | None:
    """Return the first and the last settlement month that the warehouse has data for."""
    row = con.execute("select min(settlement_month), max(settlement_month) from marts.fct_settlement_months").fetchone()
    return (row[0], row[1]) if row and row[0] else None


def _read_payees(con: duckdb.DuckDBPyConnection) -> dict[str, Payee]:
    rows = con.execute(
        f"""
        select
            artist_id, artist_name, iban, bic,
            {paris_day("iban_first_seen_at")} as iban_first_seen_on,
            is_first_iban, left_on, street, postcode, town, country, legal_name, account_holder, siren, vat_id,
            tax_country, contact_email, has_other_iban, iban_is_undated
        from marts.dim_payees
        """
    ).fetchall()
    return {values[0]: Payee(*values) for values in rows}


def _read_blockers(con: duckdb.DuckDBPyConnection, months: tuple[str, ...]) -> tuple[Blocker, ...]:
    rows = con.execute(
        """
        select settlement_month, reason, subject_id, found
        from marts.fct_close_blockers
        where list_contains($months, settlement_month) order by settlement_month desc, reason, subject_id
        """,
        {"months": list(months)},
    ).fetchall()
    return tuple(Blocker(*values) for values in rows)


def _row(con: duckdb.DuckDBPyConnection, query: str, month: str) -> dict[str, Any] | None:
    cursor = con.execute(query, [month])
    names = [column[0] for column in cursor.description]
    values = cursor.fetchone()
    return dict(zip(names, values, strict=True)) if values else None
