"""The table of mutants matches the code: each text to replace occurs once, and each named test exists."""

import re

import pytest

from allive.ingestion.settings import PROJECT_ROOT
from tests.mutants.mutant import Mutant
from tests.mutants.table import MUTANTS

UNIT_TEST_NAMES = {
    name
    for path in (PROJECT_ROOT / "dbt_project" / "models").rglob("_unit_tests/*.yml")
    for name in re.findall(r"^  - name: (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
}


def named(mutant: Mutant) -> str:
    return mutant.name


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_its_text_occurs_once(mutant: Mutant) -> None:
    text = (PROJECT_ROOT / mutant.file).read_text(encoding="utf-8")
    assert mutant.mutate(text) != text


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_its_test_exists(mutant: Mutant) -> None:
    if mutant.is_killed_by_dbt:
        assert mutant.killed_by in UNIT_TEST_NAMES
    else:
        path, _, function = mutant.killed_by.partition("::")
        assert re.search(rf"^def {function}\(", (PROJECT_ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_names_are_unique_and_many() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 25
