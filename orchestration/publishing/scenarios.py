"""Payouts under other policies: months settled again under a fixed set of scenarios, as `allive simulate` does.

The serving copy knows no subscriber, so a simulator on it can only choose among the scenarios computed here.
"""

from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from allive.ingestion.settings import Settings
from allive.orchestration.publishing.month_inputs import read_month_inputs
from allive.orchestration.publishing.previous_copy import PreviousCopy
from allive.orchestration.publishing.rows import as_table
from allive.payouts.simulation import Outcome, Scenario, simulate_each
from allive.payouts.warehouse_file import open_warehouse

CLOSED_MONTHS: Final = 3
OPEN_MONTHS: Final = 2


@dataclass(frozen=True)
class PublishedScenario:
    """A policy that differs from the month's own in one setting, or in none."""

    name: str
    kind: str
    value: int | None
    scenario: Scenario


SCENARIOS: Final = (
    PublishedScenario("as_is", "as_is", None, Scenario()),
    PublishedScenario("pool_rule_equal", "pool_rule", None, Scenario(pool_rule="equal")),
    PublishedScenario("pool_rule_direct", "pool_rule", None, Scenario(pool_rule="direct")),
    PublishedScenario("pro_rata", "pro_rata", None, Scenario(is_pro_rata=True)),
    *(
        PublishedScenario(f"envelope_{cents}", "envelope", cents, Scenario(envelope_cents=cents))
        for cents in (50, 75, 100, 125, 150, 200)
    ),
    *(
        PublishedScenario(f"minimum_live_{seconds}", "minimum_live", seconds, Scenario(minimum_live_s=seconds))
        for seconds in (1_200, 1_800, 2_700)
    ),
    *(
        PublishedScenario(f"minimum_payout_{cents}", "minimum_payout", cents, Scenario(minimum_payout_cents=cents))
        for cents in (0, 500, 1_000, 2_000, 5_000)
    ),
    *(
        PublishedScenario(f"minimum_pool_share_{bp}", "minimum_pool_share", bp, Scenario(minimum_pool_share_bp=bp))
        for bp in (500, 1_000, 2_500, 5_000)
    ),
)


@dataclass(frozen=True)
class MonthTotals:
    """A row of `published.what_if_months`: a month under a scenario.

    Attributes:
        with_balances: Whether the paid and carried amounts include balances brought forward and adjustments. Only the
            month that closes next has them.
        own_envelopes: Periods that keep their own envelope, whatever the scenario sets.
        inputs: Hash of everything that determines the month's rows.
    """

    settlement_month: str
    scenario: str
    inputs: str
    is_closed: bool
    with_balances: bool
    periods: int
    own_envelopes: int
    envelope_nanos: int
    direct_nanos: int
    pool_nanos: int
    pool_members: int
    earned_cents: int
    paid_cents: int
    paid_artists: int
    carried_forward_cents: int


@dataclass(frozen=True)
class ArtistOutcome:
    """A row of `published.what_if`: an artist's month under a scenario, with the figures of the run's line."""

    settlement_month: str
    scenario: str
    artist_id: str
    category: str | None
    earned_cents: int
    paid_cents: int


@dataclass(frozen=True)
class ScenarioRow:
    """A row of `published.scenarios`; `value` is in the unit of the changed setting: cents, seconds or basis points."""

    place: int
    scenario: str
    kind: str
    value: int | None


@dataclass(frozen=True)
class ScenarioTables:
    """The computed or reused rows of `published.what_if_months` and `published.what_if`."""

    months: pa.Table
    artists: pa.Table


_FROM_CONTROL: Final = (
    "periods",
    "envelope_nanos",
    "direct_nanos",
    "pool_nanos",
    "earned_cents",
    "paid_cents",
    "paid_artists",
    "carried_forward_cents",
)


def compute_scenarios(settings: Settings, previous: PreviousCopy | None) -> ScenarioTables:
    """Settle the last three closed months and the next two open ones that have periods, under every scenario.

    A month is settled on today's data; one that can still be corrected uses the catalogue it keeps. A scenario that
    leaves no one to share the pool is left out: such a month could not close. If a month's inputs are those of the
    previous copy, the rows of that copy are reused.
    """
    with open_warehouse(settings) as con:
        found = [
            _carried(previous, month, inputs) or _computed(settings, con, month, inputs)
            for month, inputs in read_month_inputs(settings, con, _months(con)).items()
        ]
    return ScenarioTables(
        months=pa.concat_tables([as_table(MonthTotals, ()), *(one.months for one in found)]),
        artists=pa.concat_tables([as_table(ArtistOutcome, ()), *(one.artists for one in found)]),
    )


def publish_scenarios(con: duckdb.DuckDBPyConnection, computed: ScenarioTables) -> None:
    """Write `scenarios`, `what_if_months` and `what_if`."""
    scenarios = [ScenarioRow(place, one.name, one.kind, one.value) for place, one in enumerate(SCENARIOS, 1)]
    for table, rows in (
        ("scenarios", as_table(ScenarioRow, scenarios)),
        ("what_if_months", computed.months),
        ("what_if", computed.artists),
    ):
        con.register("rows_to_publish", rows)
        con.execute(f"create table published.{table} as select * from rows_to_publish")
        con.unregister("rows_to_publish")


def _carried(previous: PreviousCopy | None, month: str, inputs: str) -> ScenarioTables | None:
    if previous is None or not {"what_if", "what_if_months"} <= previous.tables.keys():
        return None
    months = previous.tables["what_if_months"]
    if "inputs" not in months.column_names:
        return None
    of_month = pc.field("settlement_month") == month
    months = months.filter(of_month & (pc.field("inputs") == inputs))
    return ScenarioTables(months, previous.tables["what_if"].filter(of_month)) if len(months) else None


def _computed(settings: Settings, con: duckdb.DuckDBPyConnection, month: str, inputs: str) -> ScenarioTables:
    outcomes = simulate_each(settings, con, month, {one.name: one.scenario for one in SCENARIOS})
    artists = [
        ArtistOutcome(month, scenario, line.artist_id, line.category, line.earned_cents, line.paid_cents)
        for scenario, outcome in outcomes.items()
        for line in outcome.run.lines
    ]
    months = [_totals(month, scenario, inputs, outcome) for scenario, outcome in outcomes.items()]
    return ScenarioTables(as_table(MonthTotals, months), as_table(ArtistOutcome, artists))


def _months(con: duckdb.DuckDBPyConnection) -> list[str]:
    closed, still_open = (
        [
            month
            for (month,) in con.execute(
                "select settlement_month from marts.fct_settlement_months "
                "where periods > 0 and is_closed = ? order by settlement_month",
                [is_closed],
            ).fetchall()
        ]
        for is_closed in (True, False)
    )
    return [*closed[-CLOSED_MONTHS:], *still_open[:OPEN_MONTHS]]


def _totals(month: str, scenario: str, inputs: str, outcome: Outcome) -> MonthTotals:
    control = outcome.run.control
    return MonthTotals(
        settlement_month=month,
        scenario=scenario,
        inputs=inputs,
        is_closed=outcome.is_closed,
        with_balances=outcome.with_balances,
        own_envelopes=outcome.own_envelopes,
        pool_members=len(control["pool_members"]),
        **{name: control[name] for name in _FROM_CONTROL},
    )
