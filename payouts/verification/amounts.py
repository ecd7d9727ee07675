"""A closed month's amounts again, from its slices and from the months before it (RULES.md §5, §6)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from payouts.ledger import (
    ADJUSTMENTS_FILE,
    CONTROL_FILE,
    LIVES_FILE,
    PAYOUTS_FILE,
    RESETTLED_FOLDER,
    SLICES_FILE,
)
from payouts.months import following
from payouts.verification.arithmetic import NANOS_PER_CENT
from payouts.verification.findings import Check, Report
from payouts.verification.month_files import (
    AdjustmentRow,
    BalanceEntry,
    Control,
    LiveRow,
    PayoutRow,
    Policy,
    Settled,
    SettledAgain,
    read_json,
    read_rows,
)
from payouts.verification.seals import AuditLog
from payouts.verification.slices import Earnings, Sums, check_slices, earnings

_WEIGHT_PER_MS: Final = 10_000
_BANK_REASONS: Final = frozenset({"no_iban", "bad_iban", "iban_changed"})
_ASKED_BY: Final = {"payment_returned": "payment_returned", "write_off": "write_off"}


@dataclass(frozen=True)
class Month:
    """A closed month's files as read: what can be, is there."""

    folder: Path
    control: Control | None
    rows: list[PayoutRow] | None
    adjustments: list[AdjustmentRow] | None

    @property
    def name(self) -> str:
        """The settlement month."""
        return self.folder.name


@dataclass
class Books:
    """What the months so far leave to the next one.

    Attributes:
        balances: Carried forward by the last one, in cents by artist; None where it cannot be read.
        booked: Cents by artist that a month's close and its adjustments have booked; None where they cannot be read.
        catalogues: The run whose catalogue each month keeps.
        taken_up: Lines of the audit log that a run took up, and the run.
    """

    balances: dict[str, int] | None = field(default_factory=dict)
    booked: dict[str, Counter[str] | None] = field(default_factory=dict)
    paid: dict[str, dict[str, int]] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    catalogues: dict[str, str] = field(default_factory=dict)
    taken_up: dict[str, str] = field(default_factory=dict)

    def close(self, month: Month) -> None:
        """Take in a month's run."""
        rows, control = month.rows, month.control
        self.balances = None if rows is None else {row.artist_id: row.carried_forward_cents for row in rows}
        self.booked[month.name] = None if rows is None else Counter({row.artist_id: row.earned_cents for row in rows})
        self.paid[month.name] = {row.artist_id: row.paid_cents for row in rows or ()}
        self.catalogues[month.name] = month.name
        for line in month.adjustments or ():
            booked = self.booked.get(line.corrects_month)
            if booked is not None:
                booked[line.artist_id] += line.adjustment_cents
        if control is not None:
            self.policies[month.name] = control.policy
            for again, settled in control.adjustments.items():
                self.catalogues[again] = settled.catalogue
            for entry in (*control.amendments, *(entry.entry for entry in control.balance_entries)):
                self.taken_up.setdefault(entry, month.name)


def read_month(report: Report, folder: Path) -> Month:
    """Read a month's small files; what cannot be read is a finding, and None."""
    month = folder.name
    control = rows = adjustments = None
    with report.reading(Check.AMOUNTS, month, f"{month}/{CONTROL_FILE}"):
        control = read_json(folder / CONTROL_FILE, Control)
    with report.reading(Check.AMOUNTS, month, f"{month}/{PAYOUTS_FILE}"):
        rows = read_rows(folder / PAYOUTS_FILE, PayoutRow)
    with report.reading(Check.ADJUSTMENTS, month, f"{month}/{ADJUSTMENTS_FILE}"):
        adjustments = read_rows(folder / ADJUSTMENTS_FILE, AdjustmentRow)
    return Month(folder, control, rows, adjustments)


