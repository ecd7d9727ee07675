"""The targets set by management: `targets.toml` in the data home, read again on every page view.

[at_least]
active_subscribers_at_end = 2000
mrr_incl_vat_cents = 1000000

[at_most]
gross_churn_bp = 500
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allive.dashboards.serving import ServingCopy

FILE_NAME: Final = "targets.toml"
FIGURES: Final = (
    "active_subscribers_at_end",
    "mrr_incl_vat_cents",
    "watch_hours",
    "watchers",
    "idle_share_bp",
    "gross_churn_bp",
    "net_churn_bp",
)
"""The figures that can have a target, in the order in which the page shows them."""


class TargetsError(ValueError):
    """The targets file is invalid."""


@dataclass(frozen=True)
class Target:
    """One target: the figure, its target value, and whether that is a maximum or a minimum."""

    figure: str
    value: int
    is_at_most: bool

    def is_met_by(self, value: int) -> bool:
        """Return whether a figure reaches the target.

        >>> Target("watchers", 100, is_at_most=False).is_met_by(100), Target("x", 500, is_at_most=True).is_met_by(501)
        (True, False)
        """
        return value <= self.value if self.is_at_most else value >= self.value


def targets_path(copy: ServingCopy) -> Path:
    """Return the path of the targets file, in the data home that the copy was published in."""
    return copy.path.parent.parent / FILE_NAME


def read_targets(path: Path) -> tuple[Target, ...]:
    """Return the targets that are set, in the order of `FIGURES`; none if there is no file.

    Raises:
        TargetsError: The file is not TOML, has an unknown section or figure, or a value is not a whole number.
    """
    if not path.exists():
        return ()
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetsError(
            f"Found no valid TOML in {path.name} ({error}); expected [at_least] and [at_most]."
        ) from error
    found = {}
    for section, figures in tree.items():
        if section not in {"at_least", "at_most"} or not isinstance(figures, dict):
            raise TargetsError(f"Found {section!r} in {path.name}; expected the sections [at_least] and [at_most].")
        for figure, value in figures.items():
            if figure not in FIGURES or type(value) is not int:
                raise TargetsError(
                    f"Found {figure} = {value!r} in {path.name}; "
                    f"expected a whole number for one of {', '.join(FIGURES)}."
                )
            found[figure] = Target(figure, value, is_at_most=section == "at_most")
    return tuple(found[figure] for figure in FIGURES if figure in found)
