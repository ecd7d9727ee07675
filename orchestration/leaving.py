"""Ending a process that has imported half of the registry."""

import atexit
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """Run what is registered for the exit and end at once: taking modules down one by one costs a second more."""
    atexit._run_exitfuncs()  # noqa: SLF001 - what the interpreter itself calls first
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
