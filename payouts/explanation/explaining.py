"""Explains one artist's closed month: reads its folder, computes each step again, and requires all to agree."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.books import Month, read_month
from allive.payouts.closed_month.findings import Check, Place, Report
from allive.payouts.closed_month.month_files import AdjustmentRow, LiveRow, PayoutRow, read_rows
from allive.payouts.closed_month.slices import names_by_pseudonym
from allive.payouts.errors import Refusal
from allive.payouts.explanation.account import Adjustment, BalanceEntry, Explanation, Part, Pool, part_of
from allive.payouts.explanation.subscribers import (
    FEWEST_TOLD,
    Totals,
    Watchers,
    read_totals,
    read_watchers,
    subscriber_parts,
    to_pool,
)
from allive.payouts.ledger import (
    ADJUSTMENTS_FILE,
    CONTROL_FILE,
    LIVES_FILE,
    PAYOUTS_FILE,
    RESETTLED_FOLDER,
    SLICES_FILE,
    closed_months,
    month_dir,
)
from allive.payouts.months import following
from allive.payouts.pseudonyms import names_of_periods
from allive.payouts.shown_cents import split_cents
from allive.payouts.statements import statement_number
from allive.payouts.user_centric import NANOS_PER_CENT, earned_cents, pool_shares

_MOST_NAMED: Final = 5


class ContradictionError(ValueError):
    """A closed month's files disagree on how an artist's amount was computed.

    Attributes:
        reasons: Each names the file, what was found and what was expected.
    """

    def __init__(self, month: str, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__(f"The files of {month} disagree: " + " · ".join(reasons))


@dataclass(frozen=True)
class _Files:
    """The content of the month's files, and the artist's part of it; `row` is blank if the artist has none."""

    month: Month
    row: PayoutRow
    position: int | None
    lives: list[LiveRow]
    totals: Totals
    adjustments: list[AdjustmentRow]


def explain(settings: Settings, month: str, artist_id: str, *, full: bool = False) -> Explanation:
    """Explain how an artist's amount of a closed month was computed; with `full`, down to each slice.

    Raises:
        PseudonymKeyError: The slices of a month of format 1 have no pseudonyms of periods without the key.
        Refusal: The month is not closed, or has nothing about the artist.
        ContradictionError: The files cannot be read, or do not add up.
    """
    closed = closed_months(settings)
    if month not in closed:
        raise Refusal(month, (_not_closed(month, closed),), "be explained")
    report = Report()
    files = _read(report, month_dir(settings, month), artist_id)
    watchers = Watchers()
    path = files.month.folder / SLICES_FILE
    pseudonyms = _names(settings, path) if full else None
    place = report.at(Check.PERIODS, files.month.file(SLICES_FILE))
    with place.reading():
        watchers = read_watchers(place, path, artist_id, pseudonyms=pseudonyms)
    claims = _pool_claims(files)
    share = part_of(artist_id, files.totals.pool_nanos, claims) if artist_id in claims else None
    rounding = _rounding(files, artist_id)
    _check_direct(report, files, watchers)
    _check_earned(report, files, share, rounding)
    _check_adjustments(report, files)
    _check_balance(report, files)
    _raise_contradictions(report, month)
    return _explanation(files, artist_id, watchers, share, rounding)


def _names(settings: Settings, path: Path) -> Callable[[str], str]:
    """Return the function that gives a period's pseudonym by its name in the slices, which is its id in format 1."""
    return (lambda name: name) if names_by_pseudonym(path) else names_of_periods(settings)


def _read(report: Report, folder: Path, artist_id: str) -> _Files:
    month = read_month(report, folder)
    lives, totals = None, None
    with report.at(Check.AMOUNTS, f"{folder.name}/{LIVES_FILE}").reading():
        lives = read_rows(folder / LIVES_FILE, LiveRow)
    with report.at(Check.PERIODS, f"{folder.name}/{SLICES_FILE}").reading():
        totals = read_totals(folder / SLICES_FILE)
    _raise_contradictions(report, folder.name)
    assert month is not None and lives is not None and totals is not None  # noqa: PT018, S101 - else a finding
    positions = {row.artist_id: position for position, row in enumerate(month.rows, start=1)}
    if artist_id not in positions and artist_id not in totals.artists:
        raise Refusal(folder.name, (_unknown(artist_id, month, totals),), f"be explained to {artist_id!r}")
    position = positions.get(artist_id)
    return _Files(
        month=month,
        row=month.rows[position - 1] if position else _no_row(folder.name, artist_id),
        position=position,
        lives=[live for live in lives if live.artist_id == artist_id],
        totals=totals,
        adjustments=[line for line in month.adjustments if line.artist_id == artist_id],
    )


def _no_row(month: str, artist_id: str) -> PayoutRow:
    return PayoutRow(month, artist_id, "", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "")


