"""Whatever is in landing, good files load, and each entry that is not taken is named once with its reason."""

import csv
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import allive.ingestion.load
import allive.ingestion.readers
import allive.ingestion.waiting
from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.landed_names import os_name, printable_name
from allive.ingestion.landing import hash_of_landed
from allive.ingestion.not_taken import find_not_taken
from allive.ingestion.seen_files import SeenFiles
from allive.orchestration.commands.refresh import show_not_taken
from allive.payouts.preconditions import unread_refusals

from .records import ARTIST, GOOD, HEARTBEAT

pytestmark = pytest.mark.slow

CASES = Path(__file__).parents[2] / "fixtures" / "doorway"
NOBODY = 65534


def taken(home, record_type="heartbeats"):
    seen = SeenFiles(home.settings.home / "look.sqlite")
    return {file.name for file in seen.look(home.settings.landing_dir, record_type).fresh}


def named(home, **how):
    return {entry.name: entry.reason for entry in find_not_taken(home.settings, **how).named}


def test_the_names_that_are_taken_and_those_that_are_not(home):
    with (CASES / "names.csv").open(newline="") as file:
        cases = [*csv.reader(file)][1:]
    for path, _ in cases:
        home.land(path, [HEARTBEAT])
    assert taken(home) == {path for path, right in cases if right == "yes"}
    told = named(home)
    for path, right in cases:
        is_named = path in told or f"{path.partition('/')[0]}/" in told
        assert is_named is (right in {"no: ending", "no: not a record type"}), path
    kept_out = find_not_taken(home.settings).kept_out
    assert kept_out == {"heartbeats": sum(right == "no: folder" for _, right in cases)}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("artists/a.txt", "no ending of .csv"),
        ("artists/csv", "no ending of .csv"),
        ("artists/a.csv.zip", "no ending of .csv"),
        ("artists/a.parquet.gz", "no ending of .csv"),
        ("Artists/", "meant artists?"),
        ("live-credits/", "meant live_credits?"),
        ("archive/", "a folder that is no record type"),
        ("LISEZMOI", "in no record type's folder"),
        ("lives", "a file in place of the folder"),
        ("artists/vide.csv/", "a folder with a file's name"),
    ],
)
def test_an_odd_name_is_named_with_its_reason(home, path, reason):
    target = home.settings.landing_dir / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.endswith("/"):
        target.mkdir()
    else:
        target.write_bytes(b"x")
    told = {name.rstrip("/"): why for name, why in named(home).items()}
    assert reason in told.pop(path.rstrip("/"))
    assert not told


def test_a_folder_that_a_tool_named_like_a_file_is_looked_into(home):
    """Spark writes `export.csv/part-0000.csv`."""
    home.land("artists/export.csv/part-0000.csv", "artist_id,name\n")
    home.land("artists/export.csv/_SUCCESS", b"")
    assert taken(home, "artists") == {"artists/export.csv/part-0000.csv"}
    assert (named(home), find_not_taken(home.settings).kept_out) == ({}, {"artists/export.csv": 1})


LOAD_ALL = """
import json, os, sys
from datetime import UTC, datetime
from pathlib import Path
import allive.ingestion.load
import allive.ingestion.waiting
from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.contracts.fields import country_codes
from allive.ingestion.not_taken import find_not_taken
from allive.ingestion.settings import Settings
allive.ingestion.load.validate = lambda *_: ()
home, user = Path(sys.argv[1]), int(sys.argv[2])
country_codes()  # imports a library, which another user may not be allowed to read
if user:
    os.setgroups([]); os.setgid(user); os.setuid(user)
settings = Settings(home=home, memory_limit="1GB", threads=2)
now = datetime(2021, 4, 1, tzinfo=UTC)
reports = {t: allive.ingestion.load.load_new_files(settings, t, now=now) for t in RECORD_TYPES}
found = find_not_taken(settings, with_last_load=True)
print(json.dumps({
    "records": {t: r and r.records for t, r in reports.items()},
    "unreadable": [name for r in reports.values() if r for name, _ in r.unreadable],
    "named": [[e.name, e.reason] for e in found.named],
    "fresh": allive.ingestion.waiting.waiting_files(settings),
}))
"""


