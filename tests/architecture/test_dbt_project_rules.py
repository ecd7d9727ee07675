"""The dbt project keeps the rules of dbt-project-evaluator (tests/dbt_rules.py), but for the exceptions listed here."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

import pytest

from tests.dbt_rules import RULES, Project

BOOKED: Final = (
    "`payouts/bookings.py` defines the views of source `booked` for these readers, typed and named as they need them; "
    "a staging model would repeat each of them, column by column"
)
EVERY_IBAN: Final = "a payee's first record with an IBAN counts, not only the latest record (RULES.md §6)"
AREAS: Final = "a row has figures of as many areas; each comes from its own model, and is summed before it is joined"
JUDGED: Final = "whether watching counts for a category depends on as many records (RULES.md §4)"
FINGERPRINT: Final = (
    "a fingerprint reads everything that its month's rows depend on; the rows themselves are not joined"
)
UNDATED: Final = "nothing is delivered while nothing changes (docs/dbt.md)"
OF_A_CLOSE: Final = "it changes when people close or amend a month, and a close needs no reminder from dbt"
FEW_ROWS: Final = "the latest record of each artist: few rows, read once"
SIMULATED: Final = (
    "payouts/simulation settles a month again, so it reads the layers that settling reads (ARCHITECTURE.md)"
)
SIMULATES: Final = ("serving_copy", "simulation")
READ_BY_SIMULATION: Final = (
    "int_catalogue_categories",
    "int_catalogue_credits",
    "int_catalogue_lives",
    "int_credit_sets",
    "int_periods_settled",
    "int_playback_days",
    "stg_billing__periods",
    "stg_catalogue__artists",
)

EXCEPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "direct_join_to_source": {
        "dim_payees": EVERY_IBAN,
        "fct_artist_months": BOOKED,
        "fct_close_warnings": BOOKED,
        "int_days_known": BOOKED,
        "int_periods_settled": BOOKED,
        "int_settlement_months": BOOKED,
    },
    "downstream_models_dependent_on_source": {
        "dim_payees": EVERY_IBAN,
        "fct_artist_months": BOOKED,
        "fct_close_warnings": BOOKED,
        "int_days_known": BOOKED,
        "int_periods_settled": BOOKED,
        "int_settlement_months": BOOKED,
    },
    "multiple_sources_joined": {
        "fct_artist_months": BOOKED,
        "int_periods_settled": BOOKED,
    },
    "source_fanout": {
        "booked.months": BOOKED,
        "booked.periods": BOOKED,
        "catalogue.artists": EVERY_IBAN,
    },
    "rejoining_of_upstream_concepts": {
        "dim_dates": "a dimension for people who query the warehouse; fct_close_warnings happens to read it",
        "int_artist_watchers": "the first month of all time, which is kept; fct_artist_audience sums a month",
        "int_live_slices": "the split of each slice to the nano has its own grain, unit tests and kept months",
        "int_playbacks_overlapped": "windows over all playbacks of a day, with their own unit tests and kept months",
    },
    "too_many_joins": {
        "fct_artist_months": AREAS,
        "fct_category_starts": JUDGED,
        "fct_close_warnings": "one branch of a union per warning; each of them reads one or two models",
        "fct_emerging_visibility": AREAS,
        "fct_platform_days": AREAS,
        "fct_platform_months": AREAS,
        "int_artist_watch_days": JUDGED,
        "int_month_inputs": FINGERPRINT,
        "int_visibility_inputs": FINGERPRINT,
    },
    "missing_primary_key_tests": {
        "stg_player__heartbeats": "a redelivery is a row of its own and earns nothing (RULES.md §3.2): there is no key",
        "stg_player__rejects": "equal lines of a file are rejected one by one: there is no key",
    },
    "sources_without_freshness": {
        "booked.adjustments": OF_A_CLOSE,
        "booked.artist_categories": OF_A_CLOSE,
        "booked.artist_months": OF_A_CLOSE,
        "booked.live_credits": OF_A_CLOSE,
        "booked.lives": OF_A_CLOSE,
        "booked.months": OF_A_CLOSE,
        "booked.periods": OF_A_CLOSE,
        "catalogue.artist_categories": UNDATED,
        "catalogue.artists": UNDATED,
        "catalogue.live_credits": UNDATED,
        "catalogue.lives": UNDATED,
        "player.rejects": "a table that should stay empty",
    },
    "exposures_dependent_on_private_models": {
        f"{exposure} ← {model}": SIMULATED for exposure in SIMULATES for model in READ_BY_SIMULATION
    },
    "exposure_parents_materializations": {
        **{f"{exposure} ← stg_catalogue__artists": FEW_ROWS for exposure in SIMULATES},
        "payout_run ← fct_period_slices": "a view that renames nothing, over a table; a copy would double the largest",
    },
}
"""Rule → offender → reason."""


@pytest.mark.parametrize("rule", RULES)
def test_the_project_keeps_the_rule(manifest: Mapping[str, Any], rule: str) -> None:
    found = RULES[rule](Project(manifest))
    excepted = EXCEPTIONS.get(rule, {})

    assert {name: reason for name, reason in found.items() if name not in excepted} == {}
    assert not excepted.keys() - found.keys(), "no longer needed"


def test_exceptions_are_of_a_rule_and_have_a_reason() -> None:
    assert EXCEPTIONS.keys() <= RULES.keys()
    assert all(reason for reasons in EXCEPTIONS.values() for reason in reasons.values())


Draft = dict[str, Any]


def model(path: str, *parents: str, **properties: Any) -> Draft:
    """A model as dbt writes it, with a description, a contract and a tested key. `parents` are its parents' ids."""
    name = path.rsplit("/", 1)[-1]
    return {
        "resource_type": "model",
        "name": name,
        "original_file_path": f"models/{path}.sql",
        "depends_on": {"nodes": [*parents]},
        "raw_code": "select 1",
        "description": "Grain: one row.",
        "columns": {"id": {"name": "id", "description": "Key.", "constraints": [{"type": "not_null"}]}},
        "config": {"materialized": "table", "meta": {}},
        "access": "public" if path.startswith("marts") else "protected",
        "contract": {"enforced": path.startswith("marts")},
        **properties,
    }


