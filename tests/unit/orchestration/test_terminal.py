"""Tables on the terminal: they fit 80 columns, name the currency once, and lose no digit and no word."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allive.orchestration.terminal import Amount, artist_shown, table
from tests.terminal_tables import cents, tables

NAME = st.text("abcdefgh ïé", min_size=0, max_size=60)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(NAME, min_size=1, max_size=6),
    amounts=st.lists(st.tuples(*[st.integers(-(10**7), 10**7)] * 5), min_size=1, max_size=6),
)
def test_a_table_of_amounts_keeps_every_digit(
    capsys: pytest.CaptureFixture[str], names: list[str], amounts: list[tuple[int, ...]]
) -> None:
    capsys.readouterr()
    headings = ("earned", "adjusted", "brought", "paid", "carried")
    lines = list(zip(names, amounts, strict=False))
    totals = [sum(column) for column in zip(*(row for _, row in lines), strict=True)]
    table(
        "2021-02, closed",
        ("artist", *headings, "why carried"),
        [
            (artist_shown(f"art-{place}", name), *map(Amount, row), "below_minimum")
            for place, (name, row) in enumerate(lines)
        ],
        total=("total", *map(Amount, totals), None),
    )
    printed = capsys.readouterr().out
    (found,) = tables(printed, filled="earned")
    assert found.title == "2021-02, closed, in EUR"
    assert printed.count("EUR") == 1
    assert [[cents(row[heading]) for heading in headings] for row in found.rows] == [list(row) for _, row in lines]
    assert [cents(found.total[heading]) for heading in headings] == totals
    # A folded cell is joined by blanks, also within a long word.
    assert ["".join(row["artist"].split()) for row in found.rows] == [
        f"art-{place}{''.join(name.split())}" for place, (name, _) in enumerate(lines)
    ]


@pytest.mark.parametrize("amount", [0, 123_456, 99_999_99])
def test_it_fits_80_columns(capsys: pytest.CaptureFixture[str], amount: int) -> None:
    table(
        "2021-02, closed",
        ("artist", "earned", "adjusted", "brought", "paid", "carried", "why carried"),
        [("art-001 Le Grand Orchestre symphonique de la Vallée", *[Amount(amount)] * 5, "below_minimum")],
        total=("total", *[Amount(amount)] * 5, None),
    )
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    ends = {line.rstrip()[-13:] for line in lines if "art-001" in line}
    assert ends == {"below_minimum"}, "a code is one word and stays whole"


def test_a_file_name_is_wider_than_the_table_rather_than_broken(capsys: pytest.CaptureFixture[str]) -> None:
    name = "subscriptions/february-2021-delivered-again-completely.csv"
    table("Held", ("file", "records", "why"), [(name, 12, "prices in cents, and much else that is long to say")])
    printed = capsys.readouterr().out
    assert name in printed
    assert "EUR" not in printed


def test_a_name_from_outside_does_not_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table("Artists", ("artist", "earned"), [(artist_shown("a", "[red]\x1b[2J"), Amount(1))])
    assert "a [red]\\x1b[2J" in capsys.readouterr().out
