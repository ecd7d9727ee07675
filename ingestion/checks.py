"""The checks within a batch that need no query: how much was rejected, where and why, and which files are at fault.

The share of rejects is checked three times. A file of 200 records or more is checked alone. Smaller files are checked
together, and so are all files that have passed so far: otherwise a delivery in many small files could pass when the
same delivery in one file would fail. If one of these two checks fails, the small files are at fault, because each of
the others has at most 5 % of rejects. A device with a high share is only a warning.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from allive.ingestion.contracts import Contract
from allive.ingestion.contracts.fields import Choice, CountryCode
from allive.ingestion.counted import counted
from allive.ingestion.reports import CheckResult
from allive.ingestion.staging import DeviceCounts, FileCounts, StagedBatch

MAX_REJECT_SHARE = 0.05
MIN_RECORDS_FOR_SHARE = 200
MIN_RECORDS_FOR_EMPTY = 2
"""One record without a value is a reject; an empty column needs at least this many records."""

_NAMED_AT_MOST = 5
_MOST_VALIDATIONS = 32


def check_counts(contract: Contract, staged: StagedBatch) -> tuple[CheckResult, ...]:
    """Check a batch by its counts; a failed critical check names the files to hold (INTERFACES.md, "Landing")."""
    by_file = _reject_share_of_files(staged.counts)
    empty = _empty_columns(contract, staged.counts)
    failed = {*by_file.files, *empty.files}
    standing = {name: file for name, file in staged.counts.items() if name not in failed}
    return (
        by_file,
        _reject_share_together(standing),
        empty,
        *_reject_share_of_devices(contract, staged.devices),
        *_odd_fields(contract, staged),
    )


def files_at_fault(files: Sequence[str], fails: Callable[[Sequence[str]], bool]) -> tuple[str, ...]:
    """Return the files of a failed batch that fail a validation alone.

    If files only fail together, or cannot be separated in a limited number of validations, all of them are at fault.

    >>> files_at_fault("abcdefgh", lambda group: "c" in group)
    ('c',)
    >>> files_at_fault("abcd", lambda group: len(group) == 4)
    ('a', 'b', 'c', 'd')
    """
    left = _MOST_VALIDATIONS

    def find(group: Sequence[str]) -> tuple[str, ...]:
        nonlocal left
        if len(group) == 1 or left <= 0:
            return tuple(group)
        left -= 2
        halves = (group[: len(group) // 2], group[len(group) // 2 :])
        return tuple(name for half in halves if fails(half) for name in find(half)) or tuple(group)

    return find(files)


def is_too_much_rejected(rejects: int, records: int) -> bool:
    """Return whether the share of rejects is above the limit (INTERFACES.md, "Landing").

    >>> is_too_much_rejected(10, 200), is_too_much_rejected(11, 200), is_too_much_rejected(199, 199)
    (False, True, False)
    """
    return records >= MIN_RECORDS_FOR_SHARE and rejects > MAX_REJECT_SHARE * records


def _reject_share_of_files(counts: Mapping[str, FileCounts]) -> CheckResult:
    failed = {name: file for name, file in counts.items() if is_too_much_rejected(file.rejected, file.records)}
    return CheckResult(
        name="reject_share",
        passed=not failed,
        severity="critical",
        found=_files(len(failed), "above") if failed else "no file above",
        expected=f"at most {MAX_REJECT_SHARE:.0%} rejects in a file of {MIN_RECORDS_FOR_SHARE} records or more",
        detail=_some(
            f"{name}: {file.rejected} of {file.records} ({_most_frequent(file.rejects)})"
            for name, file in failed.items()
        ),
        files=tuple(failed),
    )


def _reject_share_together(standing: Mapping[str, FileCounts]) -> CheckResult:
    small = {name: file for name, file in standing.items() if 0 < file.records < MIN_RECORDS_FOR_SHARE}
    has_failed = any(
        is_too_much_rejected(sum(file.rejected for file in pool.values()), sum(file.records for file in pool.values()))
        for pool in (small, standing)
    )
    failed = small if has_failed else {}
    reasons = sum((Counter(file.rejects) for file in failed.values()), Counter[str]())
    return CheckResult(
        name="reject_share_together",
        passed=not has_failed,
        severity="critical",
        found=(
            f"{reasons.total():,} of {sum(file.records for file in failed.values()):,} records rejected in "
            f"{_files(len(failed), f'of fewer than {MIN_RECORDS_FOR_SHARE}')} ({_most_frequent(reasons)})"
            if failed
            else "no more in small files together"
        ),
        expected=f"at most {MAX_REJECT_SHARE:.0%} rejects in the files of a batch together, and in its small ones",
        detail=_some(
            f"{name}: {file.rejected} of {file.records} ({_most_frequent(file.rejects)})"
            for name, file in failed.items()
            if file.rejected
        ),
        files=tuple(failed),
    )


def _most_frequent(rejects: Mapping[str, int]) -> str:
    reason, count = max(rejects.items(), key=lambda entry: entry[1])
    return f"{reason} {count:,}"


def _files(number: int, which: str) -> str:
    return f"{counted(number, 'file')} {which}"


def _empty_columns(contract: Contract, counts: Mapping[str, FileCounts]) -> CheckResult:
    found = {
        name: empty
        for name, file in counts.items()
        if (cut := file.records - file.rejects.get("malformed", 0)) >= MIN_RECORDS_FOR_EMPTY
        and (empty := [field for field in contract.required if file.rejects.get(f"missing_{field}", 0) == cut])
    }
    return CheckResult(
        name="required_columns_filled",
        passed=not found,
        severity="critical",
        found=_files(len(found), "with an empty one") if found else "none is empty",
        expected="a value in every required column of each file",
        detail=_some(f"{name}: {field}" for name, empty in found.items() for field in empty),
        files=tuple(found),
    )


def _reject_share_of_devices(contract: Contract, devices: Mapping[str, DeviceCounts]) -> Iterator[CheckResult]:
    """Check the share of rejects of each device: a bad release of one player does not make other records wrong."""
    if "device" not in contract.field_names:
        return
    failed = {name: one for name, one in devices.items() if is_too_much_rejected(one.rejected, one.records)}
    yield CheckResult(
        name="reject_share_of_devices",
        passed=not failed,
        severity="warning",
        found=(
            _some(
                f"{one.rejected:,} of {one.records:,} records of device {name} rejected "
                f"({_most_frequent(one.rejects)}), the first in {one.first_file}, line {one.first_line}"
                for name, one in failed.items()
            )
            if failed
            else "no device above"
        ),
        expected=f"at most {MAX_REJECT_SHARE:.0%} rejects of a device that has {MIN_RECORDS_FOR_SHARE} records or more",
    )


def _odd_fields(contract: Contract, staged: StagedBatch) -> Iterator[CheckResult]:
    for field in contract.lenient:
        odd = staged.odd.get(field.name)
        is_word = isinstance(field.type, Choice | CountryCode)
        kept = f"as {field.type.other!r}" if isinstance(field.type, Choice) and field.type.other else "without it"
        records = odd.records if odd else 0
        yield CheckResult(
            name=f"{field.name}_{'known' if is_word else 'readable'}",
            passed=odd is None,
            severity="warning",
            found=(
                f"{counted(records, 'record')} with an "
                f"{'unknown' if is_word else 'unreadable'} {field.name}, kept {kept}"
            ),
            expected=field.type.expected if field.required else f"{field.type.expected}, or none",
            detail=f"first {odd.written!r} in {odd.file}, line {odd.line}" if odd else "",
        )


def _some(found: Iterable[str]) -> str:
    named = list(found)
    more = len(named) - _NAMED_AT_MOST
    return "; ".join(named[:_NAMED_AT_MOST]) + (f"; and {more:,} more" if more > 0 else "")