def check_amounts(report: Report, month: Month, books: Books, log: AuditLog) -> None:
    """Compare all amounts of a month with its slices, with one another and with the months before it."""
    control, rows = month.control, month.rows
    sums = check_slices(report, month.name, month.folder / SLICES_FILE)
    if control is None or rows is None:
        return
    _check_control(report, month.name, control)
    _check_rows(report, month, control, rows)
    if sums is not None:
        _check_earnings(report, month.name, control, rows, sums)
    with report.reading(Check.AMOUNTS, month.name, f"{month.name}/{LIVES_FILE}"):
        _check_lives(report, month.name, rows, read_rows(month.folder / LIVES_FILE, LiveRow))
    if month.adjustments is not None:
        _check_adjustments(report, month, control, rows, month.adjustments, books)
    _check_requests(report, month.name, control, books, log)
    if books.balances is not None:
        _check_brought_forward(report, month.name, control, rows, books.balances)
    for row in rows:
        _check_balance(report, row, control.policy)


def _check_control(report: Report, month: str, control: Control) -> None:
    file = f"{month}/{CONTROL_FILE}"

    def same(what: str, found: object, expected: object) -> None:
        report.compare(Check.AMOUNTS, month, file, what, found=found, expected=expected)

    third = date.fromisoformat(f"{following(month)}-03")
    paid_on = third + timedelta(days=control.policy.payment_delay_days)
    same("settlement_month", control.settlement_month, month)
    same("payment_date", control.payment_date, paid_on.isoformat())
    for what, settled in (
        ("", control),
        *((f"adjustments of {again}, ", one) for again, one in control.adjustments.items()),
    ):
        cents = settled.envelope_nanos // NANOS_PER_CENT
        same(f"{what}direct + pool", settled.direct_nanos + settled.pool_nanos, settled.envelope_nanos)
        same(f"{what}earned_cents", settled.earned_cents * NANOS_PER_CENT, settled.envelope_nanos)
        same(f"{what}earned_cents of envelopes", settled.earned_cents, cents)
        same(f"{what}pool_members in order, once", list(settled.pool_members), sorted({*settled.pool_members}))
    same("envelope_cents", control.envelope_cents * NANOS_PER_CENT, control.envelope_nanos)
    same("earned_nanos", control.earned_nanos, control.envelope_nanos)
    same(
        "paid + carried = earned + adjustments + brought forward",
        control.paid_cents + control.carried_forward_cents,
        control.earned_cents + control.adjustment_cents + control.brought_forward_cents,
    )


def _check_rows(report: Report, month: Month, control: Control, rows: list[PayoutRow]) -> None:
    """The rows are in order, of this month, and sum to the control totals."""
    file = f"{month.name}/{PAYOUTS_FILE}"
    artists = [row.artist_id for row in rows]
    report.compare(
        Check.AMOUNTS, month.name, file, "artists in order, once", found=artists, expected=sorted({*artists})
    )
    report.compare(
        Check.AMOUNTS,
        month.name,
        file,
        "settlement_month",
        found={row.settlement_month for row in rows} - {month.name},
        expected=set(),
    )
    totals = {
        name: sum(getattr(row, name) for row in rows)
        for name in (
            "earned_nanos",
            "earned_cents",
            "adjustment_cents",
            "brought_forward_cents",
            "paid_cents",
            "carried_forward_cents",
        )
    }
    for name, total in {**totals, "paid_artists": sum(row.paid_cents > 0 for row in rows)}.items():
        report.compare(Check.AMOUNTS, month.name, file, f"sum of {name}", found=total, expected=getattr(control, name))


def _check_earnings(report: Report, month: str, control: Control, rows: list[PayoutRow], sums: Sums) -> None:
    _check_sums(report, month, f"{month}/{CONTROL_FILE}", "", control, sums, Check.AMOUNTS)
    earned = earnings(sums, control.pool_members, rule=control.policy.pool_rule)
    file = f"{month}/{PAYOUTS_FILE}"
    known = {row.artist_id for row in rows}
    needed = {*control.pool_members, *(artist for artist, nanos in earned.earned_nanos.items() if nanos)}
    for artist in sorted(needed - known):
        report.compare(Check.AMOUNTS, month, file, f"artist {artist!r}", found=None, expected="a row")
    for row in rows:
        for name, expected in _expected_of(row.artist_id, sums, earned).items():
            report.compare(
                Check.AMOUNTS,
                month,
                file,
                f"artist {row.artist_id!r}, {name}",
                found=getattr(row, name),
                expected=expected,
            )


