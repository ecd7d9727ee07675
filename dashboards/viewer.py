"""The input of a page: the viewer, the artist shown, the language and the serving copy."""

from dataclasses import dataclass
from functools import cache

from allive.dashboards.access import Principal
from allive.dashboards.formatting import Language
from allive.dashboards.serving import ServingCopy
from allive.ingestion.settings import Settings


@dataclass(frozen=True)
class Viewer:
    """One rerun of a page. `artist_id` is the artist whose pages are shown: the viewer's own, or the one viewed."""

    principal: Principal
    language: Language
    copy: ServingCopy
    artist_id: str | None = None


@cache
def service_settings() -> Settings:
    """Return the settings of this process. Cached, because reading them takes 12 ms per rerun."""
    return Settings()
