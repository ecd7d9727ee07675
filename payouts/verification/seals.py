"""Checks hashes and their chains: files ← manifest ← run hash ← next month, and manifest ← audit log ← its next line.

Computes the hashes with its own code: nothing here calls the code that wrote them.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from allive.payouts.closed_month.findings import EVERYTHING, Check, Place, Report
from allive.payouts.closed_month.month_files import Manifest, read_json
from allive.payouts.formats import AUDIT_FILE, AUDIT_FORMAT
from allive.payouts.ledger import (
    ADJUSTMENTS_FILE,
    CONTROL_FILE,
    GENESIS_HASH,
    LIVES_FILE,
    MANIFEST_FILE,
    MONTH_FORMAT,
    PAYEES_FILE,
    PAYOUTS_FILE,
    SLICES_FILE,
    TRANSFERS_FILE,
)
from allive.payouts.months import following

NO_LINE: Final = hashlib.sha256(b"").hexdigest()
"""The `previous` hash of the first line of the audit log."""

_UPGRADE: Final = "Upgrade the project, then verify it."
_ALWAYS_THERE: Final = (PAYOUTS_FILE, ADJUSTMENTS_FILE, LIVES_FILE, SLICES_FILE, CONTROL_FILE)
_SEALED_LINE: Final = re.compile(rb'(\{.*), "sha256": "([0-9a-f]{64})"\}')


@dataclass(frozen=True)
class AuditLine:
    """A line of the audit log; `number` counts from 1, and `entry` is empty if the line is newer than the code."""

    number: int
    entry: dict[str, Any]


@dataclass
class AuditLog:
    """The lines of the audit log that can be read, by their SHA-256, and the SHA-256 of the last line.

    Each line has its own SHA-256. A changed line also breaks the next line's `previous`; the last line has no next one.
    """

    head: str = NO_LINE
    lines: dict[str, AuditLine] = field(default_factory=dict)
    closings: defaultdict[str, list[AuditLine]] = field(default_factory=lambda: defaultdict(list))

    @property
    def has_newer_lines(self) -> bool:
        """Whether some lines have a format that the code does not know: their content is unknown."""
        return any(not line.entry for line in self.lines.values())

    def is_unread(self, sha256: str) -> bool:
        """Whether the content of a line is unknown, because it is newer than the code."""
        return sha256 in self.lines and not self.lines[sha256].entry

    def entry(self, sha256: str) -> dict[str, Any]:
        """Return the entry of a line; empty if there is no such line."""
        return self.lines[sha256].entry if sha256 in self.lines else {}


def read_audit_log(report: Report, payouts: Path) -> AuditLog:
    """Read the audit log, checking that each line is whole, matches its own hash, and follows the one before."""
    log = AuditLog()
    place = report.at(Check.AUDIT, AUDIT_FILE)
    lines = read_sealed_lines(place, payouts / AUDIT_FILE, known=AUDIT_FORMAT)
    for number, (sha256, entry) in enumerate(lines, start=1):
        log.head = sha256
        with place.reading(f"line {number}"):
            if entry is None:
                continue
            read = AuditLine(number, entry)
            if entry and entry["action"] == "close":
                log.closings[entry["settlement_month"]].append(read)
            log.lines[sha256] = read
    return log


def read_sealed_lines(place: Place, path: Path, *, known: int) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield the lines of a log with their SHA-256, checking that each is whole, sealed, and follows the one before.

    A line that is newer than `known` is noted as not checked, and empty; one that cannot be read is None.
    """
    content = b""
    with place.reading():
        content = path.read_bytes() if path.exists() else b""
    *lines, torn = content.split(b"\n")
    place.holds(
        "end",
        not torn,
        found=f"{len(torn)} bytes without an end of line",
        expected="whole lines; if a process was killed while it recorded, the next record repairs it",
    )
    head = NO_LINE
    for number, line in enumerate(lines, start=1):
        entry: dict[str, Any] | None = None
        with place.reading(f"line {number}"):
            entry = _read_line(place, number, line, previous=head, known=known)
        head = hashlib.sha256(line).hexdigest()
        yield head, entry


def check_files(report: Report, folder: Path, *, data_alone: bool = False) -> Manifest | None:
    """Compare every file of a month with its manifest; return the manifest if it can be read.

    A month of a newer format is noted as not checked: its files can have other names and columns. So is a month that
    this user has no permission to read. With `data_alone` only the files that the run hash covers are compared.
    """
    place = report.at(Check.FILES, f"{folder.name}/{MANIFEST_FILE}")
    if (why := _why_unread(folder)) is not None:
        report.not_checked(folder.name, EVERYTHING, why)
        return None
    with place.reading():
        manifest = read_json(folder / MANIFEST_FILE, Manifest)
        place.same("settlement_month", found=manifest.settlement_month, expected=folder.name)
        place.same("run_hash", found=manifest.run_hash, expected=_run_hash(manifest))
        found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
        always = {*_ALWAYS_THERE, *([TRANSFERS_FILE, PAYEES_FILE] if manifest.format > 1 else [])}
        names = {*manifest.files, *always, *found} - {MANIFEST_FILE}
        for name in sorted(name for name in names if not data_alone or _is_data(name)):
            _check_file(report.at(Check.FILES, f"{folder.name}/{name}"), found.get(name), manifest.files.get(name))
        return manifest
    return None


