"""CSV exports: their register and the file format. Each page registers its exports next to the links it draws.

    @export("platform-months")
    def _months(principal: Principal, copy: ServingCopy, parameters: Mapping[str, str]) -> Export:
        return Export.of(platform_months(principal, copy))

The gate's route calls the function with the signed-in principal. Like a page, it reads only through `queries`, which
check authorization.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from allive.dashboards.access import Principal
from allive.dashboards.serving import ServingCopy

BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it, spreadsheets assume an older encoding."""

# A spreadsheet would run such text as a formula, and names of artists and lives come from outside.
_FORMULA_BEGINNINGS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class UnknownExportError(LookupError):
    """No page has registered an export under this name."""


class ExportParameterError(ValueError):
    """Raised by an export if a request parameter is missing or invalid."""


@dataclass(frozen=True)
class Export:
    """A table: its rows, and its columns with the names (and units) they have in the marts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None) -> "Export":
        """Return a query's rows as a table. `columns` selects and orders; pass it if there can be no rows."""
        found = list(rows)
        names = tuple(columns) if columns is not None else tuple(found[0]) if found else ()
        return cls(names, tuple(tuple(row[name] for name in names) for row in found))


Make = Callable[[Principal, ServingCopy, Mapping[str, str]], Export]

_exports: dict[str, Make] = {}


def export(name: str) -> Callable[[Make], Make]:
    """Register an export under a name, which is also its file name: lower-case letters, digits and hyphens.

    Raises:
        ValueError: The name is taken or has other characters.
    """

    def register(make: Make) -> Make:
        if not name.replace("-", "").isalnum() or not name.isascii() or name != name.lower():
            raise ValueError(f"Found the export name {name!r}; expected lower case letters, digits and hyphens.")
        known = _exports.setdefault(name, make)
        if (known.__module__, known.__qualname__) != (make.__module__, make.__qualname__):
            raise ValueError(f"Found two exports {name!r}, in {known.__module__} and {make.__module__}; rename one.")
        return make

    return register


def registered() -> Mapping[str, Make]:
    """Return the exports of the pages that are imported (see `allive.dashboards.app_pages.all_exports`)."""
    return MappingProxyType(_exports)


def as_csv(table: Export) -> bytes:
    r"""Return a table as CSV (RFC 4180: commas, CRLF), in UTF-8 with a byte order mark.

    Text that a spreadsheet would run as a formula is prefixed with an apostrophe; numbers stay numbers.

    >>> as_csv(Export(("name", "paid_cents"), (("=1+1", -5), ("Zoé", None)))).decode("utf-8-sig")
    "name,paid_cents\r\n'=1+1,-5\r\nZoé,\r\n"
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(table.columns)
    writer.writerows([_cell(value) for value in row] for row in table.rows)
    return (BYTE_ORDER_MARK + file.getvalue()).encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA_BEGINNINGS):
        return f"'{value}"
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value
