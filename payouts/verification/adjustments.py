"""Checks a run's corrections of earlier months: their slices settled again, against the books (RULES.md §6)."""

from collections import Counter

from allive.payouts.closed_month.books import Books, Month
from allive.payouts.closed_month.findings import Check, Report
from allive.payouts.closed_month.slices import check_slices, earnings
from allive.payouts.ledger import ADJUSTMENTS_FILE, CONTROL_FILE, PAYOUTS_FILE, RESETTLED_FOLDER
from allive.payouts.verification.amounts import check_sums


def check_adjustments(report: Report, month: Month, books: Books) -> None:
    """Compare a run's adjustments with the months of its look-back, changed and unchanged ones."""
    lines = month.adjustments
    place = report.at(Check.ADJUSTMENTS, month.file(ADJUSTMENTS_FILE))
    keys = [(line.corrects_month, line.artist_id) for line in lines]
    look_back = look_back_of(month, books)
    place.same("rows in order, each once", found=keys, expected=sorted({*keys}))
    for line in lines:
        what = f"{line.corrects_month}, artist {line.artist_id!r}"
        place.same(f"{what}, settlement_month", found=line.settlement_month, expected=month.name)
        place.holds(
            f"{what}, corrects_month",
            line.corrects_month in look_back,
            found=line.corrects_month,
            expected=f"one of the look-back: {', '.join(look_back) or 'none'}",
        )
        difference = line.recomputed_cents - line.booked_cents
        place.same(f"{what}, adjustment_cents", found=line.adjustment_cents, expected=difference)
    _check_rows(report, month)
    at_control = report.at(Check.ADJUSTMENTS, month.file(CONTROL_FILE))
    if at_control.same("months of the look-back", found=sorted(month.control.adjustments), expected=look_back):
        for again in look_back:
            _check_settled_again(report, month, again, books)
    for path in (month.folder / RESETTLED_FOLDER).glob("*"):
        if path.stem not in look_back:
            at_file = report.at(Check.ADJUSTMENTS, month.file(f"{RESETTLED_FOLDER}/{path.name}"))
            at_file.same("file", found="a file", expected="none: it is no month of the look-back")


def look_back_of(month: Month, books: Books) -> list[str]:
    """Return the closed months that the run can correct (RULES.md §2)."""
    closed = sorted(books.policies)
    return closed[max(len(closed) - month.control.policy.look_back_months, 0) :]


def _check_rows(report: Report, month: Month) -> None:
    sums = Counter[str]()
    for line in month.adjustments:
        sums[line.artist_id] += line.adjustment_cents
    place = report.at(Check.ADJUSTMENTS, month.file(PAYOUTS_FILE))
    found = {row.artist_id: row.adjustment_cents for row in month.rows}
    for artist in sorted({*sums, *found}):
        what = f"artist {artist!r}, adjustment_cents"
        place.same(what, found=found.get(artist), expected=sums[artist])


def _check_settled_again(report: Report, month: Month, again: str, books: Books) -> None:
    settled, booked = month.control.adjustments[again], books.booked[again]
    of = f"adjustments of {again}, "
    at_control = report.at(Check.ADJUSTMENTS, month.file(CONTROL_FILE))
    at_control.same(f"{of}policy", found=settled.policy, expected=books.policies[again])
    if settled.catalogue != month.name:
        at_control.same(f"{of}catalogue", found=settled.catalogue, expected=books.catalogues[again])
    lines = {line.artist_id: line for line in month.adjustments if line.corrects_month == again}
    total = sum(line.adjustment_cents for line in lines.values())
    at_control.same(f"{of}adjustment_cents", found=settled.adjustment_cents, expected=total)

    recomputed = dict(booked)
    path = month.folder / RESETTLED_FOLDER / f"{again}.parquet"
    if path.exists():
        file = month.file(f"{RESETTLED_FOLDER}/{path.name}")
        sums = check_slices(report.at(Check.PERIODS, file), path)
        if sums is None:
            return
        check_sums(at_control, settled, sums, of=of)
        recomputed = earnings(sums, settled.pool_members, rule=settled.policy.pool_rule).earned_cents
    else:
        # Slices are written again only where something changed.
        at_control.same(f"{of}earned_cents", found=settled.earned_cents, expected=booked.total())
    place = report.at(Check.ADJUSTMENTS, month.file(ADJUSTMENTS_FILE))
    for artist in sorted({*booked, *recomputed, *lines}):
        cents = booked[artist], recomputed.get(artist, 0)
        line = lines.get(artist)
        place.same(
            f"{again}, artist {artist!r}, booked and recomputed cents",
            found=line and (line.booked_cents, line.recomputed_cents),
            expected=cents if cents[0] != cents[1] else None,
        )