def source(name: str, **properties: Any) -> Draft:
    return {
        "resource_type": "source",
        "source_name": "shop",
        "source_description": "The shop.",
        "name": name,
        "database": "db",
        "schema": "raw",
        "identifier": name,
        "original_file_path": "models/staging/shop/_shop__sources.yml",
        "description": "One row per record.",
        "freshness": {"warn_after": {"count": 1, "period": "day"}, "error_after": {"count": 2, "period": "day"}},
        "config": {},
        **properties,
    }


def unique(name: str, folder: str) -> Draft:
    """A test that column `id` of a model is unique."""
    return {
        "resource_type": "test",
        "name": f"unique_{name}_id",
        "original_file_path": f"models/{folder}/models.yml",
        "depends_on": {"nodes": [f"model.p.{name}"]},
        "attached_node": f"model.p.{name}",
        "column_name": "id",
        "test_metadata": {"name": "unique"},
        "config": {},
    }


ORDERS: Final = "source.p.shop.orders"
STAGED: Final = "model.p.stg_shop__orders"
PRICED: Final = "model.p.int_orders_priced"
FACTS: Final = "model.p.fct_orders"


def sound() -> Draft:
    """A small project without any finding: a source, a model in each layer, and an exposure."""
    paths = {
        "staging/shop/stg_shop__orders": [ORDERS],
        "intermediate/int_orders_priced": [STAGED],
        "marts/fct_orders": [PRICED],
    }
    nodes = {f"model.p.{path.rsplit('/', 1)[-1]}": model(path, *parents) for path, parents in paths.items()}
    for path in paths:
        folder, name = path.rsplit("/", 1)
        nodes[f"test.p.unique_{name}"] = unique(name, folder)
    return {
        "nodes": nodes,
        "sources": {ORDERS: source("orders")},
        "exposures": {
            "exposure.p.page": {"resource_type": "exposure", "name": "page", "depends_on": {"nodes": [FACTS]}},
        },
        "unit_tests": {},
    }


