"""Open warnings to look at before a month closes, in words, with the records they are about.

Nothing here forbids a close. A close by hand requires the code of exactly these warnings, so that they are not waved
through by habit; a close by the schedule stops at the kinds named in the settings (RULES.md §6).
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import duckdb

from allive.ingestion.checks import is_too_much_rejected
from allive.ingestion.counted import counted
from allive.ingestion.raw_tables import REJECTS
from allive.ingestion.raw_versions import UnknownVersionError, last_batch_of
from allive.ingestion.settings import Settings
from allive.payouts import ledger, months
from allive.payouts.bank_details import bic_for, electronic, is_in_eea, masked, territory_outside_sepa
from allive.payouts.run import ClosedRun
from allive.payouts.sepa_text import is_sendable_address

_CODE_DIGITS: Final = 8
_MS_PER_HOUR: Final = 3_600_000

KINDS: Final = {
    "live_unknown": "Watched lives that are not in the catalogue: their time is worth no money. Deliver them in "
    "landing/lives/ if they should count.",
    "periods_overlap": "Paid periods that begin before an earlier one of the same subscriber ends: each is settled. "
    "Was a subscriber charged twice?",
    "day_over_24_hours": "Subscribers who watched more than 24 h on one day: a shared account, or forged heartbeats. "
    "It affects no money but their own.",
    "day_without_heartbeats": "Days without a single heartbeat: is an upload missing?",
    "day_unusual": "Days far outside what is usual on that weekday: is an upload missing, or did one arrive twice "
    "under other ids?",
    "player_rejects": "Devices and app versions with more than 5 % of their heartbeats rejected since the last close: "
    "their watch time is lost. See them with `allive rejects list`; the next release of the player must correct it.",
    "player_single_heartbeats": "Devices and app versions whose playbacks often have a single heartbeat, which earns "
    "nothing: does the player stop after the first one?",
    "player_frozen_positions": "Devices and app versions that keep playing while their position does not change: that "
    "time earns nothing. Right for a stall, wrong if the player repeats the position of the live edge.",
    "player_sparse_heartbeats": "Devices and app versions whose heartbeats are more than 30 s apart, the most that one "
    "can earn: with one per minute, half of the watch time counts for no one.",
    "player_missing_positions": "Devices and app versions that play without positions for a large part of the month: a "
    "stall cannot be distinguished from watching.",
    "watched_unsubscribed": "Subscribers who watched for an hour or more on days that no subscription of theirs "
    "covers: is an export of periods missing? Without a period their time goes to no one.",
    "refund_of_final_month": "Refunds of periods whose month is final: no run takes the money back. Book them by hand "
    "if needed.",
    "iban_shared": "One IBAN for several artists: a duo, or diverted payments?",
    "iban_changed": "IBANs that changed since the month began: does the artist know about it?",
    "bic_left_out": "BICs that do not fit the IBAN of an artist who is paid: the order leaves them out, and the bank "
    "finds its way by the IBAN. Ask the artist which of the two is right.",
    "account_in_territory": "Accounts of artists who are paid, at banks of French territories outside SEPA: does the "
    "contract with our bank cover transfers to them in a SEPA file?",
    "account_outside_eea": "Accounts of artists who are paid, in SEPA countries outside the European Economic Area: "
    "banks ask for the BIC and for the holder's address (town and country), and may refuse the transfer without them.",
    "tax_country_unknown": "Artists who are paid and whose country of tax residence is unknown, while a withholding "
    "depends on it: nothing is withheld from them. Deliver their `tax_country`.",
    "rejects": "Records rejected since the last close that might belong to the month: see them with "
    "`allive rejects list`, one by one with `allive rejects show --file FILE`, and correct them after "
    "`allive rejects export`.",
}
"""Every kind of warning and its meaning, in the order shown."""


@dataclass(frozen=True)
class CloseWarning:
    """One open warning.

    Attributes:
        kind: One of KINDS.
        subject: The record that it is about: a live, a period, a subscriber, a day, an IBAN (masked), a file, a device
            with its app version.
        found: The observation in words; part of the acknowledgement code.
    """

    kind: str
    subject: str
    found: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.found}"


def open_warnings(settings: Settings, con: duckdb.DuckDBPyConnection, run: ClosedRun) -> tuple[CloseWarning, ...]:
    """Return every open warning of the month that `run` would close, sorted by kind and subject.

    Args:
        settings: The data home.
        con: The warehouse that the run was settled from.
        run: The run.
    """
    since_rejects = _batch_of_last_close(settings, REJECTS)
    found = [
        *_in_the_data(con, run.settlement_month, since_batch=_batch_of_last_close(settings, "subscriptions")),
        *_shared_ibans(run),
        *_changed_ibans(run),
        *_accounts_to_look_at(run),
        *_unknown_tax_countries(run),
        *_rejects_of_players(con, run.settlement_month, since_batch=since_rejects),
        *_rejects(con, run.settlement_month, since_batch=since_rejects),
    ]
    order = [*KINDS]
    return tuple(sorted(found, key=lambda one: (order.index(one.kind), one.subject, one.found)))


def acknowledgement(month: str, warnings: Iterable[CloseWarning]) -> str | None:
    """Return the code that acknowledges exactly these warnings of this month; None if there are none.

    >>> code = acknowledgement("2021-02", [CloseWarning("day_unusual", "2021-02-03", "0.1 h watched")])
    >>> len(code), acknowledgement("2021-02", ())
    (8, None)
    """
    lines = [f"{one.kind}\t{one.subject}\t{one.found}" for one in warnings]
    if not lines:
        return None
    return hashlib.sha256("\n".join([month, *lines]).encode()).hexdigest()[:_CODE_DIGITS]


def in_words(warnings: Iterable[CloseWarning], *, most: int | None = None) -> Iterator[str]:
    """Yield one line per kind, with its meaning, then one line per record; at most `most` records per kind."""
    by_kind: defaultdict[str, list[CloseWarning]] = defaultdict(list)
    for one in warnings:
        by_kind[one.kind].append(one)
    for kind, of_kind in by_kind.items():
        yield f"{kind} ({len(of_kind)}): {KINDS[kind]}"
        for one in of_kind[:most]:
            yield f"  {one}"
        if most is not None and len(of_kind) > most:
            yield f"  and {len(of_kind) - most} more"


def _in_the_data(con: duckdb.DuckDBPyConnection, month: str, *, since_batch: int) -> Iterator[CloseWarning]:
    rows = con.execute(
        """
        select kind, subject_id, found, coalesce(among, 0)
        from marts.fct_close_warnings
        where settlement_month = $month and coalesce(batch_number > $since_batch, true)
        """,
        {"month": month, "since_batch": since_batch},
    ).fetchall()
    for kind, subject, found, among in rows:
        hours = {"hours": found / _MS_PER_HOUR, "hours_among": among / _MS_PER_HOUR}
        yield CloseWarning(kind, subject, _WORDS[kind].format(found=found, among=among, **hours))


_WORDS: Final = {
    "live_unknown": "{hours:,.1f} h watched",
    "periods_overlap": "begins before an earlier period ends",
    "day_over_24_hours": "{hours:,.1f} h on one day",
    "day_without_heartbeats": "no heartbeat",
    "day_unusual": "{hours:,.1f} h watched",
    "player_single_heartbeats": "{found:,} of {among:,} playbacks have a single heartbeat",
    "player_frozen_positions": "{hours:,.1f} h of {hours_among:,.1f} h played at a position that stood still",
    "player_sparse_heartbeats": "{hours:,.1f} h of {hours_among:,.1f} h lie between heartbeats and are not counted",
    "player_missing_positions": "{found:,} of {among:,} heartbeats played without a position",
    "watched_unsubscribed": "{hours:,.1f} h watched on days without a subscription",
    "refund_of_final_month": "refunded: {found:,} cents of its envelope",
}


# `until` is one day after the month: instants are UTC or have an offset, days are in Paris.
_MAY_BELONG: Final = r"""coalesce(
    try_cast(regexp_extract(raw, '"event_at"\s*:\s*"(\d{4}-\d{2}-\d{2})', 1) as date) <= $until, true
)"""


def _shared_ibans(run: ClosedRun) -> Iterator[CloseWarning]:
    """Yield IBANs that several artists share, if the run pays at least one of these artists."""
    paid = {line.artist_id for line in run.lines if line.paid_cents}
    holders: defaultdict[str, list[str]] = defaultdict(list)
    for artist_id, payee in run.payees.items():
        if payee.iban:
            holders[electronic(payee.iban)].append(artist_id)
    for iban, artists in holders.items():
        if len(artists) > 1 and paid.intersection(artists):
            yield CloseWarning("iban_shared", masked(iban), ", ".join(sorted(artists)))


def _changed_ibans(run: ClosedRun) -> Iterator[CloseWarning]:
    since = months.first_day(run.settlement_month)
    for line in run.lines:
        payee = run.payees.get(line.artist_id)
        if payee is None or payee.iban is None or payee.is_first_iban or payee.iban_first_seen_on is None:
            continue
        if payee.iban_first_seen_on >= since:
            found = f"{masked(payee.iban)} since {payee.iban_first_seen_on}"
            yield CloseWarning("iban_changed", line.artist_id, found)


def _accounts_to_look_at(run: ClosedRun) -> Iterator[CloseWarning]:
    """Yield accounts that the run pays and whose bank might refuse the transfer (RULES.md §6)."""
    for line in run.lines:
        payee = run.payees.get(line.artist_id)
        if not line.paid_cents or payee is None or payee.iban is None:
            continue
        account = masked(payee.iban)
        bic = bic_for(payee.iban, payee.bic)
        if electronic(payee.bic or "") and bic is None:
            yield CloseWarning("bic_left_out", line.artist_id, f"BIC {electronic(payee.bic or '')} with {account}")
        if (territory := territory_outside_sepa(payee.iban, payee.bic)) is not None:
            yield CloseWarning("account_in_territory", line.artist_id, f"{account}, bank in {territory}")
        missing = [
            what
            for what, is_there in (
                ("BIC", bic is not None),
                ("town and country", is_sendable_address(payee.town, payee.country)),
            )
            if not is_there
        ]
        if missing and not is_in_eea(payee.iban):
            yield CloseWarning("account_outside_eea", line.artist_id, f"{account} without {' and '.join(missing)}")


def _unknown_tax_countries(run: ClosedRun) -> Iterator[CloseWarning]:
    """Yield artists who are paid, and of whom nobody knows whether a withholding concerns them."""
    for line in run.lines:
        payee = run.payees.get(line.artist_id)
        if not line.paid_cents or payee is None or payee.tax_country is not None:
            continue
        names = [one.name for one in run.withholdings if one.depends_on_country(line.artist_id)]
        if names:
            yield CloseWarning("tax_country_unknown", line.artist_id, f"not withheld: {', '.join(names)}")


def _rejects_of_players(con: duckdb.DuckDBPyConnection, month: str, *, since_batch: int) -> Iterator[CloseWarning]:
    """Yield devices and app versions with too many rejects, compared with their heartbeats of the month.

    Applies the rule for one delivery (`allive.ingestion.checks`) to all deliveries since the last close: a small file,
    or a player that delivers little at a time, is too small to judge by itself.
    """
    rows = con.execute(
        f"""
        with rejected as (
            select device, coalesce(app_version, '') as app_version, count(*) as rejects
            from raw.rejects
            where batch_number > $since_batch and record_type = 'heartbeats' and device is not null
                and {_MAY_BELONG}
            group by all
        ),
        accepted as (
            select device, app_version, sum(heartbeats) as heartbeats
            from marts.fct_player_health
            where strftime(day, '%Y-%m') = $month
            group by all
        )
        select device, app_version, rejects, rejects + coalesce(heartbeats, 0)
        from rejected
        left join accepted using (device, app_version)
        """,
        {"since_batch": since_batch, "until": months.last_day(month) + timedelta(days=1), "month": month},
    ).fetchall()
    for device, app_version, rejects, records in rows:
        if is_too_much_rejected(rejects, records):
            subject = f"{device}, app {app_version}" if app_version else device
            yield CloseWarning("player_rejects", subject, f"{rejects:,} of {int(records):,} heartbeats rejected")


def _rejects(con: duckdb.DuckDBPyConnection, month: str, *, since_batch: int) -> Iterator[CloseWarning]:
    """Yield rejects that might belong to the month: all except heartbeats whose own `event_at` is later."""
    rows = con.execute(
        f"""
        select source_file, reason, count(*), min(source_line)
        from raw.rejects
        where batch_number > $since_batch and {_MAY_BELONG}
        group by source_file, reason
        """,
        {"since_batch": since_batch, "until": months.last_day(month) + timedelta(days=1)},
    ).fetchall()
    for file, reason, number, line in rows:
        where = f", the first in line {line}" if line else ""
        yield CloseWarning("rejects", file, f"{reason}, {counted(number, 'record')}{where}")


def _batch_of_last_close(settings: Settings, table: str) -> int:
    """Return the last batch of a raw table that the newest closed month read; 0 if none or unknown."""
    closed = ledger.closed_months(settings)
    pinned: dict[str, Any] = ledger.read_control(settings, closed[-1])["raw_versions"] if closed else {}
    if pinned.get(table) is None:
        return 0
    try:
        return last_batch_of(settings, table, pinned[table])
    except UnknownVersionError:
        return 0
