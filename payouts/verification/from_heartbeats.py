"""Settles a run's months again from its pinned records, heartbeats to cents, while they exist (RULES.md §3 to §6)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import polars as pl

from allive.ingestion.settings import Settings
from allive.payouts import user_centric
from allive.payouts.bank_details import electronic
from allive.payouts.bank_file import BankedTransfer
from allive.payouts.closed_month.books import Books, Month
from allive.payouts.closed_month.findings import Check, Place, Report
from allive.payouts.closed_month.month_files import LiveRow, Policy, Settled, read_rows
from allive.payouts.closed_month.slices import Slice, Sums, earnings, names_by_pseudonym, read_slices
from allive.payouts.ledger import CONTROL_FILE, LIVES_FILE, PAYOUTS_FILE, RESETTLED_FOLDER, SLICES_FILE
from allive.payouts.months import last_day
from allive.payouts.statements import statement_number
from allive.payouts.user_centric import NANOS_PER_CENT, largest_remainder
from allive.payouts.verification.adjustments import look_back_of
from allive.payouts.verification.amounts import check_sums
from allive.payouts.verification.pinned_records import (
    Catalogue,
    GoneError,
    latest,
    panics_as_errors,
    read_catalogue,
    scan_pinned,
)
from allive.payouts.verification.pseudonym_key import PseudonymKey, require_key
from allive.payouts.verification.watching import watched_days
from allive.payouts.verification.weights import ByLive, Period, by_period, weigh

_WEIGHT_PER_MS: Final = 10_000
_PART_OF_MEMORY: Final = 8
"""Divides the memory limit, for the heartbeats held at a time: more of them would not make it faster."""
_WHAT: Final = "weights from the heartbeats"
WHAT_IS_PINNED: Final = "what its run pinned"
"""The subject of a finding when a raw table cannot be read."""
_PARTS: Final[Mapping[str, Callable[[list[Slice]], object]]] = {
    "weights": lambda slices: {one[2:4]: one.weight for one in slices if one.artist_id is not None},
    "amounts": lambda slices: {one[2:4]: (one.amount_nanos, one.destination) for one in slices},
    "envelope_nanos": lambda slices: sum(one.amount_nanos for one in slices),
    "subscriber_pseudonym": lambda slices: {one.subscriber_pseudonym for one in slices},
}
"""The parts of a period's slices that are compared."""


@dataclass
class Lives:
    """The results for each artist's lives."""

    weight: Counter[tuple[str, str]] = field(default_factory=Counter)
    nanos: Counter[tuple[str, str]] = field(default_factory=Counter)
    payers: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, period: Iterable[Slice], by_live: ByLive) -> None:
        """Split each slice over the lives that it was watched on, in proportion to weight."""
        for one in period:
            artist_id, weights = one.artist_id or "", by_live[one.artist_id or "", one.category or ""]
            for live_id, weight in weights.items():
                self.weight[artist_id, live_id] += weight
            if one.destination == "direct":
                for live_id, nanos in largest_remainder(one.amount_nanos, weights).items():
                    self.nanos[artist_id, live_id] += nanos
                    if nanos:
                        self.payers[artist_id, live_id].add(one.subscriber_pseudonym)


@dataclass
class Target:
    """A month that a run settled, for the first time or again, and the results of settling it here.

    Attributes:
        slices: Its file; None if none was written, because the results did not change.
        periods: Columns as in `Period`.
        lives: None for a month that is settled again: figures by live exist only from its close.
    """

    month: str
    place: Place
    settled: Settled
    catalogue: Catalogue
    slices: Path | None
    periods: pl.DataFrame
    sums: Sums = field(default_factory=Sums)
    lives: Lives | None = None


def check_heartbeats(
    report: Report,
    settings: Settings,
    month: Month,
    books: Books,
    transfers: Iterable[BankedTransfer],
    *,
    key: PseudonymKey | None,
) -> None:
    """Settle a run's month and its look-back again from the raw versions that it pinned.

    Records that are gone are noted as not checked, and so is everything without the key that the month was closed
    with. The slices files must be readable.
    """
    place = report.at(Check.WATCHING, month.file(SLICES_FILE))
    with place.reading(WHAT_IS_PINNED), panics_as_errors():
        try:
            _check(report, settings, month, books, transfers, key=require_key(key, month))
        except GoneError as gone:
            report.not_checked(month.name, _WHAT, str(gone))


