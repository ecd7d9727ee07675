"""The resource that runs share: the data home, held by one run at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property

import dagster as dg
from pydantic import PrivateAttr

from allive.ingestion.private_files import private_new_files
from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.sound_pins import require_sound_pins
from allive.payouts.interrupted_closings import finish_interrupted_closings

# A run of the service waits for a command to finish; a command does not wait for the service.
SERVICE_PATIENCE_S = 900.0


class DataHome(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The data home from the environment. Its lock is held from the first step of a run to the last."""

    _held_since: datetime = PrivateAttr(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def settings(self) -> Settings:
        """The settings of the environment."""
        return Settings()

    @property
    def held_since(self) -> datetime:
        """When this run began to hold the data home."""
        return self._held_since

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["DataHome"]:
        """Hold the lock during the run. A run is one process, so this is entered once per run."""
        run = context.run
        command = f"orchestrated run {run.run_id[:8]} of {run.job_name}" if run else "orchestrated run"
        patient = self.settings.model_copy(
            update={"lock_timeout_s": max(self.settings.lock_timeout_s, SERVICE_PATIENCE_S)}
        )
        with private_new_files(), hold_data_home(patient, command=command):
            self._held_since = datetime.now(UTC)
            finish_interrupted_closings(self.settings)
            require_sound_pins(self.settings)
            yield self


@dg.definitions
def resources() -> dg.Definitions:
    """Bind the resources to their keys."""
    return dg.Definitions(resources={"data_home": DataHome()})
