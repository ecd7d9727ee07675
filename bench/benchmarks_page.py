"""docs/benchmarks.md: one section per suite and size, with the figures of its last run and the machine it ran on."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.report import Section

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

Each section is the last run of one suite at one size, written by `python -m bench --write` (`make bench`). A run leaves
the sections of other sizes alone. Seconds are wall-clock seconds, so they also show how busy the machine was: compare
figures within a section, never across sections. *÷ floor* is the ratio to the seconds of the first row. The aims of
`scale`, `closing` and `increments` are judged by CPU seconds.
"""
_PACKAGES = ("duckdb", "dbt-core", "dbt-duckdb", "deltalake", "polars", "chdb", "pyspark")


def write_sections(sections: Sequence[tuple[str, Section]], page: Path = PAGE) -> None:
    """Write each section under its name: replace the section of that name, or append it."""
    text = page.read_text(encoding="utf-8") if page.exists() else _HEAD
    for name, section in sections:
        block = f"<!-- {name} -->\n{_as_markdown(name, section)}\n<!-- end -->\n"
        old = re.compile(rf"<!-- {re.escape(name)} -->\n.*?<!-- end -->\n", re.DOTALL)
        text = old.sub(lambda _: block, text) if old.search(text) else f"{text}\n{block}"  # noqa: B023 - called immediately
    page.write_text(text, encoding="utf-8")


def machine() -> str:
    """The machine and its software, in one sentence."""
    info = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.+)", info.read_text(encoding="utf-8")) if info.exists() else []
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    installed = []
    for package in _PACKAGES:
        try:
            installed.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    load = os.getloadavg()[2]
    return (
        f"{os.cpu_count()} cores ({models[0].strip() if models else platform.machine()}), {memory:.0f} GB of memory, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {', '.join(installed)}; "
        f"15-minute load average {load:.1f}"
    )


def _as_markdown(name: str, section: Section) -> str:
    lines = [
        f"## {name}",
        "",
        f"{section.title}.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}.",
        "",
        "| | seconds | ÷ floor | CPU s | peak MB | |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for row in section.rows:
        figures = (
            _figure(row.seconds, 2),
            _figure(row.to_floor, 2),
            _figure(row.cpu_seconds, 1),
            _figure(None if row.peak_bytes is None else row.peak_bytes / 1e6, 0),
        )
        lines.append(f"| {_cell(row.name)} | {' | '.join(figures)} | {_cell(row.note)} |")
    lines.append("")
    verdicts = {True: "PASS", False: "FAIL", None: "not judged"}
    lines += [f"- **{verdicts[aim.kept]}** {aim.text}: {aim.found}." for aim in section.aims]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