def _check(
    report: Report,
    settings: Settings,
    month: Month,
    books: Books,
    transfers: Iterable[BankedTransfer],
    *,
    key: PseudonymKey,
) -> None:
    versions = month.control.raw_versions
    if not any(version is not None for version in versions.values()):
        raise GoneError("the run pinned no raw tables")
    heartbeats = scan_pinned(settings, "heartbeats", versions.get("heartbeats"))
    artists = {
        row["artist_id"]: row
        for row in latest(settings, "artists", versions.get("artists"), key=["artist_id"]).iter_rows(named=True)
    }
    look_back = [one for one in look_back_of(month, books) if one in month.control.adjustments]
    periods = _paid_periods(settings, month, books, look_back, key=key)
    targets = _targets(report, settings, month, books, periods=periods, look_back=look_back, key=key)
    left_on = {artist_id: row["left_on"] for artist_id, row in artists.items()}
    for target in targets:
        members = target.catalogue.pool_members(target.month, target.settled.policy, left_on)
        at_control = report.at(Check.WATCHING, month.file(CONTROL_FILE))
        at_control.same(f"pool_members of {target.month}", found=target.settled.pool_members, expected=members)
        # Without any member a month that has envelopes cannot close.
        has_payees = bool(members) or target.periods.is_empty()
        at_control.holds(f"pool_members of {target.month}", has_payees, found=members, expected="one for its envelopes")
    watched = watched_days(
        heartbeats,
        _covered_days(targets),
        memory_bytes=settings.memory_limit_bytes // _PART_OF_MEMORY,
        progress=lambda day: report.progress(f"{month.name}: heartbeats up to {day}"),
    )
    for target in targets:
        report.progress(f"{month.name}: periods of {target.month}")
        _settle(target, watched, artists, key=key)
        of = f"adjustments of {target.month}, " if target.lives is None else ""
        check_sums(report.at(Check.WATCHING, month.file(CONTROL_FILE)), target.settled, target.sums, of=of)
    for target in targets:
        if target.slices is None:
            _check_unchanged(target, books)
    _check_lives(report, month, targets[0])
    _check_payees(report, month, targets[0].catalogue, artists, transfers)


def _targets(
    report: Report,
    settings: Settings,
    month: Month,
    books: Books,
    *,
    periods: pl.DataFrame,
    look_back: list[str],
    key: PseudonymKey,
) -> list[Target]:
    """Return the month itself, then those of its look-back."""
    versions = {**books.raw_versions, month.name: month.control.raw_versions}
    runs = {month.name} | {month.control.adjustments[again].catalogue for again in look_back}
    catalogues = {run: read_catalogue(settings, versions[run]) for run in runs}
    by_pseudonym = names_by_pseudonym(month.folder / SLICES_FILE)

    def target(of: str, settled: Settled, run: str, file: str) -> Target:
        is_written = (month.folder / file).exists()
        return Target(
            month=of,
            place=report.at(Check.WATCHING, month.file(file if is_written else CONTROL_FILE)),
            settled=settled,
            catalogue=catalogues[run],
            slices=month.folder / file if is_written else None,
            periods=_with_names(
                _with_envelopes(periods.filter(pl.col("settled_in") == of), settled.policy),
                key=key if by_pseudonym else None,
            ),
            lives=Lives() if of == month.name else None,
        )

    again = month.control.adjustments
    return [
        target(month.name, month.control, month.name, SLICES_FILE),
        *(target(one, again[one], again[one].catalogue, f"{RESETTLED_FOLDER}/{one}.parquet") for one in look_back),
    ]


def _paid_periods(
    settings: Settings, month: Month, books: Books, look_back: list[str], *, key: PseudonymKey
) -> pl.DataFrame:
    """Return the paid periods, each with the month that settles it (RULES.md §6)."""
    last_month = (pl.col("period_end") - pl.duration(days=1)).dt.strftime("%Y-%m")
    is_final = pl.col("last_month") < min(look_back, default=month.name)
    periods = latest(settings, "subscriptions", month.control.raw_versions.get("subscriptions"), key=["period_id"])
    booked = booked_periods(settings, month, books, periods["period_id"], key=key)
    return (
        periods.filter(pl.col("status") == "paid")
        .join(booked, on="period_id", how="left")
        .with_columns(last_month=last_month)
        .with_columns(
            settled_in=pl.coalesce(
                "booked_in", pl.when(is_final).then(pl.lit(month.name)).otherwise(pl.col("last_month"))
            )
        )
    )


