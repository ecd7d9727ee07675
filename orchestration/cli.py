"""The console script `allive`: thin commands around the orchestrated jobs (INTERFACES.md, "Commands").

Heavy modules are imported inside the commands that need them, so that `--help` answers immediately.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from datetime import date

    from allive.dashboards.access import Role
    from allive.ingestion.rejects.relation import Wanted
    from allive.ingestion.settings import Settings

app = typer.Typer(
    name="allive",
    help="User-centric artist payouts for live music: from landed files to closed months.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
batches_app = typer.Typer(
    help="Held files and batches: they failed a critical check and wait for a decision.",
    no_args_is_help=True,
)
app.add_typer(batches_app, name="batches")
rejects_app = typer.Typer(
    help="Rejected lines and files: where, why, and how to deliver them again. They contain personal data.",
    no_args_is_help=True,
)
app.add_typer(rejects_app, name="rejects")
payments_app = typer.Typer(help="The life of payments after their order.", no_args_is_help=True)
app.add_typer(payments_app, name="payments")
grants_app = typer.Typer(help="Who can see which pages of the dashboards.", no_args_is_help=True)
app.add_typer(grants_app, name="grants")
invitations_app = typer.Typer(help="Open invitations to the dashboards.", no_args_is_help=True)
app.add_typer(invitations_app, name="invitations")
balances_app = typer.Typer(help="Balances that the next run brings forward.", no_args_is_help=True)
app.add_typer(balances_app, name="balances")
raw_app = typer.Typer(help="Maintenance of the raw tables. The service runs it every night.", no_args_is_help=True)
app.add_typer(raw_app, name="raw")

_CODE_DIGITS = 12
Version = Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)]
Verbose = Annotated[bool, typer.Option("--verbose", help="Also show the orchestrator's own log.")]


def _month(text: str) -> str:
    from allive.payouts.months import parse_month  # noqa: PLC0415

    try:
        return parse_month(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _month_or_none(text: str | None) -> str | None:
    return None if text is None else _month(text)


def _record_type(text: str | None) -> str | None:
    from allive.ingestion.contracts import RECORD_TYPES  # noqa: PLC0415

    if text is not None and text not in RECORD_TYPES:
        raise typer.BadParameter(f"expected one of {', '.join(RECORD_TYPES)}")
    return text


def _wanted(
    month: str | None, record_type: str | None, file: str | None, reason: str | None, *, is_open: bool, is_held: bool
) -> "Wanted":
    from allive.ingestion.rejects.relation import Wanted  # noqa: PLC0415

    return Wanted(month, record_type, file, reason, is_open=is_open, is_held=is_held)


def _role(artist_ids: tuple[str, ...], *, management: bool, finance: bool, operator: bool) -> "Role":
    from allive.dashboards.access import Role  # noqa: PLC0415

    chosen = [
        role
        for role, is_chosen in (
            (Role.ARTIST, bool(artist_ids)),
            (Role.MANAGEMENT, management),
            (Role.FINANCE, finance),
            (Role.OPERATOR, operator),
        )
        if is_chosen
    ]
    if len(chosen) != 1:
        raise typer.BadParameter(
            "expected exactly one of --artist (repeatable), --management, --finance and --operator",
            param_hint="options",
        )
    return chosen[0]


def _reason(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("expected a reason in words: it is recorded")
    return text.strip()


def _cents(text: str | int) -> int:
    """Return an amount in euros as cents; both decimal signs are read."""
    from decimal import Decimal, InvalidOperation  # noqa: PLC0415

    if isinstance(text, int):  # typer parses a parsed value again
        return text
    try:
        cents = Decimal(text.replace(",", ".")) * 100
    except InvalidOperation:
        raise typer.BadParameter(f"found {text!r}, expected euros and cents, such as 12.34") from None
    if cents != int(cents) or cents <= 0:
        raise typer.BadParameter(f"found {text!r}, expected more than 0 and whole cents, such as 12.34")
    return int(cents)


def _day(text: str | None) -> "date | None":
    from datetime import date  # noqa: PLC0415

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"found {text!r}, expected a day such as 2021-03-10", param_hint="--on") from None


def _publishing_code(text: str) -> str:
    if len(text) != _CODE_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise typer.BadParameter(f"expected the {_CODE_DIGITS} digits shown in the refusal, such as 4f0c2a9be171")
    return text


Month = Annotated[str, typer.Argument(help="The settlement month, such as 2021-02.", callback=_month)]
Artist = Annotated[str, typer.Argument(help="The artist's id.")]
Artists = Annotated[
    list[str] | None, typer.Option("--artist", metavar="ID", help="The pages of this artist. Repeatable.")
]
Management = Annotated[
    bool,
    typer.Option("--management", "--manager", help="The platform's pages, and any artist's (each view is recorded)."),
]
Finance = Annotated[bool, typer.Option("--finance", help="The platform's pages, for people who make payments.")]
Operator = Annotated[
    bool, typer.Option("--operator", help="The platform's pages, the orchestrator, and the orders to close.")
]
DashboardsPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help="The dashboards' port on 127.0.0.1; default: 8501.")
]
HeldBatch = Annotated[str, typer.Argument(metavar="BATCH", help="The id that `list` shows, or a held file's name.")]
HeldFiles = Annotated[
    list[str] | None, typer.Argument(metavar="[FILE]...", help="Only these files of the batch, named as in `show`.")
]
Page = Annotated[int, typer.Option(min=1, help="The page to show.")]
LoadMonth = Annotated[
    str | None,
    typer.Option(
        "--month",
        help="Only rejects loaded in this month, such as 2021-02: the line's own date can be wrong.",
        callback=_month_or_none,
    ),
]
RejectType = Annotated[str | None, typer.Option("--type", help="Only this record type.", callback=_record_type)]
RejectFile = Annotated[str | None, typer.Option("--file", help="Only this landed file, named as in `list`.")]
RejectReason = Annotated[str | None, typer.Option("--reason", help="Only this reason, such as bad_event_at.")]
OnlyOpen = Annotated[bool, typer.Option("--open", help="Only rejects that were not delivered again.")]
OnlyHeld = Annotated[bool, typer.Option("--held", help="Only rejects of held files.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the record.", callback=_reason)]

Amount = Annotated[int, typer.Argument(metavar="EUR", help="The amount in euros, such as 12.34.", parser=_cents)]
PartOf = Annotated[
    int | None, typer.Option("--amount", metavar="EUR", help="Only this part came back, such as 12.34.", parser=_cents)
]
Day = Annotated[str | None, typer.Option("--on", metavar="DAY", help="The day, such as 2021-03-10; default: today.")]
Order = Annotated[str, typer.Argument(help="The order's id, as `list` shows it, or a settlement month.")]
Payees = Annotated[list[str] | None, typer.Argument(metavar="[ARTIST]...", help="Only these artists.")]


@app.callback(invoke_without_command=True)
def show_version(*, version: Version = False) -> None:
    """Show the version if asked to."""
    if version:
        from importlib import metadata  # noqa: PLC0415

        typer.echo(f"allive {metadata.version('allive-warehouse')}")
        raise typer.Exit


@app.command()
def run(
    *,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Delete the warehouse and rebuild it from the raw tables.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Load new files from landing, build and check the warehouse, publish the serving copy."""
    from contextlib import ExitStack  # noqa: PLC0415

    from allive.ingestion.waiting import has_new_files  # noqa: PLC0415
    from allive.orchestration import warm_imports, warm_worker  # noqa: PLC0415

    settings = _settings()
    _warn_of_readers(settings)
    with ExitStack() as stack:
        if has_new_files(settings):
            stack.enter_context(warm_worker.warming_up(warm_imports.warm_up, settings))
        from allive.orchestration.commands.refresh import refresh  # noqa: PLC0415 - Dagster, while the worker warms up

        _exit_unless(refresh(settings, rebuild=rebuild, verbose=verbose))


