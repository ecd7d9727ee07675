"""The entry point of the pages: who looks, in which language, at which copy; then the navigation of their role.

Runs at every rerun, so a grant that was withdrawn or a copy that was swapped counts at once.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import streamlit as st

from dashboards.access import AccessDeniedError, Principal, Role, current_principal
from dashboards.app_pages.artist import audience, earnings, lives, statements
from dashboards.app_pages.management import catalogue, data, emerging, overview, payouts, subscribers
from dashboards.formatting import Language
from dashboards.queries.artist import artist_names
from dashboards.serving import ServingCopy, ServingCopyMissingError, current_copy
from dashboards.texts import Texts
from dashboards.viewer import Viewer
from ingestion.settings import Settings

LANGUAGE_COOKIE: Final = "allive_language"
_ICON: Final = Path(__file__).parent / "static" / "icon.svg"

Render = Callable[[Viewer], None]
_ARTIST_PAGES: Final[Mapping[str, tuple[Render, str]]] = {
    "earnings": (earnings.render, ":material/euro:"),
    "lives": (lives.render, ":material/play_circle:"),
    "audience": (audience.render, ":material/groups:"),
    "statements": (statements.render, ":material/description:"),
}
_PLATFORM_PAGES: Final[Mapping[str, tuple[Render, str]]] = {
    "overview": (overview.render, ":material/monitoring:"),
    "subscribers": (subscribers.render, ":material/person:"),
    "emerging": (emerging.render, ":material/trending_up:"),
    "catalogue": (catalogue.render, ":material/library_music:"),
}
_MONEY_PAGES: Final[Mapping[str, tuple[Render, str]]] = {
    "payouts": (payouts.render, ":material/payments:"),
    "data": (data.render, ":material/fact_check:"),
}


def main() -> None:
    """Draw the page that the address names, as its viewer may see it."""
    st.set_page_config(page_title="Allive", page_icon=str(_ICON), layout="wide")
    settings = Settings()
    language = _language()
    try:
        principal = current_principal(settings)
        copy = current_copy(settings)
    except AccessDeniedError:
        _state("denied", language, contact=settings.statement_contact)
        return
    except ServingCopyMissingError:
        _state("missing", language)
        return
    st.logo(_ICON, size="large")
    _navigate(principal, copy, language, contact=settings.statement_contact)


def _language() -> Language:
    chosen = st.context.cookies.get(LANGUAGE_COOKIE)
    return Language(chosen) if chosen in set(Language) else Language.FRENCH


def _navigate(principal: Principal, copy: ServingCopy, language: Language, *, contact: str) -> None:
    texts = Texts("shell", language)
    artist_id = _artist_of(principal, copy, language)
    viewer = Viewer(principal=principal, language=language, copy=copy, artist_id=artist_id)
    artist_pages = _pages(_ARTIST_PAGES, viewer, contact=contact)
    if principal.role is Role.ARTIST:
        sections = {texts("navigation.artist"): artist_pages}
    else:
        sections = {
            texts("navigation.platform"): _pages(_PLATFORM_PAGES, viewer, contact=contact),
            texts("navigation.money"): _pages(_MONEY_PAGES, viewer, contact=contact),
            texts("navigation.viewed_artist"): artist_pages,
        }
    page = st.navigation(sections)
    with st.sidebar:
        _sign_out(principal, language)
    page.run()


def _pages(pages: Mapping[str, tuple[Render, str]], viewer: Viewer, *, contact: str) -> list[st.Page]:
    texts = Texts("shell", viewer.language)
    return [
        st.Page(
            partial(_draw, render, viewer, contact=contact),
            title=texts(f"page.{name}"),
            icon=icon,
            url_path=name,
            default=name in {"overview", "earnings"} and _is_first(name, viewer),
        )
        for name, (render, icon) in pages.items()
    ]


def _is_first(name: str, viewer: Viewer) -> bool:
    return name == ("earnings" if viewer.principal.role is Role.ARTIST else "overview")


def _draw(render: Render, viewer: Viewer, *, contact: str) -> None:
    """Draw a page; what fails on it becomes a designed state here, and a traceback in the log only."""
    try:
        render(viewer)
    except AccessDeniedError:
        _state("denied", viewer.language, contact=contact)
    except Exception:
        logging.getLogger("allive.dashboards").exception("a page failed")
        _state("error", viewer.language)


def _artist_of(principal: Principal, copy: ServingCopy, language: Language) -> str | None:
    """Return whose artist pages are shown; one who has several artists, and the platform, choose."""
    names = artist_names(principal, copy)
    if not names:
        return None
    if len(names) == 1 and principal.role is Role.ARTIST:
        return next(iter(names))
    texts = Texts("shell", language)
    chosen: str = st.sidebar.selectbox(
        texts("navigation.choose_artist"), list(names), format_func=lambda artist_id: names[artist_id], key="artist"
    )
    return chosen


def _sign_out(principal: Principal, language: Language) -> None:
    texts = Texts("shell", language)
    other = Language.ENGLISH if language is Language.FRENCH else Language.FRENCH
    st.caption(texts("navigation.signed_in_as", name=principal.name))
    st.html(
        f'<a class="al-link" href="/language/{other}" hreflang="{other}" lang="{other}" target="_self">'
        f"{texts('navigation.language')}</a> · "
        f'<a class="al-link" href="/sign-out" target="_self">{texts("navigation.sign_out")}</a>'
    )


def _state(name: str, language: Language, **fields: str) -> None:
    texts = Texts("shell", language)
    st.title(texts(f"state.{name}_title"), anchor=False)
    st.markdown(texts(f"state.{name}_text", **fields))


main()