def booked_periods(
    settings: Settings, month: Month, books: Books, recorded: pl.Series, *, key: PseudonymKey | None
) -> pl.DataFrame:
    """Return every period that a run before the month booked, by `period_id`, and the month that it is `booked_in`.

    Args:
        settings: Where the closed months are.
        month: The run.
        books: The runs before it.
        recorded: The ids of all periods, whose pseudonyms are compared with those of format 2.
        key: The key of the pseudonyms.

    Raises:
        GoneError: The key of the pseudonyms is needed, and is not here.
    """
    payouts = settings.payouts_dir
    files = [(payouts / one / SLICES_FILE, one) for one in books.policies]
    files += [
        (path, path.stem) for one in books.policies for path in (payouts / one / RESETTLED_FOLDER).glob("*.parquet")
    ]
    by_id = [pl.LazyFrame(schema={"period_id": pl.String, "booked_in": pl.String})]
    by_pseudonym: list[pl.LazyFrame] = []
    for path, booked_in in files:
        is_by_pseudonym = names_by_pseudonym(path)
        named = by_pseudonym if is_by_pseudonym else by_id
        column = "period_pseudonym" if is_by_pseudonym else "period_id"
        named.append(pl.scan_parquet(path).select(column, booked_in=pl.lit(booked_in)).unique())
    if by_pseudonym:
        names = require_key(key, month).of_periods(recorded)
        booked = pl.concat(by_pseudonym).unique("period_pseudonym")
        by_id.append(booked.join(names.lazy(), on="period_pseudonym").select("period_id", "booked_in"))
    return pl.concat(by_id).unique("period_id").collect()


