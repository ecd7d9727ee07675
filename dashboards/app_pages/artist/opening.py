"""The top of every artist page: its head, and the messages if there is no artist to show."""

import streamlit as st

from allive.dashboards import formatting, layout
from allive.dashboards.formatting import Language
from allive.dashboards.queries.artist import Artist, find_artist
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer


def open_page(viewer: Viewer, texts: Texts) -> Artist | None:
    """Draw a page's head and return the artist, or show why there is none and return None."""
    state = Texts("earnings", viewer.language)
    artist = find_artist(viewer.principal, viewer.copy, viewer.artist_id) if viewer.artist_id else None
    layout.page_head(viewer, texts("title"), f"**{plain(artist.artist_name)}**" if artist else "")
    if not viewer.artist_id:
        layout.nothing_yet(state("state.none_title"), state("state.none_text"), icon=":material/person_off:")
    elif artist is None:
        layout.nothing_yet(
            state("state.unknown_title"),
            state("state.unknown_text", artist_id=plain(viewer.artist_id)),
            icon=":material/person_search:",
        )
    elif artist.left_on:
        st.info(state("state.left", day=formatting.day(artist.left_on, viewer.language)), icon=":material/waving_hand:")
    return artist


def month_first(month: str, language: Language) -> str:
    """Return a month's name with a capital first letter, for the start of a sentence.

    >>> month_first("2021-02", Language.FRENCH)
    'Février 2021'
    """
    name = formatting.month_name(month, language)
    return name[0].upper() + name[1:]


def plain(text: str) -> str:
    r"""Return a text escaped so that Markdown prints it literally.

    >>> print(plain("a*b_c [d](e) $f$ :g:"))
    a\*b\_c \[d\](e) \$f\$ \:g\:
    """
    return "".join(f"\\{char}" if char in "\\`*_[]<>$:~#|" else char for char in text)