def _not_closed(month: str, closed: tuple[str, ...]) -> str:
    if not closed:
        return f"No month is closed yet. See what it would pay: `allive payout {month} --dry-run`."
    span = closed[0] if len(closed) == 1 else f"{closed[0]} to {closed[-1]}"
    hint = f" See what it would pay: `allive payout {month} --dry-run`." if month == following(closed[-1]) else ""
    return f"It is not closed. Closed: {span}.{hint}"


def _unknown(artist_id: str, month: Month, totals: Totals) -> str:
    known = dict.fromkeys(totals.artists, "") | {row.artist_id: row.artist_name for row in month.rows}
    near = list(_near(artist_id, known))
    advice = f"Did you mean {' or '.join(near)}?" if near else f"{PAYOUTS_FILE} lists the artists by id."
    return (
        f"Found nothing about {artist_id!r}: no row, no slice. A month leaves out artists who were not watched, have "
        f"no part in the pool and no balance. {advice}"
    )


def _near(wanted: str, known: dict[str, str]) -> Iterator[str]:
    """Yield the artists whose id or name is close to what was typed, the closest first."""
    by_text: dict[str, str] = {}
    for artist_id, name in sorted(known.items()):
        for text in filter(None, (artist_id, name)):
            by_text.setdefault(text.casefold(), f"{artist_id} ({name})" if name else artist_id)
    close = get_close_matches(wanted.casefold(), by_text, n=_MOST_NAMED)
    within = [text for text in by_text if wanted.casefold() in text]
    yield from list(dict.fromkeys(by_text[text] for text in (*close, *within)))[:_MOST_NAMED]


def _pool_claims(files: _Files) -> dict[str, int]:
    """Return each member's claim on the pool; empty if the pool is empty."""
    control, direct = files.month.control, files.totals.direct_nanos
    if not files.totals.pool_nanos:
        return {}
    if _is_in_equal_parts(files):
        return dict.fromkeys(control.pool_members, 1)
    return {member: direct.get(member, 0) for member in control.pool_members}


def _is_in_equal_parts(files: _Files) -> bool:
    control, direct = files.month.control, files.totals.direct_nanos
    return control.policy.pool_rule == "equal" or not any(direct.get(member) for member in control.pool_members)


