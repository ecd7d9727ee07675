"""The monthly subscription exports: periods begun, refunds decided, and a few broken lines."""

import datetime as dt
from dataclasses import replace

from allive.ingestion.demo.record_files import BrokenRecord, Record, RecordFile
from allive.ingestion.demo.subscriptions import Period, subscriber_id


def _record(period: Period, status: str, updated_at: dt.datetime) -> Record:
    return {
        "period_id": period.period_id,
        "subscriber_id": subscriber_id(period.subscriber),
        "plan_id": period.plan_id,
        "period_start": period.start.isoformat(),
        "period_end": period.end.isoformat(),
        "price_cents": period.price_cents,
        "envelope_cents": period.envelope_cents,
        "status": status,
        "updated_at": updated_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def subscription_files(periods: tuple[Period, ...]) -> list[RecordFile]:
    """Make one export per month: the periods begun in it, and the refunds decided in it."""
    by_month: dict[str, list[tuple[dt.datetime, Record]]] = {}
    for period in periods:
        events = [("paid", period.paid_at)]
        if period.final_at is not None:
            events.append((period.final_status, period.final_at))
        for status, at in events:
            by_month.setdefault(at.date().isoformat()[:7], []).append((at, _record(period, status, at)))
    files = []
    for month, dated in sorted(by_month.items()):
        records = tuple(record for _, record in sorted(dated, key=lambda pair: pair[0]))
        broken = _broken_records(month, records[0])
        if month == "2020-12":
            # The first export does not have this column yet: the policy's default fills it.
            records = tuple(_without_envelope(record) for record in records)
            broken = tuple(replace(b, record=_without_envelope(b.record)) for b in broken)
        files.append(RecordFile(f"subscriptions/subscriptions-{month}.csv", records, broken))
    return files


def _without_envelope(record: Record) -> Record:
    return {name: value for name, value in record.items() if name != "envelope_cents"}


def _broken_records(month: str, like: Record) -> tuple[BrokenRecord, ...]:
    """Make broken copies of a record, with ids of their own."""
    changes: dict[str, tuple[tuple[str, Record], ...]] = {
        "2020-12": (
            ("bad_status", {"status": "payé"}),
            ("missing_subscriber_id", {"subscriber_id": None}),
        ),
        "2021-01": (
            ("period_order", {"period_end": like["period_start"]}),
            ("bad_price_cents", {"price_cents": "4,99"}),
        ),
        "2021-02": (
            ("period_too_long", {"period_end": "2022-02-01"}),
            ("envelope_above_price", {"price_cents": 50}),
        ),
        "2021-03": (
            ("bad_period_start", {"period_start": "01/03/2021"}),
            ("bad_updated_at", {"updated_at": "2021-03-01 09:00:00"}),
        ),
    }
    return tuple(
        BrokenRecord({**like, "period_id": f"in_{month}-{number}", **change}, reason)
        for number, (reason, change) in enumerate(changes[month])
    )
