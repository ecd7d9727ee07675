"""Both languages have the same pages, keys and fields."""

from string import Formatter

import pytest

from allive.dashboards.formatting import Language
from allive.dashboards.texts import LOCALES, Texts, load_texts

PAGES = sorted(path.stem for path in (LOCALES / "fr").glob("*.toml"))


def fields_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_pages() -> None:
    assert PAGES
    assert sorted(path.stem for path in (LOCALES / "en").glob("*.toml")) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_have_the_same_texts_with_the_same_fields(page: str) -> None:
    french, english = (load_texts(page, language) for language in Language)
    assert set(french) == set(english)
    assert {key for key in french if fields_of(french[key]) != fields_of(english[key])} == set()
    assert all(text.strip() for text in (*french.values(), *english.values()))


@pytest.mark.parametrize("page", PAGES)
def test_french_is_set_as_french_is_set(page: str) -> None:
    for key, text in load_texts(page, Language.FRENCH).items():
        assert "'" not in text, f"{key}: an ASCII apostrophe"
        assert '"' not in text, f"{key}: an ASCII quotation mark; write « »"
        for sign in ":;!?»%€":
            assert f" {sign} " not in f"{text} ", f"{key}: a breaking space before {sign}"
        assert "« " not in text, f"{key}: a breaking space after «"


def test_a_plural_takes_the_form_of_its_language() -> None:
    # 0 is singular in French (CLDR), plural in English.
    french, english = Texts("shell", Language.FRENCH), Texts("shell", Language.ENGLISH)
    assert french.language.locale.plural_form(0) == "one"
    assert english.language.locale.plural_form(0) == "other"


def test_a_missing_text_names_where_it_belongs() -> None:
    with pytest.raises(KeyError, match=r"locales/fr/shell\.toml"):
        Texts("shell", Language.FRENCH)("no.such.text")
