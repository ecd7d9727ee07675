"""Queries of the scenarios of *Clôtures*: months under other policies, computed at publication."""

from typing import Final

from allive.dashboards.access import Principal, require_platform
from allive.dashboards.serving import Rows, ServingCopy
from allive.payouts.shown_cents import cents_of_parts

SCENARIO_COLUMNS: Final = (
    "settlement_month",
    "scenario",
    "artist_id",
    "artist_name",
    "category",
    "earned_cents",
    "scenario_earned_cents",
    "difference_cents",
    "scenario_paid_cents",
)
_SCENARIOS: Final = """
select scenario, kind, value
from published.scenarios
where
    kind <> 'as_is'
    and scenario in (select scenario from published.what_if_months where settlement_month = $1)
order by place
"""
_TOTALS: Final = """
select
    scenario.with_balances,
    scenario.own_envelopes,
    scenario.periods,
    scenario.earned_cents as scenario_earned_cents,
    scenario.direct_nanos as scenario_direct_nanos,
    scenario.pool_nanos as scenario_pool_nanos,
    scenario.pool_members as scenario_pool_members,
    scenario.paid_cents as scenario_paid_cents,
    scenario.paid_artists as scenario_paid_artists,
    as_is.earned_cents,
    as_is.direct_nanos,
    as_is.pool_nanos,
    as_is.pool_members,
    as_is.paid_cents,
    as_is.paid_artists
from published.what_if_months as scenario
inner join published.what_if_months as as_is
    on scenario.settlement_month = as_is.settlement_month and as_is.scenario = 'as_is'
where scenario.settlement_month = $1 and scenario.scenario = $2
"""
_ARTISTS: Final = """
with scenario as (
    select artist_id, category, earned_cents, paid_cents
    from published.what_if
    where settlement_month = $1 and scenario = $2
),

as_is as (
    select artist_id, category, earned_cents
    from published.what_if
    where settlement_month = $1 and scenario = 'as_is'
)

select
    $1 as settlement_month,
    $2 as scenario,
    artist_id,
    coalesce(artists.artist_name, artist_id) as artist_name,
    coalesce(scenario.category, as_is.category) as category,
    coalesce(as_is.earned_cents, 0) as earned_cents,
    coalesce(scenario.earned_cents, 0) as scenario_earned_cents,
    coalesce(scenario.earned_cents, 0) - coalesce(as_is.earned_cents, 0) as difference_cents,
    coalesce(scenario.paid_cents, 0) as scenario_paid_cents
from scenario
full outer join as_is using (artist_id)
left join marts.dim_artists as artists using (artist_id)
order by difference_cents desc, artist_id
"""


def scenarios(principal: Principal, copy: ServingCopy, month: str) -> Rows:
    """Return the scenarios computed for a month: the policy that each changes (`kind`) and its new value (`value`)."""
    require_platform(principal)
    return copy.rows(_SCENARIOS, month)


def scenario_totals(principal: Principal, copy: ServingCopy, month: str, scenario: str) -> Rows:
    """Return a month's totals under a scenario and under its own policy, in one row, pools in cents too."""
    require_platform(principal)
    return tuple(
        {
            **row,
            "scenario_pool_cents": cents_of_parts((row["scenario_direct_nanos"], row["scenario_pool_nanos"]))[1],
            "pool_cents": cents_of_parts((row["direct_nanos"], row["pool_nanos"]))[1],
        }
        for row in copy.rows(_TOTALS, month, scenario)
    )


def scenario_artists(principal: Principal, copy: ServingCopy, month: str, scenario: str) -> Rows:
    """Return each artist's earnings under a scenario and under the month's own policy, largest gain first."""
    require_platform(principal)
    return copy.rows(_ARTISTS, month, scenario)
