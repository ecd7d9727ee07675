"""The tags that distinguish runs of a command from runs of the service."""

from typing import Final

STARTED_BY: Final = "allive/started_by"
COMMAND: Final = "command"
