"""Writes a closed month's statements, one PDF per row of `artist_payouts.csv`, and other batches of documents."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from allive.payouts.statements.month import Statement, read_statements
from allive.payouts.statements.names import STATEMENTS_FOLDER, statement_file_name
from allive.payouts.statements.pro_rata import read_pro_rata_cents
from allive.payouts.statements.typesetting import Typesetter
from allive.payouts.statements.wording import month_page

Progress = Callable[[int, int], None]
"""Called with the number of documents written, and the total."""

_Source = TypeVar("_Source")


def write_statements(
    month_folder: Path, *, run_hash: str, contact: str, workers: int | None = None, progress: Progress | None = None
) -> int:
    """Write `statements/<artist_id>.pdf` for every artist of the month, and return how many there are.

    All data comes from the month's folder: data files, control totals and the bank file, which must exist. The
    same folder, run hash and contact give the same bytes. File names: `statement_file_name`.

    Args:
        month_folder: The month, closed or about to be.
        run_hash: Printed on every statement, to trace the paper back to the run.
        contact: The contact for artists' questions, as printed after « Écrivez à ».
        workers: Threads that typeset; by default one per core.
        progress: Called after each statement.

    Raises:
        StatementDataError: The month's files contradict one another; some statements might be written already.
    """
    pro_rata = read_pro_rata_cents(month_folder)
    folder = month_folder / STATEMENTS_FOLDER
    folder.mkdir(exist_ok=True)

    def document(statement: Statement) -> tuple[Path, dict[str, Any]]:
        page = month_page(
            statement, pro_rata_cents=pro_rata.get(statement.artist_id, 0), run_hash=run_hash, contact=contact
        )
        return folder / statement_file_name(statement.artist_id), page

    return write_documents("month.typ", document, read_statements(month_folder), workers=workers, progress=progress)


def write_documents(
    template: str,
    document: Callable[[_Source], tuple[Path, dict[str, Any]]],
    sources: Iterable[_Source],
    *,
    workers: int | None,
    progress: Progress | None,
) -> int:
    """Write one PDF per source, with the path and strings that `document` returns, and return how many."""
    local = threading.local()

    def load() -> None:
        local.typesetter = Typesetter(template)

    def write(source: _Source) -> None:
        path, page = document(source)
        path.write_bytes(local.typesetter.pdf(page))

    everything = list(sources)
    # Threads, not processes: typst releases the GIL while it compiles, and threads share fonts and data.
    with ThreadPoolExecutor(workers or os.cpu_count(), "statements", initializer=load) as threads:
        for written, _ in enumerate(threads.map(write, everything), start=1):
            if progress is not None:
                progress(written, len(everything))
    return len(everything)
