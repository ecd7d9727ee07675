"""Query of *Abonnés* besides the platform's months: how many subscribers of each cohort are still active."""

from typing import Final

from allive.dashboards.access import Principal, require_platform
from allive.dashboards.serving import Rows, ServingCopy

COHORT_COLUMNS: Final = ("cohort_month", "months_since", "subscribers", "retained_subscribers", "retained_bp")
_COHORTS: Final = f"""
select {", ".join(COHORT_COLUMNS)}
from marts.fct_subscriber_cohorts
order by cohort_month, months_since
"""


def subscriber_cohorts(principal: Principal, copy: ServingCopy) -> Rows:
    """Return each cohort by months since its first month, oldest cohort first."""
    require_platform(principal)
    return copy.rows(_COHORTS)
