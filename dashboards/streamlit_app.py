"""The entry point of the pages: finds the viewer, language and serving copy, then draws the navigation for their role.

It runs at every rerun, so a revoked grant or a new copy takes effect immediately.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.navigation.page import Page

from allive.dashboards.access import PLATFORM_ROLES, AccessDeniedError, Principal, Role
from allive.dashboards.access.audit import record_view_as
from allive.dashboards.access.current import current_principal
from allive.dashboards.access.store import open_store
from allive.dashboards.app_pages.artist import audience, earnings, lives, statements
from allive.dashboards.app_pages.management import catalogue, data, emerging, overview, payments, payouts, subscribers
from allive.dashboards.formatting import Language
from allive.dashboards.queries.artist import artist_names
from allive.dashboards.serving import ServingCopy, ServingCopyMissingError, current_copy
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer, service_settings
from allive.ingestion.settings import Settings

LANGUAGE_COOKIE: Final = "allive_language"
_VIEWED_AS: Final = "viewed_as"
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
    "payouts": (payouts.render, ":material/event_available:"),
    "payments": (payments.render, ":material/payments:"),
    "data": (data.render, ":material/fact_check:"),
}


def main() -> None:
    """Draw the page at the requested address, as far as the viewer may see it."""
    st.set_page_config(page_title="Allive", page_icon=str(_ICON), layout="wide")
    settings = service_settings()
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
    _navigate(principal, copy, settings, language)


def _language() -> Language:
    chosen = st.context.cookies.get(LANGUAGE_COOKIE)
    return Language(chosen) if chosen in set(Language) else Language.FRENCH


def _navigate(principal: Principal, copy: ServingCopy, settings: Settings, language: Language) -> None:
    texts = Texts("shell", language)
    viewer = Viewer(principal=principal, language=language, copy=copy)
    sections = {}
    if principal.role in PLATFORM_ROLES:
        sections[texts("navigation.platform")] = _pages(_PLATFORM_PAGES, viewer, settings)
        sections[texts("navigation.money")] = _pages(_MONEY_PAGES, viewer, settings)
    if principal.role is Role.ARTIST:
        sections[texts("navigation.artist")] = _pages(_ARTIST_PAGES, viewer, settings)
    elif principal.role is Role.MANAGEMENT:
        sections[texts("navigation.viewed_artist")] = _pages(_ARTIST_PAGES, viewer, settings)
    page = st.navigation(sections)
    with st.sidebar:
        _sign_out(principal, language)
    page.run()


def _pages(pages: Mapping[str, tuple[Render, str]], viewer: Viewer, settings: Settings) -> list[Page]:
    texts = Texts("shell", viewer.language)
    first = "earnings" if viewer.principal.role is Role.ARTIST else "overview"
    draw = _draw_as_artist if pages is _ARTIST_PAGES else _draw
    return [
        st.Page(
            partial(draw, render, viewer, settings),
            title=texts(f"page.{name}"),
            icon=icon,
            url_path=name,
            default=name == first,
        )
        for name, (render, icon) in pages.items()
    ]


def _draw_as_artist(render: Render, viewer: Viewer, settings: Settings) -> None:
    """Draw an artist's page: the viewer's own, or the one chosen by management or by a user with several artists."""
    names = artist_names(viewer.principal, viewer.copy)
    texts = Texts("shell", viewer.language)
    if not names:
        _state("no_artist", viewer.language)
        return
    ids = list(names)
    artist_id = ids[0]
    if len(ids) > 1:
        asked = st.query_params.get("artist")
        artist_id = st.selectbox(
            texts("navigation.choose_artist"),
            ids,
            index=ids.index(asked) if asked in ids else 0,
            format_func=lambda artist_id: names[artist_id],
        )
    if viewer.principal.role is Role.MANAGEMENT:
        if st.session_state.get(_VIEWED_AS) != artist_id:
            record_view_as(open_store(settings), viewer.principal, artist_id)
            st.session_state[_VIEWED_AS] = artist_id
        st.info(texts("state.viewing_as", name=names[artist_id]), icon=":material/visibility:")
    _draw(render, replace(viewer, artist_id=artist_id), settings)


def _draw(render: Render, viewer: Viewer, settings: Settings) -> None:
    """Draw a page. On an error, show an error message; the traceback goes only to the log."""
    try:
        render(viewer)
    except AccessDeniedError:
        _state("denied", viewer.language, contact=settings.statement_contact)
    except Exception:
        logging.getLogger("allive.dashboards").exception("a page failed")
        _state("error", viewer.language)


def _sign_out(principal: Principal, language: Language) -> None:
    texts = Texts("shell", language)
    other = Language.ENGLISH if language is Language.FRENCH else Language.FRENCH
    # As HTML: Markdown would turn an e-mail address into a link.
    st.html(
        f'<p class="al-note">{escape(texts("navigation.signed_in_as", name=principal.name))}</p>'
        f'<a class="al-link" href="/language/{other}" hreflang="{other}" lang="{other}" target="_self">'
        f"{texts('navigation.language')}</a> · "
        f'<a class="al-link" href="/sign-out" target="_self">{texts("navigation.sign_out")}</a>'
    )


def _state(name: str, language: Language, **fields: str) -> None:
    texts = Texts("shell", language)
    st.title(texts(f"state.{name}_title"), anchor=False)
    st.markdown(texts(f"state.{name}_text", **fields))


main()
