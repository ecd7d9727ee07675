"""`allive run`: loads, builds, checks and publishes, then reports the result."""

from collections.abc import Mapping, Sequence
from typing import Any

from allive.ingestion.batches import list_held
from allive.ingestion.counted import counted
from allive.ingestion.not_taken import find_not_taken
from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.nothing_new import outcome_of_nothing_new
from allive.orchestration.outcome import CRITICAL, LEFT_OUT, NOTHING_NEW, RunOutcome
from allive.orchestration.terminal import folded, refuse, say, say_points, showing_progress, table, visible

_NAMED_AT_MOST = 3
_MOST_ODD = 20
_MOST_FOLDERS = 3
_COLUMNS = 80


def refresh(settings: Settings, *, command: str = "allive run", rebuild: bool = False, verbose: bool = False) -> bool:
    """Run the job `refresh`, unless it would change nothing, and report. Return whether everything succeeded.

    A file that was held or set aside in this run counts as a failure. So does an entry in landing that is not taken, in
    every run until a person moves it. With `rebuild` the warehouse is deleted first; with `verbose` the job always
    runs, because its log is wanted.
    """
    with hold_data_home(settings, command=command), showing_progress():
        outcome = None if rebuild or verbose else outcome_of_nothing_new(settings)
        if outcome is None:
            from allive.orchestration.runs import run_job  # noqa: PLC0415 - Dagster, 4 s

            ops = {"warehouse": {"config": {"rebuild": rebuild}}}
            outcome = run_job(settings, "refresh", ops=ops, verbose=verbose)
    show_landed(outcome)
    left_out = show_not_taken(settings, with_last_load=True)
    _show_warnings(outcome)
    show_warehouse(outcome)
    _show_serving(settings, outcome)
    if not outcome.success:
        refuse("The run failed.", outcome.failures)
    is_complete = _require_all_taken(outcome, left_out)
    return not show_held(settings, outcome) and outcome.success and is_complete


def _require_all_taken(outcome: RunOutcome, left_out: int) -> bool:
    """Repeat at the end of a run how many files in landing are in no table. Return whether all were taken."""
    set_aside = sum(metadata.get("unreadable_files", 0) for metadata in _raw(outcome).values())
    counts = {"not taken": left_out, "set aside as unreadable": set_aside}
    if found := [f"{number:,} {what}" for what, number in counts.items() if number]:
        refuse(
            f"Not all landed files were taken: {', '.join(found)}; see above.",
            [
                "Everything else was done.",
                "Move files that do not belong there out of landing; deliver the others again, complete.",
            ],
        )
    return not found


def _raw(outcome: RunOutcome) -> dict[str, Mapping[str, Any]]:
    return {
        asset.removeprefix("raw/"): metadata for asset, metadata in outcome.assets.items() if asset.startswith("raw/")
    }


def show_landed(outcome: RunOutcome) -> None:
    """Show what was loaded, and list the files that could not be read."""
    new = {
        record_type: metadata for record_type, metadata in _raw(outcome).items() if metadata["verdict"] != NOTHING_NEW
    }
    if not new:
        say("Nothing new has landed.")
        return
    table(
        "Loaded",
        ("record type", "files", "known", "records", "rejects", "held files", "records/s", "verdict"),
        [
            (
                record_type,
                *(metadata[name] for name in ("files", "already_loaded", "records", "rejects", "held_files")),
                round(metadata["judged"] / metadata["seconds"]),
                metadata["verdict"],
            )
            for record_type, metadata in new.items()
        ],
    )
    for record_type, metadata in new.items():
        _show_set_aside(record_type, metadata)
        _show_rejected(record_type, metadata)


def _show_set_aside(record_type: str, metadata: Mapping[str, Any]) -> None:
    if metadata["unreadable"]:
        more = metadata["unreadable_files"] - len(metadata["unreadable"])
        say_points(
            "Set aside as unreadable. Deliver each file again, complete:",
            [
                *(f"{visible(file)}: {visible(reason)}" for file, reason in metadata["unreadable"].items()),
                *(
                    [f"and {more:,} more: `allive rejects list --type {record_type} --reason unreadable`"]
                    if more
                    else []
                ),
            ],
        )


def _show_rejected(record_type: str, metadata: Mapping[str, Any]) -> None:
    if metadata["rejected"]:
        more = metadata["rejected_kinds"] - len(metadata["rejected"])
        say_points(
            f"Rejected {record_type}; the other records of these files are loaded:",
            [
                *(
                    f"{visible(kind['file'])}: {kind['reason']}, {counted(kind['records'], 'record')}, "
                    f"the first in line {kind['first_line']:,}"
                    for kind in metadata["rejected"]
                ),
                *([f"and {more:,} more kinds: `allive rejects list --type {record_type}`"] if more else []),
                f"See each line: `allive rejects show --type {record_type}`",
            ],
        )


