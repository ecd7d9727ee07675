"""The warehouse on Spark: the session, its sources, the tables it wrote, and their views in the DuckDB warehouse.

Spark computes the models; checks, closing and publishing read its rows through the DuckDB warehouse (docs/adr/0013).
"""

from allive.orchestration.spark.building import build_models, is_built, register_models, registered_tables
from allive.orchestration.spark.session import LOG_CONFIGURATION, SparkUnavailableError, require_spark

__all__ = [
    "LOG_CONFIGURATION",
    "SparkUnavailableError",
    "build_models",
    "is_built",
    "register_models",
    "registered_tables",
    "require_spark",
]
