# ruff: noqa: RUF001 - French typography
"""Reason and status codes in words. The truth is ISO's own lists, and the classes of the research for this work."""

import json
from pathlib import Path

import pytest

from allive.payouts.bank_answers import (
    Reason,
    ReasonClass,
    ReasonList,
    StatusClass,
    meaning_of,
    reason_codes,
    status_codes,
    status_meaning,
)

ISO = json.loads((Path(__file__).parents[2] / "fixtures" / "iso20022-codes.json").read_text(encoding="utf-8"))
BY_CLASS = {
    "quarantine": "return:AC01 AC03 AC04 AC06 AC15 AC16 AC17 AG01 BE01 BE06 status:AC01 AC04 AC06 BE01",
    "freeze": "return:MD07 RR04 RR05 FR01 NOCM AM05 DUPL BE05 status:MD07 RR04 FRAD FR01 AM05 DUPL cancellation:RR04",
    "fix_data": "return:BE04 RR01 RR02 RR03 RC01 RC03 RC04 RC07 CNOR DNOR AC14 status:BE04 RR03 RC01 RC04 CNOR AC14",
    "temporary": "return:TM01 ED05 AM04 status:TM01 AB05 AB06 ED05 AM04",
    "our_bug": "return:AG02 DT01 CURR AM09 status:AG02 FF01 DT01 CURR AM09 AC16",
    "information": "return:FOCR CUST NOOR NOAS ARDT status:CUST cancellation:CUST NOOR NOAS ARDT AM04",
    "unknown": "return:MS02 MS03 NARR ZZ99 FF01 status:MS02 MS03 NARR AC17 NOOR cancellation:AC01 NARR",
}


def expected() -> list[tuple[str, str, str]]:
    found, of = [], ""
    for reason_class, words in BY_CLASS.items():
        for word in words.replace(":", ": ").split():
            if word.endswith(":"):
                of = word[:-1]
            else:
                found.append((of, word, reason_class))
    return found


def reason(of: str, code: str | None, *, is_proprietary: bool = False, text: str = "") -> Reason:
    return Reason(ReasonList(of), code, is_proprietary, text)


@pytest.mark.parametrize(("of", "code", "reason_class"), expected())
def test_the_class_of_a_code_depends_on_its_list(of: str, code: str, reason_class: str) -> None:
    assert meaning_of(reason(of, code)).reason_class == reason_class


def test_every_code_is_in_the_list_of_iso() -> None:
    assert not [f"{of}: {code}" for of, meanings in reason_codes.MEANINGS.items() for code in {*meanings} - {*ISO[of]}]
    assert {*status_codes.MEANINGS} <= {*ISO["payment_status"]}


def test_no_code_of_iso_is_refused() -> None:
    found = [meaning_of(reason(of.value, code)) for of in ReasonList for code in ISO[of]]
    assert len(found) > 400
    assert all(meaning.french and meaning.english for meaning in found)


@pytest.mark.parametrize("of", ReasonList)
@pytest.mark.parametrize("code", ["ZZ99", "", "ac04", "AC04 ", "🎸" * 500, "\u202e", None])
def test_an_unknown_code_is_shown_as_written(of: ReasonList, code: str | None) -> None:
    found = meaning_of(reason(of.value, code))
    assert found.reason_class is ReasonClass.UNKNOWN
    assert (code or "la banque n’a pas donné de motif") in found.french
    assert (code or "the bank gave no reason") in found.english


def test_the_bank_s_own_code_is_never_taken_for_iso_s() -> None:
    found = meaning_of(reason("return", "AC04", is_proprietary=True))
    assert (found.reason_class, "AC04" in found.french) == (ReasonClass.UNKNOWN, True)


def test_a_reason_of_words_only_shows_them() -> None:
    assert "COMPTE CLOS" in meaning_of(reason("return", None, text="COMPTE CLOS")).french
    assert meaning_of(None).reason_class is ReasonClass.UNKNOWN


@pytest.mark.parametrize("code", ["AC14", "AC16", "AM04"])
def test_the_words_of_a_code_with_two_meanings_differ(code: str) -> None:
    other = "cancellation" if code == "AM04" else "status"
    of_return, of_other = meaning_of(reason("return", code)), meaning_of(reason(other, code))
    assert of_return.english != of_other.english
    assert of_return.french != of_other.french


@pytest.mark.parametrize("code", ["RCVC", "RVCM", "RVMC", "RVNM", "RVNA", "RVNC"])
def test_a_verification_of_payee_is_no_rejection(code: str) -> None:
    assert status_meaning(code).status_class is StatusClass.VERIFIED


@pytest.mark.parametrize("code", ["ACCP", "ACTC", "ACSP", "ACSC", "ACCC", "RCVD", "PDNG", "PART"])
def test_no_status_says_executed(code: str) -> None:
    found = status_meaning(code)
    assert found.status_class in {StatusClass.ACCEPTED, StatusClass.PENDING, StatusClass.PARTLY_ACCEPTED}
    assert "exécuté" not in found.french.split()


def test_only_rjct_is_a_rejection() -> None:
    rejected = [code for code in ISO["payment_status"] if status_meaning(code).status_class is StatusClass.REJECTED]
    assert rejected == ["RJCT"]
    assert status_meaning("XXXX").status_class is status_meaning(None).status_class is StatusClass.UNKNOWN
