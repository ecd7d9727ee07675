"""The serving copy: the data that dashboards can read, in a separate, immutable DuckDB file.

Schema `marts` has tables of the warehouse. Schema `published` is written here: closed months, estimates from earlier
copies, the state of payments, what other policies would pay, and the state of the data.
"""

from allive.orchestration.publishing.copies import KEPT_COPIES, publish, refresh_payments
from allive.orchestration.publishing.emptier import EmptierCopyError
from allive.orchestration.publishing.published_columns import PersonalDataError
from allive.orchestration.publishing.published_marts import PUBLISHED_MARTS
from allive.orchestration.serving_copy import CURRENT, ServingCopy

__all__ = [
    "CURRENT",
    "KEPT_COPIES",
    "PUBLISHED_MARTS",
    "EmptierCopyError",
    "PersonalDataError",
    "ServingCopy",
    "publish",
    "refresh_payments",
]
