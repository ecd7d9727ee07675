"""The real pipeline on its own data home: loads, builds and closes exactly as the commands do, without a scheduler.

Tests of figures leave out the checks, which take half of the time: the expectation suites of a load, and dbt's data
tests. Tests of closing, of orders and of the checks themselves keep them.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pytest

from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.load import BatchReport, load_new_files
from allive.ingestion.settings import Settings
from allive.orchestration.dbt_invocation import NodeResult, invoke_dbt
from allive.orchestration.parsed_project import ParsedProject
from allive.orchestration.warehouse import build_warehouse, dbt_runs, open_warehouse
from allive.payouts.close_orders import order_close
from allive.payouts.closing import close_month, settle_month
from allive.payouts.run import ClosedRun

PAYER = {
    "NAME": "Allive SAS",
    "IBAN": "FR1420041010050500013M02606",
    "BIC": "PSSTFRPPPAR",
    "STREET": "12 rue des Essais",
    "POSTCODE": "75011",
    "TOWN": "Paris",
}


@dataclass(frozen=True)
class Pipeline:
    """One data home, driven in this process."""

    settings: Settings
    has_checks: bool = True
    """Whether loads validate their records and builds run dbt's data tests."""

    @property
    def landing(self) -> Path:
        """The folder into which a test delivers files."""
        return self.settings.landing_dir

    def load(self) -> list[BatchReport]:
        """Load new files, one record type after another."""
        validator = {} if self.has_checks else {"validator": lambda *_arguments, **_options: ()}
        reports = (load_new_files(self.settings, record_type, **validator) for record_type in RECORD_TYPES)
        return [report for report in reports if report is not None]

    def build(self) -> None:
        """Build the warehouse and, with its checks, test it; every blocking check must pass."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dbt_runs, "invoke_dbt", partial(_invoke_dbt_quickly, with_data_tests=self.has_checks))
            build = build_warehouse(self.settings)
        assert not build.broken, "\n".join(f"{node.unique_id}: {node.message}" for node in build.broken)

    def run(self) -> list[BatchReport]:
        """Load and build, as `allive run` does."""
        reports = self.load()
        self.build()
        return reports

    def close(self, month: str) -> ClosedRun:
        """Rebuild the models that the last close affected, then close the month."""
        self.build()
        return self.close_as_built(month)

    def close_as_built(self, month: str) -> ClosedRun:
        """Order the close of a month, acknowledge its warnings, and close it without rebuilding the warehouse."""
        acknowledged = settle_month(self.settings, month).acknowledgement
        order = order_close(self.settings, month, operator="tests", origin="command", acknowledged=acknowledged)
        return close_month(self.settings, month, order_id=order.order_id)

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The built warehouse, read-only."""
        with open_warehouse(self.settings, read_only=True) as con:
            yield con


def _invoke_dbt_quickly(
    settings: Settings,
    project: ParsedProject,
    project_dir: Path,
    command: list[str],
    *,
    with_data_tests: bool,
    **environment: str,
) -> tuple[NodeResult, ...]:
    """Invoke dbt without its log file, which takes a tenth of a small build's time."""
    options = ["--log-level-file", "none"]
    if command[0] == "build" and not with_data_tests:
        options += ["--exclude-resource-type", "test"]
    return invoke_dbt(settings, project, project_dir, [*command, *options], **environment)


def new_pipeline(home: Path, *, parsed: Path, has_checks: bool = True) -> Pipeline:
    """Make an empty data home that starts with the parsed dbt project of another home, `parsed`."""
    settings = Settings(home=home, pseudonym_key="tests")
    settings.landing_dir.mkdir(parents=True, exist_ok=True)
    of_parsed = Settings(home=parsed).warehouse_path.parent / "dbt"
    if of_parsed.exists():
        shutil.copytree(of_parsed, settings.warehouse_path.parent / "dbt")
    return Pipeline(settings, has_checks=has_checks)
