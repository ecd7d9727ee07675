"""Reads a closed month from its files alone, without product code, and checks its control totals against them."""

import csv
import hashlib
import json
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow.parquet as pq

from tests.oracle.pseudonyms import period_pseudonym

NANOS_PER_CENT: Final = 10_000_000
PAIN: Final = {"": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}


class Line(NamedTuple):
    """An artist's line, with the columns that the story checks."""

    number: str
    name: str
    carry_reason: str
    direct_nanos: int
    pool_nanos: int
    earned_nanos: int
    earned_cents: int
    adjustment_cents: int
    brought_forward_cents: int
    paid_cents: int
    carried_forward_cents: int


AMOUNTS: Final = Line._fields[3:]


class Slice(NamedTuple):
    """A part of a period's envelope; artists are named as in the cast, and the period by its pseudonym."""

    period: str
    artist: str | None
    amount_nanos: int
    destination: str


class Transfer(NamedTuple):
    """A transfer in the bank file."""

    number: str
    cents: int
    name: str
    iban: str


@dataclass(frozen=True)
class ClosedMonth:
    """The files of one closed month."""

    folder: Path

    @property
    def name(self) -> str:
        """The month."""
        return self.folder.name

    @cached_property
    def control(self) -> dict[str, Any]:
        """`control.json`."""
        content: dict[str, Any] = json.loads((self.folder / "control.json").read_bytes())
        return content

    @cached_property
    def lines(self) -> dict[str, Line]:
        """`artist_payouts.csv`, by the artists' names in the cast."""
        return {
            row["artist_id"].removeprefix("art-"): Line(
                number=f"ALV-{self.name}-{position:05}",
                name=row["artist_name"],
                carry_reason=row["carry_reason"],
                **{column: int(row[column]) for column in AMOUNTS},
            )
            for position, row in enumerate(self._rows("artist_payouts.csv"), start=1)
        }

    @cached_property
    def adjustments(self) -> dict[tuple[str, str], int]:
        """`adjustments.csv`: cents by corrected month and artist."""
        return {
            (row["corrects_month"], row["artist_id"].removeprefix("art-")): int(row["adjustment_cents"])
            for row in self._rows("adjustments.csv")
        }

    @cached_property
    def slices(self) -> list[Slice]:
        """`slices.parquet`."""
        return _read_slices(self.folder / "slices.parquet")

    @cached_property
    def resettled(self) -> dict[str, list[Slice]]:
        """Slices of the months that were settled again, by month."""
        return {path.stem: _read_slices(path) for path in sorted((self.folder / "resettled").glob("*.parquet"))}

    @cached_property
    def order_path(self) -> Path | None:
        """The file of the month's first order; None if nothing is paid."""
        return next(iter((self.folder.parent / "orders").glob(f"ALV-{self.name}-*-1.xml")), None)

    @cached_property
    def bank_file(self) -> ET.Element | None:
        """The first order's message; None if nothing is paid."""
        return ET.fromstring(self.order_path.read_bytes()) if self.order_path else None  # noqa: S314 - our own

    @cached_property
    def transfers(self) -> dict[str, Transfer]:
        """The bank file's transfers, by number."""
        found = self.bank_file.findall(".//CdtTrfTxInf", PAIN) if self.bank_file else []
        transfers = [
            Transfer(
                _text(one, "PmtId/EndToEndId"),
                _cents(_text(one, "Amt/InstdAmt")),
                _text(one, "Cdtr/Nm"),
                _text(one, "CdtrAcct/Id/IBAN"),
            )
            for one in found
        ]
        assert len({transfer.number for transfer in transfers}) == len(transfers)
        return {transfer.number: transfer for transfer in transfers}

    def hashes(self) -> dict[str, str]:
        """The SHA-256 of every file."""
        return {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    def _rows(self, name: str) -> list[dict[str, str]]:
        with (self.folder / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def lives(self) -> dict[str, int]:
        """`artist_lives.csv`: direct nanos by artist."""
        direct: dict[str, int] = defaultdict(int)
        for row in self._rows("artist_lives.csv"):
            direct[row["artist_id"].removeprefix("art-")] += int(row["direct_nanos"])
        return direct


def artists_of(slices: list[Slice], period_id: str) -> set[str | None]:
    """The artists who share a period's envelope; empty if the period is not among the slices."""
    return {one.artist for one in slices if one.period == period_pseudonym(period_id)}


def is_settled(slices: list[Slice], period_id: str) -> bool:
    """Whether a period is among those that are settled."""
    return period_pseudonym(period_id) in {one.period for one in slices}


def cents_of(slices: list[Slice], period_id: str) -> dict[str | None, int]:
    """The part of a period's envelope that goes to each artist, which must be whole cents."""
    name = period_pseudonym(period_id)
    of_period = {one.artist: one.amount_nanos for one in slices if one.period == name}
    assert not any(nanos % NANOS_PER_CENT for nanos in of_period.values())
    return {artist: nanos // NANOS_PER_CENT for artist, nanos in of_period.items()}


def assert_control_totals_agree(month: ClosedMonth, previous: ClosedMonth | None) -> None:
    """Check every total of `control.json` against the CSV files, the slices, the bank file and the month before."""
    control, lines = month.control, month.lines.values()
    assert control["settlement_month"] == month.name
    assert {name: control[name] for name in _totals(month.slices)} == _totals(month.slices)
    assert control["envelope_cents"] * NANOS_PER_CENT == control["envelope_nanos"]
    assert {name: control[name] for name in AMOUNTS} == {
        name: sum(getattr(line, name) for line in lines) for name in AMOUNTS
    }
    assert control["earned_nanos"] == control["envelope_nanos"]
    assert control["earned_cents"] == control["envelope_cents"]
    assert {name: line.direct_nanos for name, line in month.lines.items() if line.direct_nanos} == {
        name: nanos for name, nanos in month.lives().items() if nanos
    }
    if control["pool_nanos"]:
        in_pool = [f"art-{name}" for name, line in month.lines.items() if line.pool_nanos]
        assert control["pool_members"] == in_pool
    _assert_adjustments_agree(month)
    _assert_bank_file_agrees(month)
    _assert_balances_follow(month, previous)
    _assert_chained(month, previous)


def _assert_adjustments_agree(month: ClosedMonth) -> None:
    adjusted: Counter[str] = Counter()
    for (corrected, _), cents in month.adjustments.items():
        adjusted[corrected] += cents
    again = month.control["adjustments"]
    assert {corrected: one["adjustment_cents"] for corrected, one in again.items() if one["adjustment_cents"]} == {
        corrected: cents for corrected, cents in adjusted.items() if cents
    }
    assert adjusted.total() == month.control["adjustment_cents"]
    for corrected, slices in month.resettled.items():
        totals = _totals(slices)
        assert {name: again[corrected][name] for name in totals} == totals
        assert again[corrected]["earned_cents"] * NANOS_PER_CENT == again[corrected]["envelope_nanos"]


def _assert_bank_file_agrees(month: ClosedMonth) -> None:
    paid = {line.number: line.paid_cents for line in month.lines.values() if line.paid_cents}
    assert {number: transfer.cents for number, transfer in month.transfers.items()} == paid
    assert month.control["paid_artists"] == len(paid)
    if month.bank_file is None:
        return
    for stated in ("CstmrCdtTrfInitn/GrpHdr", "CstmrCdtTrfInitn/PmtInf"):
        assert int(_text(month.bank_file, f"{stated}/NbOfTxs")) == len(paid)
        assert _cents(_text(month.bank_file, f"{stated}/CtrlSum")) == month.control["paid_cents"]
    assert _text(month.bank_file, "CstmrCdtTrfInitn/PmtInf/ReqdExctnDt/Dt") >= month.control["payment_date"]


def _assert_balances_follow(month: ClosedMonth, previous: ClosedMonth | None) -> None:
    brought_forward: Counter[str] = Counter()
    if previous:
        brought_forward.update({name: line.carried_forward_cents for name, line in previous.lines.items()})
    for entry in month.control["balance_entries"]:
        brought_forward[entry["artist_id"].removeprefix("art-")] += entry["cents"]
    assert {name: line.brought_forward_cents for name, line in month.lines.items() if line.brought_forward_cents} == {
        name: cents for name, cents in brought_forward.items() if cents
    }
    for line in month.lines.values():
        payable = line.brought_forward_cents + line.earned_cents + line.adjustment_cents
        assert line.paid_cents + line.carried_forward_cents == payable
        assert 0 in {line.paid_cents, line.carried_forward_cents}


def _assert_chained(month: ClosedMonth, previous: ClosedMonth | None) -> None:
    manifest = json.loads((month.folder / "manifest.json").read_bytes())
    files = month.hashes()
    files.pop("manifest.json")
    assert manifest["files"] == files
    before = json.loads((previous.folder / "manifest.json").read_bytes())["run_hash"] if previous else "0" * 64
    assert manifest["previous_run_hash"] == before


def _totals(slices: list[Slice]) -> dict[str, int]:
    by_destination: Counter[str] = Counter()
    for one in slices:
        by_destination[one.destination] += one.amount_nanos
    return {
        "periods": len({one.period for one in slices}),
        "idle_periods": sum(one.artist is None for one in slices),
        "envelope_nanos": by_destination.total(),
        "direct_nanos": by_destination["direct"],
        "pool_nanos": by_destination["pool"],
    }


def _read_slices(path: Path) -> list[Slice]:
    return [
        Slice(
            row["period_pseudonym"],
            row["artist_id"] and row["artist_id"].removeprefix("art-"),
            int(row["amount_nanos"]),
            row["destination"],
        )
        for row in pq.read_table(path).to_pylist()
    ]


def _text(element: ET.Element, path: str) -> str:
    text = element.findtext(path, namespaces=PAIN)
    assert text, path
    return text


def _cents(amount: str) -> int:
    """Cents of an amount written with two decimals.

    >>> _cents("12.05")
    1205
    """
    euros, cents = amount.split(".")
    assert len(cents) == 2
    return int(euros) * 100 + int(cents)
