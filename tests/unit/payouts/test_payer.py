"""The payer's settings are not needed until an artist is paid; then all are required, and each fault is named."""

from pathlib import Path
from typing import Any

import pytest

from allive.ingestion.settings import Settings
from allive.payouts.payer import Payer, payer, payer_refusals

COMPLETE = {
    "payer_name": "Allive SAS",
    "payer_iban": "fr14 2004 1010 0505 0001 3M02 606",
    "payer_bic": "psstfrpppar",
    "payer_street": "12 rue de la Gaîté",
    "payer_postcode": "75014",
    "payer_town": "Paris",
}


def settings(tmp_path: Path, **changes: Any) -> Settings:
    return Settings(home=tmp_path, **(COMPLETE | changes))


def test_a_complete_payer(tmp_path: Path) -> None:
    assert payer_refusals(settings(tmp_path)) == []
    assert payer(settings(tmp_path)) == Payer(
        name="Allive SAS",
        iban="FR1420041010050500013M02606",
        bic="PSSTFRPPPAR",
        street="12 rue de la Gaîté",
        postcode="75014",
        town="Paris",
        country="FR",
    )


def test_it_is_read_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPLETE.items():
        monkeypatch.setenv(f"ALLIVE_{name.upper()}", value)
    monkeypatch.setenv("ALLIVE_PAYER_COUNTRY", "be")
    assert payer(Settings(home=tmp_path)).country == "BE"


def test_nothing_is_set_at_first_and_each_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in COMPLETE:
        monkeypatch.delenv(f"ALLIVE_{name.upper()}", raising=False)
    refusals = payer_refusals(Settings(home=tmp_path))
    assert sorted(refusal.partition(":")[0] for refusal in refusals) == sorted(
        f"ALLIVE_{key.upper()}" for key in COMPLETE
    )
    assert all("found nothing, expected" in refusal for refusal in refusals)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in COMPLETE for value in (None, "", "  ")),
        ("payer_name", "🎸"),
        ("payer_iban", "FR1520041010050500013M02606"),
        ("payer_iban", "BR1800360305000010009795493C1"),
        ("payer_bic", "PSST"),
        ("payer_bic", "DEUTDEFF"),
        ("payer_country", "France"),
        ("payer_country", "XX"),
        ("payer_country", ""),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name_alone(tmp_path: Path, name: str, value: str | None) -> None:
    wrong = settings(tmp_path, **{name: value})
    (refusal,) = payer_refusals(wrong)
    assert refusal.startswith(f"ALLIVE_{name.upper()}: found ")
    with pytest.raises(ValueError, match=f"ALLIVE_{name.upper()}"):
        payer(wrong)


def test_a_wrong_iban_is_not_shown(tmp_path: Path) -> None:
    (refusal,) = payer_refusals(settings(tmp_path, payer_iban="FR15 2004 1010 0505 0001 3M02 606"))
    assert "found FR15…2606, expected" in refusal
    assert "0505" not in refusal
