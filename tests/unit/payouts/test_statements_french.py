"""Printed French, and the names of statement files."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from allive.payouts.statements import statement_file_name, statement_number
from allive.payouts.statements.french import day, duration, euros, few, of_month, printable, typographic
from allive.payouts.statements.transfers import masked


@pytest.mark.parametrize(
    ("cents", "printed"),
    [
        (0, "0,00\u202f€"),
        (7, "0,07\u202f€"),
        (-7, "\u22120,07\u202f€"),
        (99_999, "999,99\u202f€"),
        (100_000, "1\u202f000,00\u202f€"),
        (-123_456_789, "\u22121\u202f234\u202f567,89\u202f€"),
    ],
)
def test_amounts(cents: int, printed: str) -> None:
    assert euros(cents) == printed


@pytest.mark.parametrize(
    ("ms", "printed"),
    [
        (0, "0\u202fmin"),
        (3_599_999, "59\u202fmin"),
        (3_600_000, "1\u202fh\u202f00\u202fmin"),
        (3_600_000_000, "1\u202f000\u202fh\u202f00\u202fmin"),
    ],
)
def test_durations(ms: int, printed: str) -> None:
    assert duration(ms) == printed


@pytest.mark.parametrize(("number", "printed"), [(0, "moins de\u00a05"), (4, "moins de\u00a05"), (5, "5")])
def test_few_subscribers_are_not_counted_out_loud(number: int, printed: str) -> None:
    assert few(number) == printed


@pytest.mark.parametrize(
    ("month", "printed"),
    [
        ("2021-01", "de\u00a0janvier\u00a02021"),
        ("2021-04", "d\u2019avril\u00a02021"),
        ("2021-10", "d\u2019octobre\u00a02021"),
    ],
)
def test_months_are_elided(month: str, printed: str) -> None:
    assert of_month(month) == printed


def test_the_first_of_a_month_is_an_ordinal() -> None:
    assert day(date(2021, 4, 1)) == "1er\u00a0avril\u00a02021"
    assert day(date(2021, 4, 11)) == "11\u00a0avril\u00a02021"


def test_punctuation_keeps_to_its_word() -> None:
    assert typographic("D'ici là : oui ; non ?") == "D\u2019ici là\u00a0: oui\u202f; non\u202f?"


def test_controls_are_not_printed() -> None:
    assert printable("a\x00b\n\tc \u202ed\u2066", longest=20) == "a b c d"


def test_a_word_without_an_end_can_break() -> None:
    assert max(map(len, printable("x" * 100, longest=200).split("\u200b"))) <= 24


def test_long_text_is_cut() -> None:
    assert printable("mot " * 100, longest=10) == "mot mot m…"


def test_the_account_is_masked() -> None:
    iban = "FR7630006000011234567890189"
    assert masked(iban) == "FR76\u00a0••••\u00a0189"


def test_numbers_are_the_end_to_end_ids() -> None:
    assert statement_number("2021-02", 17) == "ALV-2021-02-00017"
    assert statement_number("2021-12", 123_456) == "ALV-2021-12-123456"


@pytest.mark.parametrize("plain", ["a", "art-17", "A_b.c-9", "x" * 100])
def test_a_plain_id_names_its_file(plain: str) -> None:
    assert statement_file_name(plain) == f"{plain}.pdf"


@given(st.text(min_size=1), st.text(min_size=1))
@example("..", ".")
@example("a/b", "a\\b")
@example("x" * 101, "x" * 100)
@example("~", "é" * 300)
def test_every_id_has_one_safe_name_of_its_own(one: str, other: str) -> None:
    names = [statement_file_name(artist_id) for artist_id in (one, other)]
    assert (names[0] == names[1]) == (one == other)
    for name in names:
        assert not set(name) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")
        assert not name.startswith(".")
        assert len(name) <= 255
