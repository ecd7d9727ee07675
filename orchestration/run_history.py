"""Reads the history of runs in Dagster's own SQLite file, in milliseconds: importing Dagster takes seconds.

The file belongs to Dagster, and only Dagster writes to it (`allive.orchestration.runs`, the service).
"""

import re
import sqlite3
from contextlib import closing
from typing import Final

from allive.ingestion.settings import Settings
from allive.orchestration.run_tags import COMMAND, REFRESHING, STARTED_BY

# Settings of `dagster.yaml` that put the history elsewhere: a file in its default place is then an old one.
_STORED_ELSEWHERE: Final = re.compile(r"^(storage|run_storage|local_artifact_storage)\s*:", re.MULTILINE)
_UNFINISHED: Final = """
    select count(*) from runs join run_tags on run_tags.run_id = runs.run_id
    where runs.status in ('NOT_STARTED', 'STARTING', 'STARTED') and run_tags.key = ? and run_tags.value = ?
"""
_LAST_REFRESH: Final = f"""
    select status from runs
    where pipeline_name in ({", ".join("?" for _ in REFRESHING)}) and status in ('SUCCESS', 'FAILURE')
    order by id desc limit 1
"""


def is_settled(settings: Settings) -> bool:
    """Whether the last refresh that ended succeeded, and no command was killed during a run since.

    False also if the history cannot be read. The data home must be locked: otherwise a command could be running.
    """
    history, configuration = settings.dagster_dir / "history" / "runs.db", settings.dagster_dir / "dagster.yaml"
    try:
        if _STORED_ELSEWHERE.search(configuration.read_text(encoding="utf-8")):
            return False
        with closing(sqlite3.connect(f"{history.absolute().as_uri()}?mode=ro", uri=True)) as runs:
            unfinished = runs.execute(_UNFINISHED, [STARTED_BY, COMMAND]).fetchone()
            last = runs.execute(_LAST_REFRESH, REFRESHING).fetchone()
    except (OSError, sqlite3.Error):
        return False
    return bool(unfinished == (0,) and last == ("SUCCESS",))
