"""Every export of the pages. Pages register theirs when they are imported (`dashboards/exports.py`)."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import walk_packages

from allive.dashboards import app_pages
from allive.dashboards.exports import Make, UnknownExportError, registered


def find_export(name: str) -> Make:
    """Return the function that makes an export.

    Raises:
        UnknownExportError: There is no export of this name.
    """
    try:
        return _all()[name]
    except KeyError:
        raise UnknownExportError(f"Found no export {name!r}; expected one of {sorted(_all())}.") from None


@cache
def _all() -> Mapping[str, Make]:
    for module in walk_packages(app_pages.__path__, f"{app_pages.__name__}."):
        import_module(module.name)
    return registered()
