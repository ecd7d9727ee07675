"""The names by which runs are found again: tags of a command's runs, and the jobs that refresh."""

from typing import Final

STARTED_BY: Final = "allive/started_by"
COMMAND: Final = "command"
REFRESHING: Final = ("refresh", "rebuild")
"""Jobs that build and publish everything; the last of them decides whether the published figures are current."""
