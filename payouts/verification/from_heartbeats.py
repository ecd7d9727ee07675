"""A run's months settled again from what it pinned, heartbeats to cents, while that is there (RULES.md §3 to §6)."""

import hmac
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl

from ingestion.settings import Settings
from payouts.bank_details import electronic
from payouts.bank_file import BankedTransfer
from payouts.ledger import CONTROL_FILE, LIVES_FILE, PAYOUTS_FILE, RESETTLED_FOLDER, SLICES_FILE
from payouts.months import last_day
from payouts.statements import statement_number
from payouts.verification.adjustments import look_back_of
from payouts.verification.arithmetic import NANOS_PER_CENT, largest_remainder
from payouts.verification.books import Books, Month
from payouts.verification.findings import Check, Place, Report
from payouts.verification.month_files import LiveRow, Policy, Settled, read_rows
from payouts.verification.pinned_records import (
    Catalogue,
    GoneError,
    latest,
    panics_as_errors,
    read_catalogue,
    scan_pinned,
)
from payouts.verification.slices import DESTINATIONS, Slice, Sums, earnings
from payouts.verification.watching import Watched, watched_in_groups

_WEIGHT_PER_MS: Final = 10_000
_PSEUDONYM_DIGITS: Final = 32
_WHAT: Final = "weights from the heartbeats"


class Period(NamedTuple):
    """A paid period as its run saw it, with the month that booked it before."""

    period_id: str
    subscriber_id: str
    period_start: date
    period_end: date
    envelope_nanos: int
    booked_in: str | None


@dataclass
class WrittenPeriod:
    """What a slices file says of one period; `weights` is empty for an idle one."""

    pseudonym: str
    envelope_nanos: int = 0
    weights: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass
class Lives:
    """What comes out for each artist's lives."""

    weight: Counter[tuple[str, str]] = field(default_factory=Counter)
    nanos: Counter[tuple[str, str]] = field(default_factory=Counter)
    payers: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, one: Slice, by_live: Mapping[str, int]) -> None:
        """Split a slice over the lives that it was watched on, in proportion to weight."""
        artist_id = one.artist_id or ""
        for live_id, weight in by_live.items():
            self.weight[artist_id, live_id] += weight
        if one.destination == "direct":
            for live_id, nanos in largest_remainder(one.amount_nanos, by_live).items():
                self.nanos[artist_id, live_id] += nanos
                if nanos:
                    self.payers[artist_id, live_id].add(one.subscriber_pseudonym)


@dataclass
class Target:
    """A month that a run settled, for the first time or again, and what comes out here.

    Attributes:
        slices: Its file; None where nothing was written, since the month gave what it gave before.
        periods: Columns as in `Period`.
    """

    month: str
    place: Place
    settled: Settled
    catalogue: Catalogue
    slices: Path | None
    periods: pl.DataFrame
    sums: Sums = field(default_factory=Sums)
    lives: Lives = field(default_factory=Lives)


def check_heartbeats(
    report: Report, settings: Settings, month: Month, books: Books, transfers: Iterable[BankedTransfer]
) -> None:
    """Settle a run's month and its look-back again from the raw versions that it pinned.

    What is gone is noted as not checked. Needs the slices files to be readable.
    """
    place = report.at(Check.WATCHING, month.file(SLICES_FILE))
    with place.reading("what its run pinned"), panics_as_errors():
        try:
            _check(report, settings, month, books, transfers)
        except GoneError as gone:
            report.not_checked(month.name, _WHAT, str(gone))


def _check(report: Report, settings: Settings, month: Month, books: Books, transfers: Iterable[BankedTransfer]) -> None:
    versions = month.control.raw_versions
    if not any(version is not None for version in versions.values()):
        raise GoneError("the run pinned no raw tables")
    key = _pseudonym_key(settings)
    heartbeats = scan_pinned(settings, "heartbeats", versions.get("heartbeats"))
    artists = {
        row["artist_id"]: row
        for row in latest(settings, "artists", versions.get("artists"), key=["artist_id"]).iter_rows(named=True)
    }
    targets = _targets(report, settings, month, books)
    left_on = {artist_id: row["left_on"] for artist_id, row in artists.items()}
    for target in targets:
        members = target.catalogue.pool_members(target.month, target.settled.policy, left_on)
        at_control = report.at(Check.WATCHING, month.file(CONTROL_FILE))
        at_control.same(f"pool_members of {target.month}", found=target.settled.pool_members, expected=members)
        _check_periods(target)
    days = pl.concat([target.periods for target in targets])
    subscribers = days["subscriber_id"].unique().sort().to_list()
    if subscribers:
        first, end = days.select(pl.col("period_start").min(), pl.col("period_end").max()).row(0)
        done = 0
        for group, watched in watched_in_groups(heartbeats, subscribers, first=first, end=end):
            done += len(group)
            report.progress(f"{month.name}: heartbeats of {done:,} of {len(subscribers):,} subscribers")
            for target in targets:
                _settle_group(target, group, watched, key=key)
    for target in targets:
        if target.slices is None:
            _check_unchanged(target, books)
    _check_lives(report, month, targets[0])
    _check_payees(report, month, targets[0].catalogue, artists, transfers)


