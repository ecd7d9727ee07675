"""A careless page for attacks: figures by artist, a fragment, a cache, and widgets and parameters that it trusts.

It takes the place of the real pages, and like them asks the gate who is visiting and the query layer for the right.
"""

import streamlit as st

from allive.dashboards.access import AccessDeniedError, Principal, require_artist
from allive.dashboards.access.current import current_principal
from allive.dashboards.serving import ServingCopy, current_copy
from allive.ingestion.settings import Settings


def earned(principal: Principal, copy: ServingCopy, artist_id: str) -> str:
    """An artist's earnings, as a query of `allive.dashboards.queries` would return them."""
    require_artist(principal, artist_id)
    rows = copy.rows("select earned_cents from published.artist_payouts where artist_id = ?", artist_id)
    return ", ".join(f"EARNED-{artist_id}-{row['earned_cents']}" for row in rows)


@st.cache_resource
def visits() -> list[str]:
    """A list shared by all visitors, which is lost if one of them can clear the caches."""
    return []


def show(artist_id: str) -> None:
    try:
        principal = current_principal(Settings())
        st.write(f"I-AM {principal.name}")
        st.write(earned(principal, current_copy(Settings()), artist_id))
    except AccessDeniedError:
        st.write("DENIED")


@st.fragment
def fragment() -> None:
    # Careless: the fragment shows data that was read when the whole page ran, without checking access again.
    st.button("again", key="again")
    st.write(f"FRAGMENT {st.session_state.get('secret', 'nothing')}")


def main() -> None:
    visits().append("x")
    st.write(f"VISITS {len(visits())}")
    st.write(f"LANGUAGE {st.context.cookies.get('allive_language')} HEADERS {sorted(st.context.headers.keys())}")
    try:
        principal = current_principal(Settings())
    except AccessDeniedError:
        st.session_state.pop("secret", None)
        st.write("ACCESS-WITHDRAWN")
        return
    own = principal.artist_ids[0] if principal.artist_ids else ""
    asked = st.query_params.get("artist", own)
    st.session_state["secret"] = earned(principal, current_copy(Settings()), own) if own else ""
    show(st.text_input("artist", value=asked, key="artist"))
    if st.query_params.get("fail"):
        raise RuntimeError("SECRET-IN-A-TRACEBACK select * from published.artist_payouts")
    fragment()


main()