def put(draft: Draft, path: str, *parents: str, **properties: Any) -> None:
    """Add a model to a project, or replace the one of its name."""
    draft["nodes"][f"model.p.{path.rsplit('/', 1)[-1]}"] = model(path, *parents, **properties)


def change(draft: Draft, node_id: str, **properties: Any) -> None:
    """Change properties of a node."""
    for kind in ("nodes", "sources", "exposures"):
        if node_id in draft[kind]:
            draft[kind][node_id].update(properties)


def reads(*node_ids: str) -> Draft:
    return {"depends_on": {"nodes": [*node_ids]}}


def add_source(draft: Draft, name: str, **properties: Any) -> str:
    node_id = f"source.p.shop.{name}"
    draft["sources"][node_id] = source(name, **properties)
    return node_id


def with_leaves(draft: Draft) -> None:
    for number in range(3):
        put(draft, f"marts/fct_leaf_{number}", FACTS)


def with_two_sources(draft: Draft) -> None:
    change(draft, STAGED, **reads(ORDERS, add_source(draft, "returns")))


def with_rejoining(draft: Draft) -> None:
    change(draft, FACTS, **reads(PRICED, STAGED))


def with_source_fanout(draft: Draft) -> None:
    put(draft, "staging/shop/stg_shop__baskets", ORDERS)


def with_many_parents(draft: Draft) -> None:
    for number in range(6):
        put(draft, f"intermediate/int_part_{number}", STAGED)
    change(draft, FACTS, **reads(PRICED, *(f"model.p.int_part_{number}" for number in range(6))))


def with_views(draft: Draft) -> None:
    parent = STAGED
    for number in range(4):
        put(draft, f"intermediate/int_view_{number}", parent, config={"materialized": "view"})
        parent = f"model.p.int_view_{number}"
    change(draft, FACTS, **reads(parent))


def without_tests(draft: Draft) -> None:
    del draft["nodes"]["test.p.unique_fct_orders"]


