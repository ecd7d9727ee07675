"""Corrects Streamlit's own page: sets language, title and icon, and removes calls and links to the outside."""

import re
from typing import Final

from allive.dashboards.formatting import Language

TITLE: Final = "Allive"
ICON: Final = "/gate/icon.svg"
SCRIPT: Final = "/gate/session.js"

_COMMENT: Final = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_INLINE_SCRIPT: Final = re.compile(r"<script>.*?</script>\s*", re.DOTALL)
_AGENT_LINK: Final = re.compile(r"<link rel=\"service-desc\"[^>]*>\s*")
_FONT_PRELOAD: Final = re.compile(r"<link\s+rel=\"preload\"[^>]*as=\"font\"[^>]*/>\s*")
_NOSCRIPT: Final = re.compile(r"<noscript>.*?</noscript>", re.DOTALL)
_ICON: Final = re.compile(r"<link rel=\"shortcut icon\"[^>]*>")


def corrected(page: str, language: Language, *, without_script: str) -> str:
    """Return the page in a language. Missing parts are skipped, so that a later Streamlit does not break the page."""
    page = page.replace('<html lang="en">', f'<html lang="{language}">', 1)
    page = page.replace(
        "<title>Streamlit</title>", f'<title>{TITLE}</title>\n    <script src="{SCRIPT}" defer></script>', 1
    )
    page = _COMMENT.sub("", page)
    page = _INLINE_SCRIPT.sub("", page)
    page = _AGENT_LINK.sub("", page)
    page = _FONT_PRELOAD.sub("", page)
    page = _NOSCRIPT.sub(f"<noscript><p>{without_script}</p></noscript>", page)
    return _ICON.sub(f'<link rel="icon" href="{ICON}" type="image/svg+xml" />', page)
