"""Requests for the next run: recorded first, used once, refused if they make no sense (RULES.md §6)."""

import json
from pathlib import Path

import pytest

from allive.ingestion.settings import Settings
from allive.payouts import audit, ledger, requests
from allive.payouts.errors import Refusal
from allive.payouts.payments import balance_entries


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def close(settings: Settings, month: str, lines: str = "", **control: list[object]) -> None:
    """Write the parts of a closed month that requests read; a line is artist,paid,carried."""
    folder = ledger.month_dir(settings, month)
    folder.mkdir(parents=True)
    (folder / ledger.PAYOUTS_FILE).write_text(f"artist_id,paid_cents,carried_forward_cents\n{lines}")
    content = {"policy": {"look_back_months": 3}, "adjustments": {}, "amendments": [], "balance_entries": []} | control
    (folder / ledger.CONTROL_FILE).write_text(json.dumps(content))


def last_entry(settings: Settings) -> str:
    return list(audit.identified_entries(settings))[-1][0]


def test_an_amendment_waits_until_a_run_names_it(settings: Settings) -> None:
    for month in ("2021-01", "2021-02"):
        close(settings, month)
    requests.amend(settings, "2021-01", why="wrong credits", operator="zoe")
    entry = last_entry(settings)
    assert requests.pending_amendments(settings) == {"2021-01": [entry]}
    close(settings, "2021-03", amendments=[entry])
    assert requests.pending_amendments(settings) == {}
    requests.amend(settings, "2021-01", why="wrong again", operator="zoe")
    assert list(requests.pending_amendments(settings)) == ["2021-01"]
    assert [(line["action"], line["operator"], line["why"]) for line in audit.entries(settings)] == [
        ("amend", "zoe", "wrong credits"),
        ("amend", "zoe", "wrong again"),
    ]


def test_only_a_closed_month_of_the_look_back_is_amended(settings: Settings) -> None:
    for month in ("2021-01", "2021-02", "2021-03", "2021-04"):
        close(settings, month)
    requests.amend(settings, "2021-02", why="-", operator="zoe")
    with pytest.raises(Refusal, match="2021-01 cannot be amended: It is final"):
        requests.amend(settings, "2021-01", why="-", operator="zoe")
    with pytest.raises(Refusal, match="2021-05 cannot be amended: It is not closed"):
        requests.amend(settings, "2021-05", why="-", operator="zoe")


def test_a_withdrawn_amendment_waits_no_longer(settings: Settings) -> None:
    for month in ("2021-01", "2021-02"):
        close(settings, month)
    with pytest.raises(Refusal, match="2021-01 cannot have its amendment withdrawn: No amendment of it is waiting"):
        requests.withdraw_amendment(settings, "2021-01", why="-", operator="zoe")
    for month in ("2021-01", "2021-01", "2021-02"):
        requests.amend(settings, month, why="wrong credits", operator="zoe")
    assert requests.withdraw_amendment(settings, "2021-01", why="they were right", operator="yann") == 2
    assert list(requests.pending_amendments(settings)) == ["2021-02"]
    requests.amend(settings, "2021-01", why="wrong after all", operator="zoe")
    assert requests.pending_amendments(settings)["2021-01"] == [last_entry(settings)]


def test_only_a_debt_is_written_off_and_wholly(settings: Settings) -> None:
    close(settings, "2021-01", "a,0,900\nb,0,-30\n")
    assert balance_entries.write_off(settings, "b", why="left", operator="zoe") == 30
    assert balance_entries.open_balances(settings) == {"a": 900}
    for artist in ("a", "b", "nobody"):
        with pytest.raises(Refusal, match="only a negative one"):
            balance_entries.write_off(settings, artist, why="-", operator="zoe")
    (entry,) = balance_entries.pending_entries(settings)
    assert (entry.kind, entry.artist_id, entry.cents, entry.settlement_month) == ("write_off", "b", 30, None)
