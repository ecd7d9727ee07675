"""A page with everything to steal: figures by artist, a fragment, a cache, widgets and parameters that it believes.

It stands where the real pages stand, and asks as they do: the gate for who looks, the query layer for the right.
"""

import streamlit as st

from dashboards.access import AccessDeniedError, Principal, current_principal, require_artist
from dashboards.serving import ServingCopy, current_copy
from ingestion.settings import Settings


def earned(principal: Principal, copy: ServingCopy, artist_id: str) -> str:
    """What an artist earned, as a query of `dashboards.queries` would say it."""
    require_artist(principal, artist_id)
    rows = copy.rows("select earned_cents from published.artist_payouts where artist_id = ?", artist_id)
    return ", ".join(f"EARNED-{artist_id}-{row['earned_cents']}" for row in rows)


@st.cache_resource
def visits() -> list[str]:
    """Lives as long as nobody clears the caches of everybody."""
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
    # A careless page: what the fragment shows was read when the whole page ran, and nobody is asked again.
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