def _rounding(files: _Files, artist_id: str) -> Part | None:
    earned = _earned_nanos(files.totals, files.month.control.pool_members, rule=files.month.control.policy.pool_rule)
    if not earned.get(artist_id):
        return None
    return part_of(artist_id, sum(earned.values()) // NANOS_PER_CENT, earned)


def _earned_nanos(totals: Totals, members: Collection[str], *, rule: str) -> dict[str, int]:
    direct = totals.direct_nanos
    pool = pool_shares(totals.pool_nanos, members, direct, rule=rule)
    return {artist: direct.get(artist, 0) + pool.get(artist, 0) for artist in {*direct, *pool}}


def _check_direct(report: Report, files: _Files, watchers: Watchers) -> None:
    from_slices = sum(sums.amount_nanos for sums in watchers.paying.values())
    row = report.at(Check.AMOUNTS, files.month.file(PAYOUTS_FILE))
    _same(row, files, f"direct_nanos, by {SLICES_FILE}", files.row.direct_nanos, from_slices)
    _same(row, files, f"paying_subscribers, by {SLICES_FILE}", files.row.paying_subscribers, len(watchers.paying))
    if files.position:
        lives = sum(live.direct_nanos for live in files.lives)
        at_lives = report.at(Check.AMOUNTS, files.month.file(LIVES_FILE))
        _same(at_lives, files, f"direct_nanos, by {SLICES_FILE}", lives, from_slices)
    control, totals = files.month.control, files.totals
    place = report.at(Check.AMOUNTS, files.month.file(CONTROL_FILE))
    place.same(f"envelope_nanos, by {SLICES_FILE}", found=control.envelope_nanos, expected=totals.envelope_nanos)
    place.same(f"pool_nanos, by {SLICES_FILE}", found=control.pool_nanos, expected=totals.pool_nanos)


def _check_earned(report: Report, files: _Files, share: Part | None, rounding: Part | None) -> None:
    row, place = files.row, report.at(Check.AMOUNTS, files.month.file(PAYOUTS_FILE))
    _same(place, files, f"pool_nanos, by {CONTROL_FILE}", row.pool_nanos, share.amount if share else 0)
    _same(place, files, "earned_nanos, by direct and pool", row.earned_nanos, row.direct_nanos + row.pool_nanos)
    _same(
        place,
        files,
        f"earned_nanos, by {SLICES_FILE} and {CONTROL_FILE}",
        row.earned_nanos,
        rounding.claim if rounding else 0,
    )
    _same(place, files, "earned_cents, by all artists' nanos", row.earned_cents, rounding.amount if rounding else 0)


def _check_adjustments(report: Report, files: _Files) -> None:
    month = files.month
    for line in files.adjustments:
        place = report.at(Check.ADJUSTMENTS, month.file(ADJUSTMENTS_FILE))
        what = f"adjustment_cents of {line.corrects_month}"
        _same(place, files, what, line.adjustment_cents, line.recomputed_cents - line.booked_cents)
        file = f"{RESETTLED_FOLDER}/{line.corrects_month}.parquet"
        again = month.control.adjustments.get(line.corrects_month)
        known = report.at(Check.ADJUSTMENTS, month.file(CONTROL_FILE))
        if not known.holds(line.corrects_month, again is not None, found=None, expected="its totals, settled again"):
            continue
        assert again is not None  # noqa: S101 - held above
        with report.at(Check.ADJUSTMENTS, month.file(file)).reading():
            earned = _earned_nanos(read_totals(month.folder / file), again.pool_members, rule=again.policy.pool_rule)
            what = f"recomputed_cents of {line.corrects_month}, by {file}"
            _same(place, files, what, line.recomputed_cents, earned_cents(earned).get(line.artist_id, 0))
    total = sum(line.adjustment_cents for line in files.adjustments)
    place = report.at(Check.ADJUSTMENTS, month.file(PAYOUTS_FILE))
    _same(place, files, "adjustment_cents", files.row.adjustment_cents, total)


def _check_balance(report: Report, files: _Files) -> None:
    """Check that the balance is paid in full, or carried in full with a reason (RULES.md §6)."""
    row, place = files.row, report.at(Check.BALANCES, files.month.file(PAYOUTS_FILE))
    payable = _payable_cents(row)
    _same(place, files, "paid_cents + carried_forward_cents", row.paid_cents + row.carried_forward_cents, payable)
    place.holds(
        f"artist {row.artist_id!r}, carry_reason",
        row.paid_cents in {0, payable} and bool(row.carry_reason) == bool(row.carried_forward_cents),
        found=f"{row.carry_reason or 'none'} with {row.paid_cents} cents paid of {payable}",
        expected="all of it paid, or none of it for a reason",
    )


def _same(place: Place, files: _Files, what: str, found: int, expected: int) -> None:
    place.same(f"artist {files.row.artist_id!r}, {what}", found=found, expected=expected)


def _raise_contradictions(report: Report, month: str) -> None:
    findings = report.findings()
    if findings:
        raise ContradictionError(month, tuple(str(finding) for finding in findings))


def _payable_cents(row: PayoutRow) -> int:
    return row.brought_forward_cents + row.earned_cents + row.adjustment_cents


def _explanation(
    files: _Files, artist_id: str, watchers: Watchers, share: Part | None, rounding: Part | None
) -> Explanation:
    month, row, control = files.month, files.row, files.month.control
    paying = len(watchers.paying)
    entries = [entry for entry in control.balance_entries if entry.artist_id == artist_id]
    direct_cents, pool_cents = split_cents(row.earned_cents, (row.direct_nanos, row.pool_nanos))
    return Explanation(
        settlement_month=month.name,
        artist_id=artist_id,
        artist_name=row.artist_name or None,
        category=row.category or None,
        statement_number=statement_number(month.name, files.position) if files.position else None,
        paying_subscribers=None if 0 < paying < FEWEST_TOLD else paying,
        subscribers=subscriber_parts(watchers, direct_cents=direct_cents),
        lives=sum(live.direct_nanos > 0 for live in files.lives),
        direct_nanos=row.direct_nanos,
        to_pool=to_pool(watchers),
        pool=Pool(
            nanos=control.pool_nanos,
            rule=control.policy.pool_rule,
            is_in_equal_parts=_is_in_equal_parts(files),
            members=len(control.pool_members),
            is_member=artist_id in control.pool_members,
            share=share,
        ),
        pool_nanos=row.pool_nanos,
        earned_nanos=row.earned_nanos,
        rounding=rounding,
        earned_cents=row.earned_cents,
        direct_cents=direct_cents,
        pool_cents=pool_cents,
        adjustments=tuple(
            Adjustment(
                corrects_month=line.corrects_month,
                booked_cents=line.booked_cents,
                recomputed_cents=line.recomputed_cents,
                adjustment_cents=line.adjustment_cents,
                is_amended=control.adjustments[line.corrects_month].catalogue == month.name,
            )
            for line in files.adjustments
        ),
        opening_cents=row.brought_forward_cents - sum(entry.cents for entry in entries),
        balance_entries=tuple(BalanceEntry(entry.kind, entry.cents, entry.settlement_month) for entry in entries),
        brought_forward_cents=row.brought_forward_cents,
        payable_cents=_payable_cents(row),
        paid_cents=row.paid_cents,
        carried_forward_cents=row.carried_forward_cents,
        carry_reason=row.carry_reason or None,
        payment_date=control.payment_date,
        minimum_payout_cents=control.policy.minimum_payout_cents,
        minimum_pool_share_bp=control.policy.minimum_pool_share_bp,
        slices=tuple(watchers.slices),
    )
