"""Which exports there are, and how a delivery names the one that it answers."""

from pathlib import Path
from typing import Final

from allive.ingestion.settings import Settings

DELIVERED_AS: Final = r"rejects-([0-9a-f]{8}-\d+)"
"""Pattern in the name of a delivered export; the group is the name of the export's file in the register."""


def export_files(settings: Settings) -> list[Path]:
    """The files of the register, one per export."""
    return sorted(exports_folder(settings).glob("*.parquet"))


def exports_folder(settings: Settings) -> Path:
    """The folder of the register."""
    return settings.raw_dir / "_exports"
