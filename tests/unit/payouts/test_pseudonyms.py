"""Pseudonyms are HMAC-SHA256 computed in SQL; compared with Python's own."""

import hashlib
import hmac
import stat
from pathlib import Path

import duckdb
import polars as pl
import pytest

from allive.ingestion.settings import Settings
from allive.payouts import pseudonyms
from allive.payouts.verification.pseudonym_key import PseudonymKey
from tests.closed_chain import Chain, read_json, write_json
from tests.oracle import Snapshot
from tests.oracle.pseudonyms import KEY, check_value


def pseudonym(settings: Settings, subscriber_id: str) -> str:
    query = f"select {pseudonyms.SUBSCRIBER_SQL} from (select $subscriber_id as subscriber_id)"
    row = duckdb.execute(query, {"subscriber_id": subscriber_id, **pseudonyms.subscriber_pads(settings)}).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("key", ["k", "k" * 64, "k" * 65, "clé"])
@pytest.mark.parametrize("subscriber_id", ["sub-1", "", "abonné n° 1"])
def test_it_is_hmac_sha256(tmp_path: Path, key: str, subscriber_id: str) -> None:
    settings = Settings(home=tmp_path, pseudonym_key=key)
    expected = hmac.new(key.encode(), subscriber_id.encode(), hashlib.sha256).hexdigest()[:32]
    assert pseudonym(settings, subscriber_id) == expected


def test_the_key_of_a_data_home_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert pseudonym(settings, "sub-1") == pseudonym(settings, "sub-1")
    (key,) = (path for path in settings.payouts_dir.iterdir())
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert pseudonym(settings, "sub-1") != pseudonym(Settings(home=tmp_path / "other"), "sub-1")


def period_pseudonym_in_sql(settings: Settings, period_id: str) -> str:
    query = f"select {pseudonyms.PERIOD_SQL} from (select $period_id as period_id)"
    row = duckdb.execute(query, {"period_id": period_id, **pseudonyms.period_pads(settings)}).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("key", ["k", "k" * 64, "k" * 65, "clé"])
@pytest.mark.parametrize("period_id", ["per-1", "", "période n° 1"])
def test_a_period_has_its_own(tmp_path: Path, key: str, period_id: str) -> None:
    settings = Settings(home=tmp_path, pseudonym_key=key)
    message = b"\xff" + b"period" + b"\x00" + period_id.encode()
    expected = hmac.new(key.encode(), message, hashlib.sha256).hexdigest()[:32]
    assert period_pseudonym_in_sql(settings, period_id) == expected
    assert pseudonyms.names_of_periods(settings)(period_id) == expected
    assert PseudonymKey(key.encode()).of_period(period_id) == expected
    assert PseudonymKey(key.encode()).of_subscriber(period_id) == pseudonym(settings, period_id) != expected


def test_the_check_value_is_nobodys_pseudonym(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, pseudonym_key="k")
    expected = hmac.new(b"k", b"\xffkey\x00", hashlib.sha256).hexdigest()[:32]
    assert pseudonyms.key_check(settings) == PseudonymKey(b"k").check_value == expected
    assert expected not in {
        name(text)
        for text in ("key", "key\0", "ÿkey\0", "")
        for name in (PseudonymKey(b"k").of_period, PseudonymKey(b"k").of_subscriber)
    }


def test_pseudonyms_of_many_are_those_of_each() -> None:
    key = PseudonymKey(b"k")
    for ids in (["a", "b", "a"], ["b", "c"], []):
        found = key.of_periods(pl.Series(ids, dtype=pl.String))
        assert dict(found.iter_rows()) == {period_id: key.of_period(period_id) for period_id in ids}


def closed(home: Path, *, of_format_1: int = 0, months: int = 1) -> Path:
    chain = Chain(home / "payouts", of_format_1=of_format_1)
    for number in range(months):
        chain.close(f"2021-0{number + 1}", Snapshot.of([]))
    return home


def test_a_lost_key_is_not_replaced_once_a_month_is_closed(tmp_path: Path) -> None:
    for name, of_format_1 in (("one", 1), ("two", 0)):
        settings = Settings(home=closed(tmp_path / name, of_format_1=of_format_1))
        key = settings.payouts_dir / ".pseudonym.key"
        key.unlink()
        for act in (pseudonyms.subscriber_pads, pseudonyms.key_check, pseudonyms.require_key):
            with pytest.raises(pseudonyms.PseudonymKeyError, match="found no file, expected the key that months up to"):
                act(settings)
        assert not key.exists()


@pytest.mark.parametrize("content", ["", "\n", " \n"])
def test_an_empty_key_is_none(tmp_path: Path, content: str) -> None:
    with pytest.raises(pseudonyms.PseudonymKeyError, match="ALLIVE_PSEUDONYM_KEY: found an empty key"):
        pseudonyms.subscriber_pads(Settings(home=tmp_path, pseudonym_key=""))
    (tmp_path / "payouts").mkdir()
    (tmp_path / "payouts" / ".pseudonym.key").write_text(content)
    with pytest.raises(pseudonyms.PseudonymKeyError, match=r"payouts/.pseudonym.key: found an empty key"):
        pseudonyms.subscriber_pads(Settings(home=tmp_path))


def test_only_the_key_of_every_month_is_taken(tmp_path: Path) -> None:
    home = closed(tmp_path, months=2)
    pseudonyms.require_key(Settings(home=home))
    pseudonyms.require_key(Settings(home=home, pseudonym_key=KEY))
    for key in (f"{KEY}2", f"{KEY}\n", KEY.upper()):
        with pytest.raises(
            pseudonyms.PseudonymKeyError, match="expected the key that 2021-01 was closed with"
        ) as error:
            pseudonyms.period_pads(Settings(home=home, pseudonym_key=key))
        assert "ALLIVE_PSEUDONYM_KEY: found" in str(error.value)
        assert "paid a second time" in str(error.value)
    # The first month's key counts as much as the last one's.
    control = home / "payouts" / "2021-01" / "control.json"
    write_json(control, read_json(control) | {"pseudonym_key_check": check_value("other")})
    for key in (KEY, "other"):
        with pytest.raises(pseudonyms.PseudonymKeyError):
            pseudonyms.period_pads(Settings(home=home, pseudonym_key=key))


def test_a_month_of_format_2_without_a_check_value_takes_no_key(tmp_path: Path) -> None:
    home = closed(tmp_path)
    control = home / "payouts" / "2021-01" / "control.json"
    content = read_json(control)
    del content["pseudonym_key_check"]
    write_json(control, content)
    with pytest.raises(pseudonyms.PseudonymKeyError, match="found no pseudonym_key_check"):
        pseudonyms.period_pads(Settings(home=home))


def test_months_of_format_1_take_any_key(tmp_path: Path) -> None:
    """They name periods by id, and state no check value."""
    home = closed(tmp_path, of_format_1=1)
    pseudonyms.require_key(Settings(home=home, pseudonym_key="another"))
