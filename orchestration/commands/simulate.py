"""`allive simulate`: compares what another policy would have paid each artist with what the month pays now."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from allive.ingestion.settings import Settings
from allive.orchestration import progress
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import Amount, artist_shown, refuse, say, showing_progress, table, warn
from allive.payouts.errors import Refusal
from allive.payouts.shown_cents import cents_of_parts, euros
from allive.payouts.simulation import Scenario, Simulation, simulate

_SHOWN_AS: Final = {
    "envelope_cents": ("envelope", "cents"),
    "minimum_payout_cents": ("minimum payout", "cents"),
    "pool_rule": ("pool rule", ""),
    "minimum_pool_share_bp": ("minimum share of a live for the pool", "bp"),
    "minimum_live_s": ("minimum length of a live", "s"),
}


def simulate_month(settings: Settings, month: str, scenario: Scenario, *, output: Path | None) -> bool:
    """Show a month under another policy. Return whether it can be settled under both.

    Writes nothing except `output`: the table of the artists as CSV, in cents.
    """
    try:
        with hold_data_home(settings, command=f"allive simulate {month}"), showing_progress():
            progress.tell(f"settling {month} under another policy")
            simulation = simulate(settings, month, scenario)
    except Refusal as refusal:
        refuse(f"{month} cannot be simulated.", refusal.reasons)
        return False
    if simulation.doubts:
        warn("The figures do not include this:", simulation.doubts)
    _show_artists(simulation)
    _show_totals(simulation)
    say(f"Simulated policy: {_changes(simulation, scenario)}.")
    for note in _notes(simulation, scenario):
        say(note)
    if output is not None:
        _write(output, simulation)
        say(f"Nothing was written except {output}")
    else:
        say("Nothing was written.")
    return True


def _show_artists(simulation: Simulation) -> None:
    booked = ["booked_cents"] if simulation.is_closed else []
    amounts = [*booked, "earned_now_cents", "earned_simulated_cents", "difference_cents"]
    headings = ["booked"] if booked else []
    table(
        f"{simulation.settlement_month}: earned under its own policy (now), and simulated",
        ("artist", "category", *headings, "now", "simulated", "difference"),
        [
            (
                artist_shown(one.artist_id, one.artist_name),
                one.category,
                *(Amount(getattr(one, name)) for name in amounts),
            )
            for one in simulation.artists
        ],
        total=(
            *("total", None),
            *(Amount(sum(getattr(one, name) for one in simulation.artists)) for name in amounts),
        ),
    )


def _show_totals(simulation: Simulation) -> None:
    controls = simulation.now.control, simulation.simulated.control
    parts = [cents_of_parts((control["direct_nanos"], control["pool_nanos"])) for control in controls]

    def amounts(name: str) -> list[Amount]:
        return [Amount(control[name]) for control in controls]

    table(
        "Totals",
        ("", "now", "simulated"),
        [
            ("members of the pool", *(len(control["pool_members"]) for control in controls)),
            ("direct", *(Amount(direct) for direct, _ in parts)),
            ("pool", *(Amount(pool) for _, pool in parts)),
            ("envelopes: direct + pool", *amounts("envelope_cents")),
            ("earned: the envelopes", *amounts("earned_cents")),
            ("artists paid", *(control["paid_artists"] for control in controls)),
            ("paid", *amounts("paid_cents")),
            ("carried forward", *amounts("carried_forward_cents")),
        ],
    )


def _changes(simulation: Simulation, scenario: Scenario) -> str:
    own, other = simulation.now.control["policy"], simulation.simulated.control["policy"]
    changes = [
        f"{label} {_value(other[name], unit)} instead of {_value(own[name], unit)}"
        for name, (label, unit) in _SHOWN_AS.items()
        if other[name] != own[name]
    ]
    if scenario.is_pro_rata:
        changes.append("all envelopes as one pot, split by watch time (pro-rata), instead of each subscriber's own")
    return "; ".join(changes) or "the month's own policy"


def _value(value: Any, unit: str) -> str:
    if unit == "cents":
        return euros(value)
    return f"{value:,} {unit}" if unit else str(value)


def _notes(simulation: Simulation, scenario: Scenario) -> Sequence[str]:
    notes = []
    if scenario.envelope_cents is not None and simulation.own_envelopes:
        notes.append(
            f"{simulation.own_envelopes:,} of {simulation.now.control['periods']:,} periods keep their own envelope, "
            "which differs from the policy's."
        )
    if not simulation.with_balances:
        notes.append(
            f"Payments are computed from the month's earnings alone: only the next run brings forward balances "
            f"and adjustments, and {simulation.settlement_month} is not the next."
        )
    if any(one.booked_cents not in {None, one.earned_now_cents} for one in simulation.artists):
        notes.append(
            "Earned now: the month settled on today's data. Booked: what its close and later adjustments booked."
        )
    return notes


def _write(output: Path, simulation: Simulation) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    header = (
        "settlement_month,artist_id,artist_name,category,booked_cents,earned_now_cents,earned_simulated_cents,"
        "difference_cents,paid_now_cents,paid_simulated_cents"
    )
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(
            (
                simulation.settlement_month,
                one.artist_id,
                one.artist_name,
                one.category,
                one.booked_cents,
                one.earned_now_cents,
                one.earned_simulated_cents,
                one.difference_cents,
                one.paid_now_cents,
                one.paid_simulated_cents,
            )
            for one in simulation.artists
        )
