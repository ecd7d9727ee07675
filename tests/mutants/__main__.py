"""Break each rule once and report which tests noticed; exit 0 only if every mutant was killed."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.mutants.engines import DbtEngine, Engine, Outcome, PytestEngine
from tests.mutants.mutant import Mutant, StaleMutantError, applied
from tests.mutants.table import MUTANTS


@dataclass(frozen=True)
class Finding:
    """The result of one mutant."""

    mutant: Mutant
    verdict: str
    is_killed: bool = False
    detail: str = ""
    seconds: float = 0.0


def main() -> int:
    """Run the mutants named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="mutant", help="names of mutants (default: all)")
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="N/M", help="run only part N of M")
    arguments = parser.parse_args()
    names, (number, parts) = arguments.names, arguments.part
    if unknown := set(names) - {mutant.name for mutant in MUTANTS}:
        parser.error(f"no mutant is called {', '.join(sorted(unknown))}; their names are in tests/mutants/table.py")
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names][number - 1 :: parts]
    findings = run_all(chosen)
    killed = sum(finding.is_killed for finding in findings)
    show(findings)
    print(f"{killed} passed, {len(findings) - killed} failed")
    return 0 if killed == len(findings) else 1


def _part(text: str) -> tuple[int, int]:
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise argparse.ArgumentTypeError(f"found {text!r}; expected N/M with 1 <= N <= M, such as 2/4")
    return int(number), int(parts)


def run_all(mutants: Sequence[Mutant]) -> list[Finding]:
    """Judge the mutants, dbt ones and pytest ones in parallel; return the findings in the order given."""
    of_dbt = [mutant for mutant in mutants if mutant.is_killed_by_dbt]
    of_pytest = [mutant for mutant in mutants if not mutant.is_killed_by_dbt]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(1) as beside:
        pytest_findings = beside.submit(judge_all, PytestEngine, Path(folder) / "pytest", of_pytest)
        findings = judge_all(DbtEngine, Path(folder) / "dbt", of_dbt) + pytest_findings.result()
    order = {mutant.name: place for place, mutant in enumerate(mutants)}
    return sorted(findings, key=lambda finding: order[finding.mutant.name])


def judge_all(make_engine: Callable[[Path], Engine], root: Path, mutants: Sequence[Mutant]) -> list[Finding]:
    """Judge mutants one by one on one copy of the project, and print each verdict as it comes."""
    findings = []
    if mutants:
        for finding in _judge_all(make_engine(root), mutants):
            print(f"{finding.verdict:<9} {finding.mutant.name} ({finding.seconds:.1f} s)", flush=True)
            findings.append(finding)
    return findings


def _judge_all(engine: Engine, mutants: Sequence[Mutant]) -> Iterator[Finding]:
    unmutated = engine.run(sorted({mutant.killed_by for mutant in mutants}))
    for mutant in mutants:
        before = unmutated[mutant.killed_by]
        if before.outcome is Outcome.PASSED:
            yield judge(engine, mutant)
        else:
            yield Finding(mutant, "no test", detail=f"{mutant.killed_by} fails unmutated: {before.message}")


def judge(engine: Engine, mutant: Mutant) -> Finding:
    """Break the rule, run the test, restore the rule: the test must fail on an assertion."""
    started = time.monotonic()
    try:
        with applied(mutant, engine.root):
            result = engine.run([mutant.killed_by])[mutant.killed_by]
    except StaleMutantError as stale:
        return Finding(mutant, "stale", detail=str(stale))
    seconds = time.monotonic() - started
    if result.outcome is Outcome.FAILED:
        return Finding(mutant, "killed", is_killed=True, seconds=seconds)
    if result.outcome is Outcome.PASSED:
        return Finding(mutant, "SURVIVED", detail="its test still passes", seconds=seconds)
    return Finding(mutant, "BROKEN", detail=f"not a failed assertion: {result.message}", seconds=seconds)


def show(findings: Sequence[Finding]) -> None:
    """Print one table of all mutants, then the reason for each one that was not killed."""
    # Without a terminal the width is unknown: a wide table reads better than one with every cell wrapped.
    console = Console() if sys.stdout.isatty() else Console(width=180)
    table = Table("mutant", "rule")
    table.add_column("killed by", overflow="fold")
    table.add_column("seconds", justify="right")
    for finding in findings:
        test = escape(finding.mutant.killed_by) if finding.is_killed else f"[bold red]{finding.verdict}[/]"
        table.add_row(finding.mutant.name, escape(finding.mutant.rule), test, f"{finding.seconds:.1f}")
    console.print(table)
    for finding in findings:
        if not finding.is_killed:
            print(f"{finding.mutant.name}: {finding.detail.strip()}\n")


if __name__ == "__main__":
    sys.exit(main())
