"""The texts of the pages, by key, in French and in English: `locales/<language>/<page>.toml`.

A text can have `{fields}`; a key with `.one` and `.other` has one text per plural form. A test checks that both
languages have the same keys with the same fields. French files use plain spaces; this module replaces them with the
no-break spaces of French typography.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from allive.dashboards.formatting import Language, count

LOCALES: Final = Path(__file__).parent / "locales"


class Texts:
    """The texts of one page in one language."""

    def __init__(self, page: str, language: Language) -> None:
        self.language = language
        self._page = page
        self._texts = load_texts(page, language)

    def __call__(self, key: str, **fields: object) -> str:
        """Return the text for a key with its fields filled in.

        Raises:
            KeyError: The page has no such text.
        """
        return self._found(key).format(**fields)

    def plural(self, key: str, number: int, **fields: object) -> str:
        """Return the plural form of a key for a number; `{number}` becomes the number formatted in the language."""
        form = self.language.locale.plural_form(number)
        text = self._texts.get(f"{key}.{form}") or self._found(f"{key}.other")
        return text.format(number=count(number, self.language), **fields)

    def _found(self, key: str) -> str:
        try:
            return self._texts[key]
        except KeyError:
            raise KeyError(f"Found no text {key!r} in locales/{self.language}/{self._page}.toml; add it.") from None


@cache
def load_texts(page: str, language: Language) -> Mapping[str, str]:
    """Return a page's texts by their dotted keys."""
    with (LOCALES / language / f"{page}.toml").open("rb") as file:
        texts = dict(_flat(tomllib.load(file)))
    return {key: set_in_french(text) for key, text in texts.items()} if language is Language.FRENCH else texts


def set_in_french(text: str) -> str:
    r"""Return a text with French no-break spaces: narrow before ; ! ? % €, wide before : and inside « ».

    >>> set_in_french("Combien ? « 5 % » : rien")
    'Combien\u202f? «\xa05\u202f%\xa0»\xa0: rien'
    """
    text = re.sub(r" (?=[;!?%€])", "\u202f", text)
    return re.sub(r" (?=:(\s|$)|»)|(?<=«) ", "\u00a0", text)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    texts: list[tuple[str, str]] = []
    for key, value in tree.items():
        texts += _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(f"{prefix}{key}", str(value))]
    return texts
