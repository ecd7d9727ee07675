"""The serving copy: what dashboards may read, in an immutable DuckDB file of its own.

`marts` are tables of the warehouse, `published` is what is written here: closed months, estimates as earlier copies had
them, what other policies would pay, and the state of the data.
"""

from orchestration.publishing.copies import CURRENT, KEPT_COPIES, ServingCopy, publish
from orchestration.publishing.emptier import EmptierCopyError
from orchestration.publishing.published_columns import PersonalDataError
from orchestration.publishing.published_marts import PUBLISHED_MARTS

__all__ = [
    "CURRENT",
    "KEPT_COPIES",
    "PUBLISHED_MARTS",
    "EmptierCopyError",
    "PersonalDataError",
    "ServingCopy",
    "publish",
]
