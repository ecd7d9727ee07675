"""The inputs of a build: everything that determines the content of the warehouse, and what changed since a build."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

import allive.ingestion.raw_tables
import allive.ingestion.raw_versions
import allive.payouts.booked_periods
import allive.payouts.bookings
import allive.payouts.look_back
import allive.payouts.policy
import allive.payouts.pseudonyms
from allive.ingestion.raw_tables import Pins
from allive.ingestion.settings import Settings
from allive.orchestration import spark
from allive.orchestration.dbt_sources import SOURCE_OF_RAW_TABLE
from allive.orchestration.parsed_project import ParsedProject
from allive.payouts.bookings import kept_catalogues
from allive.payouts.look_back import look_back_of_next_run


@dataclass(frozen=True)
class Inputs:
    """Everything that determines the content of the warehouse."""

    code: str
    """Hash of the dbt project, the engine and the code that creates the views."""
    batch_number: int
    versions: dict[str, int | None]
    booked: tuple[str, ...]
    """Closed months, each with the catalogue it keeps, and whether the next run adjusts it."""

    @property
    def fingerprint(self) -> str:
        """One hash of all inputs."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_inputs(settings: Settings, project: ParsedProject, pins: Pins) -> Inputs:
    """Return the inputs that a build would use now."""
    views = (
        allive.ingestion.raw_tables,
        allive.ingestion.raw_versions,
        allive.payouts.booked_periods,
        allive.payouts.bookings,
        allive.payouts.look_back,
        allive.payouts.policy,
        allive.payouts.pseudonyms,
    )
    sources = [Path(str(module.__file__)) for module in views]
    if project.engine == "spark":
        sources += sorted(Path(str(spark.__file__)).parent.glob("*.py"))
    code = [
        project.content_hash,
        duckdb.__version__,
        *(hashlib.sha256(path.read_bytes()).hexdigest() for path in sources),
    ]
    look_back = look_back_of_next_run(settings)
    return Inputs(
        code=hashlib.sha256("\n".join(code).encode()).hexdigest(),
        batch_number=pins.batch_number,
        versions=dict(sorted(pins.versions.items())),
        booked=tuple(
            f"{month} {catalogue}" + (", in the look-back" if month in look_back else "")
            for month, catalogue in kept_catalogues(settings).items()
        ),
    )


def changed_since(before: Inputs, now: Inputs) -> tuple[str, ...]:
    """The dbt selectors of everything that depends on changed inputs; empty: build everything."""
    if before.code != now.code:
        return ()
    changed = [table for table, version in now.versions.items() if before.versions.get(table) != version]
    selectors = [f"source:{SOURCE_OF_RAW_TABLE[table]}+" for table in changed]
    return (*selectors, *(["source:booked+"] if before.booked != now.booked else []))