@pytest.mark.parametrize("user", [0, NOBODY], ids=["as root", "as an ordinary user"])
def test_odd_entries_beside_a_good_file_of_each_type(user):
    if os.geteuid():
        pytest.skip("only root can become another user and create a device")
    home = Path(tempfile.mkdtemp(prefix="allive-odd-"))
    landing = home / "landing"
    try:
        for record_type, record in GOOD.items():
            folder = landing / record_type
            subprocess.run([sys.executable, CASES / "odd_entries.py", folder], check=True, timeout=60)
            (folder / "unreadable.ndjson").write_text("\n")
            (folder / b"relev\xe9.csv".decode("utf-8", "surrogateescape")).write_text(",".join(record))
            (folder / "good.ndjson").write_text(json.dumps(record) + "\n")
        os.mknod(landing / "artists/device.parquet", 0o20666, os.makedev(1, 3))
        (landing / "artists/closed").mkdir()
        deep = landing / "lives" / "/".join(["d"] * 300)
        deep.mkdir(parents=True)
        (deep / "e.ndjson").write_text(json.dumps(GOOD["lives"] | {"live_id": "deep"}))
        (landing / "lives" / ("x" * 244 + ".ndjson.gz")).write_bytes(b"no gzip")
        for path in (home, *home.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
        (landing / "artists/closed").chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", LOAD_ALL, home, str(user)], check=True, capture_output=True, timeout=300
        )
    finally:
        shutil.rmtree(home)
    found = json.loads(done.stdout)
    assert found["records"] == {record_type: 2 if record_type == "lives" else 1 for record_type in RECORD_TYPES}
    assert found["unreadable"] == ["lives/" + "x" * 244 + ".ndjson.gz"]
    odd = ["dangling.ndjson", "fifo.csv", "folder.ndjson", "link.ndjson", "loop", "socket.ndjson"]
    expected = [f"{record_type}/{name}" for record_type in RECORD_TYPES for name in odd] + ["artists/device.parquet"]
    if user:
        expected += [f"{record_type}/unreadable.ndjson" for record_type in RECORD_TYPES] + ["artists/closed"]
        assert ["artists/unreadable.ndjson", "cannot be read: Permission denied"] in found["named"]
        assert ["artists/closed", "a folder that cannot be listed: Permission denied"] in found["named"]
    assert sorted(name for name, _ in found["named"]) == sorted(expected)
    assert found["fresh"] == []


MOUNTED = """
set -e
python=$2 load_all=$3 home=$1
cd "$home/landing/artists"
mount -t tmpfs none elsewhere
cp good.ndjson elsewhere/
touch a.csv
mount --bind elsewhere/good.ndjson a.csv
exec "$python" -c "$load_all" "$home" 0
"""


