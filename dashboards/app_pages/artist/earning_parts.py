"""Turns rows into the texts and figures of *Mes revenus*. Draws nothing.

The wording is that of the statements (payouts/statements/wording.py), so that the page and the PDF agree.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from allive.dashboards import formatting
from allive.dashboards.app_pages.artist.opening import month_first
from allive.dashboards.app_pages.artist.payment_parts import payment_card, total_card
from allive.dashboards.formatting import FEWEST_SHOWN, NOTHING
from allive.dashboards.layout import Card, Column
from allive.dashboards.serving import Row
from allive.dashboards.texts import Texts

_LEAST_MORE_MS: Final = 60_000
_BOOKED_AMOUNTS: Final = {
    "paid_cents": "months.paid",
    "carried_forward_cents": "months.carried",
    "direct_cents": "months.direct",
    "pool_cents": "months.pool",
    "earned_cents": "months.earned",
    "adjustment_cents": "months.adjustments",
    "brought_forward_cents": "months.brought_forward",
}
"""The amounts of a closed month with their headings."""
_SUMMED: Final = ("direct_cents", "pool_cents", "earned_cents", "adjustment_cents", "paid_cents")


def main_cards(
    texts: Texts, booked: Sequence[Row], *, payments: Sequence[Row], otherwise: Sequence[Row], is_held: bool
) -> list[Card]:
    """Return the main cards: paid or carried in the last closed month and why, earned in it, and received in total."""
    last = booked[-1]
    month = formatting.month_name(last["settlement_month"], texts.language)
    payment = next((row for row in payments if row["settlement_month"] == last["settlement_month"]), None)
    return [
        payment_card(texts, last, payment, is_held=is_held) if last["paid_cents"] else _carried(texts, last, month),
        _earned(texts, last, month),
        total_card(texts, payments, otherwise),
    ]


def running_cards(texts: Texts, month: Row) -> list[Card]:
    """Return the cards of an open month: the estimate and its two parts."""
    language = texts.language
    return [
        Card(
            label=texts("open.total"),
            value=formatting.euros(month["current_earned_cents"], language),
            note=texts("open.total_note"),
            key="current_earned_cents",
        ),
        Card(
            label=texts("open.direct"),
            value=formatting.euros(month["current_direct_cents"], language),
            note=texts(
                "open.direct_note",
                duration=formatting.duration(month["current_watch_ms"], language),
                people=formatting.people(month["current_paying_subscribers"], language),
            ),
            key="current_direct_cents",
        ),
        Card(
            label=texts("open.pool"),
            value=formatting.euros(month["current_pool_cents"], language),
            note=texts(
                "open.pool_note",
                total=formatting.euros(month["whole_pool_cents"], language),
                members=formatting.count(month["pool_members"], language),
            ),
            key="current_pool_cents",
        ),
    ]


def movement(texts: Texts, seen: Sequence[Row]) -> str:
    """Return as Markdown why the latest estimate differs from the one before.

    `seen` are the estimates of one month, oldest first.
    """
    if len(seen) < 2:  # noqa: PLR2004 - a change needs two values
        return texts("open.no_day_before")
    before, now = seen[-2], seen[-1]
    day = formatting.day(before["seen_on"], texts.language)
    moved = {name: now[name] - before[name] for name in ("earned_cents", "direct_cents", "pool_cents", "watch_ms")}
    reasons = [
        f"- {texts(f'open.{key}', **fields)}"
        for key, fields in (_direct_reason(texts, moved), _pool_reason(texts, moved))
        if key
    ]
    if not reasons:
        return texts("open.moved_not", day=day)
    amount = _signed(texts, moved["earned_cents"])
    key = "open.moved_up" if moved["earned_cents"] >= 0 else "open.moved_down"
    return "\n".join([texts(key, amount=amount, day=day), "", *reasons])


def months_heading(texts: Texts, booked: Sequence[Row]) -> str:
    """Return the heading of the closed months, which compares the last two."""
    if not booked:
        return texts("months.heading_open")
    month = month_first(booked[-1]["settlement_month"], texts.language)
    earned = booked[-1]["earned_cents"]
    if len(booked) == 1:
        return texts("months.heading_first", month=month, amount=formatting.euros(earned, texts.language))
    difference = earned - booked[-2]["earned_cents"]
    key = "more" if difference > 0 else "less" if difference < 0 else "same"
    return texts(
        f"months.heading_{key}",
        month=month,
        before=formatting.month_name(booked[-2]["settlement_month"], texts.language),
        amount=formatting.euros(abs(difference), texts.language),
    )


def booked_columns(texts: Texts) -> list[Column]:
    """Return the columns of the closed months, with the names in their files."""
    amounts = [Column(key, texts(heading), is_number=True) for key, heading in _BOOKED_AMOUNTS.items()]
    return [Column("settlement_month", texts("month_column")), *amounts, Column("carry_reason", texts("months.reason"))]


def booked_line(texts: Texts, row: Row) -> Mapping[str, str]:
    """Return one closed month as formatted text."""
    reason = row["carry_reason"]
    return {
        "settlement_month": formatting.month_name(row["settlement_month"], texts.language),
        **{key: formatting.euros(row[key], texts.language) for key in _BOOKED_AMOUNTS},
        "carry_reason": texts(f"carried_short.{reason}", minimum=_minimum(texts, row)) if reason else NOTHING,
    }


def booked_total(texts: Texts, booked: Sequence[Row]) -> Mapping[str, str]:
    """Return the totals over closed months of all amounts except balances, which do not add up."""
    return {
        "settlement_month": texts("months.total"),
        **{key: formatting.euros(sum(row[key] for row in booked), texts.language) for key in _SUMMED},
    }


def euro_story(texts: Texts, month: Row, *, envelope_cents: int) -> str:
    """Return as Markdown where a closed month's euros came from: the rule, the artist's own numbers, an example."""
    envelope = formatting.euros(envelope_cents, texts.language)
    story = [
        texts("euro.intro", envelope=envelope),
        f"1. {_direct_story(texts, month, envelope_cents=envelope_cents)}",
        f"2. {_pool_story(texts, month)}",
    ]
    if month["direct_nanos"]:
        story.append(texts("euro.example", half=formatting.euros(envelope_cents // 2, texts.language)))
    return "\n\n".join(story)


def account_lines(texts: Texts, month: Row, adjustments: Sequence[Row]) -> list[Mapping[str, str]]:
    """Return the account of a closed month, line by line, from its parts to the amounts paid and carried forward."""
    payable = month["brought_forward_cents"] + month["earned_cents"] + month["adjustment_cents"]
    name = formatting.month_name(month["settlement_month"], texts.language)
    lines = [
        (texts("euro.line_direct"), month["direct_cents"]),
        (texts("euro.line_pool"), month["pool_cents"]),
        (texts("euro.line_earned", month=name), month["earned_cents"]),
    ]
    if month["brought_forward_cents"]:
        lines.append((texts("euro.line_brought_forward"), month["brought_forward_cents"]))
    lines += [
        (
            texts("euro.line_adjustment", month=formatting.month_name(row["corrects_month"], texts.language)),
            row["adjustment_cents"],
        )
        for row in adjustments
    ]
    if payable != month["earned_cents"] or len(adjustments):
        lines.append((texts("euro.line_payable"), payable))
    if month["paid_cents"] or not month["carried_forward_cents"]:
        lines.append((texts("euro.line_paid"), month["paid_cents"]))
    if month["carried_forward_cents"]:
        lines.append((texts("euro.line_carried"), month["carried_forward_cents"]))
    return [{"line": line, "amount": formatting.euros(cents, texts.language)} for line, cents in lines]


def pro_rata_line(texts: Texts, row: Row) -> Mapping[str, str]:
    """Return one month's earnings here and under pro rata."""
    here, there = row["current_earned_cents"], row["pro_rata_earned_cents"]
    return {
        "settlement_month": formatting.month_name(row["settlement_month"], texts.language),
        "current_earned_cents": formatting.euros(here, texts.language),
        "pro_rata_earned_cents": formatting.euros(there, texts.language),
        "difference": formatting.signed_euros(there - here, texts.language),
    }


