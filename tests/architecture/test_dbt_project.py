"""Rules of the dbt project: layers, names, contracts, engines, and the number of tests."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from allive.dashboards.app_pages.management.players import SHARE_OF_SIGN
from allive.dashboards.formatting import Language
from allive.dashboards.queries.management.players import LATEST_DAYS, SHARES
from allive.dashboards.texts import load_texts
from allive.ingestion.checks import MAX_REJECT_SHARE, MIN_RECORDS_FOR_SHARE
from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.contracts.fields import Choice
from allive.ingestion.raw_tables import TABLES
from allive.orchestration.dbt_sources import SOURCE_OF_RAW_TABLE
from allive.orchestration.publishing import PUBLISHED_MARTS

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"
LAYERS = {
    "staging": re.compile(r"stg_[a-z]+__[a-z_]+s"),
    "intermediate": re.compile(r"int_[a-z_]+"),
    "marts": re.compile(r"(dim|fct)_[a-z_]+"),
}
# The layers that a layer can read besides itself. `booked` has the bookings of closed months, `policies` is the seed.
MAY_READ = {
    "staging": {"raw", "booked"},
    "intermediate": {"staging", "policies", "booked"},
    "marts": {"staging", "intermediate", "policies", "booked"},
}
# dim_payees needs every record with an IBAN, not only the latest one (RULES.md §6).
READS_BESIDES = {("dim_payees", "raw")}
# A plain view and plain unions without rules of their own: the rules are tested in the models that they read.
PASSED_THROUGH = {
    "fct_period_slices",
    "int_catalogue_categories",
    "int_catalogue_credits",
    "int_catalogue_lives",
}
# Fingerprints of a month's inputs; tests/integration/test_history.py checks that no input is missing.
FINGERPRINTS = {
    "int_month_inputs",
    "int_platform_inputs",
    "int_player_inputs",
    "int_settlement_inputs",
    "int_visibility_inputs",
}
# The past participles that end the name of an intermediate model.
PARTICIPLE = re.compile(r"[a-z]+ed|known|paid")
# Each data test costs about 40 ms in every `allive run`.
MOST_DATA_TESTS = 68
# Words that only one engine has, or that mean something else in the other: allowed in macros/engine only. Spark reads
# "…" as a string and `^` as exclusive or; averages differ in the last digit, and halves are rounded differently.
ENGINE_WORDS = re.compile(
    r"//|::|->|\^|\""
    r"|\b(?:date_trunc|date_add|date_sub|date_diff|date_part|datediff|dateadd|dayofweek|string_agg|listagg"
    r"|regexp_\w+|rlike|avg|round|median|nvl|ifnull|strpos|instr)\s*\("
    r"|\b(?:div|unnest|explode|generate_series|epoch_ms|unix_millis|to_months|isodow|strftime"
    r"|hugeint|array_agg|arg_min|arg_max|lambda|qualify|interval|try_cast|any_value|mode|quantile\w*)\b"
    r"|\b(?:list|map|struct)_\w+|\b(?:exclude|sequence)\s*\(|\bgroup by all\b|\b(?:semi|anti|asof) join\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="session")
def models(manifest):
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@pytest.fixture(scope="session")
def marts(models):
    return {name: model for name, model in models.items() if layer_of(model) == "marts"}


@pytest.fixture(scope="session")
def data_tests(manifest):
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]


def layer_of(model):
    return Path(model["path"]).parts[0]


def described_in(model):
    return Path(model["patch_path"].split("://")[1])


def sql_alone(text):
    """The SQL without comments and without Jinja: macros are allowed to differ by engine."""
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    text = re.sub(r"\{%.*?%\}", "", text, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", "", text, flags=re.DOTALL)
    return re.sub(r"--[^\n]*", "", text)


def sql_files():
    return [path for folder in ("models", "macros", "tests") for path in sorted((PROJECT / folder).rglob("*.sql"))]


def test_models_are_named_by_their_layer_and_live_in_its_schema(models):
    wrong = [
        f"{layer_of(model)}/{name} in schema {model['schema']}"
        for name, model in models.items()
        if not LAYERS[layer_of(model)].fullmatch(name) or model["schema"] != layer_of(model)
    ]
    assert not wrong


def test_staging_models_are_named_after_the_one_source_they_read(manifest, models):
    wrong = []
    for name, model in models.items():
        if layer_of(model) == "staging":
            sources = [manifest["sources"][node] for node in model["depends_on"]["nodes"]]
            if [f"stg_{source['source_name']}__{source['name']}" for source in sources] != [name]:
                wrong.append(f"{name} reads {', '.join(source['unique_id'] for source in sources)}")
    assert not wrong


def test_raw_tables_are_selected_by_the_source_that_declares_them(manifest):
    declared = {
        source["identifier"]: f"{source['source_name']}.{source['name']}"
        for source in manifest["sources"].values()
        if source["schema"] == "raw"
    }
    assert declared == SOURCE_OF_RAW_TABLE
    assert declared.keys() == set(TABLES)


def singular(noun):
    return f"{noun.removesuffix('ies')}y" if noun.endswith("ies") else noun.removesuffix("s")


def nouns_of(name):
    """The nouns of an intermediate model's name, without the past participle that can follow them."""
    words = name.removeprefix("int_").split("_")
    return words[:-1] if PARTICIPLE.fullmatch(words[-1]) else words


