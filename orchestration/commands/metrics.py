"""`allive mf`: MetricFlow's own commands, on the copy of the warehouse that `allive dbt` works on (docs/dbt.md)."""

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from allive.ingestion.settings import DBT_PROJECT_DIR, Settings
from allive.orchestration.commands.dbt import REFUSED, ByHand, NothingToWorkOnError, copied_warehouse, run_on_copy
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.terminal import refuse

_PACKAGE = "dbt_metricflow"
_MF = "from allive.orchestration.commands.metrics import mf; mf()"


def run_metricflow(
    settings: Settings, arguments: Sequence[str], *, is_fresh: bool = False, project_dir: Path = DBT_PROJECT_DIR
) -> int:
    """Run a MetricFlow command on the copy and return MetricFlow's exit code.

    Args:
        settings: The data home. Its warehouse is copied if it changed since the last copy.
        arguments: The arguments for MetricFlow, such as `query --metrics idle_share`.
        is_fresh: Copy again in any case.
        project_dir: The dbt project that defines the metrics.
    """
    if find_spec(_PACKAGE) is None:
        refuse(
            "MetricFlow is not installed here.",
            ["It is one of the tools of a clone, like the tests: `make setup` installs it."],
        )
        return REFUSED
    try:
        with copied_warehouse(settings, command=" ".join(("allive mf", *arguments[:1])), is_fresh=is_fresh) as place:
            project = _project_for_metricflow(settings, place, project_dir)
            return run_on_copy(settings, _MF, arguments, project_dir=project)
    except NothingToWorkOnError as why_not:
        refuse("There is nothing for MetricFlow to query.", why_not.args)
        return REFUSED


def _project_for_metricflow(settings: Settings, place: ByHand, project_dir: Path) -> Path:
    """Write the files of the project that MetricFlow reads, the definitions of the metrics among them.

    MetricFlow 0.15 looks for the definitions in the project's own `target`, whatever dbt's target path is.
    """
    folder = place.folder / "metrics"
    (folder / "target").mkdir(parents=True, exist_ok=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copyfile(project_dir / name, folder / name)
    definitions = "semantic_manifest.json"
    parsed = parsed_project(settings, project_dir=project_dir)
    shutil.copyfile(parsed.folder / definitions, folder / "target" / definitions)
    return folder


class _NoUpdates:
    """Looks for no newer version: MetricFlow would ask the package index before every command."""

    def check(self, *_package: str) -> None:
        """Find none."""


def mf() -> None:
    """Run MetricFlow's command line in this process, which must have been started for it alone."""
    from dbt_metricflow.cli import main  # noqa: PLC0415 - takes seconds

    main.UpdateChecker = _NoUpdates
    main.cli(prog_name="allive mf")