def _targets(report: Report, settings: Settings, month: Month, books: Books) -> list[Target]:
    """The month itself, then those of its look-back."""
    versions = {**books.raw_versions, month.name: month.control.raw_versions}
    look_back = [one for one in look_back_of(month, books) if one in month.control.adjustments]
    periods = _paid_periods(settings, month, books, look_back)
    runs = {month.name} | {month.control.adjustments[again].catalogue for again in look_back}
    catalogues = {run: read_catalogue(settings, versions[run]) for run in runs}

    def target(of: str, settled: Settled, run: str, file: str) -> Target:
        is_written = (month.folder / file).exists()
        return Target(
            month=of,
            place=report.at(Check.WATCHING, month.file(file if is_written else CONTROL_FILE)),
            settled=settled,
            catalogue=catalogues[run],
            slices=month.folder / file if is_written else None,
            periods=_with_envelopes(periods.filter(pl.col("settled_in") == of), settled.policy),
        )

    again = month.control.adjustments
    return [
        target(month.name, month.control, month.name, SLICES_FILE),
        *(target(one, again[one], again[one].catalogue, f"{RESETTLED_FOLDER}/{one}.parquet") for one in look_back),
    ]


def _paid_periods(settings: Settings, month: Month, books: Books, look_back: list[str]) -> pl.DataFrame:
    """Return the paid periods of the run's months, each with the month that settles it (RULES.md §6)."""
    last_month = (pl.col("period_end") - pl.duration(days=1)).dt.strftime("%Y-%m")
    is_final = pl.col("last_month") < min(look_back, default=month.name)
    return (
        latest(settings, "subscriptions", month.control.raw_versions.get("subscriptions"), key=["period_id"])
        .filter(pl.col("status") == "paid")
        .join(_booked_periods(settings.payouts_dir, books), on="period_id", how="left")
        .with_columns(last_month=last_month)
        .with_columns(
            settled_in=pl.coalesce(
                "booked_in", pl.when(is_final).then(pl.lit(month.name)).otherwise(pl.col("last_month"))
            )
        )
        .filter(pl.col("settled_in").is_in([month.name, *look_back]))
    )


def _booked_periods(payouts: Path, books: Books) -> pl.DataFrame:
    """Every period that an earlier run booked, and the month that it is booked in."""
    files = [(payouts / one / SLICES_FILE, one) for one in books.policies]
    files += [
        (path, path.stem) for one in books.policies for path in (payouts / one / RESETTLED_FOLDER).glob("*.parquet")
    ]
    nothing = pl.LazyFrame(schema={"period_id": pl.String, "booked_in": pl.String})
    frames = [
        pl.scan_parquet(path).select("period_id", booked_in=pl.lit(booked_in)).unique() for path, booked_in in files
    ]
    return pl.concat([nothing, *frames]).unique("period_id").collect()


