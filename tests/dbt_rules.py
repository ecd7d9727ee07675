"""The rules of dbt-project-evaluator, over a manifest. https://dbt-labs.github.io/dbt-project-evaluator

The package builds its rules as models of the project and comes from dbt's hub. These have its names, meanings and
thresholds, need no warehouse, and cost milliseconds. Differences: unit tests count as tests, and a key that the test
suite checks (`meta.key`, tests/model_keys.py) counts as tested.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Final

Node = Mapping[str, Any]
Findings = dict[str, str]
"""Offender → reason. An offender is the name of a model or exposure, or `source.table`."""

TYPE_OF_PREFIX: Final = {"stg_": "staging", "int_": "intermediate", "fct_": "marts", "dim_": "marts"}
MOST_LEAVES: Final = 3
MOST_PARENTS: Final = 7
LONGEST_CHAIN: Final = 4
PHYSICAL: Final = {"table", "incremental", "seed"}
_COMMENT: Final = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)
_HARD_CODED: Final = re.compile(
    r"(?<!distinct )\b(?:from|join)\s+(?:"
    r"\{\{\s*var\s*\([^}]*\}\}"
    r"|[`\"\[]?\w+[`\"\]]?(?:\.[`\"\[]?\w+[`\"\]]?)+"
    r"|[`\"]\w+[`\"])",
    re.IGNORECASE,
)
"""A `var`, a name with a schema, or a quoted name, where a `ref` or `source` belongs."""


@dataclass(frozen=True)
class Project:
    """A manifest as the rules look at it."""

    manifest: Mapping[str, Any]

    def of_type(self, *types: str) -> dict[str, Node]:
        """The nodes of these resource types, by id."""
        found = {**self.manifest["nodes"], **self.manifest["sources"], **self.manifest["exposures"]}
        return {node_id: node for node_id, node in found.items() if node["resource_type"] in types}

    @cached_property
    def models(self) -> dict[str, Node]:
        """All models."""
        return self.of_type("model")

    @cached_property
    def sources(self) -> dict[str, Node]:
        """All source tables."""
        return self.of_type("source")

    @cached_property
    def data_tests(self) -> list[Node]:
        """All data tests: generic tests, and singular ones."""
        return list(self.of_type("test").values())

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """The models and exposures that read each node directly."""
        found = defaultdict(list)
        for child, node in self.of_type("model", "exposure").items():
            for parent in self.parents(node):
                found[parent].append(child)
        return found

    def parents(self, node: Node, *types: str) -> list[str]:
        """The nodes that a node reads directly, of these resource types (all, without any)."""
        parents = dict.fromkeys(node.get("depends_on", {}).get("nodes", ()))
        return [parent for parent in parents if not types or parent.split(".")[0] in types]

    def name(self, node_id: str) -> str:
        """How findings name a node."""
        node = self.sources.get(node_id)
        return f"{node['source_name']}.{node['name']}" if node else node_id.rsplit(".", maxsplit=1)[-1]

    def names(self, node_ids: list[str]) -> str:
        """How findings name several nodes."""
        return ", ".join(sorted(map(self.name, node_ids)))

    def pairs(self, child_type: str, *parent_types: str) -> Iterator[tuple[str, str]]:
        """Each (parent, child) of models, by the types that their names state."""
        for child, node in self.models.items():
            for parent in self.parents(node, "model"):
                if type_of(self.name(child)) == child_type and type_of(self.name(parent)) in parent_types:
                    yield parent, child


def type_of(name: str) -> str:
    """The type of a model by the prefix of its name, or `other`."""
    return TYPE_OF_PREFIX.get(name[:4], "other")


def folder_of(node: Node) -> PurePosixPath:
    """The folder of a node's file below the project's root."""
    return PurePosixPath(node["original_file_path"]).parent


def _direct_join_to_source(project: Project) -> Findings:
    return {
        project.name(model): f"joins {project.names(sources)} to models"
        for model, node in project.models.items()
        if (sources := project.parents(node, "source")) and project.parents(node, "model")
    }


def _downstream_models_dependent_on_source(project: Project) -> Findings:
    return {
        project.name(model): f"reads {project.names(sources)}"
        for model, node in project.models.items()
        if type_of(node["name"]) in {"intermediate", "marts"} and (sources := project.parents(node, "source"))
    }


def _duplicate_sources(project: Project) -> Findings:
    places = {
        source: (node["database"], node["schema"], node["identifier"]) for source, node in project.sources.items()
    }
    twice = {place for place, times in Counter(places.values()).items() if times > 1}
    return {project.name(source): ".".join(map(str, place)) for source, place in places.items() if place in twice}


def _hard_coded_references(project: Project) -> Findings:
    return {
        project.name(model): ", ".join(found.group() for found in references)
        for model, node in project.models.items()
        if (references := [*_HARD_CODED.finditer(_COMMENT.sub("", node["raw_code"]))])
    }


def _model_fanout(project: Project) -> Findings:
    leaves = {
        model: [child for child in project.children[model] if child in project.models and not project.children[child]]
        for model in project.models
    }
    return {project.name(model): project.names(own) for model, own in leaves.items() if len(own) >= MOST_LEAVES}


def _multiple_sources_joined(project: Project) -> Findings:
    return {
        project.name(model): f"reads {project.names(sources)}"
        for model, node in project.models.items()
        if len(sources := project.parents(node, "source")) > 1
    }


def _rejoining_of_upstream_concepts(project: Project) -> Findings:
    """A model that only one model reads, which also reads its parent: they could be one."""
    found = {}
    for model, node in project.models.items():
        if len(project.children[model]) == 1:
            (child,) = project.children[model]
            both = [parent for parent in project.parents(node) if child in project.children[parent]]
            if both and child in project.models:
                found[project.name(model)] = f"{project.name(child)} reads {project.names(both)} too"
    return found


def _root_models(project: Project) -> Findings:
    return {project.name(model): "reads nothing" for model, node in project.models.items() if not project.parents(node)}


def _source_fanout(project: Project) -> Findings:
    readers = {
        source: [child for child in project.children[source] if child in project.models] for source in project.sources
    }
    return {project.name(source): project.names(own) for source, own in readers.items() if len(own) > 1}


def _staging_dependent_on_marts_or_intermediate(project: Project) -> Findings:
    pairs = project.pairs("staging", "intermediate", "marts")
    return {project.name(child): f"reads {project.name(parent)}" for parent, child in pairs}


def _staging_dependent_on_staging(project: Project) -> Findings:
    return {
        project.name(child): f"reads {project.name(parent)}" for parent, child in project.pairs("staging", "staging")
    }


def _unused_sources(project: Project) -> Findings:
    return {project.name(source): "nothing reads it" for source in project.sources if not project.children[source]}


def _too_many_joins(project: Project) -> Findings:
    return {
        project.name(model): f"reads {len(parents)} models and sources"
        for model, node in project.models.items()
        if len(parents := project.parents(node)) >= MOST_PARENTS
    }


def _missing_primary_key_tests(project: Project) -> Findings:
    tested = defaultdict(set)
    for test in project.data_tests:
        if test.get("test_metadata"):
            tested[test["attached_node"]].add((test["test_metadata"]["name"], test.get("column_name")))

    def is_keyed(model: str, node: Node) -> bool:
        kinds = tested[model]
        not_null = {column for kind, column in kinds if kind == "not_null"} | {
            column["name"]
            for column in node["columns"].values()
            if any(constraint["type"] == "not_null" for constraint in column.get("constraints", ()))
        }
        is_unique = any(kind == "unique" and column in not_null for kind, column in kinds)
        return is_unique or ("unique_combination", None) in kinds or bool(node["config"].get("meta", {}).get("key"))

    return {
        project.name(model): "no test of a key" for model, node in project.models.items() if not is_keyed(model, node)
    }


def _sources_without_freshness(project: Project) -> Findings:
    def has_limits(freshness: Node | None) -> bool:
        limits = [(freshness or {}).get(name) for name in ("warn_after", "error_after")]
        return all(limit and limit["count"] for limit in limits)

    return {
        project.name(source): "no limit to warn or fail"
        for source, node in project.sources.items()
        if not has_limits(node["freshness"])
    }


def _test_coverage(project: Project) -> Findings:
    tested = {parent for test in project.data_tests for parent in project.parents(test)}
    for test in project.manifest["unit_tests"].values():
        tested |= {*project.parents(test)}
    keyed = {model for model, node in project.models.items() if node["config"].get("meta", {}).get("key")}
    return {project.name(model): "no test" for model in project.models if model not in tested | keyed}


def _undocumented_models(project: Project) -> Findings:
    return {project.name(model): "no description" for model, node in project.models.items() if not node["description"]}


def _undocumented_source_tables(project: Project) -> Findings:
    return {
        project.name(source): "no description" for source, node in project.sources.items() if not node["description"]
    }


def _undocumented_sources(project: Project) -> Findings:
    return {
        node["source_name"]: "no description" for node in project.sources.values() if not node["source_description"]
    }


def _model_naming_conventions(project: Project) -> Findings:
    return {
        project.name(model): f"is in {folder_of(node)}"
        for model, node in project.models.items()
        if not node["name"].startswith(tuple(TYPE_OF_PREFIX))
    }


def _model_directories(project: Project) -> Findings:
    def is_at_home(node: Node) -> bool:
        types = [part for part in folder_of(node).parts if part in TYPE_OF_PREFIX.values()]
        sources = {project.sources[source]["source_name"] for source in project.parents(node, "source")}
        of_type = type_of(node["name"])
        return of_type == (types or [""])[-1] and (of_type != "staging" or sources <= {*folder_of(node).parts})

    return {
        project.name(model): f"is in {folder_of(node)}"
        for model, node in project.models.items()
        if not is_at_home(node)
    }


def _source_directories(project: Project) -> Findings:
    return {
        project.name(source): f"is declared in {folder_of(node)}"
        for source, node in project.sources.items()
        if node["source_name"] not in folder_of(node).parts
    }


def _test_directories(project: Project) -> Findings:
    return {
        test["name"]: f"is in {folder_of(test)}, its model in {folder_of(model)}"
        for test in project.data_tests
        if test.get("test_metadata")
        and (model := project.models.get(test["attached_node"]))
        and folder_of(test) != folder_of(model)
    }


def _chained_views_dependencies(project: Project) -> Findings:
    def chain(node_id: str) -> int:
        views = [
            parent
            for parent in project.parents(project.models[node_id], "model")
            if project.models[parent]["config"]["materialized"] not in PHYSICAL
        ]
        return max((1 + chain(view) for view in views), default=0)

    lengths = {model: chain(model) for model in project.models}
    return {
        project.name(model): f"{length} views one after another"
        for model, length in lengths.items()
        if length >= LONGEST_CHAIN
    }


def _of_exposures(project: Project, is_wrong: Callable[[Node], bool]) -> Findings:
    wrong = {
        exposure["name"]: [
            parent
            for parent in project.parents(exposure)
            if is_wrong(project.manifest["nodes"].get(parent) or project.sources[parent])
        ]
        for exposure in project.manifest["exposures"].values()
    }
    return {f"{exposure} ← {project.name(parent)}": "" for exposure, parents in wrong.items() for parent in parents}


def _exposure_parents_materializations(project: Project) -> Findings:
    return _of_exposures(project, lambda node: node["config"].get("materialized") not in PHYSICAL)


def _public_models_without_contract(project: Project) -> Findings:
    return {
        project.name(model): "no enforced contract"
        for model, node in project.models.items()
        if node["access"] == "public" and not node["contract"]["enforced"]
    }


def _undocumented_public_models(project: Project) -> Findings:
    return {
        project.name(model): "not described in full"
        for model, node in project.models.items()
        if node["access"] == "public"
        and not (node["description"] and all(column["description"] for column in node["columns"].values()))
    }


def _exposures_dependent_on_private_models(project: Project) -> Findings:
    return _of_exposures(project, lambda node: node.get("access") != "public")


RULES: Final[Mapping[str, Callable[[Project], Findings]]] = {
    rule.__name__.removeprefix("_"): rule
    for rule in (
        _direct_join_to_source,
        _downstream_models_dependent_on_source,
        _duplicate_sources,
        _hard_coded_references,
        _model_fanout,
        _multiple_sources_joined,
        _rejoining_of_upstream_concepts,
        _root_models,
        _source_fanout,
        _staging_dependent_on_marts_or_intermediate,
        _staging_dependent_on_staging,
        _unused_sources,
        _too_many_joins,
        _missing_primary_key_tests,
        _sources_without_freshness,
        _test_coverage,
        _undocumented_models,
        _undocumented_source_tables,
        _undocumented_sources,
        _model_naming_conventions,
        _model_directories,
        _source_directories,
        _test_directories,
        _chained_views_dependencies,
        _exposure_parents_materializations,
        _public_models_without_contract,
        _undocumented_public_models,
        _exposures_dependent_on_private_models,
    )
}
"""Every rule by its name in the package, without `fct_`."""
