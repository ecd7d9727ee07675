"""Turns a contract into a JSON Schema (2020-12) that accepts the same records. No other module does.

A schema describes a record as JSON. The cells of a CSV are texts, so one schema serves both. JSON Schema sees the value
of a number, not how it was written, and can neither compare two fields nor know the time: `docs/contracts.md` lists the
differences.
"""

from functools import singledispatch
from importlib import import_module
from typing import Any, Final

from allive.ingestion.contracts.contract import Contract, Field
from allive.ingestion.contracts.fields import (
    Boolean,
    Choice,
    CountryCode,
    Currency,
    Day,
    FieldType,
    Id,
    Instant,
    Integer,
    Label,
    Milliseconds,
    Rate,
    Seconds,
    Siren,
    Text,
    country_codes,
)
from allive.ingestion.contracts.patterns import (
    ANY_DAY,
    ANY_INSTANT,
    BLANK,
    DAY,
    INSTANT,
    INTEGER,
    NUMBER,
    SPREADSHEET_ID,
)
from allive.ingestion.contracts.patterns import portable as _portable
from allive.ingestion.contracts.words import expected_of

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
KEPT_AS_WRITTEN: Final = "kept_as_written"
"""The definition of records whose every value is kept as written, in schemas of contracts that forgive odd values."""

_BLANK: Final = _portable(BLANK)
_BLANKS: Final = f"{_BLANK}*"
_NOT_BLANK: Final = f"[^{_BLANK[1:-1]}\\x00]"
_NOT_NUL: Final = r"[^\x00]"
# Unicode's lower case of these is an ASCII letter too, so a contract reads `LİVE` as `live`.
_OTHER_CAPITALS: Final = {"i": "\u0130", "k": "\u212a"}
_LEAP_YEAR: Final = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
# Seconds below 10^15 fill DECIMAL(18,3). Of so many digits, it has only three decimals.
_SECONDS_DIGITS: Final = 15
# The largest finite double, and the number of digits that are always below it.
_LARGEST_DOUBLE: Final = 1.7976931348623157e308
_DOUBLE_DIGITS: Final = 308
_SIREN_DIGITS: Final = 9


def json_schema(contract: Contract) -> Schema:
    """The JSON Schema of a record type's records."""
    rules, unstated = _stated_rules(contract)
    lenient = {field.name for field in contract.lenient}
    definitions = _definitions(contract)
    if contract.lenient:
        kept = {field.name: _kept(field) for field in contract.lenient}
        definitions[KEPT_AS_WRITTEN] = {
            "description": "A record whose every value is kept as written. Senders should meet this definition.",
            "$ref": "#",
            "properties": kept,
        }
    return {
        "$schema": DIALECT,
        "$id": f"urn:allive:landing:{contract.record_type}",
        "$comment": _comment(contract, unstated),
        "title": contract.record_type,
        "description": " ".join(
            (import_module(f"allive.ingestion.contracts.{contract.record_type}").__doc__ or "").split()
        ),
        "type": "object",
        "required": list(contract.required),
        "properties": {
            field.name: {"description": field.description}
            | (_accepted(field) if field.name in lenient else _kept(field))
            for field in contract.fields
        },
        **({"allOf": rules} if rules else {}),
        "$defs": definitions,
    }


def unstated_reasons(contract: Contract) -> tuple[str, ...]:
    """The reasons for a reject that a schema cannot state: they compare two fields, or an instant with the clock."""
    return _stated_rules(contract)[1]


def _stated_rules(contract: Contract) -> tuple[list[Schema], tuple[str, ...]]:
    """The rules between fields that a schema can state, and the reasons of the others."""
    stated: list[Schema] = []
    unstated: list[str] = []
    for rule in contract.rules:
        if rule.if_positive and rule.needed:
            stated.append(_needs(rule.if_positive, rule.needed))
        else:
            unstated.append(rule.reason)
    return stated, tuple(unstated)


def _needs(if_positive: str, needed: str) -> Schema:
    positive = {"type": ["integer", "string"], "exclusiveMinimum": 0, "pattern": "[1-9]"}
    return {
        "if": {"required": [if_positive], "properties": {if_positive: positive}},
        "then": {"required": [needed], "properties": {needed: {"not": {"$ref": "#/$defs/missing"}}}},
    }


def _comment(contract: Contract, unstated: tuple[str, ...]) -> str:
    rules = "; ".join(f"{reason} ({expected_of(contract, reason)})" for reason in unstated)
    return (
        "Generated from ingestion/contracts: edit those. A row of a CSV is the object of its cells, as texts. "
        f"Checked by the load alone, because a schema cannot state it: {rules}."
    )


