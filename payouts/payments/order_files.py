"""The files of orders, `payouts/orders/<message id>.xml`: where they are, and what a kill left of them."""

import hashlib
from pathlib import Path
from typing import Final

from allive.ingestion.durable import sync_file
from allive.ingestion.settings import Settings

ORDERS_FOLDER: Final = "orders"


def aside_of(order: Path) -> Path:
    """Return where an order is written until its line is in the register."""
    return order.with_name(f".{order.name}.part")


def finish_orders(settings: Settings) -> None:
    """Name the files of the register's orders, and remove files that have no line."""
    folder = settings.payouts_dir / ORDERS_FOLDER
    leftovers = [*folder.glob(".*")] if folder.exists() else []
    if not leftovers:
        return
    from allive.payouts.payments.register import read_register  # noqa: PLC0415 - only after a kill

    orders = [line.order for line in read_register(settings).lines.values() if line.order is not None]
    for order in orders:
        final = settings.payouts_dir / order.path
        aside = aside_of(final)
        is_whole = aside in leftovers and hashlib.sha256(aside.read_bytes()).hexdigest() == order.sha256
        if is_whole and not final.exists():
            aside.rename(final)
            leftovers.remove(aside)
    for leftover in leftovers:
        leftover.unlink()
    sync_file(folder)
