"""Who acts, as the operating system knows it: never a text that somebody typed, nor the environment."""

import os
import pwd
from pathlib import Path
from typing import Final

_LOGIN_UID: Final = Path("/proc/self/loginuid")
_NO_LOGIN: Final = 2**32 - 1
"""What Linux says of a process that no login started: a service, for example."""


def acting_user() -> str:
    """Return the name of the user that this process runs as; where somebody else signed in (`sudo`), both.

    The login is the kernel's: it stays what it was at the sign-in, whatever user a process becomes.
    """
    uid, login = os.getuid(), _login_uid()
    return _name(uid) if login is None or login == uid else f"{_name(login)} as {_name(uid)}"


def _login_uid() -> int | None:
    try:
        uid = int(_LOGIN_UID.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _NO_LOGIN else uid


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