def test_intermediate_models_are_named_by_their_rows_and_what_was_done_to_them(models):
    wrong = []
    for name, model in models.items():
        if layer_of(model) != "intermediate" or name in FINGERPRINTS:
            continue
        nouns = nouns_of(name)
        grain = {singular(word) for word in re.findall(r"[a-z]+", model["description"].split(". ")[0].lower())}
        if any(map(PARTICIPLE.fullmatch, nouns)):
            wrong.append(f"{name}: a participle comes after its noun")
        if singular(nouns[-1]) == nouns[-1]:
            wrong.append(f"{name}: {nouns[-1]} is not a plural")
        wrong += [f"{name}: its grain does not mention {noun}" for noun in nouns if singular(noun) not in grain]
    assert not wrong


def test_fingerprints_of_a_months_inputs_are_named_so(models):
    assert {name for name in models if name.startswith("int_") and name.endswith("_inputs")} == FINGERPRINTS


def test_layers_read_only_what_lies_below(manifest, models):
    wrong = []
    for name, model in models.items():
        layer = layer_of(model)
        for parent in model["depends_on"]["nodes"]:
            node = manifest["sources"].get(parent) or manifest["nodes"][parent]
            if node["resource_type"] == "source":
                read = node["schema"]
            else:
                read = node["name"] if node["resource_type"] == "seed" else layer_of(node)
            if read not in MAY_READ[layer] | {layer} and (name, read) not in READS_BESIDES:
                wrong.append(f"{name} ({layer}) reads {read}")
    assert not wrong


def test_descriptions_and_sql_open_with_the_grain(models):
    wrong = [
        name
        for name, model in models.items()
        if not model["description"].startswith("Grain: ")
        or not re.search(r"^-- Grain: ", model["raw_code"], re.MULTILINE)
    ]
    assert not wrong


def test_marts_have_a_yml_and_an_enforced_contract(marts):
    wrong = [
        name for name, model in marts.items() if described_in(model).stem != name or not model["contract"]["enforced"]
    ]
    assert not wrong


def test_the_data_contract_says_the_same_as_the_project(manifest, marts, data_tests):
    # docs/marts_contract.py reads the yml; this reads what dbt made of it.
    contract = yaml.safe_load((ROOT / "docs/contracts/allive-marts.odcs.yaml").read_text(encoding="utf-8"))
    owners = {group["name"]: group["owner"]["name"] for group in manifest["groups"].values()}

    def stated(column):
        return column["physicalType"], column.get("required", False)

    def enforced(column):
        return column["data_type"], any(one["type"] == "not_null" for one in column["constraints"])

    assert {
        table["name"]: (
            table["customProperties"][0]["value"],
            {column["name"]: stated(column) for column in table["properties"]},
        )
        for table in contract["schema"]
    } == {
        name: (owners[mart["group"]], {column["name"]: enforced(column) for column in mart["columns"].values()})
        for name, mart in marts.items()
    }
    rules = Counter(
        (table["name"], kind)
        for table in contract["schema"]
        for column in table["properties"]
        for kind in ("quality", "relationships")
        for _ in column.get(kind, ())
    )
    kinds = {
        "accepted_values": "quality", "closed_list": "quality", "relationships": "relationships",
        "known_in": "relationships",
    }  # fmt: skip
    assert rules == Counter(
        (name, kinds[test["test_metadata"]["name"]])
        for test in data_tests
        if test.get("test_metadata")
        and test["test_metadata"]["name"] in kinds
        and (name := (test["attached_node"] or "").rpartition(".")[2]) in marts
    )


def test_mart_columns_are_typed_and_described(marts):
    wrong = [
        f"{name}.{column['name']}"
        for name, model in marts.items()
        for column in model["columns"].values()
        if not column["data_type"] or not column["description"]
    ]
    assert not wrong


def test_marts_are_public_the_rest_is_protected_and_all_have_an_owner(models):
    wrong = [
        f"{name}: {model['access']}, group {model['group']}"
        for name, model in models.items()
        if model["access"] != ("public" if layer_of(model) == "marts" else "protected") or not model["group"]
    ]
    assert not wrong


