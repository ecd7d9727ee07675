"""dbt by hand on the Spark session of `allive`: `python -m allive.orchestration.spark run --select fct_playbacks+`.

Only this session sees the tables that it builds: `allive run` builds them again.
"""

import sys

from allive.ingestion.private_files import keep_new_files_private
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.settings import Settings
from allive.orchestration.dbt_invocation import invoke_dbt
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.spark.building import continued_tables
from allive.orchestration.spark.built_tables import lay_out, tables_dir
from allive.orchestration.spark.session import spark_session
from allive.orchestration.spark.sources import create_booked_tables, create_raw_tables

BY_HAND = 0


def main(command: list[str]) -> int:
    """Run one dbt command. Return 1 if one of its nodes failed, else 0."""
    settings = Settings()
    with hold_data_home(settings, command="python -m allive.orchestration.spark"), spark_session(settings) as session:
        project = parsed_project(settings, engine="spark")
        create_raw_tables(session, settings, read_pins(settings))
        create_booked_tables(session, settings)
        built = continued_tables(settings, project)
        lay_out(session, settings, built, build=BY_HAND, extended=(table.full_name for table in built.tables))
        folder = str(tables_dir(settings) / str(BY_HAND))
        nodes = invoke_dbt(settings, project, settings.dbt_project_dir, command, ALLIVE_SPARK_TABLES=folder)
    for node in nodes:
        print(node.status, node.unique_id, f"{node.seconds:.1f} s", node.message or "")
    return 0 if all(node.holds for node in nodes) else 1


if __name__ == "__main__":
    keep_new_files_private()
    sys.exit(main(sys.argv[1:]))
