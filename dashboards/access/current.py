"""The principal of the page that is being drawn."""

import streamlit as st

from allive.dashboards.access.grants import principal_of_session
from allive.dashboards.access.principal import Principal
from allive.dashboards.access.store import open_store
from allive.ingestion.settings import Settings


def current_principal(settings: Settings) -> Principal:
    """Return the viewer, from the session confirmed by the gate and the current grant in the access store.

    Raises:
        AccessDeniedError: The session has ended, or the subject no longer has a grant.
    """
    return principal_of_session(open_store(settings), str(st.user.get("session") or ""))