def _definitions(contract: Contract) -> dict[str, Schema]:
    """The values that each type of the contract's fields can read, by name."""
    forms: dict[str, Schema] = {
        _name(field): {"description": _sentence(field.type.expected), **_form(field.type)} for field in contract.fields
    }
    forms["missing"] = {
        "description": "A missing value: null, or text that is empty or has only blanks.",
        "type": ["null", "string"],
        "pattern": f"^{_BLANKS}$",
    }
    if any(field.required and field in contract.lenient for field in contract.fields):
        forms["word"] = {"description": "Any word.", "type": "string", "pattern": _any_text(least=_NOT_BLANK)}
    return forms


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _name(field: Field) -> str:
    """The name of a type's definition: the field's own name if the type has parameters."""
    is_of_field = isinstance(field.type, Choice | Label) or (
        isinstance(field.type, Integer) and field.type != Integer()
    )
    return field.name if is_of_field else type(field.type).__name__.lower()


def _kept(field: Field) -> Schema:
    """A field whose value is read, or which is missing."""
    form: Schema = {"$ref": f"#/$defs/{_name(field)}"}
    return form if field.required else {"anyOf": [form, {"$ref": "#/$defs/missing"}]}


def _accepted(field: Field) -> Schema:
    """A field of which other values are accepted too, with a warning."""
    if isinstance(field.type, Choice) and field.type.other is not None:
        return {"$ref": "#/$defs/word", "$comment": f"Any other word is kept as '{field.type.other}', with a warning."}
    return {"$comment": "A value that cannot be read is kept as missing, with a warning."}


def _any_text(*, least: str) -> str:
    """A pattern for text without NUL that has at least this character."""
    return f"^{_NOT_NUL}*{least}{_NOT_NUL}*$"


def _between_blanks(pattern: str) -> str:
    return f"^{_BLANKS}(?:{_portable(pattern)}){_BLANKS}$"


def _any_case(word: str) -> str:
    """A pattern for a word in lower case, written in any case.

    >>> _any_case("hi_1")
    '[hH][iI\u0130]_1'
    """
    return "".join(
        f"[{letter}{letter.upper()}{_OTHER_CAPITALS.get(letter, '')}]" if letter.isalpha() else letter
        for letter in word
    )


def _words(words: tuple[str, ...]) -> str:
    return _between_blanks("|".join(map(_any_case, words)))


@singledispatch
def _form(field_type: FieldType) -> Schema:
    """The JSON values that a type can read."""
    raise NotImplementedError(f"no JSON Schema for {type(field_type).__name__}: state it here")


@_form.register
def _(_: Text) -> Schema:
    return {"type": ["string", "integer"], "pattern": _any_text(least=_NOT_NUL)}


@_form.register
def _(_: Id) -> Schema:
    return {
        "type": ["string", "integer"],
        "pattern": _any_text(least=_NOT_BLANK),
        "not": {"type": "string", "pattern": _between_blanks(SPREADSHEET_ID)},
    }


@_form.register
def _(label: Label) -> Schema:
    inner = f"{_NOT_NUL}{{0,{label.longest - 2}}}{_NOT_BLANK}"
    return {"type": ["string", "integer"], "pattern": f"^{_BLANKS}{_NOT_BLANK}(?:{inner})?{_BLANKS}$"}


@_form.register
def _(choice: Choice) -> Schema:
    options = tuple(dict.fromkeys((*choice.options, *([choice.other] if choice.other else ()))))
    return {"anyOf": [{"enum": list(options)}, {"type": "string", "pattern": _words(options)}]}


@_form.register
def _(_: Currency) -> Schema:
    return {"anyOf": [{"enum": ["EUR"]}, {"type": "string", "pattern": _words(("eur",))}]}


@_form.register
def _(_: CountryCode) -> Schema:
    codes = country_codes()
    return {"anyOf": [{"enum": [*codes]}, {"type": "string", "pattern": _words(tuple(map(str.lower, codes)))}]}


@_form.register
def _(_: Siren) -> Schema:
    # Its check digit would need a pattern of many pages.
    digits = f"[0-9](?:{_BLANKS}[0-9]){{{_SIREN_DIGITS - 1}}}"
    return {
        "type": ["string", "integer"],
        "minimum": 10 ** (_SIREN_DIGITS - 1),
        "maximum": 10**_SIREN_DIGITS - 1,
        "pattern": f"^{_BLANKS}{digits}{_BLANKS}$",
    }


@_form.register
def _(_: Instant) -> Schema:
    return {
        "type": "string",
        "pattern": f"^{_BLANKS}{_day_that_exists()}{_time_that_exists()}",
        "anyOf": [
            {"format": "date-time", "pattern": f"^(?:{_portable(INSTANT)})$"},
            {"pattern": _between_blanks(_instant_in_any_case())},
        ],
    }


@_form.register
def _(_: Day) -> Schema:
    return {
        "type": "string",
        "pattern": f"^{_BLANKS}{_day_that_exists()}(?:{_time_that_exists()}|{_BLANKS}$)",
        "anyOf": [
            {"format": "date", "pattern": f"^(?:{_portable(DAY)})$"},
            {"pattern": _between_blanks(f"{ANY_DAY}|{_instant_in_any_case()}")},
        ],
    }


