"""The second computation of payments: which IBANs are too young, and what each line is paid (RULES.md §6)."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.month_files import PayoutRow, Policy
from allive.payouts.standing import Standing
from allive.payouts.verification.payees import Account, _changed_on, _settled, _settled_in_format_1, read_accounts

TURKISH = "TR330006100519786457841326"
OLD, NEW = "FR7630006000011234567890189", "FR7630001007941234567890185"
POLICY = Policy(
    policy_valid_from="2015-01-01",
    price_cents=499,
    envelope_cents=100,
    minimum_live_s=1800,
    minimum_pool_share_bp=1000,
    minimum_payout_cents=1000,
    look_back_months=3,
    payment_delay_days=7,
    pool_rule="equal",
)
PAID_ON = date(2021, 3, 10)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2021, 2, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seen", "changed_on"),
    [
        ({NEW: [at(20)]}, None),  # a first IBAN is not a change
        ({OLD: [at(1)], NEW: [at(20), at(25)]}, date(2021, 2, 20)),  # by its first record
        ({OLD: [at(1)], NEW: [at(20, 23)]}, date(2021, 2, 21)),  # a Paris day
        ({OLD: [at(21)], NEW: [at(20)]}, None),  # it is older than the other one
        ({OLD: [at(1)], NEW: [at(20), None]}, None),  # one record has no date, so no age
        ({OLD: [None], NEW: [at(20)]}, date(2021, 2, 20)),
    ],
)
def test_an_iban_is_as_old_as_its_first_record(seen: dict[str, list[datetime | None]], changed_on: date | None) -> None:
    assert _changed_on(NEW, seen) == changed_on


def row(month: str, *, earned: int = 0, brought: int = 0, adjusted: int = 0) -> PayoutRow:
    return PayoutRow(month, "a", "A", "emerging", 0, 0, 0, 0, 0, earned, adjusted, brought, 0, 0, "")


def account(
    *,
    iban: str | None = NEW,
    bic: str | None = None,
    changed_on: date | None = None,
    left_on: date | None = None,
    undated: bool = False,
) -> Account:
    return Account("A", iban, bic, (None,) * 4, left_on, changed_on, undated)


@pytest.mark.parametrize(
    ("line", "of", "settled"),
    [
        (row("2021-02", earned=400, brought=500, adjusted=100), account(), (1000, 0, "")),
        (row("2021-02", earned=999), account(), (0, 999, "below_minimum")),
        (row("2020-12", earned=999), account(), (999, 0, "")),
        (row("2021-02", earned=999), account(left_on=date(2021, 2, 28)), (999, 0, "")),
        (row("2021-02", earned=999), account(left_on=date(2021, 3, 1)), (0, 999, "below_minimum")),
        (row("2021-02", earned=100, adjusted=-300), account(), (0, -200, "negative")),
        (row("2021-02", earned=100, adjusted=-100), account(), (0, 0, "")),
        (row("2021-02", earned=1000), account(iban=None), (0, 1000, "no_iban")),
        (row("2021-02", earned=1000), account(iban="FR00"), (0, 1000, "bad_iban")),
        (row("2021-02", earned=1000), account(changed_on=date(2021, 3, 1)), (0, 1000, "iban_changed")),
        (row("2021-02", earned=1000), account(changed_on=date(2021, 2, 28)), (1000, 0, "")),
        (row("2021-02", earned=1000), account(iban=TURKISH), (0, 1000, "not_sepa")),
        (row("2021-02", earned=1000), account(bic="DEUTDEFF"), (1000, 0, "")),
        (row("2021-02", earned=1000), account(undated=True), (0, 1000, "iban_undated")),
    ],
)
def test_a_line_is_paid_in_full_or_carried_with_its_reason(
    line: PayoutRow, of: Account, settled: tuple[int, int, str]
) -> None:
    assert _settled(line, of, POLICY, paid_on=PAID_ON, standing=Standing()) == settled


ASIDE, CONFIRMED = Standing(ibans_set_aside=frozenset({NEW})), Standing(ibans_confirmed=frozenset({NEW}))
BOTH = Standing(ibans_set_aside=frozenset({NEW}), ibans_confirmed=frozenset({NEW}))
YOUNG = date(2021, 3, 9)


@pytest.mark.parametrize(
    ("earned", "of", "standing", "reason"),
    [
        (1000, account(), Standing(is_held=True), "held"),
        (1, account(iban=None), Standing(is_held=True), "held"),
        (-1, account(), Standing(is_held=True), "negative"),
        (1000, account(), ASIDE, "returned"),
        (1000, account(undated=True), BOTH, "returned"),
        (1000, account(iban=OLD, undated=True), CONFIRMED, "iban_undated"),
        (1000, account(undated=True, changed_on=YOUNG), Standing(), "iban_undated"),
        (1000, account(undated=True), CONFIRMED, ""),
        (1000, account(changed_on=YOUNG), CONFIRMED, "iban_changed"),
        (1000, account(iban=OLD), BOTH, ""),
        (1000, account(iban=TURKISH), Standing(ibans_set_aside=frozenset({TURKISH})), "not_sepa"),
    ],
)
def test_the_register_holds_back_and_confirms(earned: int, of: Account, standing: Standing, reason: str) -> None:
    settled = _settled(row("2021-02", earned=earned), of, POLICY, paid_on=PAID_ON, standing=standing)
    assert settled == ((0, earned, reason) if reason else (earned, 0, ""))


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (account(iban=TURKISH), "bad_iban"),
        (account(bic="DEUTDEFF"), "bad_iban"),
        (account(undated=True), ""),
        (account(iban=None), "no_iban"),
        (account(changed_on=date(2021, 3, 1)), "iban_changed"),
    ],
)
def test_a_month_of_format_1_was_settled_by_the_rules_of_its_time(of: Account, reason: str) -> None:
    settled = _settled_in_format_1(row("2021-02", earned=1000), of, POLICY, paid_on=PAID_ON)
    assert settled == ((0, 1000, reason) if reason else (1000, 0, ""))


RECORDS = [
    # artist, name, legal name, account holder, IBAN, day of February or None
    ("u-1", "Newest undated", None, None, OLD, 1),
    ("u-1", "Newest undated", None, None, "fr76 3000 1007 9412 3456 7890 185", 25),
    ("u-1", "Newest undated", None, None, NEW, None),
    ("u-2", "Both undated", "Deux SARL", " ", OLD, None),
    ("u-2", "Both undated", "Deux SARL", " ", NEW, None),
    ("u-3", "Only one", "Trois SARL", "Anne Trois", NEW, None),
    ("u-3", "Only one", "Trois SARL", "Anne Trois", " ", 1),
    ("u-3", "Only one", "Trois SARL", "Anne Trois", NEW, 2),
    ("u-4", "Older one undated", None, None, OLD, None),
    ("u-4", "Older one undated", None, None, NEW, 20),
]


def test_accounts_are_read_from_every_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = (
        "artist_id",
        "name",
        "legal_name",
        "account_holder",
        "iban",
        "bic",
        "street",
        "postcode",
        "town",
        "country",
        "siren",
        "vat_id",
        "tax_country",
    )
    rows = [
        dict.fromkeys(texts)
        | {"artist_id": artist, "name": name, "legal_name": legal, "account_holder": holder, "iban": iban}
        | {"left_on": None, "updated_at": None if day is None else at(day)}
        for artist, name, legal, holder, iban, day in RECORDS
    ]
    schema = {**dict.fromkeys(texts, pl.String), "left_on": pl.Date, "updated_at": pl.Datetime("us", "UTC")}
    records = pl.DataFrame(rows, schema=schema)
    newest = records.sort("updated_at", "iban", nulls_last=False).unique("artist_id", keep="last")
    monkeypatch.setattr("allive.payouts.verification.payees.all_records", lambda *_: records)
    monkeypatch.setattr("allive.payouts.verification.payees.latest", lambda *_, **__: newest)
    accounts = read_accounts(Settings(home=tmp_path), 1)
    assert {artist: one.reason_to_carry(PAID_ON, Standing()) for artist, one in accounts.items()} == {
        "u-1": "iban_undated",
        "u-2": "iban_undated",
        "u-3": "",
        "u-4": "",
    }
    assert {artist: one.holder for artist, one in accounts.items()} == {
        "u-1": "Newest undated",
        "u-2": "Deux SARL",
        "u-3": "Anne Trois",
        "u-4": "Older one undated",
    }
    assert accounts["u-2"].identity == ("Deux SARL", None, None, None)
    assert accounts["u-4"].reason_to_carry(date(2021, 3, 1), Standing()) == "iban_changed"
