"""Two runners of named tests, each on its own copy of the project: dbt in this process, pytest in a subprocess."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol
from xml.etree import ElementTree as ET

import duckdb

from allive.ingestion.raw_tables import create_raw_views, read_pins
from allive.ingestion.settings import PROJECT_ROOT, Settings
from allive.orchestration.parsed_project import dbt_arguments, profile_environment
from allive.payouts.bookings import create_booking_views

COPIED = (
    ".ci",
    "allive",
    "dashboards",
    "dbt_project",
    "ingestion",
    "orchestration",
    "payouts",
    "tests",
    "pyproject.toml",
)
NOT_COPIED = ("__pycache__", "target", "logs", ".hypothesis", "node_modules")
DEADLINE_S = 900
"""Limit for one run of pytest: a mutant can loop forever."""
# How the message of a failed assertion starts. Any other error means that the code did not run.
ASSERTIONS = ("assert ", "AssertionError", "Failed: ")


class Outcome(StrEnum):
    """The outcome of one test."""

    PASSED = "passed"
    FAILED = "failed"  # an assertion failed, or a dbt unit test found a difference
    BROKEN = "broken"  # could not be judged: a syntax error, a missing column, no such test


@dataclass(frozen=True)
class TestResult:
    """One test's outcome and message."""

    __test__ = False

    outcome: Outcome
    message: str = ""


class Engine(Protocol):
    """Runs named tests on a copy of the project that mutants can break."""

    root: Path

    def run(self, tests: Sequence[str]) -> dict[str, TestResult]:
        """Run the tests on the copy in its current state."""


def copy_project(root: Path) -> None:
    """Copy the parts of the project that the tests of the rules need."""
    root.mkdir(parents=True)
    for name in COPIED:
        source = PROJECT_ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, symlinks=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
        else:
            shutil.copy(source, root / name)


class DbtEngine:
    """Runs dbt unit tests on a warehouse of empty tables, which give the columns their types."""

    def __init__(self, root: Path) -> None:
        copy_project(root)
        self.root = root
        self._settings = Settings(home=root / "home", memory_limit="2GB", threads=1)
        self._prepare_warehouse()

    def run(self, tests: Sequence[str]) -> dict[str, TestResult]:
        """Run unit tests by name."""
        invoked = self._invoke("test", "--select", *(f"test_type:unit,{name}" for name in tests))
        if invoked.result is None:
            return dict.fromkeys(tests, TestResult(Outcome.BROKEN, str(invoked.exception)))
        outcomes = {"pass": Outcome.PASSED, "fail": Outcome.FAILED}
        results = {
            node.node.name: TestResult(outcomes.get(str(node.status), Outcome.BROKEN), node.message or "")
            for node in invoked.result
        }
        missing = TestResult(Outcome.BROKEN, "there is no such unit test")
        return {name: results.get(name, missing) for name in tests}

    def _prepare_warehouse(self) -> None:
        self._settings.warehouse_path.parent.mkdir(parents=True)
        with duckdb.connect(self._settings.warehouse_path) as con:
            create_raw_views(con, self._settings, read_pins(self._settings))
            create_booking_views(con, self._settings)
        built = self._invoke("build", "--exclude-resource-type", "test", "unit_test")
        if not built.success:
            broken = [node.message for node in built.result or () if str(node.status) == "error"]
            raise RuntimeError(f"The project does not build, so no mutant can be judged: {built.exception or broken}")

    def _invoke(self, *arguments: str) -> Any:
        from dbt.cli.main import dbtRunner  # noqa: PLC0415 - takes 2 s, needed only for dbt mutants

        project = self.root / "dbt_project"
        shared = dbt_arguments(self._settings, project_dir=project, target=self.root / "target")
        command, *rest = arguments
        with profile_environment(self._settings):
            return dbtRunner().invoke([command, *shared, *rest])


class PytestEngine:
    """Runs pytest nodes in a process that imports the copy."""

    def __init__(self, root: Path) -> None:
        copy_project(root)
        self.root = root
        # No bytecode: Python would miss an edit of the same length within the same second.
        self._environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
        self._check_imports()

    def run(self, tests: Sequence[str]) -> dict[str, TestResult]:
        """Run test functions by node ID, each with all its parameters."""
        report = self.root / "report.xml"
        report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", *tests]
        try:
            finished = self._execute(command)
        except subprocess.TimeoutExpired:
            return dict.fromkeys(tests, TestResult(Outcome.BROKEN, f"pytest did not finish within {DEADLINE_S} s"))
        if not report.exists():
            return dict.fromkeys(tests, TestResult(Outcome.BROKEN, finished.stdout + finished.stderr))
        cases = list(ET.parse(report).getroot().iter("testcase"))  # noqa: S314 - pytest wrote it
        return {test: result_of([case for case in cases if _node_of(case) == test]) for test in tests}

    def _check_imports(self) -> None:
        imported = self._execute(
            [sys.executable, "-c", "import allive.dashboards, allive.payouts; print(allive.payouts.__file__)"]
        )
        if not imported.stdout.startswith(str(self.root)):
            raise RuntimeError(
                f"Tests would import {imported.stdout.strip() or imported.stderr}, expected the copy in {self.root}."
            )

    def _execute(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_S,
        )


def _node_of(case: ET.Element) -> str:
    """The node ID of a test function, without its parameters."""
    path = (case.get("classname") or "").replace(".", "/")
    return f"{path}.py::{(case.get('name') or '').partition('[')[0]}"


def result_of(cases: Sequence[ET.Element]) -> TestResult:
    """Return the result of a test function from its cases in the JUnit XML, one per set of parameters."""
    if not cases:
        return TestResult(Outcome.BROKEN, "there is no such test")
    errors = [error.get("message") or "" for case in cases for error in case.findall("error")]
    failures = [failure.get("message") or "" for case in cases for failure in case.findall("failure")]
    if errors or any(not message.startswith(ASSERTIONS) for message in failures):
        return TestResult(Outcome.BROKEN, "\n".join([*errors, *failures]))
    return TestResult(Outcome.FAILED, failures[0]) if failures else TestResult(Outcome.PASSED)
