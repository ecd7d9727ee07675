"""Text written by spreadsheets and billing systems is read as intended, and its oddities are named."""

import io
import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allive.ingestion.csv_records import _decoded_lines, cut_records, decoded, lines_of, read_layout
from allive.ingestion.landing import UnreadableFileError

from .records import ARTIST

CASES = Path(__file__).parents[2] / "fixtures" / "doorway"
FIELDS = ("artist_id", "name", "iban", "updated_at")


def warnings(report):
    return {check.name: check.found for check in report.checks if check.severity == "warning" and not check.passed}


def test_the_export_of_a_french_spreadsheet(home):
    (home.settings.landing_dir / "artists").mkdir(parents=True)
    shutil.copy(CASES / "artists-excel-fr.csv", home.settings.landing_dir / "artists")
    report = home.load("artists")
    assert (report.records, report.rejects) == (2, 0)
    assert home.query("select artist_id, name, iban from raw.artists order by 1") == [
        ("ar-1", "Zoé", "FR14 2004 1010 0505 0001 3M02 606"), ("ar-2", "Les Ondes", None),
    ]  # fmt: skip
    assert set(warnings(report)) == {"file_encoding"}
    assert "artists/artists-excel-fr.csv" in warnings(report)["file_encoding"]
    assert "Windows-1252" in warnings(report)["file_encoding"]


def test_one_broken_line_garbles_no_other_and_what_is_in_no_encoding_is_malformed(home):
    lines = [
        b"artist_id,name",
        "a1,Zoé".encode(),
        b"a2,Zo\xe9",
        b"a3,\x81",
        b'a4,"Zo\xe9;"',
        b"a5,plain",
        b'"a6","\x9d"',
    ]
    home.land("artists/mixed.csv", b"\n".join(lines) + b"\n")
    home.land("artists/unquoted.csv", b"artist_id,name\nb1,Zo\xe9\nb2,\xe2\x80\x99\nb3,\x80\nb4,\x8d\n")
    home.land("artists/header.csv", b"artist_id,name,\xe9\nc1,x,y\n")
    home.land("artists/utf8.csv", "artist_id,name\nd1,Zoé\n".encode())
    report = home.load("artists")
    assert home.query("select artist_id, name from raw.artists order by 1") == [
        ("a1", "Zoé"), ("a2", "Zoé"), ("a4", "Zoé;"), ("a5", "plain"),
        ("b1", "Zoé"), ("b2", "\u2019"), ("b3", "€"), ("c1", "x"), ("d1", "Zoé"),
    ]  # fmt: skip
    assert home.query("select source_file, source_line, reason, raw from raw.rejects order by 1, 2") == [
        ("artists/mixed.csv", 4, "malformed", r"a3,\x81"),
        ("artists/mixed.csv", 7, "malformed", r'"a6","\x9d"'),
        ("artists/unquoted.csv", 5, "malformed", r"b4,\x8d"),
    ]
    assert warnings(report)["file_encoding"] == (
        "artists/header.csv: 1 record not in UTF-8, read as Windows-1252; "
        "artists/mixed.csv: 2 records not in UTF-8, read as Windows-1252; "
        "artists/unquoted.csv: 2 records not in UTF-8, read as Windows-1252"
    )


def test_the_raw_text_of_a_reject_is_readable_whatever_the_encoding(home):
    text = "artist_id;name\r\n;Zoé\r\n"
    home.land("artists/a.csv", text.encode("windows-1252"))
    home.land("artists/b.csv", text.encode("utf-16"))
    home.land("artists/c.csv", text.replace(";", "\t").replace("\r\n", "\r").encode())
    home.load("artists")
    assert home.query("select source_line, reason, raw from raw.rejects order by source_file") == [
        (2, "missing_artist_id", ";Zoé"), (2, "missing_artist_id", ";Zoé"), (2, "missing_artist_id", "\tZoé"),
    ]  # fmt: skip


def test_a_near_miss_of_a_column_is_named_with_what_it_probably_means(home):
    home.land("artists/a.csv", "artist_id,name,Ibann,left on,note\na1,x,FR14,,\n")
    file = io.BytesIO()
    pl.DataFrame([ARTIST | {"e-mail": "x@y.z", "town": "Lyon"}]).write_parquet(file)
    home.land("artists/b.parquet", file.getvalue())
    home.land("artists/c.ndjson", [ARTIST | {"IBAN": "FR14", "upated_at": None}])
    home.land("artists/d.csv", "artist_id,name,iban,iban_2\na2,x,FR14,FR15\n")
    report = home.load("artists")
    assert report.records == 4
    told = warnings(report)["column_names"].split("; ")
    assert told == [
        "artists/a.csv: 'Ibann' probably means iban, 'left on' probably means left_on",
        "artists/b.parquet: 'e-mail' probably means email",
        "artists/c.ndjson: 'IBAN' probably means iban, 'upated_at' probably means updated_at",
    ]


@pytest.mark.parametrize(
    ("header", "separator", "columns"),
    [
        ("artist_id,name", ",", ("artist_id", "name")),
        ("artist_id;name", ";", ("artist_id", "name")),
        ("artist_id\tname", "\t", ("artist_id", "name")),
        ("\ufeffArtist_ID ; NAME;\u00a0Iban\u200b", ";", ("artist_id", "name", "iban")),
        ('"artist_id";"name, in full";name', ";", ("artist_id", "", "name")),
        ("note;a,artist_id,name", ",", ("", "artist_id", "name")),
        ("artist_id", ",", ("artist_id",)),
    ],
)
def test_the_separator_is_told_from_the_header(header, separator, columns):
    layout = read_layout(header.encode(), FIELDS, ("artist_id", "name"))
    assert (layout.separator, layout.columns) == (separator, columns)


@pytest.mark.parametrize("header", ["a|name|artist_id", "x;y", "artist_id;ARTIST_ID", '"artist_id"x,name', "  "])
def test_a_header_of_none_of_our_columns_is_refused(header):
    with pytest.raises(UnreadableFileError):
        read_layout(header.encode(), FIELDS, ("artist_id", "name"))


PIECES = [b"\n", b"a", b",", b'"', b"\r", b"\xe9", b"\x81", b"\xc3", "é".encode(), "\ufffd".encode(), b"\xed\xb2\x80"]
"""Line ends, text, Windows-1252, a byte in neither encoding, partial UTF-8, and decoders' replacements for a byte."""


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join))
def test_a_block_is_decoded_as_its_lines_one_by_one(content):
    lines, hows = _decoded_lines(content)
    expected = [decoded(line) for line in lines_of(content)]
    assert [*zip(lines, hows or ["utf-8"] * len(lines), strict=True)] == expected


def test_empty_lines_between_quoted_records_are_none():
    layout = read_layout(b"a,b", ["a", "b"], ["a"])
    cut = cut_records(b'"1",2\n\n\r\n"3\n\n",4\n\n', 2, layout, is_end=True)
    assert [(record.line, record.cells) for record in cut.records] == [(2, ["1", "2"]), (5, ["3\n\n", "4"])]
    assert cut.lines_taken == 7
