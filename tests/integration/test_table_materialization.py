"""dbt_project/macros/engine/tables.sql: a table is replaced as a whole, or it stays as it was."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

from allive.ingestion.settings import DBT_PROJECT_DIR

MODEL = """
{{ config(materialized=var('materialized', 'table')) }}
select {% if var('fails', false) %}error('it fails'){% else %}{{ var('value') }}{% endif %} as found
"""
# One process for all runs: dbt's imports take longer than they do.
RUNS = """
import json, sys
from dbt.cli.main import dbtRunner
folder, *runs = sys.argv[1:]
for variables in runs:
    result = dbtRunner().invoke(["run", "--project-dir", folder, "--profiles-dir", folder, "--vars", variables])
    print(json.dumps(result.success))
"""


def test_a_model_that_fails_leaves_the_old_table_and_a_view_becomes_a_table(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "macros").mkdir()
    shutil.copy(DBT_PROJECT_DIR / "macros/engine/tables.sql", tmp_path / "macros")
    (tmp_path / "models/replaced.sql").write_text(MODEL, encoding="utf-8")
    (tmp_path / "dbt_project.yml").write_text(
        "name: tables\nprofile: tables\nflags: {send_anonymous_usage_stats: false}\n", encoding="utf-8"
    )
    database = tmp_path / "tables.duckdb"
    (tmp_path / "profiles.yml").write_text(
        f"tables: {{target: here, outputs: {{here: {{type: duckdb, path: '{database}'}}}}}}\n", encoding="utf-8"
    )
    runs = [{"value": 1, "materialized": "view"}, {"value": 2}, {"value": 3}, {"fails": True}]
    done = subprocess.run(
        [sys.executable, "-c", RUNS, tmp_path, *map(json.dumps, runs)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert [line for line in done.stdout.splitlines() if line in {"true", "false"}] == ["true", "true", "true", "false"]
    with duckdb.connect(database, read_only=True) as con:
        assert con.execute("select found from replaced").fetchall() == [(3,)]
        left_over = (
            "select table_name from duckdb_tables() union all select view_name from duckdb_views() where not internal"
        )
        assert con.execute(left_over).fetchall() == [("replaced",)]
