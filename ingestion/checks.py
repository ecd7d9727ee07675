"""The checks within a batch that need no query: how much of each file was rejected, and why."""

from collections.abc import Iterator, Mapping

from ingestion.contracts import Contract
from ingestion.contracts.fields import Choice
from ingestion.reports import CheckResult
from ingestion.staging import FileCounts, StagedBatch

MAX_REJECT_SHARE = 0.05
MIN_RECORDS_FOR_SHARE = 200
MIN_RECORDS_FOR_EMPTY = 2
"""One record without a value is a reject; a column without any takes more than one."""

_NAMED_AT_MOST = 5


def check_counts(contract: Contract, staged: StagedBatch) -> tuple[CheckResult, ...]:
    """Judge a batch by its counts; a failed critical check holds it (INTERFACES.md, "Landing")."""
    return (
        _reject_share(staged.counts),
        _empty_columns(contract, staged.counts),
        *_odd_fields(contract, staged),
    )


def _reject_share(counts: Mapping[str, FileCounts]) -> CheckResult:
    found = [
        f"{name}: {rejects} of {file.records} ({_most_frequent(file)})"
        for name, file in counts.items()
        if (rejects := file.records - file.accepted) > MAX_REJECT_SHARE * file.records
        and file.records >= MIN_RECORDS_FOR_SHARE
    ]
    return CheckResult(
        name="reject_share",
        passed=not found,
        severity="critical",
        found=f"{len(found)} files above" if found else "no file above",
        expected=f"at most {MAX_REJECT_SHARE:.0%} rejects in a file of {MIN_RECORDS_FOR_SHARE} records or more",
        detail=_some(found),
    )


def _most_frequent(file: FileCounts) -> str:
    reason, count = max(file.rejects.items(), key=lambda entry: entry[1])
    return f"{reason} {count}"


def _empty_columns(contract: Contract, counts: Mapping[str, FileCounts]) -> CheckResult:
    found = [
        f"{name}: {field}"
        for name, file in counts.items()
        for field in contract.required
        if (cut := file.records - file.rejects.get("malformed", 0)) >= MIN_RECORDS_FOR_EMPTY
        and file.rejects.get(f"missing_{field}", 0) == cut
    ]
    return CheckResult(
        name="required_columns_filled",
        passed=not found,
        severity="critical",
        found=f"{len(found)} files with an empty one" if found else "none is empty",
        expected="a value in every required column of each file",
        detail=_some(found),
    )


def _odd_fields(contract: Contract, staged: StagedBatch) -> Iterator[CheckResult]:
    for field in contract.lenient:
        odd = staged.odd.get(field.name)
        is_word = isinstance(field.type, Choice)
        kept = f"as {field.type.other!r}" if isinstance(field.type, Choice) and field.type.other else "without it"
        records = odd.records if odd else 0
        yield CheckResult(
            name=f"{field.name}_{'known' if is_word else 'readable'}",
            passed=odd is None,
            severity="warning",
            found=(
                f"{records} {'record' if records == 1 else 'records'} with an "
                f"{'unknown' if is_word else 'unreadable'} {field.name}, kept {kept}"
            ),
            expected=field.type.expected if field.required else f"{field.type.expected}, or none",
            detail=f"first {odd.written!r} in {odd.file}, line {odd.line}" if odd else "",
        )


def _some(found: list[str]) -> str:
    more = len(found) - _NAMED_AT_MOST
    return "; ".join(found[:_NAMED_AT_MOST]) + (f"; and {more} more" if more > 0 else "")
