"""The warehouse: puts the inputs of a build in place, lets dbt build and test it, and records what it was built from.

A warehouse that was fully built from the current inputs (raw versions, bookings, code) is not built again. If only some
inputs changed since then, only the nodes that depend on them are built and tested again. A warehouse is deleted first
if another version of the project built it, or if anything but the project has written to it: it can be rebuilt, and
foreign rows in an incremental model cannot be distinguished from its own.
"""

from allive.orchestration.warehouse.building import build_warehouse, find_current_build
from allive.orchestration.warehouse.dbt_runs import run_dbt, warm_up_dbt
from allive.orchestration.warehouse.finished import Build, read_finished_build, remember_unit_tests
from allive.orchestration.warehouse.layouts import files_in_views
from allive.orchestration.warehouse.preparing import delete_warehouse, prepare
from allive.payouts.warehouse_file import open_warehouse

__all__ = [
    "Build",
    "build_warehouse",
    "delete_warehouse",
    "files_in_views",
    "find_current_build",
    "open_warehouse",
    "prepare",
    "read_finished_build",
    "remember_unit_tests",
    "run_dbt",
    "warm_up_dbt",
]
