"""Renders the simulation's SQL with the dbt project's own macros for what counts and who shares the pool."""

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from allive.ingestion.settings import DBT_PROJECT_DIR

_HERE: Final = Path(__file__).parent
_MACROS: Final = DBT_PROJECT_DIR / "macros"


@cache
def sql(name: str) -> str:
    """Return the SQL of `<name>.sql`, which imports the macros of the models (`dbt_project/macros/what_counts.sql`)."""
    environment = Environment(loader=FileSystemLoader([_HERE, _MACROS]), undefined=StrictUndefined)  # noqa: S701 - SQL
    return environment.get_template(f"{name}.sql").render()