def marked_month(texts: Texts, row: Row) -> str:
    """Return a month's name, marked as an estimate if it is not closed."""
    name = formatting.month_name(row["settlement_month"], texts.language)
    return name if row["is_closed"] else f"{name} ({texts('months.estimate_mark')})"


def carried_why(texts: Texts, month: Row) -> str:
    """Explain in a sentence or two why nothing was paid for a closed month."""
    return texts(f"carried.{month['carry_reason'] or 'nothing'}", minimum=_minimum(texts, month))


def _carried(texts: Texts, last: Row, month: str) -> Card:
    carried = last["carried_forward_cents"]
    label = "main.waiting" if carried > 0 else "main.owed" if carried else "main.settled"
    return Card(
        label=texts(label, month=month),
        value=formatting.euros(carried, texts.language),
        note=carried_why(texts, last),
        key="carried_forward_cents",
        is_main=True,
    )


def _earned(texts: Texts, last: Row, month: str) -> Card:
    return Card(
        label=texts("main.earned", month=month),
        value=formatting.euros(last["earned_cents"], texts.language),
        note=texts(
            "main.earned_note",
            direct=formatting.euros(last["direct_cents"], texts.language),
            pool=formatting.euros(last["pool_cents"], texts.language),
        ),
        key="earned_cents",
    )