def _expected_of(artist: str, sums: Sums, earned: Earnings) -> dict[str, int]:
    return {
        "watch_ms": sums.weight[artist] // _WEIGHT_PER_MS,
        "paying_subscribers": len(sums.payers.get(artist, ())),
        "direct_nanos": sums.direct[artist],
        "pool_nanos": earned.pool_nanos.get(artist, 0),
        "earned_nanos": earned.earned_nanos.get(artist, 0),
        "earned_cents": earned.earned_cents.get(artist, 0),
    }


def _check_sums(report: Report, month: str, file: str, what: str, settled: Settled, sums: Sums, check: Check) -> None:
    for name, expected in {
        "periods": sums.periods,
        "idle_periods": sums.idle_periods,
        "envelope_nanos": sums.envelope_nanos,
        "direct_nanos": sums.direct.total(),
        "pool_nanos": sums.pool_nanos,
    }.items():
        report.compare(check, month, file, f"{what}{name}", found=getattr(settled, name), expected=expected)


def _check_lives(report: Report, month: str, rows: list[PayoutRow], lives: list[LiveRow]) -> None:
    """Each artist's lives sum to the artist's row; the rest of what they say needs the heartbeats."""
    file = f"{month}/{LIVES_FILE}"
    keys = [(live.artist_id, live.live_id) for live in lives]
    report.compare(Check.AMOUNTS, month, file, "artists and lives in order, once", found=keys, expected=sorted({*keys}))
    report.compare(
        Check.AMOUNTS,
        month,
        file,
        "settlement_month",
        found={live.settlement_month for live in lives} - {month},
        expected=set(),
    )
    by_artist: defaultdict[str, list[LiveRow]] = defaultdict(list)
    for live in lives:
        by_artist[live.artist_id].append(live)
    for artist in sorted(by_artist.keys() - {row.artist_id for row in rows}):
        report.compare(
            Check.AMOUNTS, month, file, f"artist {artist!r}", found="lives", expected=f"a row in {PAYOUTS_FILE}"
        )
    for row in rows:
        of_artist = by_artist.get(row.artist_id, [])
        who = f"artist {row.artist_id!r}"
        report.compare(
            Check.AMOUNTS,
            month,
            file,
            f"{who}, direct_nanos of the lives",
            found=sum(live.direct_nanos for live in of_artist),
            expected=row.direct_nanos,
        )
        # Each live's time is floored, so that together they miss less than 1 ms a live.
        missing_ms = row.watch_ms - sum(live.watch_ms for live in of_artist)
        report.require(
            0 <= missing_ms < max(len(of_artist), 1),
            Check.AMOUNTS,
            month,
            file,
            f"{who}, watch_ms of the lives",
            found=row.watch_ms - missing_ms,
            expected=f"{row.watch_ms} but for less than 1 ms a live",
        )
        for live in of_artist:
            is_possible = (
                live.direct_nanos >= 0
                and live.watch_ms >= 0
                and 0 <= live.paying_subscribers <= row.paying_subscribers
                and (live.direct_nanos > 0) == (live.paying_subscribers > 0)
            )
            report.require(
                is_possible,
                Check.AMOUNTS,
                month,
                file,
                f"{who}, live {live.live_id!r}",
                found=tuple(live[4:]),
                expected="no negative figure, no more subscribers than the artist has, and some where there is money",
            )