def _with_envelopes(periods: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Keep the periods with an envelope, which is as delivered, or by price and policy."""
    by_price = pl.min_horizontal("price_cents", pl.lit(policy.envelope_cents))
    envelope_nanos = pl.coalesce("envelope_cents", by_price) * NANOS_PER_CENT
    return (
        periods.with_columns(envelope_nanos=envelope_nanos).filter(pl.col("envelope_nanos") > 0).select(Period._fields)
    )


def _written_periods(path: Path, periods: pl.DataFrame) -> dict[str, WrittenPeriod]:
    slices = pl.scan_parquet(path).join(periods.lazy(), on="period_id", how="semi").collect()
    written: dict[str, WrittenPeriod] = {}
    for row in slices.select(Slice._fields).iter_rows():
        one = Slice(*row)
        period = written.setdefault(one.period_id, WrittenPeriod(one.subscriber_pseudonym))
        period.envelope_nanos += int(one.amount_nanos)
        if one.artist_id is not None:
            period.weights[one.artist_id, one.category or ""] = int(one.weight)
    return written


def _check_periods(target: Target) -> None:
    """None that is paid is missing, none that is not is in."""
    if target.slices is None:
        unbooked = target.periods.filter(pl.col("booked_in").is_null())["period_id"].sort().to_list()
        target.place.same(f"periods of {target.month} that no run has booked", found=unbooked, expected=[])
        return
    written = pl.scan_parquet(target.slices).select("period_id").unique().collect()
    for period_id in target.periods.join(written, on="period_id", how="anti")["period_id"].sort():
        target.place.same(f"period {period_id!r}", found=None, expected="slices: it is paid and of this month")
    for period_id in written.join(target.periods, on="period_id", how="anti")["period_id"].sort():
        target.place.same(f"period {period_id!r}", found="slices", expected="none: not paid, or of another month")


def _settle_group(target: Target, group: pl.DataFrame, watched: Watched, *, key: bytes) -> None:
    periods = target.periods.join(group, on="subscriber_id", how="semi")
    written = _written_periods(target.slices, periods) if target.slices is not None else {}
    for row in periods.iter_rows():
        period = Period(*row)
        by_live = _weights(period, watched.get(period.subscriber_id, ()), target)
        weights = {of: by_live[of].total() for of in sorted(by_live)}
        pseudonym = hmac.new(key, period.subscriber_id.encode(), "sha256").hexdigest()[:_PSEUDONYM_DIGITS]
        if period.period_id in written:
            found = written[period.period_id]
            what = f"period {period.period_id!r}, "
            target.place.same(f"{what}weights", found=found.weights, expected=weights)
            target.place.same(f"{what}envelope_nanos", found=found.envelope_nanos, expected=period.envelope_nanos)
            target.place.same(f"{what}subscriber_pseudonym", found=found.pseudonym, expected=pseudonym)
        slices = list(_slices(period, pseudonym, weights))
        target.sums.add(slices)
        for one in slices:
            if one.artist_id is not None:
                target.lives.add(one, by_live[one.artist_id, one.category or ""])


def _weights(
    period: Period, watched: Iterable[tuple[str, date, int]], target: Target
) -> dict[tuple[str, str], Counter[str]]:
    """By artist and category on the day of the watching: each live's part of the weight (RULES.md §4, §5.1)."""
    weights: dict[tuple[str, str], Counter[str]] = {}
    catalogue = target.catalogue
    for live_id, day, watch_ms in watched:
        live = catalogue.lives.get(live_id)
        if live is None or not live.counts(target.settled.policy) or not period.period_start <= day < period.period_end:
            continue
        for artist_id, share_bp in catalogue.credits.get(live_id, ()):
            category = catalogue.category(artist_id, day)
            if category is not None:
                weights.setdefault((artist_id, category), Counter())[live_id] += watch_ms * share_bp
    return weights


def _slices(period: Period, pseudonym: str, weights: Mapping[tuple[str, str], int]) -> Iterator[Slice]:
    owner = (period.period_id, pseudonym)
    if not weights:
        yield Slice(*owner, None, None, 0, period.envelope_nanos, "pool")
    for (artist_id, category), nanos in largest_remainder(period.envelope_nanos, weights).items():
        yield Slice(*owner, artist_id, category, weights[artist_id, category], nanos, DESTINATIONS[category])


def _check_unchanged(target: Target, books: Books) -> None:
    """A month of the look-back that was not settled again on disk gives what is booked for it."""
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
    with_a_row = {row.artist_id for row in month.rows}
    with place.reading():
        found = {
            (live.artist_id, live.live_id): tuple(live[3:]) for live in read_rows(month.folder / LIVES_FILE, LiveRow)
        }
        expected = {
            key: (
                target.catalogue.lives[key[1]].title,
                weight // _WEIGHT_PER_MS,
                len(target.lives.payers.get(key, ())),
                target.lives.nanos[key],
            )
            for key, weight in target.lives.weight.items()
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
    """Each artist's name and category, whether a payment below the minimum was due, and where payments went."""
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
        is_held_small = row.carry_reason == "below_minimum"
        place.same(f"{who}, due", found=payable > 0 and not is_held_small, expected=is_due)
        number = statement_number(month.name, position)
        if number in accounts:
            iban = electronic(artist.get("iban") or "")
            place.same(f"{who}, IBAN of {number}", found=accounts[number], expected=iban)


def _pseudonym_key(settings: Settings) -> bytes:
    if settings.pseudonym_key is not None:
        return settings.pseudonym_key.get_secret_value().encode()
    path = settings.payouts_dir / ".pseudonym.key"
    if not path.exists():
        raise GoneError("the key of the pseudonyms is not there any more")
    return path.read_bytes().strip()