def _direct_reason(texts: Texts, moved: Mapping[str, int]) -> tuple[str, dict[str, str]]:
    direct, watch = moved["direct_cents"], moved["watch_ms"]
    fields = {"amount": _signed(texts, direct), "duration": formatting.duration(max(watch, 0), texts.language)}
    if watch >= _LEAST_MORE_MS:
        return ("more_watched_more" if direct >= 0 else "more_watched_less"), fields
    if not direct:
        return "", {}
    if watch < 0:
        return "less_watched", fields
    return ("shared_more" if direct > 0 else "shared_less"), fields


def _pool_reason(texts: Texts, moved: Mapping[str, int]) -> tuple[str, dict[str, str]]:
    pool = moved["pool_cents"]
    if not pool:
        return "", {}
    return ("pool_grew" if pool > 0 else "pool_shrank"), {"amount": _signed(texts, pool)}


def _direct_story(texts: Texts, month: Row, *, envelope_cents: int) -> str:
    language = texts.language
    people = month["paying_subscribers"]
    if not month["direct_nanos"]:
        return texts("euro.direct_none")
    amount = formatting.euros(month["direct_cents"], language)
    duration = formatting.duration(month["watch_ms"], language)
    if people < FEWEST_SHOWN:
        return texts("euro.direct_few", amount=amount, duration=duration)
    average = (2 * month["direct_cents"] + people) // (2 * people)
    return texts(
        "euro.direct_some",
        number=formatting.count(people, language),
        amount=amount,
        duration=duration,
        average=formatting.euros(average, language),
        share=formatting.percent(min(average * 10_000 // max(envelope_cents, 1), 10_000), language),
    )


def _pool_story(texts: Texts, month: Row) -> str:
    total = formatting.euros(month["whole_pool_cents"], texts.language)
    if not month["pool_nanos"]:
        return texts("euro.pool_none", total=total)
    return texts(
        "euro.pool_direct" if month["pool_rule"] == "direct" else "euro.pool_equal",
        amount=formatting.euros(month["pool_cents"], texts.language),
        total=total,
        members=formatting.count(month["pool_members"], texts.language),
    )


def _signed(texts: Texts, cents: int) -> str:
    return formatting.signed_euros(cents, texts.language)


def _minimum(texts: Texts, month: Row) -> str:
    return formatting.euros(month["minimum_payout_cents"], texts.language)
