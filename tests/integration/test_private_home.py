"""A data home is private: only its owner can read the files that a run, a close and a verification write."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from allive.ingestion.settings import Settings
from allive.payouts.closing import settle_month
from tests.conftest import GOLDEN

_DEADLINE_S = 900


def test_what_the_commands_write_has_no_bit_for_group_or_others(tmp_path: Path, parsed_home: Path) -> None:
    """This must hold under a umask of 022, which most shells have."""
    home = tmp_path / "home"
    shutil.copytree(GOLDEN / "landing", home / "landing")
    shutil.copytree(parsed_home / "warehouse" / "dbt", home / "warehouse" / "dbt")
    given = {home, *home.rglob("*")}
    home.chmod(0o755)
    _allive(home, "run")
    acknowledged = settle_month(Settings(home=home), "2021-01").acknowledgement
    _allive(home, "payout", "2021-01", "--acknowledge", str(acknowledged))
    _allive(home, "verify")
    _allive(home, "invite", "a@allive.example", "--finance")
    written = [path for path in home.rglob("*") if path not in given and not path.is_symlink()]
    names = {path.name for path in written}
    assert {"slices.parquet", "audit.ndjson", "pins.json", "access.sqlite3", "allive.log"} <= names
    assert any(path.match("serving/allive-*.duckdb") for path in written)
    open_to_others = {
        path.relative_to(home).as_posix(): stat.filemode(path.stat().st_mode)
        for path in written
        if path.stat().st_mode & 0o077
    }
    assert open_to_others == {}
    assert json.loads((home / "format.json").read_bytes()) == {"format": 2}


def _allive(home: Path, *arguments: str) -> None:
    """Run a command on the data home, under the usual umask of a shell."""
    done = subprocess.run(
        [sys.executable, "-m", "allive.orchestration.cli", *arguments],
        env={**os.environ, "ALLIVE_HOME": str(home)},
        umask=0o022,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