VIOLATIONS: Final[Mapping[str, tuple[Callable[[Draft], Any], set[str]]]] = {
    "direct_join_to_source": (lambda draft: change(draft, PRICED, **reads(STAGED, ORDERS)), {"int_orders_priced"}),
    "downstream_models_dependent_on_source": (
        lambda draft: change(draft, FACTS, **reads(ORDERS)),
        {"fct_orders"},
    ),
    "duplicate_sources": (
        lambda draft: add_source(draft, "orders_again", identifier="orders"),
        {"shop.orders", "shop.orders_again"},
    ),
    "hard_coded_references": (
        lambda draft: change(
            draft, FACTS, raw_code="select * -- from a.b\nfrom {{ ref('x') }} join raw.orders on true"
        ),
        {"fct_orders"},
    ),
    "model_fanout": (with_leaves, {"fct_orders"}),
    "multiple_sources_joined": (with_two_sources, {"stg_shop__orders"}),
    "rejoining_of_upstream_concepts": (with_rejoining, {"int_orders_priced"}),
    "root_models": (lambda draft: change(draft, PRICED, **reads()), {"int_orders_priced"}),
    "source_fanout": (with_source_fanout, {"shop.orders"}),
    "staging_dependent_on_marts_or_intermediate": (
        lambda draft: change(draft, STAGED, **reads(ORDERS, FACTS)),
        {"stg_shop__orders"},
    ),
    "staging_dependent_on_staging": (
        lambda draft: put(draft, "staging/shop/stg_shop__baskets", STAGED),
        {"stg_shop__baskets"},
    ),
    "unused_sources": (lambda draft: add_source(draft, "returns"), {"shop.returns"}),
    "too_many_joins": (with_many_parents, {"fct_orders"}),
    "missing_primary_key_tests": (without_tests, {"fct_orders"}),
    "sources_without_freshness": (
        lambda draft: change(draft, ORDERS, freshness={"warn_after": {"count": 1, "period": "day"}}),
        {"shop.orders"},
    ),
    "test_coverage": (without_tests, {"fct_orders"}),
    "undocumented_models": (lambda draft: change(draft, PRICED, description=""), {"int_orders_priced"}),
    "undocumented_source_tables": (lambda draft: change(draft, ORDERS, description=""), {"shop.orders"}),
    "undocumented_sources": (lambda draft: change(draft, ORDERS, source_description=""), {"shop"}),
    "model_naming_conventions": (lambda draft: put(draft, "marts/orders", FACTS), {"orders"}),
    "model_directories": (
        lambda draft: change(draft, STAGED, original_file_path="models/staging/stg_shop__orders.sql"),
        {"stg_shop__orders"},
    ),
    "source_directories": (
        lambda draft: change(draft, ORDERS, original_file_path="models/staging/_sources.yml"),
        {"shop.orders"},
    ),
    "test_directories": (
        lambda draft: change(draft, "test.p.unique_fct_orders", original_file_path="models/intermediate/models.yml"),
        {"unique_fct_orders_id"},
    ),
    "chained_views_dependencies": (with_views, {"fct_orders"}),
    "exposure_parents_materializations": (
        lambda draft: change(draft, FACTS, config={"materialized": "view"}),
        {"page ← fct_orders"},
    ),
    "public_models_without_contract": (
        lambda draft: change(draft, FACTS, contract={"enforced": False}),
        {"fct_orders"},
    ),
    "undocumented_public_models": (
        lambda draft: change(draft, FACTS, columns={"id": {"name": "id", "description": ""}}),
        {"fct_orders"},
    ),
    "exposures_dependent_on_private_models": (
        lambda draft: change(draft, FACTS, access="protected"),
        {"page ← fct_orders"},
    ),
}
"""Rule → the change that breaks it in the sound project, and the offenders."""


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_what_breaks_it_and_nothing_in_a_sound_project(rule: str) -> None:
    breaks, offenders = VIOLATIONS[rule]
    draft = sound()
    assert RULES[rule](Project(deepcopy(draft))) == {}

    breaks(draft)
    assert RULES[rule](Project(draft)).keys() == offenders


def test_a_model_directly_below_another_layers_folder_is_not_at_home() -> None:
    draft = sound()
    put(draft, "marts/intermediate/fct_orders", PRICED)
    put(draft, "marts/int_orders_priced", STAGED)
    assert RULES["model_directories"](Project(draft)).keys() == {"fct_orders", "int_orders_priced"}


def test_a_key_is_tested_by_two_tests_of_a_column_by_a_combination_or_by_the_test_suite() -> None:
    def has_key(**properties: Any) -> bool:
        draft = sound()
        change(draft, FACTS, columns={})
        assert RULES["missing_primary_key_tests"](Project(draft)).keys() == {"fct_orders"}, "unique, but may be null"
        change(draft, FACTS, **properties.get("model", {}))
        draft["nodes"]["test.p.more"] = unique("fct_orders", "marts") | properties.get("test", {})
        return not RULES["missing_primary_key_tests"](Project(draft))

    assert has_key(test={"test_metadata": {"name": "not_null"}})
    assert not has_key(test={"test_metadata": {"name": "not_null"}, "column_name": "another"})
    assert has_key(test={"test_metadata": {"name": "unique_combination"}, "column_name": None})
    assert has_key(model={"config": {"materialized": "table", "meta": {"key": ["id"]}}})


@pytest.mark.parametrize(
    ("sql", "is_found"),
    [
        ("from {{ ref('orders') }}", False),
        ("from {{ source('shop', 'orders') }} as orders", False),
        ("from orders inner join lines on orders.id = lines.id", False),
        ("where orders.note is not distinct from lines.note", False),
        ("from raw.orders", True),
        ('join "db"."raw"."orders"', True),
        ("from {{ var('orders') }}", True),
    ],
)
def test_only_references_that_dbt_cannot_see_are_hard_coded(sql: str, is_found: bool) -> None:
    draft = sound()
    change(draft, FACTS, raw_code=sql)
    assert bool(RULES["hard_coded_references"](Project(draft))) == is_found
