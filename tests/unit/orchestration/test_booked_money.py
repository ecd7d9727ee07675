"""The serving copy's tables of closed months."""

import hashlib

import duckdb

from allive.orchestration.publishing.booked_money import _artists_with_statements


def test_an_artist_whose_id_no_file_can_bear_has_a_statement_too() -> None:
    hostile = "../étoile"
    files = {
        f"statements/~{hashlib.sha256(hostile.encode()).hexdigest()}.pdf": "…",
        "statements/art-1.pdf": "…",
        "artist_payouts.csv": "…",
    }
    with duckdb.connect() as con:
        con.execute("create schema published")
        con.execute("create table published.artist_payouts (settlement_month varchar, artist_id varchar)")
        con.executemany(
            "insert into published.artist_payouts values (?, ?)",
            [["2021-02", "art-1"], ["2021-02", hostile], ["2021-02", "art-without"], ["2021-01", "art-1"]],
        )
        assert _artists_with_statements(con, "2021-02", files) == [hostile, "art-1"]
