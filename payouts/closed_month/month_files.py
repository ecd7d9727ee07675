"""Reads a closed month's files strictly: nothing in them is trusted."""

import csv
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field

_INTEGER: Final = re.compile(r"0|-?[1-9]\d{0,37}")

Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PayoutRow(NamedTuple):
    """A row of `artist_payouts.csv`; missing values are empty strings."""

    settlement_month: str
    artist_id: str
    artist_name: str
    category: str
    watch_ms: int
    paying_subscribers: int
    direct_nanos: int
    pool_nanos: int
    earned_nanos: int
    earned_cents: int
    adjustment_cents: int
    brought_forward_cents: int
    paid_cents: int
    carried_forward_cents: int
    carry_reason: str


class AdjustmentRow(NamedTuple):
    """A row of `adjustments.csv`."""

    settlement_month: str
    corrects_month: str
    artist_id: str
    booked_cents: int
    recomputed_cents: int
    adjustment_cents: int


class LiveRow(NamedTuple):
    """A row of `artist_lives.csv`."""

    settlement_month: str
    artist_id: str
    live_id: str
    title: str
    watch_ms: int
    paying_subscribers: int
    direct_nanos: int


class TransferRow(NamedTuple):
    """A row of `transfers.csv` (format 2); missing values are empty strings."""

    settlement_month: str
    end_to_end_id: str
    artist_id: str
    account_holder: str
    iban: str
    bic: str
    street: str
    postcode: str
    town: str
    country: str
    paid_cents: int
    withheld_cents: int
    ordered_cents: int


class WithheldRow(NamedTuple):
    """A row of `withholdings.csv`."""

    settlement_month: str
    artist_id: str
    name: str
    owed_to: str
    rate_bp: int
    base_cents: int
    withheld_cents: int


class PayeeRow(NamedTuple):
    """A row of `payees.csv` (format 2); missing values are empty strings."""

    settlement_month: str
    artist_id: str
    legal_name: str
    siren: str
    vat_id: str
    tax_country: str
    vat_note: str


class _Json(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class Manifest(_Json):
    """`manifest.json`; without a `format` it has format 1."""

    format: int = Field(default=1, ge=1)
    settlement_month: Month
    run_hash: Sha256
    previous_run_hash: Sha256
    files: dict[str, Sha256]


class Policy(_Json):
    """The policy that a run recorded (RULES.md §7)."""

    policy_valid_from: str
    price_cents: int
    envelope_cents: int
    minimum_live_s: int
    minimum_pool_share_bp: int
    minimum_payout_cents: int
    look_back_months: int
    payment_delay_days: int
    pool_rule: Literal["equal", "direct"]


class Settled(_Json):
    """The totals of a settled month, at its close or when settled again."""

    periods: int
    idle_periods: int
    envelope_nanos: int
    direct_nanos: int
    pool_nanos: int
    pool_members: tuple[str, ...]
    earned_cents: int
    adjustment_cents: int
    policy: Policy


class SettledAgain(Settled):
    """The entry of `control.json` for a month of the look-back; `catalogue` is the run whose catalogue settled it."""

    catalogue: Month


class BalanceEntry(_Json):
    """Cents added to a balance by a line of the audit log, or by a fact of the register of payments."""

    entry: Annotated[str, Field(pattern=r"^[0-9a-f]{64}(:\d+)?$")]
    kind: Literal["payment_returned", "write_off", "returned", "given_back", "settled"]
    artist_id: str
    cents: int
    settlement_month: Month | None


class WithholdingInForce(_Json):
    """A withholding that was in force on the payment date of a run."""

    name: str
    owed_to: str
    rate_bp: int
    since: date
    until: date | None = None
    tax_countries: tuple[str, ...] | None = None
    not_tax_countries: tuple[str, ...] | None = None
    artist_ids: tuple[str, ...] | None = None


class Control(Settled):
    """`control.json`; in format 1 without the last three fields.

    Attributes:
        withholdings: Those in force on the payment date; none if the file has no such field.
        pseudonym_key_check: The value by which the key of the pseudonyms is recognised.
        receipts_root: The place of a root over receipts, which no month has yet.
    """

    settlement_month: Month
    envelope_cents: int
    earned_nanos: int
    brought_forward_cents: int
    paid_cents: int
    paid_artists: int
    carried_forward_cents: int
    open_periods: int | None = None
    open_envelope_nanos: int | None = None
    open_envelope_cents: int | None = None
    payment_date: str
    raw_versions: dict[str, int | None]
    adjustments: dict[Month, SettledAgain]
    amendments: tuple[Sha256, ...]
    balance_entries: tuple[BalanceEntry, ...]
    payments_head: Sha256 | None = None
    pseudonym_key_check: str | None = None
    receipts_root: None = None
    withholdings: tuple[WithholdingInForce, ...] = ()

    def requests(self) -> tuple[str, ...]:
        """Return the ids of the audit log's lines and the register's facts that the run took up."""
        return (*self.amendments, *(one.entry for one in self.balance_entries))


_Row = TypeVar("_Row", PayoutRow, AdjustmentRow, LiveRow, TransferRow, WithheldRow, PayeeRow)
_Model = TypeVar("_Model", Manifest, Control)


def read_rows(path: Path, row_type: type[_Row]) -> list[_Row]:
    """Return the rows of a CSV file.

    Raises:
        ValueError: The header, the number of fields or a number is not as `allive payout` writes it; names the line.
        OSError: There is no such file.
    """
    names = row_type._fields
    are_integers = [row_type.__annotations__[name] is int for name in names]
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, strict=True)
        header = next(reader, [])
        if tuple(header) != names:
            raise ValueError(f"line 1 is {','.join(header)!r}, expected the columns {','.join(names)}")
        rows = []
        for values in reader:
            if len(values) != len(names):
                raise ValueError(f"line {reader.line_num} has {len(values)} fields, expected {len(names)}")
            for name, value, is_integer in zip(names, values, are_integers, strict=True):
                if is_integer and not _INTEGER.fullmatch(value):
                    raise ValueError(f"line {reader.line_num}, {name} is {value!r}, expected a whole number")
            typed: list[Any] = [
                int(value) if whole else value for value, whole in zip(values, are_integers, strict=True)
            ]
            rows.append(row_type(*typed))
    return rows


def read_json(path: Path, model: type[_Model]) -> _Model:
    """Return a JSON file as its model.

    Raises:
        ValueError: It is not JSON, or does not have that shape.
        OSError: There is no such file.
    """
    return model.model_validate_json(path.read_bytes())
