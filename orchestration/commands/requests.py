"""Requests for the next run: amendments and write-offs; and the balances that it brings forward."""

from collections.abc import Callable

from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import Amount, artist_shown, refuse, say, table
from allive.payouts import ledger, requests
from allive.payouts.audit import operator_name
from allive.payouts.errors import Refusal
from allive.payouts.months import following
from allive.payouts.payments import balance_entries
from allive.payouts.shown_cents import euros


def amend(settings: Settings, month: str, *, why: str) -> bool:
    """Correct a closed month with the current catalogue at the next close. Return whether that is allowed."""

    def ask(operator: str) -> str:
        requests.amend(settings, month, why=why, operator=operator)
        next_run = following(ledger.closed_months(settings)[-1])
        return (
            f"The next run, {next_run}, settles {month} again with the catalogue of that moment, and {month} keeps it. "
            f"See the changes: `allive payout {next_run} --dry-run`."
        )

    return _ask(settings, ask, command=f"allive amend {month}")


def withdraw_amendment(settings: Settings, month: str, *, why: str) -> bool:
    """Withdraw the pending amendments of a month. Return whether there were any."""

    def ask(operator: str) -> str:
        number = requests.withdraw_amendment(settings, month, why=why, operator=operator)
        withdrawn = "The amendment" if number == 1 else f"{number} amendments"
        return f"{withdrawn} of {month} will not be applied; the month keeps its catalogue."

    return _ask(settings, ask, command=f"allive amend {month} --withdraw")


def write_off(settings: Settings, artist_id: str, *, why: str) -> bool:
    """Write off a negative balance. Return whether it was negative."""

    def ask(operator: str) -> str:
        cents = balance_entries.write_off(settings, artist_id, why=why, operator=operator)
        return f"{euros(cents)} owed by {artist_id} are written off; the next run shows it as a separate line."

    return _ask(settings, ask, command=f"allive balances write-off {artist_id}")


def list_balances(settings: Settings) -> bool:
    """List the balances that the next run brings forward, and why they are not paid yet."""
    closed = ledger.closed_months(settings)
    if not closed:
        say("No month is closed: there are no balances yet.")
        return True
    lines = {line["artist_id"]: line for line in ledger.read_lines(settings, closed[-1])}
    entries = balance_entries.pending_entries(settings)
    balances = balance_entries.open_balances(settings)
    if not balances:
        say(f"No balance is open: {closed[-1]} paid everyone in full.")
        return True
    entered = {artist_id: sum(one.cents for one in entries if one.artist_id == artist_id) for artist_id in balances}
    carried = {artist_id: int(lines.get(artist_id, {}).get("carried_forward_cents", 0)) for artist_id in balances}
    table(
        f"Balances that {following(closed[-1])} brings forward",
        ("artist", "carried", "since then", "balance", "why carried"),
        [
            (
                artist_shown(artist_id, lines.get(artist_id, {}).get("artist_name")),
                Amount(carried[artist_id]),
                Amount(entered[artist_id]),
                Amount(cents),
                lines.get(artist_id, {}).get("carry_reason", ""),
            )
            for artist_id, cents in sorted(balances.items())
        ],
        total=("total", *(Amount(sum(each.values())) for each in (carried, entered, balances)), None),
    )
    return True


def _ask(settings: Settings, ask: Callable[[str], str], *, command: str) -> bool:
    try:
        with hold_data_home(settings, command=command):
            say(ask(operator_name(settings)))
    except Refusal as refusal:
        refuse("Nothing was changed.", refusal.reasons)
        return False
    return True
