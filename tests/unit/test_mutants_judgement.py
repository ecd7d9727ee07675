"""The mutation check judges correctly: only a failed assertion kills, and a mutant that no longer fits is named."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.mutants.__main__ import judge
from tests.mutants.engines import Outcome, TestResult, result_of
from tests.mutants.mutant import Mutant

MUTANT = Mutant(name="m", rule="§0", file="rule.py", before="a < b", after="a <= b", killed_by="t")


class OneResult:
    """An engine whose test always has the same outcome; it records the rule's text at the time."""

    def __init__(self, root: Path, outcome: Outcome) -> None:
        self.root = root
        self.outcome = outcome
        self.seen = ""

    def run(self, tests: Sequence[str]) -> dict[str, TestResult]:
        self.seen = (self.root / MUTANT.file).read_text()
        return dict.fromkeys(tests, TestResult(self.outcome, "said"))


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [(Outcome.FAILED, "killed"), (Outcome.PASSED, "SURVIVED"), (Outcome.BROKEN, "BROKEN")],
)
def test_only_a_failed_assertion_kills(tmp_path: Path, outcome: Outcome, verdict: str) -> None:
    rule = tmp_path / MUTANT.file
    rule.write_text("return a < b")
    engine = OneResult(tmp_path, outcome)
    finding = judge(engine, MUTANT)
    assert (finding.verdict, finding.is_killed) == (verdict, outcome is Outcome.FAILED)
    assert engine.seen == "return a <= b"
    assert rule.read_text() == "return a < b"


@pytest.mark.parametrize("text", ["return a > b", "a < b or a < b"])
def test_a_mutant_whose_text_is_not_there_once_is_stale(tmp_path: Path, text: str) -> None:
    (tmp_path / MUTANT.file).write_text(text)
    finding = judge(OneResult(tmp_path, Outcome.FAILED), MUTANT)
    assert (finding.verdict, finding.is_killed) == ("stale", False)


@pytest.mark.parametrize(
    ("tag", "message", "outcome"),
    [
        ("failure", "assert 1 == 2", Outcome.FAILED),
        ("failure", "AssertionError: 1 of 2 rows differ", Outcome.FAILED),
        ("failure", "Failed: DID NOT RAISE <class 'ValueError'>", Outcome.FAILED),
        ("failure", "NameError: name 'month' is not defined", Outcome.BROKEN),
        ("error", "collection failure", Outcome.BROKEN),
    ],
)
def test_other_errors_are_not_failed_assertions(tag: str, message: str, outcome: Outcome) -> None:
    passed = ET.Element("testcase")
    case = ET.Element("testcase")
    ET.SubElement(case, tag, message=message)
    assert result_of([passed]).outcome is Outcome.PASSED
    assert result_of([passed, case]).outcome is outcome


def test_a_test_that_is_not_there_judges_nothing() -> None:
    assert result_of([]).outcome is Outcome.BROKEN
