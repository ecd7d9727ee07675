"""The data docs: a page per suite for its latest validation, which loads nothing and shows no record."""

import importlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from allive.ingestion.expectations.validation import Docs, validate
from allive.ingestion.load import load_new_files
from allive.ingestion.settings import Settings
from tests.integration.test_expectations_alone import FAULTS, GOOD, land

SUBSCRIBER: Final = "run-7"
LOADING: Final = {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg", "video", "audio"}


class Elements(HTMLParser):
    """The elements of a page, and the addresses in their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name in {"href", "src", "action", "data"}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home that loaded good artists, then heartbeats of which one file is held."""
    settings = Settings(home=tmp_path_factory.mktemp("data-docs"))
    land(settings, "good", {"artists": GOOD["artists"], "heartbeats": GOOD["heartbeats"]})
    land(settings, "faulty", FAULTS["heartbeats", "subscribers_are_not_playbacks"])
    for record_type in ("artists", "heartbeats"):
        load_new_files(settings, record_type)
    return settings


def test_each_suite_has_a_page_of_its_latest_batch(home: Settings) -> None:
    docs = home.data_docs_dir
    assert {path.name for path in docs.iterdir()} == {
        "artists.html", "artists.json", "heartbeats.html", "heartbeats.json", "index.html",
    }  # fmt: skip
    index = (docs / "index.html").read_text(encoding="utf-8")
    assert {"artists.html", "heartbeats.html"} == Elements(index).addresses
    assert "2 expectations met" in index
    page = (docs / "heartbeats.html").read_text(encoding="utf-8")
    assert "1 of 3 expectations not met: 1 critical" in page, (
        "the search for the file at fault replaced the batch's page"
    )
    assert re.search(r"Validated heartbeats-000002-[0-9a-f]{8} at 20", page)
    assert page.count('<i class="fas fa-times') == 1
    kept = json.loads((docs / "heartbeats.json").read_text(encoding="utf-8"))
    assert [result["success"] for result in kept["result"]["results"]] == [True, True, False]


def test_the_pages_load_nothing(home: Settings) -> None:
    for path in home.data_docs_dir.glob("*.html"):
        page = path.read_text(encoding="utf-8")
        elements = Elements(page)
        assert elements.tags & LOADING == set()
        assert not [name for name in elements.attributes if name.startswith("on")]
        assert not [address for address in elements.addresses if not re.fullmatch(r"[a-z_]+\.html", address)]
        assert "http" not in page
        assert "url(" not in page


def test_no_page_shows_a_record(home: Settings) -> None:
    for path in home.data_docs_dir.iterdir():
        text = path.read_text(encoding="utf-8")
        assert SUBSCRIBER not in text
        assert "viewer-" not in text
        assert "faulty" not in text


def test_rows_and_messages_in_a_result_are_left_out(tmp_path: Path) -> None:
    data_source = importlib.import_module("allive.ingestion.expectations.duckdb_datasource")
    suite = importlib.import_module("allive.ingestion.expectations.subscriptions").SUITE
    with duckdb.connect() as con:
        con.execute(
            f"create table periods as select '{SUBSCRIBER}' as period_id, 2 as envelope_cents, 1 as price_cents"
        )
        outcome = data_source.batch_over(con, None, "periods").validate(suite, result_format="COMPLETE")
    outcome.results[0].exception_info["exception_message"] = f"Could not convert {SUBSCRIBER}"
    assert str(outcome.to_json_dict()).count(SUBSCRIBER) > 1, "otherwise this shows nothing"
    importlib.import_module("allive.ingestion.expectations.data_docs").write_docs(tmp_path, outcome, about="x")
    pages = [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()]
    assert len(pages) == 3
    assert not [page for page in pages if SUBSCRIBER in page or "Could not convert" in page]


def test_a_load_does_not_wait_for_its_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(home=tmp_path)
    settings.serving_dir.write_text("no folder", encoding="utf-8")
    land(settings, "good", {"artists": GOOD["artists"]})
    report: Any = load_new_files(settings, "artists")
    assert report.verdict == "promoted"
    assert "could not be written" in caplog.text


@pytest.mark.parametrize("damaged", [b"", b"\xff\xfe", b"[]", b"{}"], ids=["empty", "no text", "a list", "no facts"])
def test_a_damaged_page_of_another_suite_stops_nothing_and_is_removed(tmp_path: Path, damaged: bytes) -> None:
    settings = Settings(home=tmp_path)
    settings.data_docs_dir.mkdir(parents=True)
    for name in ("heartbeats.json", ".heartbeats.json.1.tmp"):
        (settings.data_docs_dir / name).write_bytes(damaged)
    land(settings, "good", {"artists": GOOD["artists"]})
    report: Any = load_new_files(settings, "artists")
    assert report.verdict == "promoted"
    assert {path.name for path in settings.data_docs_dir.iterdir()} == {"artists.html", "artists.json", "index.html"}


def test_great_expectations_sends_nothing(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def refuse(*address: object, **_: object) -> None:
        asked.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    with duckdb.connect() as con:
        con.execute("create table artists as select 'a' as artist_id, 'n' as name, 'i' as iban, 'f' as source_file")
        validate(con, "artists", "allive.ingestion.expectations.artists", Docs(home.data_docs_dir, about="x"))
    assert asked == []