def check_chain(report: Report, payouts: Path, manifests: Mapping[str, Manifest | None], log: AuditLog) -> None:
    """Compare the months with one another and with the audit log: none missing, none exchanged, each on record.

    `manifests` are those of all closed months, in order; None if one cannot be read.
    """
    months = [*manifests]
    at_log = report.at(Check.AUDIT, AUDIT_FILE)
    at_log.holds("lines", bool(log.lines) or not months, found=None, expected="a line for the closing of each month")
    for earlier, month in pairwise(months):
        report.at(Check.CHAIN, month).same("next after " + earlier, found=month, expected=following(earlier))
    previous: Manifest | str | None = GENESIS_HASH
    for month, manifest in manifests.items():
        if manifest is not None and previous is not None:
            report.at(Check.CHAIN, f"{month}/{MANIFEST_FILE}").same(
                "previous_run_hash",
                found=manifest.previous_run_hash,
                expected=previous if isinstance(previous, str) else previous.run_hash,
            )
        previous = manifest
        with at_log.reading(f"closing of {month}"):
            _check_closing(report, payouts / month, manifest, log)
    for month in sorted(log.closings.keys() - manifests.keys()):
        report.at(Check.CHAIN, month).same("folder", found=None, expected="the month, which was closed on record")
    recorded = [line.entry["settlement_month"] for line in log.lines.values() if line.entry.get("action") == "close"]
    at_log.same("order of closings", found=recorded, expected=sorted(recorded))
    _check_verifications(report, manifests, log)


def check_anchor(report: Report, log: AuditLog, anchor: str) -> None:
    """Check that the log has the line whose hash was noted outside the data home; a rewritten log lacks it."""
    report.at(Check.AUDIT, AUDIT_FILE).holds(
        f"line with SHA-256 {anchor}",
        anchor in log.lines,
        found=None,
        expected="the line that was the log's last when its hash was noted",
    )


def _check_file(place: Place, path: Path | None, sha256: str | None) -> None:
    if path is None or sha256 is None:
        place.same("file", found=path and "a file", expected=sha256 and "the file that the manifest names")
        return
    with place.reading(), path.open("rb") as content:
        place.same("SHA-256", found=hashlib.file_digest(content, "sha256").hexdigest(), expected=sha256)


def _why_unread(folder: Path) -> str | None:
    """Return why a month cannot be read although nothing is wrong with it; the checks report damage."""
    try:
        content = json.loads((folder / MANIFEST_FILE).read_bytes())
    except PermissionError as error:
        return f"{error.strerror} for this user"
    except (OSError, ValueError):
        return None
    found = content.get("format") if isinstance(content, dict) else None
    if type(found) is int and found > MONTH_FORMAT:
        return f"{_has_format(found, MONTH_FORMAT)} {_UPGRADE}"
    return None


def _has_format(found: int, known: int) -> str:
    return f"it has format {found}, and this version of the project knows formats up to {known}."


def _read_line(place: Place, number: int, line: bytes, *, previous: str, known: int) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(line)
    found = entry.get("format", 1)
    if type(found) is int and found > known:
        place.report.not_checked(place.file, f"line {number}", f"{_has_format(found, known)} {_UPGRADE}")
        return {}
    place.holds(f"line {number}, format", type(found) is int and found > 0, found=found, expected="a number from 1 on")
    sealed = _SEALED_LINE.fullmatch(line)
    place.holds(
        f"line {number}, sha256",
        sealed is not None and hashlib.sha256(sealed[1] + b"}").hexdigest() == sealed[2].decode(),
        found=sealed and sealed[2].decode(),
        expected="the SHA-256 of the line without it",
    )
    place.same(f"line {number}, previous", found=entry["previous"], expected=previous)
    return entry


def _check_closing(report: Report, folder: Path, manifest: Manifest | None, log: AuditLog) -> None:
    closings = log.closings.get(folder.name, [])
    place = report.at(Check.AUDIT, f"{folder.name}/{MANIFEST_FILE}")
    if not closings and log.has_newer_lines:
        why = f"it might be in a line of {AUDIT_FILE} that is newer than this version of the project"
        report.not_checked(folder.name, "its closing", why)
        return
    if not place.same(f"closings in {AUDIT_FILE}", found=len(closings), expected=1):
        return
    (line,) = closings
    where = f"(line {line.number} of {AUDIT_FILE})"
    found = hashlib.sha256((folder / MANIFEST_FILE).read_bytes()).hexdigest()
    place.same(f"SHA-256 {where}", found=found, expected=line.entry["manifest_sha256"])
    if manifest is not None:
        place.same(f"run_hash {where}", found=manifest.run_hash, expected=line.entry["run_hash"])


def _check_verifications(report: Report, manifests: Mapping[str, Manifest | None], log: AuditLog) -> None:
    """Check that the months that earlier verifications proved have the same run hash."""
    for line in log.lines.values():
        if line.entry.get("action") == "verify" and "last_month" in line.entry:
            month = line.entry["last_month"]
            if report.is_unread(month):
                continue
            manifest = manifests.get(month)
            report.at(Check.AUDIT, f"{month}/{MANIFEST_FILE}").same(
                f"run_hash (verified, line {line.number} of {AUDIT_FILE})",
                found=manifest and manifest.run_hash,
                expected=line.entry["last_run_hash"],
            )


def _is_data(name: str) -> bool:
    return name.endswith((".csv", ".parquet")) or name == CONTROL_FILE


def _run_hash(manifest: Manifest) -> str:
    """Return the SHA-256 over the previous run's hash and those of the data files (csv, parquet, control), by name."""
    digest = hashlib.sha256(f"{manifest.previous_run_hash}\n".encode())
    for name in sorted(manifest.files):
        if _is_data(name):
            digest.update(f"{manifest.files[name]}  {name}\n".encode())
    return digest.hexdigest()