def _check_adjustments(
    report: Report, month: Month, control: Control, rows: list[PayoutRow], lines: list[AdjustmentRow], books: Books
) -> None:
    file = f"{month.name}/{ADJUSTMENTS_FILE}"

    def same(what: str, found: object, expected: object, *, of: str = file) -> None:
        report.compare(Check.ADJUSTMENTS, month.name, of, what, found=found, expected=expected)

    earlier = sorted(books.booked)
    look_back = earlier[-control.policy.look_back_months :] if control.policy.look_back_months else []
    control_file = f"{month.name}/{CONTROL_FILE}"
    same("months of the look-back", sorted(control.adjustments), look_back, of=control_file)
    keys = [(line.corrects_month, line.artist_id) for line in lines]
    same("months and artists in order, once", keys, sorted({*keys}))
    same("settlement_month", {line.settlement_month for line in lines} - {month.name}, set())
    same("corrects_month", {line.corrects_month for line in lines} - {*look_back}, set())
    for line in lines:
        what = f"{line.corrects_month}, artist {line.artist_id!r}, adjustment_cents"
        same(what, line.adjustment_cents, line.recomputed_cents - line.booked_cents)
        same(f"{what} that is not 0", bool(line.adjustment_cents), expected=True)
    sums = Counter[str]()
    for line in lines:
        sums[line.artist_id] += line.adjustment_cents
    for row in rows:
        who = f"artist {row.artist_id!r}, adjustment_cents"
        same(who, row.adjustment_cents, sums[row.artist_id], of=f"{month.name}/{PAYOUTS_FILE}")
    same("artists without a row", sorted({*sums} - {row.artist_id for row in rows}), [])
    for again in look_back:
        of_month = [line for line in lines if line.corrects_month == again]
        settled = control.adjustments.get(again)
        if settled is None:
            continue
        _check_catalogue(report, month.name, again, settled, books)
        same(
            f"adjustments of {again}, adjustment_cents",
            settled.adjustment_cents,
            sum(line.adjustment_cents for line in of_month),
            of=control_file,
        )
        _check_settled_again(report, month, again, settled, of_month, books)
    resettled = {path.stem for path in (month.folder / RESETTLED_FOLDER).glob("*")}
    same("months settled again", sorted(resettled - {*look_back}), [], of=f"{month.name}/{RESETTLED_FOLDER}")


def _check_catalogue(report: Report, month: str, again: str, settled: SettledAgain, books: Books) -> None:
    file = f"{month}/{CONTROL_FILE}"
    if again in books.policies:
        report.compare(
            Check.ADJUSTMENTS,
            month,
            file,
            f"adjustments of {again}, policy",
            found=settled.policy,
            expected=books.policies[again],
        )
    if settled.catalogue != month:
        report.compare(
            Check.ADJUSTMENTS,
            month,
            file,
            f"adjustments of {again}, catalogue",
            found=settled.catalogue,
            expected=books.catalogues.get(again),
        )


def _check_settled_again(
    report: Report, month: Month, again: str, settled: SettledAgain, lines: list[AdjustmentRow], books: Books
) -> None:
    """What an earlier month gives now, against what is booked for it: where nothing was written, nothing changed."""
    booked = books.booked[again]
    if booked is None:
        return
    path = month.folder / RESETTLED_FOLDER / f"{again}.parquet"
    file = f"{month.name}/{ADJUSTMENTS_FILE}"
    recomputed: Mapping[str, int] = booked
    if path.exists():
        sums = check_slices(report, month.name, path)
        if sums is None:
            return
        what = f"adjustments of {again}, "
        _check_sums(report, month.name, f"{month.name}/{CONTROL_FILE}", what, settled, sums, Check.ADJUSTMENTS)
        recomputed = earnings(sums, settled.pool_members, rule=settled.policy.pool_rule).earned_cents
    else:
        report.compare(
            Check.ADJUSTMENTS,
            month.name,
            f"{month.name}/{CONTROL_FILE}",
            f"adjustments of {again}, earned_cents of a month that gives what it gave",
            found=settled.earned_cents,
            expected=booked.total(),
        )
    expected = {
        artist: (booked[artist], recomputed.get(artist, 0))
        for artist in {*booked, *recomputed}
        if booked[artist] != recomputed.get(artist, 0)
    }
    found = {line.artist_id: (line.booked_cents, line.recomputed_cents) for line in lines}
    for artist in sorted({*expected, *found}):
        report.compare(
            Check.ADJUSTMENTS,
            month.name,
            file,
            f"{again}, artist {artist!r}, booked and recomputed cents",
            found=found.get(artist),
            expected=expected.get(artist),
        )


