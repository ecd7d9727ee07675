"""What the what-if simulator of *Paiements* reads: a month under other policies, computed at publishing."""

from typing import Final

from dashboards.access import Principal, require_platform
from dashboards.serving import Rows, ServingCopy

WHAT_IF_COLUMNS: Final = (
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
where scenario in (select scenario from published.what_if where settlement_month = $1)
order by kind, value, scenario
"""
_WHAT_IF: Final = """
select
    what_if.settlement_month,
    what_if.scenario,
    what_if.artist_id,
    coalesce(artists.artist_name, what_if.artist_id) as artist_name,
    what_if.category,
    coalesce(months.current_earned_cents, 0) as earned_cents,
    what_if.earned_cents as scenario_earned_cents,
    what_if.earned_cents - coalesce(months.current_earned_cents, 0) as difference_cents,
    what_if.paid_cents as scenario_paid_cents
from published.what_if as what_if
left join marts.fct_artist_months as months using (settlement_month, artist_id)
left join marts.dim_artists as artists using (artist_id)
where what_if.settlement_month = $1 and what_if.scenario = $2
order by difference_cents desc, what_if.artist_id
"""


def scenarios(principal: Principal, copy: ServingCopy, month: str) -> Rows:
    """Return the scenarios that were computed for a month: what each changes (`kind`), and to what (`value`)."""
    require_platform(principal)
    return copy.rows(_SCENARIOS, month)


def what_if(principal: Principal, copy: ServingCopy, month: str, scenario: str) -> Rows:
    """Return what each artist would earn beside what they earn on today's data, who gains most first."""
    require_platform(principal)
    return copy.rows(_WHAT_IF, month, scenario)
