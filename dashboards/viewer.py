"""What a page is given: who looks, at whose figures, in which language, in which copy."""

from dataclasses import dataclass
from functools import cache

from dashboards.access import Principal
from dashboards.formatting import Language
from dashboards.serving import ServingCopy
from ingestion.settings import Settings


@dataclass(frozen=True)
class Viewer:
    """One rerun of a page. `artist_id` is whose artist pages are shown: the viewer's own, or the one viewed as."""

    principal: Principal
    language: Language
    copy: ServingCopy
    artist_id: str | None = None


@cache
def service_settings() -> Settings:
    """Return the settings of this process, read once: a rerun would spend 12 ms on reading them again."""
    return Settings()
