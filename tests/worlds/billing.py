"""Subscription periods: monthly ones, and everything that goes wrong with them."""

import random
from datetime import date, timedelta
from typing import Any

from tests.worlds.clock import month_days, paris_midnight, written, written_day

Row = dict[str, Any]


def period_rows(rng: random.Random, months: tuple[str, ...], subscribers: list[str]) -> list[Row]:
    """Periods of every subscriber whose last days are in the months of the world."""
    rows = []
    for subscriber_id in subscribers:
        for row in _chain(rng, months, subscriber_id):
            rows.append(row)
            rows += _later_records(rng, row)
    return rows


def sure_period(subscriber_id: str, start: date, stop: date) -> Row:
    """A plain paid period: 4.99 EUR, one euro of it for artists."""
    return {
        "period_id": f"in_{subscriber_id}",
        "subscriber_id": subscriber_id,
        "period_start": start.isoformat(),
        "period_end": stop.isoformat(),
        "status": "paid",
        "updated_at": written(paris_midnight(start)),
        "price_cents": 499,
        "envelope_cents": 100,
    }


def _chain(rng: random.Random, months: tuple[str, ...], subscriber_id: str) -> list[Row]:
    """One period after another; now and then a gap, an overlap, or a period of exactly 35 days."""
    first, _ = month_days(months[0])
    _, end = month_days(months[-1])
    start = first - timedelta(days=rng.choice((0, 3, 15, 27, 30)))
    rows: list[Row] = []
    while True:
        stop = rng.choice(
            (
                start + timedelta(days=28),
                start + timedelta(days=30),
                start + timedelta(days=35),
                max(start + timedelta(days=1), min(_next_month(start), start + timedelta(days=35))),
            )
        )
        if rng.random() < 0.1:
            stop = start + timedelta(days=1)
        if stop - timedelta(days=1) >= end:
            return rows
        if stop - timedelta(days=1) >= first:
            rows.append(_period(rng, f"in_{subscriber_id}_{len(rows)}", subscriber_id, start, stop))
        start = stop + timedelta(days=rng.choice((0, 0, 0, 0, 4, -10 if (stop - start).days > 10 else 0)))


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=min(day.day, 28))


def _period(rng: random.Random, period_id: str, subscriber_id: str, start: date, stop: date) -> Row:
    return {
        "period_id": period_id,
        "subscriber_id": subscriber_id,
        "period_start": written_day(start, rng),
        "period_end": written_day(stop, rng),
        "status": rng.choice(("paid", "paid", "paid", "paid", "paid", "paid", "refunded", "void")),
        "updated_at": written(paris_midnight(start) + timedelta(hours=9), rng),
        "plan_id": rng.choice((None, "mensuel", "annuel")),
    } | _price(rng)


def _price(rng: random.Random) -> Row:
    """Prices: plain, partly refunded, no envelope, no price, cheaper than the envelope, trials, odd envelopes."""
    price_cents, envelope_cents, *refunded = rng.choice(
        (
            *[(499, 100)] * 6,
            (499, 100, 450),
            (499, None, 399),
            (60, None, 20),
            (499, 100, 600),
            (499, None),
            (None, None),
            (None, 100),
            (60, None),
            (80, 80),
            (0, None),
            (0, 0),
            (499, 0),
            (499, 1),
            (999, 250),
            (9_900, 2_500),
        )
    )
    return {
        "price_cents": price_cents,
        "envelope_cents": envelope_cents,
        "refunded_cents": refunded[0] if refunded else rng.choice((None, 0)),
        "currency": rng.choice((None, "EUR", "eur ")),
    }


def _later_records(rng: random.Random, row: Row) -> list[Row]:
    """Further records of a period: a refund, an outdated one, or one that is tied with it."""
    match rng.random():
        case chance if chance < 0.1:
            stamp = written(paris_midnight(date(2021, 6, 1)), rng)
            return [row | {"status": rng.choice(("refunded", "paid")), "updated_at": stamp}]
        case chance if chance < 0.2:
            stamp = written(paris_midnight(date(2020, 1, 1)), rng)
            return [row | {"status": "void", "envelope_cents": None, "updated_at": stamp}]
        case chance if chance < 0.3:
            return [row | {"status": rng.choice(("paid", "refunded")), "plan_id": "tie"}]
        case chance if chance < 0.35:
            return [row | {"envelope_cents": None, "price_cents": 70}]
        case _:
            return []
