"""Great Expectations' data docs: a page for the latest validation of each suite, and an index of the pages.

The library draws the expectations. Its own page around them loads scripts, styles and pictures from seven other sites;
ours loads nothing. No page contains a value of a record (RULES.md §11).
"""

import json
import os
from copy import deepcopy
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from allive.ingestion.counted import counted

_TEMPLATES: Final = Path(__file__).parent / "templates"
_PAGE: Final = "data_docs_page.j2"
_INDEX: Final = "data_docs_index.j2"
_FACTS: Final = ("suite", "about", "validated_at", "outcome", "holds")


def write_docs(folder: Path, outcome: ExpectationSuiteValidationResult, *, about: str) -> None:
    """Replace a suite's page and its result as JSON, and draw the index again.

    Args:
        folder: where the pages are.
        outcome: the result of the validation; values and messages in it are left out.
        about: which data were validated, such as a batch or a month.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bare = _without_values(outcome)
    facts = {
        "suite": bare.suite_name,
        "about": about,
        "validated_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "outcome": _in_words(bare),
        "holds": bool(bare.success),
    }
    page = ValidationResultsPageRenderer().render(bare)
    # The first section is about the library itself: its version, its batch, a link to a page that is not built.
    page.sections = page.sections[1:]
    _replace(folder / f"{bare.suite_name}.html", _view().render(page, facts=facts))
    _replace(folder / f"{bare.suite_name}.json", json.dumps({**facts, "result": bare.to_json_dict()}, indent=1))
    _replace(folder / "index.html", _view().env.get_template(_INDEX).render(suites=_latest(folder)))


def _latest(folder: Path) -> list[Any]:
    """The facts of each suite's latest validation. Files that a crash left damaged or unfinished are removed."""
    facts = []
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_bytes())
            facts.append({name: found[name] for name in _FACTS})
        except (ValueError, TypeError, KeyError):
            path.unlink()
    for left_by_a_kill in folder.glob(".*.tmp"):
        left_by_a_kill.unlink(missing_ok=True)
    return facts


def _without_values(outcome: ExpectationSuiteValidationResult) -> ExpectationSuiteValidationResult:
    bare = deepcopy(outcome)
    for result in bare.results:
        # A message can quote the value that could not be converted.
        result.result = {}
        result.exception_info = {}
    return bare


def _in_words(outcome: ExpectationSuiteValidationResult) -> str:
    """The outcome in words, with the force of the failed expectations.

    >>> from types import SimpleNamespace as Some
    >>> held, warned = (Some(severity=severity) for severity in ("critical", "warning"))
    >>> _in_words(Some(results=[Some(success=False, expectation_config=held), Some(success=True)]))
    '1 of 2 expectations not met: 1 critical'
    """
    failed = [result.expectation_config for result in outcome.results if not result.success]
    all_of_them = counted(len(outcome.results), "expectation")
    if not failed:
        return f"{all_of_them} met"
    critical = sum(config.severity == "critical" for config in failed)
    forces = {"critical": critical, "warning": len(failed) - critical}
    by_force = ", ".join(f"{number} {force}" for force, number in forces.items() if number)
    return f"{len(failed)} of {all_of_them} not met: {by_force}"


@lru_cache(maxsize=1)
def _view() -> Any:
    """The library's view with our templates; it keeps compiled templates."""

    class View(DefaultJinjaPageView):  # type: ignore[misc]
        _template = _PAGE

    return View(custom_views_directory=str(_TEMPLATES))


def _replace(path: Path, text: str) -> None:
    """Replace a file atomically. It is not synced: the next validation writes it again."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