def _with_envelopes(periods: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Keep the periods with an envelope: as delivered, or by price and policy, limited to what refunds left."""
    by_price = pl.min_horizontal("price_cents", pl.lit(policy.envelope_cents))
    whole_cents = pl.coalesce("envelope_cents", by_price)
    refunded_cents = pl.col("refunded_cents").fill_null(0)
    left_cents = pl.when(refunded_cents > 0).then(pl.col("price_cents") - refunded_cents).otherwise(whole_cents)
    envelope_nanos = pl.min_horizontal(whole_cents, left_cents) * NANOS_PER_CENT
    return periods.with_columns(envelope_nanos=envelope_nanos).filter(pl.col("envelope_nanos") > 0)


def _with_names(periods: pl.DataFrame, *, key: PseudonymKey | None) -> pl.DataFrame:
    """Name the periods as the run's slices do: by their pseudonyms, if there is a key for it, or by their ids."""
    if key is None:
        named = periods.with_columns(name="period_id")
    else:
        named = periods.join(key.of_periods(periods["period_id"]), on="period_id").rename({"period_pseudonym": "name"})
    return named.select(Period._fields)


def _covered_days(targets: Iterable[Target]) -> set[date]:
    periods = pl.concat([target.periods.select("period_start", "period_end") for target in targets]).unique()
    return {start + timedelta(days=n) for start, end in periods.iter_rows() for n in range((end - start).days)}


def _settle(target: Target, watched: pl.DataFrame, artists: Collection[str], *, key: PseudonymKey) -> None:
    """Settle each of the month's periods, and compare it with its slices file."""
    weights = weigh(target.periods, watched, target.catalogue, target.settled.policy)
    _check_catalogue(target, weights, artists)
    settled = _settled_periods(target, weights, key=key)
    if target.slices is None:
        for _ in settled:
            pass
        unbooked = target.periods.filter(pl.col("booked_in").is_null())["period_id"].sort().to_list()
        target.place.same(f"periods of {target.month} that no run has booked", found=unbooked, expected=[])
        return
    for name, expected, found in _side_by_side(settled, read_slices(target.slices)):
        what = f"period {name!r}"
        if found is None:
            target.place.same(what, found=None, expected="slices: it is paid and of this month")
        elif expected is None:
            target.place.same(what, found="slices", expected="none: not paid, or of another month")
        else:
            for kind, part in _PARTS.items():
                target.place.same(f"{what}, {kind}", found=part(found), expected=part(expected))


def _check_catalogue(target: Target, weights: pl.DataFrame, artists: Collection[str]) -> None:
    """Check that no weight blocks a close: lives without full credits, artists without category or record (§4)."""
    uncredited = weights.filter(pl.col("artist_id").is_null())["live_id"].unique().sort().to_list()
    credited = weights.drop_nulls("artist_id")
    uncategorized = credited.filter(pl.col("category").is_null())["artist_id"].unique().sort().to_list()
    unknown = sorted({*credited["artist_id"].unique()}.difference(artists))
    of = f"in {target.month}, with weight"
    target.place.same(f"lives without credits of 10,000 bp {of}", found=uncredited, expected=[])
    target.place.same(f"artists without a category on the day {of}", found=uncategorized, expected=[])
    target.place.same(f"artists without a record {of}", found=unknown, expected=[])


def _settled_periods(target: Target, weights: pl.DataFrame, *, key: PseudonymKey) -> Iterator[list[Slice]]:
    """Yield the slices of each of the month's periods, in order, and sum them up."""
    for period, by_live in by_period(target.periods, weights):
        pseudonym = key.of_subscriber(period.subscriber_id)
        slices = [*_slices(period, pseudonym, {of: sum(weight.values()) for of, weight in by_live.items()})]
        target.sums.add(slices)
        if target.lives is not None and by_live:
            target.lives.add(slices, by_live)
        yield slices


def _side_by_side(
    settled: Iterable[list[Slice]], written: Iterable[Slice]
) -> Iterator[tuple[str, list[Slice] | None, list[Slice] | None]]:
    """Yield each period's slices as settled here and as written in the file; None if a side has none."""
    here = ((slices[0].period, 0, slices) for slices in settled)
    there = ((name, 1, [*slices]) for name, slices in groupby(written, key=itemgetter(0)))
    for name, sides in groupby(merge(here, there, key=itemgetter(0)), key=itemgetter(0)):
        slices = {side: slices for _, side, slices in sides}
        yield name, slices.get(0), slices.get(1)


def _slices(period: Period, pseudonym: str, weights: Mapping[tuple[str, str], int]) -> Iterator[Slice]:
    of_pseudonym = user_centric.Period(
        period.name, pseudonym, period.period_start, period.period_end, period.envelope_nanos
    )
    for one in user_centric.split(of_pseudonym, weights, user_centric.Policy()):
        yield Slice(*one[:-1], "direct" if one.is_direct else "pool")


def _check_unchanged(target: Target, books: Books) -> None:
    """Check that a month of the look-back without new slices on disk gives the amounts booked for it."""
    cents = earnings(target.sums, target.settled.pool_members, rule=target.settled.policy.pool_rule).earned_cents
    booked = books.booked[target.month]
    for artist in sorted({*cents, *booked}):
        target.place.same(
            f"{target.month} settled again, cents of artist {artist!r}",
            found=booked[artist],
            expected=cents.get(artist, 0),
        )


def _check_lives(report: Report, month: Month, target: Target) -> None:
    place = report.at(Check.WATCHING, month.file(LIVES_FILE))
    lives = target.lives or Lives()
    with_a_row = {row.artist_id for row in month.rows}
    with place.reading():
        found = {
            (live.artist_id, live.live_id): tuple(live[3:]) for live in read_rows(month.folder / LIVES_FILE, LiveRow)
        }
        expected = {
            key: (
                target.catalogue.lives[key[1]].title,
                weight // _WEIGHT_PER_MS,
                len(lives.payers.get(key, ())),
                lives.nanos[key],
            )
            for key, weight in lives.weight.items()
            if key[0] in with_a_row
        }
        for key in sorted(found.keys() | expected.keys()):
            place.same(f"artist {key[0]!r}, live {key[1]!r}", found=found.get(key), expected=expected.get(key))


def _check_payees(
    report: Report,
    month: Month,
    catalogue: Catalogue,
    artists: Mapping[str, Mapping[str, Any]],
    transfers: Iterable[BankedTransfer],
) -> None:
    """Check each artist's name and category, whether payments below the minimum were due, and where payments went."""
    place = report.at(Check.WATCHING, month.file(PAYOUTS_FILE))
    last = last_day(month.name)
    accounts = {one.end_to_end_id: one.iban for one in transfers}
    for position, row in enumerate(month.rows, start=1):
        artist = artists.get(row.artist_id, {})
        who = f"artist {row.artist_id!r}"
        place.same(f"{who}, artist_name", found=row.artist_name, expected=artist.get("name") or "")
        category = catalogue.category(row.artist_id, last) or ""
        place.same(f"{who}, category", found=row.category, expected=category)
        payable = row.paid_cents + row.carried_forward_cents
        has_left = (artist.get("left_on") or date.max) <= last
        is_due = payable > 0 and (
            payable >= month.control.policy.minimum_payout_cents or last.month == 12 or has_left  # noqa: PLR2004
        )
        if row.carry_reason != "held":  # a hold carries everything, whether it is due or not
            is_small = row.carry_reason == "below_minimum"
            place.same(f"{who}, due", found=payable > 0 and not is_small, expected=is_due)
        number = statement_number(month.name, position)
        if number in accounts:
            iban = electronic(artist.get("iban") or "")
            place.same(f"{who}, IBAN of {number}", found=accounts[number], expected=iban)
