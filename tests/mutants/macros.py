"""Renders the dbt project's macros with Jinja alone, so that a test can run either engine's variant without dbt."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined

from allive.ingestion.settings import DBT_PROJECT_DIR

NEEDS_DBT = {"comments.sql", "tables.sql", "watermark.sql"}


def load_macros(*variants: str, project_dir: Path = DBT_PROJECT_DIR) -> Any:
    """Return a namespace of the project's macros; dispatch tries the prefixes in `variants` in order."""
    variables = yaml.safe_load((project_dir / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    environment = Environment(undefined=StrictUndefined, extensions=["jinja2.ext.do"])  # noqa: S701 - it renders SQL

    def dispatch(name: str) -> Any:
        candidates = (getattr(macros, f"{variant}__{name}", None) for variant in variants)
        return next(macro for macro in candidates if macro is not None)

    environment.globals |= {
        "adapter": SimpleNamespace(dispatch=dispatch),
        "return": lambda value: value,
        "var": variables.__getitem__,
    }
    files = sorted(path for folder in ("", "engine") for path in (project_dir / "macros" / folder).glob("*.sql"))
    sources = [path.read_text(encoding="utf-8") for path in files if path.name not in NEEDS_DBT]
    macros = environment.from_string("\n".join(sources)).module
    return macros
