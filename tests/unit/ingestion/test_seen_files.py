"""Each landed file is found once, whenever it lands; folders that cannot have new files are not read again."""

import os
import time

import pytest

import allive.ingestion.seen_files
from allive.ingestion.seen_files import SeenFiles

DAY_S = 86_400


@pytest.fixture
def landing(tmp_path):
    (tmp_path / "landing/heartbeats").mkdir(parents=True)
    return tmp_path / "landing"


@pytest.fixture
def seen(tmp_path):
    return SeenFiles(tmp_path / "seen.sqlite")


@pytest.fixture
def read(monkeypatch):
    """The folders that were read since the list was last cleared."""
    folders = []
    list_folder = allive.ingestion.seen_files.list_folder  # type: ignore[attr-defined]

    def noted(tree, folder, known):
        folders.append(folder)
        return list_folder(tree, folder, known)

    monkeypatch.setattr(allive.ingestion.seen_files, "list_folder", noted)
    return folders


def deliver(landing, name, content="x"):
    path = landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}")
    aside.write_text(content)
    aside.rename(path)


def names(files):
    return [file.name for file in files]


def deal_with_all(seen, landing, now):
    fresh = seen.look(landing, "heartbeats", now=now).fresh
    seen.remember(fresh)
    return names(fresh)


def test_what_was_dealt_with_is_not_fresh(seen, landing):
    deliver(landing, "heartbeats/dt=1/b.csv")
    deliver(landing, "heartbeats/a.csv")
    now = time.time()
    assert names(seen.look(landing, "heartbeats", now=now).fresh) == ["heartbeats/a.csv", "heartbeats/dt=1/b.csv"]
    assert deal_with_all(seen, landing, now) == ["heartbeats/a.csv", "heartbeats/dt=1/b.csv"]
    for later in (0, 5, 10, 2 * DAY_S):
        assert seen.look(landing, "heartbeats", now=now + later).fresh == []


def test_a_folder_is_read_again_until_its_stamp_can_be_trusted_then_only_when_it_changes(seen, landing, read):
    deliver(landing, "heartbeats/dt=1/a.csv")
    deliver(landing, "heartbeats/dt=2/b.csv")
    now = time.time()
    deal_with_all(seen, landing, now)
    for later, expected in (
        (1, {"heartbeats", "heartbeats/dt=1", "heartbeats/dt=2"}),
        (4, {"heartbeats", "heartbeats/dt=1", "heartbeats/dt=2"}),
        (5, set()),
        (DAY_S, set()),
        (DAY_S + 5, {"heartbeats", "heartbeats/dt=1", "heartbeats/dt=2"}),
        (DAY_S + 6, set()),
    ):
        read.clear()
        assert seen.look(landing, "heartbeats", now=now + later).fresh == []
        assert set(read) == expected, later
    deliver(landing, "heartbeats/dt=2/c.csv")
    read.clear()
    assert names(seen.look(landing, "heartbeats", now=now + DAY_S + 7).fresh) == ["heartbeats/dt=2/c.csv"]
    assert read == ["heartbeats/dt=2"]


def test_a_file_that_lands_within_a_tick_of_the_clock_is_found(seen, landing, monkeypatch):
    """The folder's stamp is the same as at the last look, because the clock is coarse."""
    deliver(landing, "heartbeats/a.csv")
    status = (landing / "heartbeats").stat()
    stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    monkeypatch.setattr(allive.ingestion.seen_files, "_stamp_of", lambda *_: stamp)
    now = time.time()
    deal_with_all(seen, landing, now)
    assert deal_with_all(seen, landing, now + 1) == []
    deliver(landing, "heartbeats/b.csv")
    assert deal_with_all(seen, landing, now + 2) == ["heartbeats/b.csv"]


def test_a_file_that_is_not_dealt_with_stays_fresh(seen, landing):
    """The load that found the file died."""
    deliver(landing, "heartbeats/a.csv")
    now = time.time()
    for later in (0, 5, 10):
        assert names(seen.look(landing, "heartbeats", now=now + later).fresh) == ["heartbeats/a.csv"]


def test_a_new_content_under_a_known_name_is_fresh(seen, landing):
    deliver(landing, "heartbeats/a.csv", "one")
    now = time.time()
    deal_with_all(seen, landing, now)
    deal_with_all(seen, landing, now + 5)
    deliver(landing, "heartbeats/a.csv", "two")
    assert deal_with_all(seen, landing, now + 6) == ["heartbeats/a.csv"]


def test_a_file_written_to_in_place_is_found_within_a_day(seen, landing):
    deliver(landing, "heartbeats/a.csv", "one")
    now = time.time()
    deal_with_all(seen, landing, now)
    deal_with_all(seen, landing, now + 5)
    with (landing / "heartbeats/a.csv").open("a") as file:
        file.write("more")
    assert deal_with_all(seen, landing, now + 5 + DAY_S) == ["heartbeats/a.csv"]


def test_folders_that_are_moved_in_and_out_are_followed(seen, landing, tmp_path):
    deliver(landing, "heartbeats/dt=1/a.csv")
    now = time.time()
    deal_with_all(seen, landing, now)
    deal_with_all(seen, landing, now + 5)
    (landing / "heartbeats/dt=1").rename(tmp_path / "out")
    assert deal_with_all(seen, landing, now + 6) == []
    deliver(landing, "heartbeats/dt=1/inner/b.csv")
    assert deal_with_all(seen, landing, now + 7) == ["heartbeats/dt=1/inner/b.csv"]
    (tmp_path / "out").rename(landing / "heartbeats/dt=2")
    assert deal_with_all(seen, landing, now + 8) == ["heartbeats/dt=2/a.csv"]


def test_a_clock_that_was_set_back_hides_nothing(seen, landing, read):
    deliver(landing, "heartbeats/a.csv")
    now = time.time()
    deal_with_all(seen, landing, now)
    deal_with_all(seen, landing, now + 5)
    read.clear()
    seen.look(landing, "heartbeats", now=now - DAY_S)
    assert read == ["heartbeats"]


def test_a_look_only_leaves_no_trace(seen, landing):
    deliver(landing, "heartbeats/a.csv")
    now = time.time()
    for later in (0, 5, 10):
        assert names(seen.look(landing, "heartbeats", now=now + later, is_noted=False).fresh) == ["heartbeats/a.csv"]
    seen.remember(seen.look(landing, "heartbeats", now=now, is_noted=False).fresh)
    assert seen.look(landing, "heartbeats", now=now + 5, is_noted=False).fresh == []


def test_a_spoiled_memory_is_begun_anew(seen, landing, tmp_path):
    deliver(landing, "heartbeats/a.csv")
    deal_with_all(seen, landing, time.time())
    (tmp_path / "seen.sqlite").write_bytes(os.urandom(5000))
    assert deal_with_all(seen, landing, time.time()) == ["heartbeats/a.csv"]
