"""`allive demo`: the fictional season, from an empty data home to closed months."""

import shutil
from datetime import date

from allive.dashboards.access import Role
from allive.dashboards.addresses import PREFIX
from allive.ingestion.demo.deliveries import deliver
from allive.ingestion.demo.season import write_season
from allive.ingestion.durable import write_json
from allive.ingestion.settings import SETTINGS_FILE, Settings
from allive.orchestration import progress
from allive.orchestration.commands import access, payout
from allive.orchestration.commands.refresh import refresh
from allive.orchestration.commands.verify import verify_months
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import Amount, artist_shown, refuse, say, showing_progress, table, warn
from allive.payouts import ledger, months
from allive.payouts.close_warnings import in_words
from allive.payouts.closing import settle_month
from allive.payouts.payments.order_files import ORDERS_FOLDER
from allive.payouts.statements import STATEMENTS_FOLDER
from allive.payouts.verification import Verdict

MONTHS = ("2021-01", "2021-02", "2021-03")
_COMMAND = "allive demo"
# Stored in landing with the season; a name that begins with `_` is never treated as a delivery.
_MARK = "_demo.json"
_SEASON = ".demo-season"
_PAYER = """\
# The fictional company that pays the fictional artists. A real data home names its own.
ALLIVE_PAYER_NAME="Allive SAS"
ALLIVE_PAYER_IBAN=FR7630006000011234567890189
ALLIVE_PAYER_BIC=AGRIFRPP
ALLIVE_PAYER_STREET="12 rue de la Scène"
ALLIVE_PAYER_POSTCODE=75011
ALLIVE_PAYER_TOWN=Paris
ALLIVE_PAYER_LEGAL_NAME="Allive SAS"
ALLIVE_PAYER_SIREN=999999998
"""


def demonstrate(settings: Settings, *, verbose: bool = False) -> bool:
    """Write the season if it is missing, then deliver, run and close its months. Return whether nothing was refused.

    Each month closes on the files that had landed by its payout day, so that the next one has something to correct.
    A demo that was interrupted continues where it stopped.
    """
    with hold_data_home(settings, command=_COMMAND):
        if (settings.landing_dir / _MARK).exists():
            say(f"The demo season is in {settings.home} already.")
        elif not _write_season(settings):
            return False
        closed = ledger.closed_months(settings)
        for month in (month for month in MONTHS if month not in closed):
            _deliver(settings, until=months.payout_day(month))
            if not refresh(settings, command=_COMMAND, verbose=verbose):
                return False
            if not _close(settings, month, verbose=verbose):
                return False
            say(f"Closed {month}.")
        # Once more, for files that came too late for the last close, and so that the dashboards show that close.
        if (_deliver(settings, until=date.max) or len(closed) < len(MONTHS)) and not refresh(
            settings, command=_COMMAND, verbose=verbose
        ):
            return False
    _show_season(settings)
    if verify_months(settings, None, anchor=None) is not Verdict.PROVEN:
        return False
    last = ledger.month_dir(settings, MONTHS[-1])
    say(f"For the artists: {last / STATEMENTS_FOLDER}/. For the bank: {settings.payouts_dir / ORDERS_FOLDER}/")
    _invite(settings)
    say(f"See every run, asset and check: `allive up`, then the operator's link and {PREFIX}/")
    return True


def _close(settings: Settings, month: str, *, verbose: bool) -> bool:
    """Close a month of the season, acknowledging the warnings from its deliberate flaws."""
    # Read again: the season wrote the payer's settings.
    settings = Settings(home=settings.home)
    seen = settle_month(settings, month)
    if seen.warnings:
        warn(f"Open warnings of {month}, which the demo acknowledges:", in_words(seen.warnings, most=3))
    closed = payout.pay_out(
        settings, month, command=_COMMAND, acknowledged=seen.acknowledgement, publish=False, verbose=verbose
    )
    return closed is True


def _write_season(settings: Settings) -> bool:
    landing = settings.landing_dir
    found = next((path for path in sorted(landing.rglob("*")) if path.is_file()), None)
    if found is not None or ledger.closed_months(settings):
        refuse(
            "The demo needs an empty data home.",
            [
                f"Found {found or settings.payouts_dir}; expected nothing in {landing} and no closed month.",
                "Choose another one: ALLIVE_HOME=/tmp/allive-demo allive demo",
            ],
        )
        return False
    season = settings.home / _SEASON
    shutil.rmtree(season, ignore_errors=True)
    with showing_progress():
        summary = write_season(season, progress=progress.tell)
    own_settings = settings.home / SETTINGS_FILE
    if not own_settings.exists():
        own_settings.write_text(_PAYER, encoding="utf-8")
    for line in summary.lines():
        say(line.replace(str(season), str(landing)))
    # Written last: without it, a demo that was killed above starts from scratch.
    landing.mkdir(parents=True, exist_ok=True)
    write_json(landing / _MARK, {"lines": summary.lines()})
    return True


def _invite(settings: Settings) -> None:
    """Print a one-time link for each kind of reader; the artist is the one paid the most in the last month."""
    lines = payout.closed_lines(settings, MONTHS[-1])
    artist = max(lines, key=lambda line: (line["paid_cents"], line["artist_id"]))
    say("The dashboards: `allive dashboards`, then one of these links. Each works once, and sets a password.")
    for reader, email, role, artist_ids in (
        (f"artist ({artist['artist_name']})", "artiste@allive.example", Role.ARTIST, (artist["artist_id"],)),
        ("manager", "direction@allive.example", Role.MANAGEMENT, ()),
        ("finance", "finance@allive.example", Role.FINANCE, ()),
        ("operator", "exploitation@allive.example", Role.OPERATOR, ()),
    ):
        link = access.invitation_link(settings, email, role=role, artist_ids=artist_ids)
        say(f"  {reader}: {link}")


def _deliver(settings: Settings, *, until: date) -> int:
    return deliver(settings.home / _SEASON, settings.landing_dir, until=until)


def _show_season(settings: Settings) -> None:
    lines = {month: {line["artist_id"]: line for line in payout.closed_lines(settings, month)} for month in MONTHS}
    artists = {artist_id: line for month in MONTHS for artist_id, line in lines[month].items()}
    paid = {
        artist_id: [lines[month].get(artist_id, {}).get("paid_cents", 0) for month in MONTHS] for artist_id in artists
    }
    carried = {artist_id: lines[MONTHS[-1]].get(artist_id, {}).get("carried_forward_cents", 0) for artist_id in artists}
    table(
        "Payouts of the season",
        ("artist", *MONTHS, "paid", "carried", "why carried"),
        [
            (
                artist_shown(artist_id, artist["artist_name"]),
                *map(Amount, paid[artist_id]),
                Amount(sum(paid[artist_id])),
                Amount(carried[artist_id]),
                lines[MONTHS[-1]].get(artist_id, {}).get("carry_reason"),
            )
            for artist_id, artist in sorted(artists.items())
        ],
        total=(
            "total",
            *(Amount(sum(of_month)) for of_month in zip(*paid.values(), strict=True)),
            Amount(sum(map(sum, paid.values()))),
            Amount(sum(carried.values())),
            None,
        ),
    )
    payout.show_control([ledger.read_control(settings, month) for month in MONTHS])
    for month in MONTHS:
        say(f"{month}: run {ledger.read_manifest(settings, month).run_hash}")