def test_marts_have_a_tested_key(marts, data_tests):
    keyed = {
        test["attached_node"].split(".")[-1]
        for test in data_tests
        if (test.get("test_metadata") or {}).get("name") == "unique_combination"
    }
    assert set(marts) <= keyed


def test_every_rule_has_a_unit_test(manifest, models):
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    with_rules = {name for name in models if name.startswith(("int_", "fct_"))} - PASSED_THROUGH - FINGERPRINTS
    assert with_rules <= tested


def test_unit_tests_name_their_rule(manifest):
    wrong = [
        test["name"]
        for test in manifest["unit_tests"].values()
        if not re.match(r"§\d|RULES|INTERFACES", test["description"] or "")
    ]
    assert not wrong


def test_only_what_late_data_can_break_is_a_warning(data_tests):
    warnings = {test["name"] for test in data_tests if test["config"]["severity"].lower() == "warn"}
    late = {name for name in warnings if re.search(r"_(artist|live)_id_in_dim_", name)}
    assert warnings - late == {
        "assert_periods_are_in_sight",
        "assert_periods_do_not_overlap",
        "assert_a_day_has_24_hours",
        "assert_ibans_are_not_shared",
        "assert_days_look_as_usual",
        "assert_players_report_well",
    }


def test_data_tests_stay_within_their_time(data_tests):
    assert len(data_tests) <= MOST_DATA_TESTS


def test_tables_need_nothing_that_their_materialization_leaves_out(models):
    """macros/engine/tables.sql runs no hooks, and sets no grants, indexes or partitions."""
    left_out = ("grants", "indexes", "partitioned_by", "sorted_by", "pre-hook", "post-hook")
    tables = [model for model in models.values() if model["config"]["materialized"] == "table"]
    assert tables
    for table in tables:
        assert not [name for name in left_out if table["config"].get(name)], table["name"]


def test_engines_differ_only_in_their_macros():
    wrong = [
        f"{path.relative_to(PROJECT)}: {found.group()}"
        for path in sql_files()
        if "engine" not in path.parts
        for found in ENGINE_WORDS.finditer(sql_alone(path.read_text(encoding="utf-8")))
    ]
    assert not wrong


def test_no_fan_out_is_hidden():
    wrong = [
        path.relative_to(PROJECT)
        for path in sql_files()
        if re.search(
            r"\bselect\s+distinct\b",
            sql_alone(path.read_text(encoding="utf-8")),
            re.IGNORECASE,
        )
    ]
    assert not wrong


def test_dbt_does_not_take_the_project_for_a_plugin():
    # dbt imports every importable root module whose name begins with dbt_.
    assert not list(PROJECT.rglob("__init__.py"))
    assert not list(PROJECT.parent.glob("dbt_*.py"))


@pytest.mark.parametrize(("variable", "field"), [("devices", "device"), ("surfaces", "surface")])
def test_the_closed_lists_are_those_of_the_contract_and_no_value_is_part_of_another(variable, field):
    listed = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"][variable]
    contract = next(one for one in CONTRACTS["heartbeats"].fields if one.name == field)

    assert isinstance(contract.type, Choice)
    assert listed == sorted(contract.type.options)
    assert not [(a, b) for a in listed for b in listed if a != b and a in b]


def test_what_is_said_of_players_twice_is_the_same():
    variables = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    signs = variables["player_signs"]

    assert variables["latest_days"] == LATEST_DAYS
    assert signs.keys() == SHARE_OF_SIGN.keys()
    assert signs["player_rejects"]["least_among"] == MIN_RECORDS_FOR_SHARE
    assert signs["player_rejects"]["above_bp"] == MAX_REJECT_SHARE * 10_000
    for sign, share in SHARE_OF_SIGN.items():
        part, whole = SHARES[share]
        assert part in signs[sign]["found"]
        assert set(whole.split(" + ")) == set(signs[sign]["among"].split(" + "))


def test_what_is_published_is_what_pages_read_and_say_they_read(manifest):
    queries = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "dashboards" / "queries").rglob("*.py"))
    read = set(re.findall(r"\bmarts\.(\w+)", queries))
    declared = {
        node.split(".")[-1]
        for exposure in manifest["exposures"].values()
        if exposure["type"] == "dashboard"
        for node in exposure["depends_on"]["nodes"]
    }
    assert read == set(PUBLISHED_MARTS)
    assert declared == read


def test_every_page_has_an_exposure(manifest):
    pages = load_texts("shell", Language.FRENCH)
    labels = {exposure["label"] for exposure in manifest["exposures"].values() if exposure["type"] == "dashboard"}
    assert labels == {text for key, text in pages.items() if key.startswith("page.")}