def test_another_file_system_is_not_entered(home):
    unshared = ["unshare", "--mount", "sh", "-c"]
    if not shutil.which("unshare") or subprocess.run([*unshared, "true"], check=False, timeout=60).returncode:
        pytest.skip("only root can mount, and not in every container")
    home.land("artists/good.ndjson", [ARTIST])
    (home.settings.landing_dir / "artists/elsewhere").mkdir()
    done = subprocess.run(
        [*unshared, MOUNTED, "sh", home.settings.home, sys.executable, LOAD_ALL],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert (found["records"]["artists"], found["unreadable"]) == (1, [])
    assert sorted(name for name, _ in found["named"]) == ["artists/a.csv", "artists/elsewhere"]
    assert all("file system" in reason for _, reason in found["named"]), found["named"]


def test_a_record_types_folder_that_is_a_link_is_not_entered(home, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.ndjson").write_text(json.dumps(ARTIST))
    home.settings.landing_dir.mkdir(parents=True)
    (home.settings.landing_dir / "artists").symlink_to(outside)
    (home.settings.landing_dir / "lives").symlink_to("lives")
    assert home.load("artists") is None
    assert home.load("lives") is None
    assert set(named(home)) == {"artists", "lives"}


def between_looking_and_reading(monkeypatch, change):
    """Call `change` after the files are found and before the first one is read."""
    sort = allive.ingestion.load._sort

    def changed_first(*args):
        change()
        return sort(*args)

    monkeypatch.setattr(allive.ingestion.load, "_sort", changed_first)


def test_what_vanishes_grows_or_is_replaced_before_it_is_read_is_left_and_named(home, monkeypatch, tmp_path):
    secret = tmp_path / "secret.ndjson"
    secret.write_text('{"key": "secret"}\n')
    for name in ("gone", "grown", "linked", "piped", "folder", "good"):
        home.land(f"artists/{name}.ndjson", [ARTIST | {"artist_id": name}])
    home.land("artists/moved/inner.ndjson", [ARTIST | {"artist_id": "inner"}])
    folder = home.settings.landing_dir / "artists"

    def change():
        for name in ("gone", "linked", "piped", "folder"):
            (folder / f"{name}.ndjson").unlink()
        (folder / "linked.ndjson").symlink_to(secret)
        os.mkfifo(folder / "piped.ndjson")
        (folder / "folder.ndjson").mkdir()
        (folder / "moved").rename(tmp_path / "moved")
        (folder / "moved").symlink_to(tmp_path / "moved")
        with (folder / "grown.ndjson").open("a") as file:
            file.write(json.dumps(ARTIST | {"artist_id": "more"}) + "\n")

    with monkeypatch.context() as patch:
        between_looking_and_reading(patch, change)
        report = home.load("artists")
    assert (report.files, report.records, report.unreadable) == (1, 1, ())
    told = named(home, with_last_load=True)
    assert told["artists/gone.ndjson"] == "gone before it was read"
    assert told["artists/grown.ndjson"].startswith("changed while it was read")
    assert {"artists/linked.ndjson", "artists/piped.ndjson", "artists/folder.ndjson"} < told.keys()
    assert home.query("select artist_id from raw.artists") == [("good",)]
    assert home.load("artists").records == 2  # grown
    assert home.rejects() == []
    assert "artists/grown.ndjson" not in named(home, with_last_load=True)


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv", "a.parquet"])
def test_a_file_that_grows_while_it_is_staged_waits_for_the_next_run(home, monkeypatch, name):
    content = {"a.ndjson": json.dumps(ARTIST), "a.csv": "artist_id,name\na,b\n", "a.parquet": ""}[name]
    path = home.land(f"artists/{name}", content)
    if name == "a.parquet":
        import polars as pl  # noqa: PLC0415

        pl.DataFrame([ARTIST]).write_parquet(path)
    home.land("artists/good.ndjson", [ARTIST | {"artist_id": "good"}])
    blocks = allive.ingestion.readers._slices

    def grown(batches):
        with path.open("ab") as file:
            file.write(b"\n")
        return blocks(batches)

    with monkeypatch.context() as patch:
        patch.setattr(allive.ingestion.readers, "_slices", grown)
        report = home.load("artists")
    assert (report.files, report.unreadable) == (1, ())
    assert named(home, with_last_load=True).keys() == {f"artists/{name}"}
    assert allive.ingestion.waiting.waiting_files(home.settings) == (f"artists/{name}",)


def test_odd_entries_of_a_quiet_folder_are_named_without_looking_again(tmp_path):
    landing = tmp_path / "landing"
    (landing / "artists/inner").mkdir(parents=True)
    (landing / "artists/inner/a.json").touch()
    (landing / "artists/inner/.b.csv.part").touch()
    seen = SeenFiles(tmp_path / "seen.sqlite")
    for later in (0, 5):
        seen.look(landing, "artists", now=1e9 + later)
    (landing / "artists/inner/a.json").chmod(0o600)  # does not change the folder's stamp
    found = seen.look(landing, "artists", now=1e9 + 10, is_noted=False).not_taken
    assert [entry.name for entry in found.named] == ["artists/inner/a.json"]
    assert found.kept_out == {"artists/inner": 1}
    (landing / "artists/inner/a.json").unlink()
    assert seen.look(landing, "artists", now=1e9 + 11).not_taken.named == []


def test_a_memory_of_the_earlier_layout_looks_through_its_folders_again(tmp_path):
    landing = tmp_path / "landing"
    (landing / "artists").mkdir(parents=True)
    (landing / "artists/a.csv").write_text("x")
    (landing / "artists/a.json").touch()
    file, folder = (landing / "artists/a.csv").stat(), (landing / "artists").stat()
    with sqlite3.connect(tmp_path / "seen.sqlite") as memory:
        memory.executescript(
            """
            create table files (
                folder text, name text, size integer, mtime_ns integer, inode integer, primary key (folder, name)
            ) without rowid;
            create table folders (
                name text primary key, parent text, mtime_ns integer, ctime_ns integer, inode integer,
                noted_at real, looked_at real, is_quiet integer
            ) without rowid;
            """
        )
        stamp = (folder.st_mtime_ns, folder.st_ctime_ns, folder.st_ino)
        memory.execute("insert into folders values ('artists', '', ?, ?, ?, 1, 1e9, 1)", stamp)
        memory.execute(
            "insert into files values ('artists', 'a.csv', ?, ?, ?)", (file.st_size, file.st_mtime_ns, file.st_ino)
        )
    memory.close()
    found = SeenFiles(tmp_path / "seen.sqlite").look(landing, "artists", now=1e9 + 5)
    assert (found.fresh, [entry.name for entry in found.not_taken.named]) == ([], ["artists/a.json"])


def test_a_swarm_of_odd_entries_is_counted_and_the_first_are_named(home, capsys):
    for i in range(350):
        home.land(f"artists/{i:03}.json", b"")
    found = find_not_taken(home.settings)
    assert (found.count, [entry.name for entry in found.named[:2]]) == (350, ["artists/000.json", "artists/001.json"])
    show_not_taken(home.settings)
    told = capsys.readouterr().out
    assert "Not taken from landing: 350." in told
    assert told.count(".json:") == 20
    assert "and 330 more" in told


def test_what_a_run_prints_names_each_once_and_fits_80_columns(home, capsys):
    home.land("artists/relevé des artistes de la maison, deuxième trimestre 2021.xlsx", b"")
    home.land("artists/odd\x1b[31m\n.json", b"")
    (home.settings.landing_dir / "artists" / os.fsdecode(b"\xe9t\xe9.txt")).touch()
    home.land("heartbeat/a.ndjson", b"")
    home.land("artists/_temporary/0/a.csv", b"")
    show_not_taken(home.settings)
    told = capsys.readouterr().out
    assert all(len(line) <= 80 for line in told.splitlines())
    for name in ("trimestre 2021.xlsx", r"odd\x1b[31m\x0a.json", r"\xe9t\xe9.txt", "heartbeat/"):
        assert told.count(name) == 1, told
    assert "  - 1 in landing/artists" in told


def test_a_home_without_landing_has_nothing_odd(home, capsys):
    show_not_taken(home.settings)
    assert capsys.readouterr().out == ""


def test_a_file_that_may_not_be_read_refuses_the_close(home, monkeypatch):
    home.land("artists/a.csv", "artist_id,name\n")
    home.land("artists/x.json", b"")
    assert unread_refusals(home.settings) == []
    monkeypatch.setattr("allive.ingestion.landing._may_read", lambda *_: False)
    (refusal,) = unread_refusals(home.settings)
    assert refusal.startswith("artists/a.csv (cannot be read: Permission denied)")


def test_what_was_set_aside_is_looked_for_without_following_links(home, tmp_path):
    path = home.land("artists/a.csv", b"x")
    right = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # printf x | sha256sum
    landing = home.settings.landing_dir
    assert hash_of_landed(landing, "artists/a.csv") == right
    path.rename(landing / "artists" / os.fsdecode(b"\xe9.csv"))
    assert hash_of_landed(landing, "artists/a.csv") is None
    assert hash_of_landed(landing, r"artists/\xe9.csv") == right
    (tmp_path / "x.csv").write_bytes(b"x")
    path.symlink_to(tmp_path / "x.csv")
    (landing / "outside").symlink_to(tmp_path)
    for name in ("artists/a.csv", "outside/x.csv", "../../x.csv", "artists", "artists/none.csv"):
        assert hash_of_landed(landing, name) is None, name


def test_a_name_of_any_bytes_survives_load_and_reject(home):
    folder = home.settings.landing_dir / "artists"
    folder.mkdir(parents=True)
    for name, text in ((b"\xff\n\xe9.csv", "artist_id,name\na,b\n"), (b"\\xff.csv", "artist_id,name\n,b\n")):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text(text)
    home.load("artists")
    assert home.query("select source_file from raw.artists") == [(r"artists/\xff\x0a\xe9.csv",)]
    assert home.rejects() == [(r"artists/\x5cxff.csv", 2, "missing_artist_id")]
    assert home.load("artists") is None


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name) | st.text(min_size=1).map(str.encode))
def test_a_printable_name_can_be_stored_and_turned_back(name):
    given_by_os = os.fsdecode(name)
    shown = printable_name(given_by_os)
    assert os_name(shown) == given_by_os
    assert not {char for char in shown.encode().decode() if not char.isprintable() and not char.isspace()}
    assert not set(shown) & {"\n", "\r", "\x1b", "\u202e"}


def test_a_socket_is_no_file(tmp_path):
    landing = tmp_path / "landing"
    (landing / "lives").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(landing / "lives/s.parquet"))
    (entry,) = SeenFiles(tmp_path / "seen.sqlite").look(landing, "lives").not_taken.named
    assert entry.reason == "a socket, not a file"
