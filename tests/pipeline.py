"""The real pipeline on its own data home: loads, builds and closes exactly as the commands do, without a scheduler."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.contracts import RECORD_TYPES
from ingestion.load import BatchReport, load_new_files
from ingestion.settings import Settings
from orchestration.warehouse import build_warehouse, open_warehouse
from payouts.close_orders import order_close
from payouts.closing import close_month, settle_month
from payouts.run import ClosedRun

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

    @property
    def landing(self) -> Path:
        """The folder into which a test delivers files."""
        return self.settings.landing_dir

    def load(self) -> list[BatchReport]:
        """Load new files, one record type after another."""
        reports = (load_new_files(self.settings, record_type) for record_type in RECORD_TYPES)
        return [report for report in reports if report is not None]

    def build(self) -> None:
        """Build and test the warehouse; every blocking check must pass."""
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


def new_pipeline(home: Path, *, parsed: Path) -> Pipeline:
    """Make an empty data home that starts with the parsed dbt project of another home, `parsed`."""
    settings = Settings(home=home, pseudonym_key="tests")
    settings.landing_dir.mkdir(parents=True, exist_ok=True)
    of_parsed = Settings(home=parsed).warehouse_path.parent / "dbt"
    if of_parsed.exists():
        shutil.copytree(of_parsed, settings.warehouse_path.parent / "dbt")
    return Pipeline(settings)
