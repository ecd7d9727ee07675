"""Names in characters that banks accept: Latin letters without accents, digits, and / - ? : ( ) . , ' +."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allive.payouts.sepa_text import country_code, to_sepa

SEPA_CHARACTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Œuvre au noir", "OEuvre au noir"),
        ("Weiß, Łukasz & Bjørn", "Weiss, Lukasz + Bjorn"),
        ("L’Été à Sète — façon Noël", "L'Ete a Sete -- facon Noel"),  # noqa: RUF001 - as people write it
        ("e\u0301toile", "etoile"),
        ("Ђорђе", "Djordje"),
        ("فيروز", "fyrwz"),
        ('<Le> "Groupe" [live]; 100 %', "Le 'Groupe' (live), 100"),
        ("AC/DC (tribute): n+1 ?", "AC/DC (tribute): n+1 ?"),
        ("Zoé 🎸 Quartet", "Zoe Quartet"),
        ("a\tb\nc\x00d\x7fe\ud83d", "a b c d e"),
        ("🎸🔥", ""),
        ("!!!", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_text_in_the_sepa_character_set(text: str | None, expected: str) -> None:
    assert to_sepa(text, max_length=70) == expected


def test_it_is_cut_after_it_grew_and_ends_in_no_blank() -> None:
    assert to_sepa("Œ" * 70, max_length=70) == "OE" * 35
    assert to_sepa("a" * 69 + " b", max_length=70) == "a" * 69


@given(st.text(), st.integers(1, 140))
def test_any_text_keeps_to_set_and_length(text: str, max_length: int) -> None:
    sepa = to_sepa(text, max_length=max_length)
    assert set(sepa) <= SEPA_CHARACTERS
    assert len(sepa) <= max_length
    assert sepa == sepa.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("FR", "FR"), (" be ", "BE"), ("France", None), ("FRA", None), ("XX", None), ("", None), (None, None)],
)
def test_country_codes(text: str | None, expected: str | None) -> None:
    assert country_code(text) == expected
