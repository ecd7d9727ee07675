"""Pseudonyms are HMAC-SHA256 computed in SQL; compared with Python's own."""

import hashlib
import hmac
import stat
from pathlib import Path

import duckdb
import pytest

from allive.ingestion.settings import Settings
from allive.payouts import pseudonyms


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
