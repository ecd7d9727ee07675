r"""Converts names of landed files to text that every store and terminal accepts, and back.

A file's name can contain any bytes. Some are written as `\xHH`, byte by byte: those that are not UTF-8, those that no
terminal shows (line ends, escape sequences, marks that change the direction of writing), and a backslash that would
look like one of these escapes.
"""

import os
import re
import unicodedata
from typing import Final

_ESCAPE: Final = re.compile(rb"\\x([0-9a-f]{2})")


def printable_name(name: str) -> str:
    r"""Return a name or path from `os` in the escaped form that is stored and shown.

    >>> printable_name("été 1.csv"), printable_name("relev\udce9.csv"), printable_name("a\n.csv")
    ('été 1.csv', 'relev\\xe9.csv', 'a\\x0a.csv')
    """
    if name.isascii() and name.isprintable() and "\\x" not in name:
        return name
    escaped = _ESCAPE.sub(rb"\\x5cx\1", os.fsencode(name)).decode("utf-8", "backslashreplace")
    return "".join(char if _is_shown(char) else _escaped(char) for char in escaped)


def os_name(printable: str) -> str:
    r"""Return the file system's form of a name or path that is stored or shown.

    >>> os_name("relev\\xe9.csv") == "relev\udce9.csv"
    True
    """
    if "\\x" not in printable:
        return printable
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), os.fsencode(printable)))


def _is_shown(char: str) -> bool:
    return char.isprintable() or unicodedata.category(char) == "Zs"


def _escaped(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode())
