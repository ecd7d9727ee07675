"""Runs one page without server and gate, to test its text and figures; access protection is tested in tests/e2e."""

from importlib import import_module
from pathlib import Path

from streamlit.testing.v1 import AppTest

from allive.dashboards.access import Principal, Role
from allive.dashboards.formatting import Language
from allive.dashboards.serving import current_copy
from allive.dashboards.viewer import Viewer
from allive.ingestion.settings import Settings

TIMEOUT_S = 30


def viewer_of(home: Path, *, role: Role, artist_id: str | None = None, language: Language = Language.FRENCH) -> Viewer:
    """A viewer of the copy in service; an artist's only ID is `artist_id`."""
    principal = Principal(
        issuer="local",
        subject=f"{role}@allive.example",
        name=str(role),
        role=role,
        artist_ids=(artist_id,) if artist_id and role is Role.ARTIST else (),
    )
    return Viewer(principal=principal, language=language, copy=current_copy(Settings(home=home)), artist_id=artist_id)


def run_page(name: str, viewer: Viewer) -> AppTest:
    """Run a page such as `artist.earnings`; an exception on it is raised here."""

    # Streamlit runs its source from a separate file, where no name of this module exists.
    def script(name, viewer):
        from importlib import import_module  # noqa: PLC0415

        import_module(f"allive.dashboards.app_pages.{name}").render(viewer)

    import_module(f"allive.dashboards.app_pages.{name}")
    test = AppTest.from_function(script, default_timeout=TIMEOUT_S, kwargs={"name": name, "viewer": viewer})
    test.run()
    assert not test.exception, test.exception
    return test
