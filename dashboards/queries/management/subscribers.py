"""What *Abonnés* reads beside the platform's months: how many of a cohort are still here."""

from typing import Final

from dashboards.access import Principal, require_platform
from dashboards.serving import Rows, ServingCopy

COHORT_COLUMNS: Final = ("cohort_month", "months_since", "subscribers", "retained_subscribers", "retained_bp")
_COHORTS: Final = f"""
select {", ".join(COHORT_COLUMNS)}
from marts.fct_subscriber_cohorts
order by cohort_month, months_since
"""


def subscriber_cohorts(principal: Principal, copy: ServingCopy) -> Rows:
    """Return each cohort by months since its own, the oldest cohort first."""
    require_platform(principal)
    return copy.rows(_COHORTS)
