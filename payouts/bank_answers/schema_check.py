"""Compares a bank's file with the XSD of its version, for a person to see. It refuses nothing.

Banks send texts that are too long and codes that are too new. The values that money depends on are checked when a file
is read.
"""

import re
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, Final

from allive.payouts.bank_answers.reading import document_and_message, message_name
from allive.payouts.bank_answers.xml_content import root_element

if TYPE_CHECKING:
    from xmlschema import XMLSchema

_SCHEMAS: Final = files("allive.payouts.bank_answers") / "schemas"
_MOST_FINDINGS: Final = 20
_LONGEST_FINDING: Final = 300
_NAMESPACE: Final = re.compile(r"\{[^{}]*\}")


def schema_findings(content: bytes, *, name: str) -> tuple[str, ...] | None:
    """Return one sentence per difference, at most 20; None if there is no schema of this version here.

    Raises:
        BankAnswerError: It is no bank answer (as for `read_bank_answer`).
    """
    document, message = document_and_message(root_element(content, name=name), name=name)
    version = message_name(message)
    if version is None or not (_SCHEMAS / f"{version}.xsd").is_file():
        return None
    errors = islice(_schema(version).iter_errors(document), _MOST_FINDINGS)
    try:
        return tuple(_NAMESPACE.sub("", f"{error.path}: {error.reason}")[:_LONGEST_FINDING] for error in errors)
    except RecursionError:  # no message of a bank has more than 30 levels
        return ("Its elements are nested too deeply to be compared.",)


@cache
def _schema(version: str) -> "XMLSchema":
    from xmlschema import XMLSchema  # noqa: PLC0415 - 0.4 s to import, and only an import of bank answers needs it

    return XMLSchema(str(_SCHEMAS / f"{version}.xsd"))
