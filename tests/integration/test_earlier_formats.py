"""What an earlier version of the project closed verifies for good, or says what cannot be checked of it."""

from pathlib import Path

import pytest

from ingestion.settings import Settings
from payouts.verification import verify
from tests.fixtures.homes import MONTHS_OF_FORMAT_1, PSEUDONYM_KEY, unpack_format_1

LAST_RUN_HASH = "375fbf3393b06ddedf44f68313fafd4c33e8f4b79dcb14ca7b920a3a08ec1779"
AUDIT_HEAD = "41b74f6356b039be0b1e0e4c884244d5b3aa9cb23bf4c65f6b1ebee782b3d38f"
"""As the version that wrote the home noted them."""


@pytest.fixture(scope="module")
def format_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data home of format 1. Read only."""
    return unpack_format_1(tmp_path_factory.mktemp("format-1"))


def settings_of(home: Path) -> Settings:
    return Settings(home=home, pseudonym_key=PSEUDONYM_KEY)


def test_a_home_of_format_1_is_proven_from_its_heartbeats_on(format_1: Path) -> None:
    verification = verify(settings_of(format_1))
    assert verification.findings == ()
    assert verification.unchecked == ()
    assert verification.months == MONTHS_OF_FORMAT_1
    assert all(count.compared for count in verification.counts)
    assert (verification.last_run_hash, verification.audit_head) == (LAST_RUN_HASH, AUDIT_HEAD)
