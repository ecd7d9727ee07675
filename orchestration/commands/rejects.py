"""`allive rejects`: shows rejected lines and the reasons, and exports them for a new delivery."""

from collections.abc import Iterator
from pathlib import Path

from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.contracts.words import MALFORMED, UNREADABLE, advice_of, expected_of, fields_of
from allive.ingestion.rejects.delivered import is_csv, values_of
from allive.ingestion.rejects.relation import Reject, Rejects, Wanted, open_rejects
from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import folded, refuse, say, say_points, table, visible, warn
from allive.payouts import audit
from allive.payouts.audit import operator_name

_KINDS_A_PAGE = 40
_LINES_A_PAGE = 10
_MOST_OF_A_VALUE = 200
_MOST_FILES = 20


def list_kinds(settings: Settings, wanted: Wanted, *, page: int) -> bool:
    """List rejects by file and reason."""
    with open_rejects(settings) as rejects:
        number, records = rejects.count(wanted)
        first = (page - 1) * _KINDS_A_PAGE
        kinds = rejects.kinds(wanted, first=first, most=_KINDS_A_PAGE)
    if not kinds:
        say("No rejects." if page == 1 else f"No page {page}: there are {number:,} kinds of rejects.")
        return True
    table(
        f"{records:,} rejects; kinds {first + 1} to {first + len(kinds)} of {number:,}",
        ("type", "file", "reason", "loaded", "first line", "records", "open"),
        [
            (
                kind.record_type,
                visible(kind.file),
                kind.reason,
                "held" if kind.is_held else kind.load_month,
                kind.first_line,
                kind.records,
                kind.records - kind.answered,
            )
            for kind in kinds
        ],
    )
    if first + len(kinds) < number:
        say(f"More: --page {page + 1}")
    say("`allive rejects show` shows each; `allive rejects export` writes the open ones, to be corrected.")
    return True


def show_lines(settings: Settings, wanted: Wanted, *, page: int) -> bool:
    """Show rejects one by one: where, value, expected value, what to do."""
    with open_rejects(settings) as rejects:
        _, number = rejects.count(wanted)
        first = (page - 1) * _LINES_A_PAGE
        shown = rejects.lines(wanted, first=first, most=_LINES_A_PAGE)
        for reject in shown:
            say("")
            for line in _in_words(rejects, reject):
                say(line)
    if not shown:
        say("No rejects." if page == 1 else f"No page {page}: there are {number:,} rejects.")
        return True
    say("")
    say(f"Rejects {first + 1:,} to {first + len(shown):,} of {number:,}.")
    if first + len(shown) < number:
        say(f"More: --page {page + 1}")
    return True


def _in_words(rejects: Rejects, reject: Reject) -> Iterator[str]:
    contract = CONTRACTS[reject.record_type]
    where = f"{visible(reject.file)}, line {reject.line:,}" if reject.line is not None else visible(reject.file)
    since = "held" if reject.is_held else f"loaded in {reject.load_month}"
    yield folded(f"{where}: {reject.reason}, {since}", indent="  ")
    if reject.reason == UNREADABLE:
        yield _entry("found", reject.raw)
    elif reject.reason == MALFORMED:
        yield _entry("line", reject.raw)
    else:
        from_csv = is_csv(reject.file)
        header = rejects.header_of(reject.record_type, reject.file, reject.file_hash) if from_csv else None
        values = values_of(reject.raw, header, is_from_csv=from_csv)
        for field in fields_of(contract, reject.reason):
            yield _entry("field", field)
            if values is not None:
                yield _entry("value", values.get(field, "none"))
        if values is None:
            yield _entry("line", reject.raw)
    yield _entry("expected", expected_of(contract, reject.reason))
    if reject.answered_by is not None:
        yield _entry("answered", f"came again in {reject.answered_by}")
    else:
        yield _entry("to do", advice_of(reject.reason))


def _entry(name: str, text: str) -> str:
    """One entry about a reject. Outside text has its control characters escaped and is cut if it is long."""
    shown = visible(text[:_MOST_OF_A_VALUE]) + ("…" if len(text) > _MOST_OF_A_VALUE else "")
    return folded(shown, first=f"  {name:<10}", indent=" " * 12)


def export(settings: Settings, wanted: Wanted, *, to: Path | None) -> bool:
    """Write open rejects to files that can be corrected and delivered again. Return whether that was possible."""
    # pyarrow, which looking at rejects does not need
    from allive.ingestion.rejects.export import ExportRefusedError, export_rejects  # noqa: PLC0415

    with hold_data_home(settings, command="allive rejects export"), open_rejects(settings) as rejects:
        try:
            exported = export_rejects(settings, rejects, wanted, to=to)
        except ExportRefusedError as error:
            refuse("Nothing was exported.", [str(error)])
            return False
        records = sum(file.records for file in exported.files)
        if not exported.files:
            say("No open rejects: nothing to export.")
            return True
        audit.record(
            settings,
            action="rejects_exported",
            operator=operator_name(settings),
            export=exported.export_id,
            records=records,
        )
    say_points(
        f"Exported {records:,} rejected lines as {exported.export_id}:",
        [
            *(f"{file.path} ({file.records:,} lines)" for file in exported.files[:_MOST_FILES]),
            *([f"and {len(exported.files) - _MOST_FILES:,} more files"] if len(exported.files) > _MOST_FILES else []),
        ],
    )
    if headless := [str(file.path) for file in exported.files if file.header_is_unknown]:
        warn("CSV without a header, because the original is no longer in landing. Add the header to:", headless)
    say_points(
        "They contain personal data. The errors of each line are in the file next to it, _rejects-….reasons.csv.",
        [
            "Correct each line in place; leave a line blank to drop it.",
            "Deliver the files to landing/<record type>/ by rename. Keep rejects-… in their names.",
            "Once they are loaded, `allive rejects list` shows the old rejects as answered.",
        ],
    )
    return True
