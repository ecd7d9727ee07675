"""Typesets a page of strings with typst: the same strings give the same bytes, on any machine.

Only the bundled fonts are used; a character that none of them has is shown as an open box (`fonts/README.md`). Text
that people wrote reaches typst as JSON in `sys.inputs`: it is data there and cannot become markup.
"""

import json
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

TEMPLATES: Final = Path(__file__).parent / "templates"
FONTS: Final = Path(__file__).parent / "fonts"

_STANDARDS: "Final[list[typst.PDFStandard]]" = ["a-2a", "ua-1"]


class Typesetter:
    """A typst compiler with one template loaded. Use one per thread; compiling releases the GIL."""

    def __init__(self, template: str) -> None:
        # By path: typst 0.15.2 forgets a template given as bytes after the first document.
        self._compiler = typst.Compiler(TEMPLATES / template, root=TEMPLATES, font_paths=_fonts())

    def pdf(self, page: dict[str, Any]) -> bytes:
        """Return the document as PDF/A-2a and PDF/UA-1; `page["date"]` (year, month, day) is its only date."""
        document = self._compiler.compile(
            format="pdf",
            sys_inputs=_inputs(page),
            pdf_standards=_STANDARDS,
            timestamp=datetime.combine(date(*page["date"]), time.min, tzinfo=UTC),
        )
        return _single(document)


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])


def _inputs(page: dict[str, Any]) -> dict[str, str]:
    return {"page": json.dumps(page, ensure_ascii=False)}


def _single(document: bytes | list[bytes] | None) -> bytes:
    assert isinstance(document, bytes)  # noqa: S101 - one document, no output file was named
    return document