@app.command()
def payout(
    month: Month,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be closed; write nothing.")] = False,
    acknowledge: Annotated[
        str | None, typer.Option(metavar="CODE", help="The code of the open warnings, from the dry run.")
    ] = None,
    approve: Annotated[
        str | None, typer.Option(metavar="ORDER", help="Approve another person's order and carry it out.")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Load new files, settle a month, check the result and close it permanently."""
    from allive.orchestration.commands.payout import pay_out, preview, show_closed_month  # noqa: PLC0415

    settings = _settings()
    if dry_run:
        _exit_unless(preview(settings, month, verbose=verbose))
    else:
        if acknowledge is not None and approve is not None:
            raise typer.BadParameter(
                "an order contains its own acknowledgement", param_hint="--acknowledge with --approve"
            )
        closed = pay_out(
            settings,
            month,
            command=f"allive payout {month}",
            acknowledged=acknowledge,
            approves=approve,
            verbose=verbose,
        )
        if closed is None:
            return
        _exit_unless(closed)
        show_closed_month(settings, month)


@app.command()
def amend(
    month: Month,
    *,
    why: Why,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Withdraw an amendment that is still pending.")] = False,
) -> None:
    """Correct a closed month of the look-back with the current catalogue, at the next close."""
    from allive.orchestration.commands import requests  # noqa: PLC0415

    act = requests.withdraw_amendment if withdraw else requests.amend
    _exit_unless(act(_settings(), month, why=why))


@app.command()
def verify(
    month: Annotated[
        str | None, typer.Argument(help="Check only this closed month in depth; default: all.", callback=_month_or_none)
    ] = None,
    *,
    anchor: Annotated[
        str | None,
        typer.Option(help="A hash noted at an earlier verification: its line must still be there."),
    ] = None,
) -> None:
    """Verify closed months again: hashes, chain, conservation, amounts, statements, bank file, heartbeats.

    Exits 0 if everything is proven, 1 if something is wrong, 3 if nothing is wrong but not everything could be checked.
    """
    from allive.orchestration.commands.verify import verify_months  # noqa: PLC0415

    verdict = verify_months(_settings(in_any_format=True), month, anchor=anchor)
    if verdict.exit_code:
        raise typer.Exit(verdict.exit_code)


@app.command()
def explain(
    month: Month,
    artist: Artist,
    *,
    form: Annotated[
        Literal["table", "csv", "json"],
        typer.Option("--format", help="A table shows the largest parts; csv and json contain all parts."),
    ] = "table",
    output: Annotated[
        Path | None, typer.Option(help="The file for csv or json; default: the terminal.", dir_okay=False)
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Also each slice, with its period and subscriber under pseudonyms.")
    ] = False,
) -> None:
    """Show how an artist's amount was computed, from subscribers' slices to the cent."""
    if output is not None and form == "table":
        raise typer.BadParameter(
            "a table is only shown on the terminal; choose --format csv or json", param_hint="--output"
        )
    from allive.orchestration.commands.explain import explain_artist  # noqa: PLC0415
    from allive.orchestration.no_pandas import without_pandas  # noqa: PLC0415

    with without_pandas():
        _exit_unless(explain_artist(_settings(), month, artist, form=form, output=output, full=full))


@app.command()
def simulate(
    month: Month,
    *,
    envelope: Annotated[
        int | None, typer.Option(min=0, help="Envelope in cents, for periods that use the policy's.")
    ] = None,
    minimum: Annotated[int | None, typer.Option(min=0, help="Smallest balance that is paid, in cents.")] = None,
    pool_rule: Annotated[
        Literal["equal", "direct"] | None, typer.Option(help="How the pool is split between its members.")
    ] = None,
    minimum_share: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Smallest share of a live for the pool, in basis points.")
    ] = None,
    minimum_live: Annotated[int | None, typer.Option(min=0, help="Shortest live that counts, in seconds.")] = None,
    pro_rata: Annotated[bool, typer.Option("--pro-rata", help="One pot for all artists, split by watch time.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the artists to this CSV file, in cents.", dir_okay=False)
    ] = None,
) -> None:
    """Show what another policy would have paid each artist. Writes nothing except --output."""
    from allive.orchestration.commands.simulate import simulate_month  # noqa: PLC0415
    from allive.payouts.simulation import Scenario  # noqa: PLC0415

    scenario = Scenario(
        envelope_cents=envelope,
        minimum_payout_cents=minimum,
        pool_rule=pool_rule,
        minimum_pool_share_bp=minimum_share,
        minimum_live_s=minimum_live,
        is_pro_rata=pro_rata,
    )
    if scenario == Scenario():
        raise typer.BadParameter("say what to change, for example --envelope 150", param_hint="options")
    _exit_unless(simulate_month(_settings(), month, scenario, output=output))


@app.command()
def statements(
    *,
    year: Annotated[int, typer.Option(min=2015, max=9999, help="The year; its closed months are included.")],
    to: Annotated[Path | None, typer.Option(help="Folder for the PDFs; default: exports/ in the data home.")] = None,
) -> None:
    """Write the yearly statement of every artist."""
    from allive.orchestration.commands.statements import write_year  # noqa: PLC0415

    _exit_unless(write_year(_settings(), year, target=to))


@app.command()
def accounts(
    *,
    month: Annotated[
        str | None, typer.Option("--month", help="A closed month, such as 2021-02.", callback=_month_or_none)
    ] = None,
    year: Annotated[
        int | None, typer.Option(min=2015, max=9999, help="A year; its closed months are included.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Folder for the files; default: exports/ in the data home.")] = None,
) -> None:
    """Write accounting entries (FEC) of a month, or of a year with what each artist earned and was paid in it."""
    from allive.orchestration.commands import accounts as books  # noqa: PLC0415

    if month is not None and year is None:
        _exit_unless(books.write_month(_settings(), month, target=to))
    elif year is not None and month is None:
        _exit_unless(books.write_year(_settings(), year, target=to))
    else:
        raise typer.BadParameter("expected either --month or --year", param_hint="options")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
)
def dbt(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND…", help="A dbt command with its options.")
    ] = None,
    *,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Copy the warehouse again; discard what was built on the copy.")
    ] = False,
) -> None:
    """Run dbt on a copy of the warehouse that no payout reads, such as `allive dbt build --select state:modified+`."""
    if not arguments:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    from allive.orchestration.commands.dbt import run_dbt_by_hand  # noqa: PLC0415

    raise typer.Exit(run_dbt_by_hand(_settings(), arguments, is_fresh=fresh))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
)
def mf(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND…", help="A MetricFlow command with its options.")
    ] = None,
    *,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Copy the warehouse again; discard what was built on the copy.")
    ] = False,
) -> None:
    """Query the metrics with MetricFlow on the copy, such as `allive mf query --metrics idle_share`."""
    if not arguments:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    from allive.orchestration.commands.metrics import run_metricflow  # noqa: PLC0415

    raise typer.Exit(run_metricflow(_settings(), arguments, is_fresh=fresh))


@app.command()
def demo(*, verbose: Verbose = False) -> None:
    """Fill an empty data home with a fictional season, run it, and close its finished months."""
    from allive.orchestration.commands.demo import demonstrate  # noqa: PLC0415

    _exit_unless(demonstrate(_settings(), verbose=verbose))


@app.command()
def dashboards(
    *,
    port: DashboardsPort = None,
) -> None:
    """Serve the dashboards, behind their sign-in. Stop them with Ctrl-C."""
    from allive.orchestration.commands.dashboards import serve_dashboards  # noqa: PLC0415

    settings = _settings()
    _exit_unless(serve_dashboards(settings, port=port or settings.dashboards_port))


@app.command()
def invite(
    email: Annotated[str, typer.Argument(help="The email address of the person invited.")],
    *,
    artist: Artists = None,
    management: Management = False,
    finance: Finance = False,
    operator: Operator = False,
) -> None:
    """Print a one-time link to the dashboards; existing users can use it to reset their password."""
    from allive.orchestration.commands import access  # noqa: PLC0415

    artist_ids = tuple(artist or ())
    role = _role(artist_ids, management=management, finance=finance, operator=operator)
    _exit_unless(access.invite(_settings(), email, role=role, artist_ids=artist_ids))


@app.command()
def up(
    *,
    dashboards_port: DashboardsPort = None,
) -> None:
    """Start the whole service: the orchestrator with its schedules and sensors, the dashboards. Stop it with Ctrl-C."""
    from allive.orchestration import service, terminal  # noqa: PLC0415
    from allive.orchestration.commands.dashboards import warn_of_settings  # noqa: PLC0415

    settings = _settings()
    _warn_of_readers(settings)
    warn_of_settings(settings)
    dashboards_port = dashboards_port or settings.dashboards_port
    try:
        with service.running_service(settings, dashboards_port=dashboards_port) as running:
            with terminal.showing_progress():
                running.start()
            terminal.say(f"The dashboards answer at {running.dashboards_address} (Ctrl-C stops all).")
            terminal.say(f"Operators find the orchestrator behind the same sign-in, at {running.address}")
            running.wait()
    except service.ServiceError as error:
        terminal.refuse("The service is not up.", [str(error)])
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        terminal.say("Stopped.")


@app.command()
def doctor(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild lost, broken or old pins from the raw tables' logs.")
    ] = False,
) -> None:
    """Check the data home and show what to do about each problem."""
    from allive.orchestration.commands.doctor import examine_home, repair_home  # noqa: PLC0415

    _exit_unless(repair_home(_settings()) if repair else examine_home(_settings()))


@app.command()
def publish(
    code: Annotated[
        str, typer.Argument(help="The code shown in the refusal.", callback=_publishing_code, metavar="CODE")
    ],
    *,
    why: Why,
    verbose: Verbose = False,
) -> None:
    """Publish a serving copy that was refused because it has much less data than the one in service."""
    from allive.orchestration.commands.publish import publish_emptier  # noqa: PLC0415

    _exit_unless(publish_emptier(_settings(), code, why=why, verbose=verbose))


@batches_app.command("list")
def list_batches() -> None:
    """List the batches with held files."""
    from allive.orchestration.commands import batches  # noqa: PLC0415

    _exit_unless(batches.list_batches(_settings()))


@batches_app.command("show")
def show_batch(batch: HeldBatch, *, page: Page = 1) -> None:
    """Show why files are held, and which months they affect."""
    from allive.orchestration.commands import batches  # noqa: PLC0415

    _exit_unless(batches.show_batch(_settings(), batch, page=page))


@batches_app.command("release")
def release_batch(batch: HeldBatch, files: HeldFiles = None, *, why: Why) -> None:
    """Load held files unchanged: only the named ones, or all of a batch."""
    from allive.orchestration.commands import batches  # noqa: PLC0415

    _exit_unless(batches.release_held(_settings(), batch, tuple(files or ()), why=why))


@batches_app.command("discard")
def discard_batch(batch: HeldBatch, files: HeldFiles = None, *, why: Why) -> None:
    """Keep held files out permanently: only the named ones, or all of a batch."""
    from allive.orchestration.commands import batches  # noqa: PLC0415

    _exit_unless(batches.discard_held(_settings(), batch, tuple(files or ()), why=why))


@rejects_app.command("list")
def list_rejects(
    *,
    month: LoadMonth = None,
    record_type: RejectType = None,
    file: RejectFile = None,
    reason: RejectReason = None,
    is_open: OnlyOpen = False,
    is_held: OnlyHeld = False,
    page: Page = 1,
) -> None:
    """List rejects by file and reason, with the first line of each."""
    from allive.orchestration.commands import rejects  # noqa: PLC0415
    from allive.orchestration.no_pandas import without_pandas  # noqa: PLC0415

    wanted = _wanted(month, record_type, file, reason, is_open=is_open, is_held=is_held)
    with without_pandas():
        _exit_unless(rejects.list_kinds(_settings(), wanted, page=page))


@rejects_app.command("show")
def show_rejects(
    *,
    month: LoadMonth = None,
    record_type: RejectType = None,
    file: RejectFile = None,
    reason: RejectReason = None,
    is_open: OnlyOpen = False,
    is_held: OnlyHeld = False,
    page: Page = 1,
) -> None:
    """Show rejected lines one by one: field, delivered value, expected value, what to do.

    The output contains personal data.
    """
    from allive.orchestration.commands import rejects  # noqa: PLC0415
    from allive.orchestration.no_pandas import without_pandas  # noqa: PLC0415

    wanted = _wanted(month, record_type, file, reason, is_open=is_open, is_held=is_held)
    with without_pandas():
        _exit_unless(rejects.show_lines(_settings(), wanted, page=page))


@rejects_app.command("export")
def export_rejects(
    *,
    month: LoadMonth = None,
    record_type: RejectType = None,
    file: RejectFile = None,
    reason: RejectReason = None,
    is_held: OnlyHeld = False,
    to: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write to, outside landing; default: a new one in exports/ of the data home.",
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Write open rejects to files as delivered, to be corrected and delivered again.

    The files contain personal data, and only you can read them. Delete them after delivering them.
    """
    from allive.orchestration.commands import rejects  # noqa: PLC0415

    wanted = _wanted(month, record_type, file, reason, is_open=True, is_held=is_held)
    _exit_unless(rejects.export(_settings(), wanted, to=to))


@grants_app.command("list")
def list_grants() -> None:
    """List who can see which pages."""
    from allive.orchestration.commands import access  # noqa: PLC0415

    _exit_unless(access.list_grants(_settings()))


@grants_app.command("add")
def add_grant(
    *,
    issuer: Annotated[str, typer.Option(help="The identity provider, as shown on the no-access page.")],
    subject: Annotated[str, typer.Option(help="The identifier shown next to it.")],
    name: Annotated[str, typer.Option(help="The name to show for this person.")],
    artist: Artists = None,
    management: Management = False,
    finance: Finance = False,
    operator: Operator = False,
) -> None:
    """Grant a role to a person who signs in with an identity provider, replacing any earlier role."""
    from allive.orchestration.commands import access  # noqa: PLC0415

    artist_ids = tuple(artist or ())
    role = _role(artist_ids, management=management, finance=finance, operator=operator)
    _exit_unless(
        access.add_grant(_settings(), issuer=issuer, subject=subject, name=name, role=role, artist_ids=artist_ids)
    )


@grants_app.command("revoke")
def revoke_grant(
    whom: Annotated[str, typer.Argument(help="The name or the subject that `list` shows.")],
    *,
    issuer: Annotated[str | None, typer.Option(help="The issuer, if two of them use that subject.")] = None,
) -> None:
    """Revoke a person's access and open invitations. Their pages close within seconds."""
    from allive.orchestration.commands import access  # noqa: PLC0415

    _exit_unless(access.revoke_grants(_settings(), whom, issuer=issuer))


@invitations_app.command("list")
def list_invitations() -> None:
    """List the invitations that can still be used."""
    from allive.orchestration.commands import access  # noqa: PLC0415

    _exit_unless(access.list_invitations(_settings()))


@invitations_app.command("revoke")
def revoke_invitation(email: Annotated[str, typer.Argument(help="The address that `list` shows.")]) -> None:
    """Withdraw an unused invitation: its link stops working."""
    from allive.orchestration.commands import access  # noqa: PLC0415

    _exit_unless(access.revoke_invitation(_settings(), email))


@payments_app.command("list")
def list_payments(
    which: Annotated[str | None, typer.Argument(help="Only this month, order or artist.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Executed transfers, too.")] = False,
) -> None:
    """List orders, transfers that are not executed, holds, IBANs set aside, and movements to look at."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.list_payments(_settings(), which, everything=everything))


@payments_app.command("import")
def import_answers(
    files: Annotated[list[Path], typer.Argument(help="The bank's files: pain.002, camt.053 or camt.054.")],
    *,
    why: Annotated[str, typer.Option("--why", help="The reason, for the record.")] = "the bank's answer",
    dry_run: DryRun = False,
) -> None:
    """Read the bank's answers: executed, rejected and returned transfers; each file and movement counts once."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.import_answers(_settings(), files, why=why, is_dry_run=dry_run))


@payments_app.command("return")
def return_payment(month: Month, artist: Artist, *, amount: PartOf = None, why: Why) -> None:
    """Put a transfer that came back, or was cancelled, into the artist's balance. Its IBAN is set aside."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.return_payment(_settings(), month, artist, cents=amount, why=why))


@payments_app.command("executed")
def mark_executed(order: Order, artists: Payees = None, *, on: Day = None, why: Why) -> None:
    """Record that the bank executed an order, where no file of the bank says so."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.mark_executed(_settings(), order, artists or (), on=_day(on), why=why))


@payments_app.command("cancel")
def cancel_payments(order: Order, artists: Payees = None, *, why: Why) -> None:
    """Record that an order never left the account: withdrawn, rejected, or never sent."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.cancel(_settings(), order, artists or (), why=why))


@payments_app.command("reissue")
def reissue_payments(
    month: Month,
    artists: Payees = None,
    *,
    not_sent: Annotated[
        bool, typer.Option("--not-sent", help="Orders without an answer are not at the bank: order them again, too.")
    ] = False,
    why: Why,
) -> None:
    """Order again what was not executed of a month, under a new id and date."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.reissue(_settings(), month, artists or (), is_withdrawn=not_sent, why=why))


@payments_app.command("settle")
def settle_otherwise(
    artist: Artist,
    amount: Amount,
    *,
    means: Annotated[str, typer.Option("--means", help="How, such as: cheque 0042.")] = "otherwise",
    on: Day = None,
    why: Why,
) -> None:
    """Record a payment made otherwise: it lowers the artist's balance."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.settle(_settings(), artist, amount, means=means, on=_day(on), why=why))


@payments_app.command("hold")
def hold_payments(artist: Artist, *, why: Why) -> None:
    """Carry everything that is due to an artist until the hold is lifted."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.hold(_settings(), artist, why=why))


@payments_app.command("unhold")
def unhold_payments(artist: Artist, *, why: Why) -> None:
    """Lift the hold on an artist."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.unhold(_settings(), artist, why=why))


@payments_app.command("confirm-iban")
def confirm_iban(
    artist: Artist,
    iban: Annotated[str | None, typer.Argument(help="The IBAN; default: the one that payments wait for.")] = None,
    *,
    why: Why,
) -> None:
    """Record that the artist confirmed an IBAN that was set aside, is new, or bears no date."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.confirm_iban(_settings(), artist, iban, why=why))


@payments_app.command("unmatched")
def list_unmatched() -> None:
    """List the movements of the bank's files that fit no order."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.list_unmatched(_settings()))


@payments_app.command("dismiss")
def dismiss_movement(
    movement: Annotated[str, typer.Argument(help="The id that `list` or `unmatched` shows.")], *, why: Why
) -> None:
    """Record that an unmatched movement was dealt with."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.dismiss(_settings(), movement, why=why))


@payments_app.command("undo")
def undo_payments(
    line: Annotated[str, typer.Argument(metavar="ID", help="The id that `log` shows; `:n` for one fact of it.")],
    *,
    why: Why,
) -> None:
    """Take an action on payments back, by a further line of the register."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.undo(_settings(), line, why=why))


@payments_app.command("log")
def show_payments_log() -> None:
    """List every action on payments, with its id."""
    from allive.orchestration.commands import payments  # noqa: PLC0415

    _exit_unless(payments.log(_settings()))


@balances_app.command("list")
def list_balances() -> None:
    """List the balances that the next run brings forward."""
    from allive.orchestration.commands import requests  # noqa: PLC0415

    _exit_unless(requests.list_balances(_settings()))


@balances_app.command("write-off")
def write_off(artist: Artist, *, why: Why) -> None:
    """Write off a negative balance that will never recover."""
    from allive.orchestration.commands import requests  # noqa: PLC0415

    _exit_unless(requests.write_off(_settings(), artist, why=why))


@raw_app.command("compact")
def compact_raw(*, dry_run: DryRun = False) -> None:
    """Merge the small files of many deliveries; every record and every pinned version stays readable."""
    from allive.orchestration.commands import raw  # noqa: PLC0415

    _exit_unless(raw.compact_tables(_settings(), is_dry_run=dry_run))


@raw_app.command("vacuum")
def vacuum_raw(*, dry_run: DryRun = False) -> None:
    """Delete files whose records are in merged files, and old entries of the tables' logs."""
    from allive.orchestration.commands import raw  # noqa: PLC0415

    _exit_unless(raw.vacuum_tables(_settings(), is_dry_run=dry_run))


def main() -> None:
    """Run the command line and end the process."""
    from allive.orchestration.leaving import leave  # noqa: PLC0415

    leave(run_command_line())


def run_command_line() -> int:
    """Run the command line and return the exit code.

    A bug prints one line on the terminal; its traceback goes to the log.
    """
    from allive.ingestion.private_files import keep_new_files_private  # noqa: PLC0415

    keep_new_files_private()
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:  # noqa: BLE001 - the outermost boundary
        return _report(error)
    return 0


def _settings(*, in_any_format: bool = False) -> "Settings":
    """Return the settings, if this version knows the data home's format; only `verify` accepts other formats."""
    from allive.ingestion.home_format import FormatError  # noqa: PLC0415
    from allive.ingestion.settings import Settings  # noqa: PLC0415
    from allive.orchestration.terminal import log_to_file  # noqa: PLC0415
    from allive.payouts.formats import require_known  # noqa: PLC0415

    settings = Settings()
    try:
        require_known(settings)
    except FormatError:
        if not in_any_format:
            raise
    else:
        log_to_file(settings)
    return settings


def _warn_of_readers(settings: "Settings") -> None:
    """Warn about parts of the data home that other users of the machine can read."""
    from allive.ingestion.private_files import readable_by_others  # noqa: PLC0415
    from allive.orchestration.terminal import warn  # noqa: PLC0415

    if paths := readable_by_others(settings):
        names = " ".join(path.name for path in paths)
        remedy = f"Remove their access: cd {settings.home} && chmod -R go-rwx {names}"
        warn("Other users of this machine can read parts of the data home:", [names, remedy])


def _exit_unless(nothing_refused: bool) -> None:  # noqa: FBT001 - a command's result
    if not nothing_refused:
        raise typer.Exit(1)


def _report(error: Exception) -> int:
    """Show why the command stopped: the data home, wrong settings, or a bug (its traceback is in the log)."""
    from pydantic import ValidationError  # noqa: PLC0415
    from pydantic_settings import SettingsError  # noqa: PLC0415

    from allive.ingestion.home_format import FormatError  # noqa: PLC0415
    from allive.ingestion.lock import DataHomeLockedError  # noqa: PLC0415
    from allive.ingestion.pin_problems import PinsError  # noqa: PLC0415
    from allive.ingestion.private_files import is_read_only  # noqa: PLC0415
    from allive.orchestration.sound_pins import UnsoundPinsError  # noqa: PLC0415
    from allive.orchestration.terminal import refuse  # noqa: PLC0415
    from allive.payouts.pseudonyms import PseudonymKeyError  # noqa: PLC0415

    in_its_own_words = {
        FormatError: "The data home has a format that this version does not know.",
        DataHomeLockedError: "The data home is in use.",
        PseudonymKeyError: "The key of the pseudonyms is not that of the closed months.",
    }
    for kind, title in in_its_own_words.items():
        if isinstance(error, kind):
            refuse(title, [str(error)])
            return 1
    if isinstance(error, PinsError | UnsoundPinsError):
        reasons = error.reasons if isinstance(error, UnsoundPinsError) else map(str, error.problems)
        refuse("The raw tables cannot be used in their current state.", reasons)
        return 1
    if isinstance(error, ValidationError):
        refuse(
            "A setting is wrong.",
            [f"ALLIVE_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()],
        )
        return 2
    if isinstance(error, SettingsError):  # a list or an object that is no JSON
        refuse("A setting is wrong.", [f"{str(error).capitalize()}: expected JSON."])
        return 2
    if isinstance(error, OSError) and is_read_only(error):
        refuse(
            "A file cannot be read or written by this user.",
            [str(error), "Run it as the owner of the data home; only `allive verify` works on a read-only copy."],
        )
        return 1
    logging.getLogger("allive").error("unexpected", exc_info=error)
    refuse(
        "The program failed; this is a bug.",
        [f"{type(error).__name__}: {error}", "The traceback is at the end of logs/allive.log in the data home."],
    )
    return 1


if __name__ == "__main__":
    main()
