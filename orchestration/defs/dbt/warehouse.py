"""The dbt models as assets, their tests as asset checks; dbt runs in this process (1 s, against 5-7 s for its CLI)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from pydantic import Field

from allive.ingestion.settings import Settings
from allive.orchestration import progress
from allive.orchestration.dbt_invocation import NodeResult
from allive.orchestration.dbt_manifest import as_test_id, asset_of, with_every_test
from allive.orchestration.defs.resources import DataHome
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.warehouse import Build, build_warehouse, delete_warehouse
from allive.payouts.booked_periods import UnknownBookingsError
from allive.payouts.pseudonyms import PseudonymKeyError

# The daily refresh is at 05:00: a mart that missed one is late, one that missed two is stale.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))


class Building(dg.Config):
    """How to build the warehouse."""

    rebuild: bool = Field(
        default=False,
        description="Delete the warehouse and build everything from the raw tables, even if no input has changed.",
    )


class SchemaTableTranslator(DagsterDbtTranslator):  # type: ignore[misc] # untyped for mypy
    """Asset key = `schema/table` = the relation in the warehouse; its group is its schema."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return the schema and table of a model, seed or source in the warehouse."""
        return dg.AssetKey(asset_of(dbt_resource_props))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Group by layer."""
        return str(dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """Return the team that owns the model's dbt group."""
        group = dbt_resource_props.get("group")
        return [team(group["owner"]["name"])] if isinstance(group, Mapping) else None

    def get_asset_spec(self, manifest: Any, unique_id: str, project: Any) -> dg.AssetSpec:
        """Give the marts a freshness policy."""
        spec: dg.AssetSpec = super().get_asset_spec(manifest, unique_id, project)
        is_mart = spec.key.path[0] == "marts"
        return spec.replace_attributes(freshness_policy=FRESHNESS) if is_mart else spec


def team(name: str) -> str:
    """Return a team as an owner in Dagster.

    >>> team("Finance operations")
    'team:finance-operations'
    """
    return f"team:{name.lower().replace(' ', '-')}"


@dg.definitions
def warehouse_definitions() -> dg.Definitions:
    """Define the current dbt project as assets, parsing it if it changed."""
    settings = Settings()
    project = parsed_project(settings)
    manifest = with_every_test(json.loads(project.manifest_path.read_bytes()))

    @dbt_assets(  # type: ignore[untyped-decorator]
        manifest=manifest,
        project=DbtProject(settings.dbt_project_dir, target_path=project.folder),
        name="warehouse",
        dagster_dbt_translator=SchemaTableTranslator(DagsterDbtTranslatorSettings(enable_code_references=True)),
        pool="warehouse",
    )
    def warehouse(
        context: dg.AssetExecutionContext, config: Building, data_home: DataHome
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        if config.rebuild:
            delete_warehouse(data_home.settings)
        try:
            build = build_warehouse(data_home.settings, on_node=_tell_node)
        except (PseudonymKeyError, UnknownBookingsError) as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        context.log.info("%s", _in_words(build))
        if build.dropped_because:
            context.log.warning(build.dropped_because)
        yield from _events(context, build)
        if build.broken:
            raise dg.Failure(description=_describe(build), allow_retries=False)

    return dg.Definitions(assets=[warehouse, *_booked_specs(manifest)])


def _in_words(build: Build) -> str:
    """Say what a build did; a run can have been asked for one mart only."""
    inputs = f"inputs {build.inputs.fingerprint[:12]}"
    if not build.built:
        return (
            f"Nothing was built: the warehouse was built from the same {inputs} at {build.built_at}. "
            "The job `rebuild` builds it again nevertheless."
        )
    models = [node for node in build.nodes if node.unique_id.startswith("model.")]
    new = sum(not node.is_remembered for node in models)
    return (
        f"Built {new} of {len(models)} models from {inputs}: whatever depends on what has changed. "
        "A single mart is not built alone, because its rows would come from other inputs than the rest."
    )


def _booked_specs(manifest: Mapping[str, Any]) -> Iterator[dg.AssetSpec]:
    """Describe the views over closed months. They depend on nothing: a close would then depend on itself."""
    for source in manifest["sources"].values():
        if source["source_name"] == "booked":
            yield dg.AssetSpec(
                asset_of(source),
                description=source["description"],
                group_name="booked",
                kinds={"view", "duckdb"},
                owners=[team("Finance operations")],
            )


def _tell_node(name: str, status: str) -> None:
    progress.tell("building the warehouse", f"{name} {status}")


def _events(
    context: dg.AssetExecutionContext, build: Build
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Report every node of the build that this run selected. The whole project is built in any case."""
    assets = {
        spec.metadata["dagster_dbt/unique_id"]: spec.key
        for spec in context.assets_def.specs
        if spec.key in context.selected_asset_keys
    }
    checks = {
        spec.metadata["dagster_dbt/unique_id"]: spec.key
        for spec in context.assets_def.check_specs
        if spec.key in context.selected_asset_check_keys
    }
    for node in build.nodes:
        test_id = as_test_id(node.unique_id)
        if node.unique_id in assets and node.holds:
            yield dg.MaterializeResult(
                asset_key=assets[node.unique_id],
                metadata=build.metadata_of(node),
                data_version=dg.DataVersion(build.inputs.fingerprint[:16]),
            )
        elif test_id in checks and node.status != "skipped":
            yield _check_result(checks[test_id], node)


def _check_result(key: dg.AssetCheckKey, node: NodeResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=node.status == "pass",
        severity=(dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR),
        description=node.description,
        metadata={
            "failures": node.failures or 0,
            "seconds": node.seconds,
            # A unit test checks code, a data test checks these inputs: while they are the same, so is the result.
            "result": "remembered: same inputs" if node.is_remembered else "of this run",
        },
    )


def _describe(build: Build) -> str:
    reasons = [
        f"{node.unique_id}: {node.status}{f' ({node.description})' if node.message else ''}"
        for node in build.broken
        if node.status != "skipped"
    ]
    skipped = sum(node.status == "skipped" for node in build.broken)
    return "\n".join(
        (
            f"dbt: {len(reasons)} of {len(build.nodes)} nodes failed and {skipped} were skipped because of them.",
            "Expected none. Nothing is published. Fix the errors below, then run `allive run` again:",
            *reasons,
        )
    )
