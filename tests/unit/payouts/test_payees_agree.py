"""The run, its proof and the oracle decide alike who is paid, on random records and standings (RULES.md §6, §10).

The run reads `dim_payees` as dbt would build it from the records, without dbt.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import jinja2
import polars as pl
import pytest

from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.settings import Settings
from allive.payouts.balances import Payee, settle_balance
from allive.payouts.closed_month.month_files import PayoutRow, Policy
from allive.payouts.settlement import _read_payees
from allive.payouts.standing import Standing
from allive.payouts.verification import payees as proof
from tests.oracle import Snapshot, history
from tests.oracle.landed_records import Artist, instant
from tests.oracle.settlement import Policy as OraclePolicy
from tests.worlds.catalogue import french_iban, iban_outside_sepa

ROOT: Final = Path(__file__).parents[3]
ARTISTS: Final = 1_500
POLICY: Final = Policy(
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
PAYMENT: Final = datetime(2021, 3, 10, 11, tzinfo=UTC)
BLANKS: Final = " \t\n\xa0\u2009\u202f\u3000"


def random_artist(rng: random.Random, artist_id: str) -> Iterator[Artist]:
    """One to four records of an artist, of up to three IBANs, some undated, some of the same instant."""
    ibans = [
        rng.choice((None, " ", "FR76 hello", french_iban(rng, is_valid=False), iban_outside_sepa(rng)))
        if rng.random() < 0.2
        else french_iban(rng)
        for _ in range(rng.choice((1, 2, 2, 3)))
    ]
    for _ in range(rng.choice((1, 2, 3, 4))):
        iban = rng.choice(ibans)
        if iban and rng.random() < 0.3:
            at = rng.randrange(len(iban))
            iban = f"{iban[:at].lower()}{rng.choice(BLANKS)}{iban[at:]}"
        stamp = PAYMENT - timedelta(days=rng.choice((5, 9, 9, 10, 10, 40)), hours=rng.choice((0, 0, 11, 12)))
        yield Artist(
            artist_id,
            "Ève",
            iban=iban,
            bic=rng.choice((None, "BNPAFRPP", "DEUTDEFF", "?")),
            updated_at=None if rng.random() < 0.25 else instant(stamp),
            account_holder=rng.choice((None, "Anne Martin")),
            legal_name=rng.choice((None, "Ève SARL")),
        )


def random_facts(rng: random.Random, records: list[Artist]) -> tuple[bool, frozenset[str], frozenset[str]]:
    """Whether the artist is held, and IBANs that are set aside or confirmed."""
    known = sorted({history.electronic_iban(one.iban or "") for one in records})

    def some() -> frozenset[str]:
        return frozenset(iban for iban in known if rng.random() < 0.15)

    return rng.random() < 0.05, some(), some()


def payees_of(records: list[Artist], newest: list[Artist]) -> dict[str, Payee]:
    """The payees of a run, from `dim_payees` over these records."""
    macros, model = ((ROOT / "dbt_project" / path).read_text(encoding="utf-8") for path in (
        "macros/bank_codes.sql", "models/marts/core/dim_payees.sql",
    ))  # fmt: skip
    sql = jinja2.Environment(autoescape=False).from_string(macros + model)  # noqa: S701 - SQL, not HTML
    fields = CONTRACTS["artists"].fields
    columns = ", ".join(f"{one.column_name} {one.type.sql_type}" for one in fields)
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'; create schema marts; create schema raw")
        for table, rows in (("raw.artists", records), ("stg_catalogue__artists", newest)):
            con.execute(f"create table {table} ({columns})")
            con.executemany(
                f"insert into {table} values ({', '.join('?' * len(fields))})",
                [[_value(row, one.name) for one in fields] for row in rows],
            )
        con.execute(
            "create table marts.dim_payees as "
            + sql.render(ref=lambda name: name, source=lambda _, name: f"raw.{name}")
        )
        return _read_payees(con)


def _value(record: Artist, name: str) -> Any:
    value = getattr(record, name)
    return datetime.fromtimestamp(value / 1000, UTC) if name == "updated_at" and value is not None else value


def test_run_proof_and_oracle_decide_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(20210310)
    records = {f"a-{number}": [*random_artist(rng, f"a-{number}")] for number in range(ARTISTS)}
    snapshot = Snapshot.of([one for of_artist in records.values() for one in of_artist])
    run = payees_of(snapshot.records["artists"], [*snapshot.artists.values()])
    frames = [
        pl.DataFrame(
            [{one.name: _value(row, one.name) for one in CONTRACTS["artists"].fields} for row in rows],
            infer_schema_length=None,
            schema_overrides={"updated_at": pl.Datetime("us", "UTC"), "left_on": pl.Date},
        )
        for rows in (snapshot.records["artists"], [*snapshot.artists.values()])
    ]
    monkeypatch.setattr(proof, "all_records", lambda *_: frames[0])
    monkeypatch.setattr(proof, "latest", lambda *_, **__: frames[1])
    accounts = proof.read_accounts(Settings(home=tmp_path), 1)
    reasons: Counter[str] = Counter()
    for artist_id, of_artist in records.items():
        cents = rng.choice((-1, 0, 999, 1000, 5000, 5000, 5000, 5000))
        is_held, set_aside, confirmed = random_facts(rng, of_artist)
        standing = Standing(is_held=is_held, ibans_set_aside=set_aside, ibans_confirmed=confirmed)
        expected = history.carry_reason(
            cents,
            month="2021-02",
            artist=snapshot.artists[artist_id],
            versions=of_artist,
            policy=OraclePolicy(),
            standing=history.Standing(is_held, set_aside, confirmed),
        )
        balance = settle_balance(
            cents, payee=run[artist_id], month="2021-02", minimum_cents=1000, delay_days=7, standing=standing
        )
        row = PayoutRow("2021-02", artist_id, "Ève", "emerging", 0, 0, 0, 0, 0, cents, 0, 0, 0, 0, "")
        proven = proof._settled(row, accounts[artist_id], POLICY, paid_on=PAYMENT.date(), standing=standing)
        assert (balance.carry_reason, proven[2] or None) == (expected, expected), of_artist
        assert (balance.paid_cents, balance.carried_forward_cents) == proven[:2]
        names = (run[artist_id].creditor_name, accounts[artist_id].holder)
        assert names == (snapshot.artists[artist_id].holder,) * 2
        reasons[expected or ("paid" if balance.paid_cents else "nothing")] += 1
    seldom = {reason: number for reason, number in reasons.items() if number < 10}
    assert (len(reasons), seldom) == (11, {})
