"""Rate limit for log lines that strangers can cause: lines above the hourly limit are only counted."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

AN_HOUR: Final = 100
_HOUR_S: Final = 3600


class Sparing(logging.Filter):
    """Let the first 100 records of an hour through; the first record of the next hour reports how many were dropped."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._seen = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged."""
        with self._lock:
            held_back = 0
            if self._clock() - self._began >= _HOUR_S:
                held_back = max(self._seen - AN_HOUR, 0)
                self._began, self._seen = self._clock(), 0
            self._seen += 1
            passes = self._seen <= AN_HOUR
        if held_back:
            record.msg = f"{record.getMessage()} ({held_back} earlier lines were held back)"
            record.args = None
        return passes


def spare_logs(*loggers: str) -> None:
    """Limit the lines of loggers that anyone can trigger."""
    for name in loggers:
        logger = logging.getLogger(name)
        if not any(isinstance(found, Sparing) for found in logger.filters):
            logger.addFilter(Sparing())