def _check_requests(report: Report, month: str, control: Control, books: Books, log: AuditLog) -> None:
    """What people asked of the run is on record, and was taken up by no run before."""
    file = f"{month}/{CONTROL_FILE}"

    def same(what: str, found: object, expected: object) -> None:
        report.compare(Check.BALANCES, month, file, what, found=found, expected=expected)

    for entry in (*control.amendments, *(entry.entry for entry in control.balance_entries)):
        same(f"request {entry}, an earlier run that took it up", books.taken_up.get(entry), None)
    asked = [log.lines[entry].entry if entry in log.lines else {} for entry in control.amendments]
    amended = {again for again, settled in control.adjustments.items() if settled.catalogue == month}
    same("months amended on record", sorted(amended), sorted({str(entry.get("settlement_month")) for entry in asked}))
    same("actions of the amendments", {entry.get("action") for entry in asked} - {"amend"}, set())
    for one in control.balance_entries:
        entry = log.lines[one.entry].entry if one.entry in log.lines else {}
        same(
            f"{one.kind} of artist {one.artist_id!r}, on record",
            (one.kind, one.artist_id, one.cents, one.settlement_month),
            tuple(entry.get(name) for name in ("action", "artist_id", "cents", "settlement_month")),
        )
        if one.settlement_month in books.paid:
            paid = books.paid[one.settlement_month].get(one.artist_id, 0)
            same(f"payment of {one.settlement_month} to artist {one.artist_id!r}", one.cents, paid)
        has_right_shape = one.cents > 0 and (one.kind == "payment_returned") == (one.settlement_month is not None)
        same(f"{one.kind} of artist {one.artist_id!r}, cents above 0", has_right_shape, expected=True)


def _check_brought_forward(
    report: Report, month: str, control: Control, rows: list[PayoutRow], balances: Mapping[str, int]
) -> None:
    expected = Counter(balances)
    for entry in control.balance_entries:
        expected[entry.artist_id] += entry.cents
    found = {row.artist_id: row.brought_forward_cents for row in rows}
    for artist in sorted({*found, *_non_zero(expected)}):
        report.compare(
            Check.BALANCES,
            month,
            f"{month}/{PAYOUTS_FILE}",
            f"artist {artist!r}, brought_forward_cents",
            found=found.get(artist),
            expected=expected[artist],
        )


def _non_zero(cents: Mapping[str, int]) -> Iterable[str]:
    return (artist for artist, amount in cents.items() if amount)


def _check_balance(report: Report, row: PayoutRow, policy: Policy) -> None:
    """Paid in full or carried in full, for a reason (RULES.md §6).

    Whether an artist has left or has bank details is not in the month: where that decides, both answers are taken.
    """
    payable = row.brought_forward_cents + row.earned_cents + row.adjustment_cents
    carried = {(0, payable, reason) for reason in _BANK_REASONS}
    paid = {(payable, 0, "")}
    if payable <= 0:
        possible = {(0, payable, "negative" if payable else "")}
    elif payable >= policy.minimum_payout_cents or row.settlement_month.endswith("-12"):
        possible = paid | carried
    else:
        possible = {(0, payable, "below_minimum")} | paid | carried
    report.require(
        (row.paid_cents, row.carried_forward_cents, row.carry_reason) in possible,
        Check.BALANCES,
        row.settlement_month,
        f"{row.settlement_month}/{PAYOUTS_FILE}",
        f"artist {row.artist_id!r}, paid, carried and reason",
        found=(row.paid_cents, row.carried_forward_cents, row.carry_reason),
        expected=f"{payable} cents paid or carried whole, by the minimum of {policy.minimum_payout_cents}",
    )