@_form.register
def _(_: Boolean) -> Schema:
    return {
        "type": ["boolean", "integer", "string"],
        "minimum": 0,
        "maximum": 1,
        "pattern": _words(("true", "false", "1", "0")),
    }


@_form.register
def _(integer: Integer) -> Schema:
    least, greatest = integer.minimum, integer.maximum
    return {
        "type": ["integer", "string"],
        "minimum": least,
        "maximum": greatest,
        "pattern": _between_blanks(INTEGER),
        "allOf": [{"pattern": f"^{_BLANKS}(?:{_digits_between(least, greatest)})(?:\\.|{_BLANKS}$)"}],
    }


@_form.register
def _(_: Milliseconds) -> Schema:
    return _seconds()


@_form.register
def _(_: Seconds) -> Schema:
    return _seconds()


@_form.register
def _(_: Rate) -> Schema:
    return {
        "type": ["number", "string"],
        "minimum": 0,
        "maximum": _LARGEST_DOUBLE,
        "pattern": _between_blanks(NUMBER),
        "allOf": [{"pattern": _number_from_0(_DOUBLE_DIGITS, exponent="[12]?[0-9]{1,2}")}],
    }


def _seconds() -> Schema:
    return {
        "type": ["number", "string"],
        "minimum": 0,
        "exclusiveMaximum": 10**_SECONDS_DIGITS,
        "pattern": _between_blanks(NUMBER),
        "allOf": [
            {
                "pattern": _number_from_0(
                    _SECONDS_DIGITS - 1, exponent="[0-9]", longest=f"[0-9]{{{_SECONDS_DIGITS}}}(?:\\.[0-9]{{0,3}})?"
                )
            }
        ],
    }


def _number_from_0(digits: int, *, exponent: str, longest: str = "") -> str:
    """A pattern for text that is a number from 0 on with so many digits before the point.

    With an exponent, which must match `exponent` if it is positive, it has at most six. `longest` adds a form.
    """

    def of(most: int) -> str:
        return f"0*(?:[0-9]{{1,{most}}}(?:\\.[0-9]*)?|\\.[0-9]+)"

    forms = [
        f"\\+?{of(digits)}(?:[eE]-0*[0-9]{{1,2}})?",
        f"\\+?{of(6)}[eE]\\+?0*{exponent}",
        r"-(?:0+(?:\.0*)?|\.0+)(?:[eE][+-]?0*[0-9])?",
        *([f"\\+?0*{longest}"] if longest else ()),
    ]
    return _between_blanks("|".join(forms))


def _digits_between(least: int, greatest: int) -> str:
    r"""A pattern for whole numbers from 0 or 1 to `greatest`, with a sign and leading zeros.

    >>> _digits_between(1, 120)
    '\\+?0*(?:[1-9][0-9]{0,1}|1[0-1][0-9]|120)'
    """
    if least not in {0, 1}:
        raise ValueError(f"a whole number from {least} on has no pattern yet; expected 0 or 1. State it here.")
    digits = str(greatest)
    forms = [f"[1-9][0-9]{{0,{len(digits) - 2}}}"]
    for i, digit in enumerate(digits):
        lowest = 0 if i else 1
        if int(digit) > lowest:
            rest = len(digits) - i - 1
            forms.append(f"{digits[:i]}[{lowest}-{int(digit) - 1}]{f'[0-9]{{{rest}}}' if rest > 1 else '[0-9]' * rest}")
    forms.append(digits)
    positive = rf"\+?0*(?:{'|'.join(forms)})"
    return positive if least else rf"{positive}|[+-]?0+"


def _day_that_exists() -> str:
    """A pattern for a day of the calendar, with or without dashes: DuckDB's casts refuse others."""
    return f"(?:{'|'.join(_days(dash) for dash in ('-', ''))})"


def _days(dash: str) -> str:
    long = f"(?:0[13578]|1[02]){dash}(?:0[1-9]|[12][0-9]|3[01])"
    short = f"(?:0[469]|11){dash}(?:0[1-9]|[12][0-9]|30)"
    return f"[0-9]{{4}}{dash}(?:{long}|{short}|02{dash}(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}{dash}02{dash}29"


def _time_that_exists() -> str:
    """A pattern for a time of day after `T` or a blank; 24:00 is the end of the day."""
    of_day = "(?:[01][0-9]|2[0-3]):?[0-5][0-9](?::?[0-5][0-9])?(?:[^0-9:]|$)"
    end_of_day = "24:?00(?::?00(?:[.,]0*)?)?(?:[^0-9:.,]|$)"
    return f"[Tt ](?:{of_day}|{end_of_day})"


def _instant_in_any_case() -> str:
    return ANY_INSTANT.replace("[T ]", "[Tt ]").replace("UTC|Z", f"{_any_case('utc')}|{_any_case('z')}")
