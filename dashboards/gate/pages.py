"""The gate's HTML pages: no script, every value escaped, labels and errors linked to their fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from string import Template
from typing import Final
from urllib.parse import quote

from starlette.responses import HTMLResponse

from allive.dashboards.formatting import Language
from allive.dashboards.gate.headers import FORM_POLICY
from allive.dashboards.texts import Texts


class Html(str):
    """Text that is already HTML. All other text is escaped before it goes into a page."""

    __slots__ = ()


def html(template: str, **values: object) -> Html:
    """Fill a template's `$names`, escaping every value that is not `Html`.

    >>> html("<p>$who</p>", who="<b>")
    '<p>&lt;b&gt;</p>'
    """
    safe = {name: value if isinstance(value, Html) else escape(str(value)) for name, value in values.items()}
    return Html(Template(template).substitute(safe))


@dataclass(frozen=True)
class Field:
    """A form input, with its error message if there is one."""

    name: str
    label: str
    kind: str
    autocomplete: str
    value: str = ""
    hint: str = ""
    error: str = ""
    is_focused: bool = False
    is_fixed: bool = False
    is_optional: bool = False
    id_suffix: str = ""
    """Makes the ids of fields with the same name unique on a page with several forms."""

    @property
    def element_id(self) -> str:
        """The field's id on the page."""
        return self.name + self.id_suffix


@dataclass(frozen=True)
class Form:
    """A form that posts back to the gate; `hidden` holds its token."""

    action: str
    submit: str
    hidden: Mapping[str, str]
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class Section:
    """A section of a page below its first form: a heading, facts and actions."""

    title: str
    lead: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    forms: tuple[Form, ...] = ()


@dataclass(frozen=True)
class Page:
    """A page of the gate, from top to bottom."""

    title: str
    lead: str
    notice: str = ""
    """Neutral message, such as that the session has ended."""
    alert: str = ""
    """Error message."""
    facts: Mapping[str, str] = field(default_factory=dict)
    form: Form | None = None
    sections: tuple[Section, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """Big links below the form: (address, text)."""
    divider: str = ""
    footnote: str = ""


_SHELL: Final = """<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>$title · $name</title>
<link rel="icon" href="/gate/icon.svg" type="image/svg+xml">
<link rel="preload" href="/gate/inter-latin.woff2" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="/gate/gate.css">
</head>
<body>
<a class="skip" href="#content">$skip</a>
<div class="stage" aria-hidden="true"></div>
<header>
<a class="brand" href="/"><img src="/gate/icon.svg" alt="" width="36" height="36"><span>$name</span></a>
<nav aria-label="$languages">$switch</nav>
</header>
<main id="content" tabindex="-1">
<p class="tagline">$tagline</p>
<section class="card" aria-labelledby="title">
<h1 id="title">$title</h1>
<p class="lead">$lead</p>
$body
</section>
$footnote
</main>
</body>
</html>
"""
_FIELD: Final = """<div class="field$state">
<label for="$id">$label</label>
<input id="$id" name="$name" type="$kind" autocomplete="$autocomplete" value="$value"$attributes>
$notes</div>
"""
_LANGUAGES: Final = {Language.FRENCH: "Français", Language.ENGLISH: "English"}


def respond(page: Page, language: Language, *, back: str, status: int = 200) -> HTMLResponse:
    """Return a page as a response; the language switch returns to `back`."""
    texts = Texts("gate", language)
    content = html(
        _SHELL,
        language=language,
        title=page.title,
        name=texts("name"),
        skip=texts("skip"),
        languages=texts("language"),
        tagline=texts("tagline"),
        lead=page.lead,
        switch=_switch(language, back),
        body=_body(page),
        footnote=html('<p class="footnote">$text</p>', text=page.footnote) if page.footnote else Html(),
    )
    return HTMLResponse(content, status_code=status, headers={"Content-Security-Policy": FORM_POLICY})


def _switch(language: Language, back: str) -> Html:
    items = [
        html(
            '<a href="/language/$code?back=$back" hreflang="$code" lang="$code"$current>$label</a>',
            code=code,
            label=label,
            back=_quoted(back),
            current=Html(' aria-current="true"') if code is language else Html(),
        )
        for code, label in _LANGUAGES.items()
    ]
    return Html("".join(items))


def _body(page: Page) -> Html:
    parts: list[str] = []
    if page.notice:
        parts.append(html('<p class="notice" role="status">$text</p>', text=page.notice))
    if page.alert:
        parts.append(html('<p class="alert" role="alert" id="alert">$text</p>', text=page.alert))
    parts += _facts(page.facts)
    if page.form:
        parts.append(_form(page.form, alert=bool(page.alert)))
    parts += [_section(section) for section in page.sections]
    if page.links:
        if page.divider:
            parts.append(html('<p class="divider"><span>$text</span></p>', text=page.divider))
        parts += [
            html('<a class="button quiet" href="$address">$text</a>', address=address, text=text)
            for address, text in page.links
        ]
    return Html("\n".join(parts))


def _section(section: Section) -> Html:
    parts = [html("<h2>$title</h2>", title=section.title)]
    if section.lead:
        parts.append(html("<p>$lead</p>", lead=section.lead))
    parts += _facts(section.facts)
    parts += [_form(form, alert=False) for form in section.forms]
    return html('<section class="part">$parts</section>', parts=Html("\n".join(parts)))


def _facts(facts: Mapping[str, str]) -> list[Html]:
    lines = [html("<dt>$key</dt><dd>$value</dd>", key=key, value=value) for key, value in facts.items()]
    return [html("<dl>$lines</dl>", lines=Html("".join(lines)))] if lines else []


def _form(form: Form, *, alert: bool) -> Html:
    return html(
        '<form method="post" action="$action" novalidate>$hidden$fields<button class="button" type="submit">$submit'
        "</button></form>",
        action=form.action,
        submit=form.submit,
        hidden=Html(
            "".join(
                html('<input type="hidden" name="$name" value="$value">', name=name, value=value)
                for name, value in form.hidden.items()
            )
        ),
        fields=Html("".join(_field(entry, alert=alert) for entry in form.fields)),
    )


def _field(entry: Field, *, alert: bool) -> Html:
    notes = []
    described = []
    if entry.hint:
        notes.append(html('<p class="hint" id="$id-hint">$hint</p>\n', id=entry.element_id, hint=entry.hint))
        described.append(f"{entry.element_id}-hint")
    if entry.error:
        notes.append(html('<p class="error" id="$id-error">$error</p>\n', id=entry.element_id, error=entry.error))
        described.append(f"{entry.element_id}-error")
    elif alert:
        described.append("alert")
    attributes = "" if entry.is_optional else " required"
    attributes += ' aria-invalid="true"' if entry.error or alert else ""
    attributes += f' aria-describedby="{" ".join(described)}"' if described else ""
    attributes += " autofocus" if entry.is_focused else ""
    attributes += " readonly" if entry.is_fixed else ""
    attributes += ' autocapitalize="none" spellcheck="false"'
    return html(
        _FIELD,
        id=entry.element_id,
        name=entry.name,
        label=entry.label,
        kind=entry.kind,
        autocomplete=entry.autocomplete,
        value=entry.value,
        state=" wrong" if entry.error else "",
        attributes=Html(attributes),
        notes=Html("".join(notes)),
    )


def _quoted(path: str) -> str:
    return quote(path, safe="")
