"""The setting of withholdings: whom each concerns, when, and which contradict one another (RULES.md §10)."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from allive.ingestion.settings import Settings
from allive.ingestion.withholdings import Withholding

CSG: dict[str, Any] = {"name": "CSG", "owed_to": "l'Urssaf", "rate_bp": 920, "since": "2021-01-01"}


def read(monkeypatch: pytest.MonkeyPatch, home: Path, *records: dict[str, Any]) -> tuple[Withholding, ...]:
    monkeypatch.setenv("ALLIVE_WITHHOLDINGS", json.dumps(records))
    return Settings(home=home).withholdings


def test_there_are_none_by_default(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).withholdings == ()


def test_they_are_read_from_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, other = read(monkeypatch, tmp_path, CSG, {**CSG, "name": "CRDS", "until": "2021-12-31", "artist_ids": ["a"]})
    assert (one.rate_bp, one.since, one.until) == (920, date(2021, 1, 1), None)
    assert (other.until, other.artist_ids) == (date(2021, 12, 31), ("a",))


@pytest.mark.parametrize(
    ("changes", "artist", "country", "concerned"),
    [
        ({}, "a", None, True),
        ({"tax_countries": ["FR"]}, "a", "FR", True),
        ({"tax_countries": ["FR"]}, "a", "BE", False),
        ({"tax_countries": ["FR"]}, "a", None, False),
        ({"not_tax_countries": ["FR"]}, "a", "BE", True),
        ({"not_tax_countries": ["FR"]}, "a", "FR", False),
        ({"not_tax_countries": ["FR"]}, "a", None, False),
        ({"artist_ids": ["a"]}, "a", None, True),
        ({"artist_ids": ["a"]}, "b", None, False),
        ({"artist_ids": ["a"], "tax_countries": ["FR"]}, "a", "BE", False),
        ({"artist_ids": ["a"], "tax_countries": ["FR"]}, "a", "FR", True),
    ],
)
def test_whom_it_concerns(changes: dict[str, Any], artist: str, country: str | None, *, concerned: bool) -> None:
    assert Withholding(**CSG | changes).concerns(artist, country) is concerned


@pytest.mark.parametrize(
    ("day", "in_force"),
    [("2020-12-31", False), ("2021-01-01", True), ("2021-06-30", True), ("2021-07-01", False)],
)
def test_it_is_in_force_from_its_first_to_its_last_payment_date(day: str, *, in_force: bool) -> None:
    one = Withholding(**CSG, until="2021-06-30")
    assert one.is_in_force(date.fromisoformat(day)) is in_force


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ([CSG | {"rate_bp": 0}], "greater than 0"),
        ([CSG | {"rate_bp": 10_001}], "less than or equal to 10000"),
        ([CSG | {"rate_bp": 9.2}], "valid integer"),
        ([CSG | {"rate_bp": "920"}], "valid integer"),
        ([CSG | {"name": ""}], "at least 1 character"),
        ([CSG | {"name": " "}], "match pattern"),
        ([CSG | {"name": "CSG\nReporté"}], "match pattern"),
        ([CSG | {"until": "2020-12-31"}], "expected the same day or a later one"),
        ([CSG | {"tax_countries": ["France"]}], "match pattern"),
        ([CSG | {"tax_countries": []}], "at least 1 item"),
        ([CSG | {"tax_countries": ["FR"], "not_tax_countries": ["BE"]}], "expected one of them, or neither"),
        ([CSG | {"country": "FR"}], "not permitted"),
        ([{"name": "CSG"}], "Field required"),
        ([CSG, CSG], "CSG applies 2 times to an artist of another country on 2021-01-01"),
        ([CSG, CSG | {"since": "2022-01-01"}], "give one of them an end"),
        ([CSG, CSG | {"name": "all", "rate_bp": 9_081}], "found 10001 bp together"),
        ([CSG, CSG | {"name": "all", "rate_bp": 9_081, "artist_ids": ["zoe"]}], "for artist zoe of"),
        ([CSG, CSG | {"name": "all", "rate_bp": 9_081, "tax_countries": ["BE"]}], "for an artist of BE"),
        (
            [CSG, CSG | {"name": "all", "rate_bp": 9_081, "not_tax_countries": ["FR"]}],
            "of another country on 2021-01-01",
        ),
    ],
)
def test_records_that_cannot_be_meant_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, records: list[dict[str, Any]], complaint: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        read(monkeypatch, tmp_path, *records)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "other",
    [
        CSG | {"name": "all", "rate_bp": 9_080},
        CSG | {"since": "2021-07-01"},
        CSG | {"name": "later", "rate_bp": 10_000, "since": "2021-07-01"},
    ],
)
def test_records_that_never_meet_or_leave_nothing_are_accepted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, other: dict[str, Any]
) -> None:
    assert len(read(monkeypatch, tmp_path, CSG | {"until": "2021-06-30"}, other)) == 2


def test_one_name_can_have_rates_by_country(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    by_country = ({**CSG, "tax_countries": ["FR"]}, {**CSG, "not_tax_countries": ["FR"], "rate_bp": 9_500})
    assert len(read(monkeypatch, tmp_path, *by_country)) == 2


@pytest.mark.parametrize("siren", ["732829321", "73282932", "73282932a", "7328293200"])
def test_a_wrong_siren_of_the_payer_is_refused(tmp_path: Path, siren: str) -> None:
    with pytest.raises(ValidationError, match="nine digits, of which the last one checks the others"):
        Settings(home=tmp_path, payer_siren=siren)


def test_a_siren_of_the_payer_is_kept_without_blanks(tmp_path: Path) -> None:
    assert Settings(home=tmp_path, payer_siren="732 829 320").payer_siren == "732829320"