def show_not_taken(settings: Settings, *, with_last_load: bool = False) -> int:
    """List entries in landing that are not taken, and count those left out by name. Return how many were not taken."""
    found = find_not_taken(settings, with_last_load=with_last_load)
    if found.count:
        say(f"Not taken from landing: {found.count:,}.")
        for entry in found.named[:_MOST_ODD]:
            line = f"  - {entry.name}: {entry.reason}"
            say(line if len(line) <= _COLUMNS else f"  - {entry.name}:\n      {entry.reason}")
        if (more := found.count - _MOST_ODD) > 0:
            say(f"  - and {more:,} more")
    if found.kept_out:
        say(f"Kept out by their names (being delivered, or put aside): {sum(found.kept_out.values()):,}.")
        folders = sorted(found.kept_out.items(), key=lambda kept: (-kept[1], kept[0]))
        for folder, entries in folders[:_MOST_FOLDERS]:
            say(f"  - {entries:,} in landing/{folder}")
        if (more := len(folders) - _MOST_FOLDERS) > 0:
            say(f"  - and in {more:,} more folders")
    return found.count


def _show_warnings(outcome: RunOutcome) -> None:
    for check in outcome.failed_checks:
        if check.severity == "WARN" and check.name != LEFT_OUT:
            words = check.metadata.get("in_words") or [check.description or "it failed"]
            say_points(f"Warning, {check.asset}, {check.name}:", map(visible, words))


def show_warehouse(outcome: RunOutcome) -> None:
    """Report what was built, and why from scratch if so."""
    models = [
        metadata
        for asset, metadata in outcome.assets.items()
        if asset.startswith(("staging/", "intermediate/", "marts/"))
    ]
    if not models:
        return
    built = [metadata for metadata in models if metadata["state"] == "built"]
    rows = sum(metadata.get("dagster/row_count", 0) for metadata in models)
    if dropped_because := models[0].get("dropped_because"):
        say(dropped_because)
    if built:
        say(f"Built and checked the warehouse: {len(built)} of {len(models)} models, {rows:,} rows in tables.")
    else:
        say(f"The warehouse is up to date: built from the same inputs at {models[0]['built_at']}.")


def _show_serving(settings: Settings, outcome: RunOutcome) -> None:
    copy = outcome.assets.get("serving/allive")
    if copy is not None:
        say(f"Serving copy {copy['state']}: {settings.serving_dir / copy['file']}")


def show_held(settings: Settings, outcome: RunOutcome) -> bool:
    """Show files held in this run as refusals, earlier ones as a reminder. Return whether there are any new ones."""
    new = {metadata["batch"]: metadata for metadata in _raw(outcome).values() if metadata.get("held_files")}
    for held in list_held(settings):
        if held.batch_id not in new:
            say(
                f"Still held since {held.held_at}: {_files(held.names, len(held.names))} of {held.batch_id}. "
                f"Decide: `allive batches show {held.batch_id}`."
            )
    for check in outcome.failed_checks:
        if check.name == CRITICAL:
            batch = check.metadata["batch"]
            metadata = new[batch]
            number = metadata["held_files"]
            is_all = metadata["verdict"] == "held"
            refuse(
                f"Batch {batch} is held."
                if is_all
                else f"Batch {batch}: {counted(number, 'file is', 'files are')} held.",
                [
                    *(_point(visible(words)) for words in check.metadata["in_words"]),
                    _point(f"Held: {_files(metadata['held'], number)}."),
                    "None of it is in the warehouse; everything else was done."
                    if is_all
                    else "The other files are loaded.",
                    "Months that they affect cannot close until you decide:",
                    f"  `allive batches show {batch}`",
                    f"  `allive batches release {batch} [FILE …] --why …`",
                    f"  `allive batches discard {batch} [FILE …] --why …`",
                ],
            )
    return bool(new)


def _point(text: str) -> str:
    """Wrap a point of a refusal; its first line begins where the others do."""
    return folded(text, first="    ", indent="    ").lstrip()


def _files(names: Sequence[str], number: int) -> str:
    named = ", ".join(map(visible, names[:_NAMED_AT_MOST]))
    return named + (f" and {number - _NAMED_AT_MOST:,} more" if number > _NAMED_AT_MOST else "")
