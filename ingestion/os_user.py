"""The acting user, from the operating system: never from typed text or the environment."""

import os
import pwd
from pathlib import Path
from typing import Final

_LOGIN_UID: Final = Path("/proc/self/loginuid")
_NO_LOGIN: Final = 2**32 - 1
"""Linux's value for a process that no login started, such as a service."""


def acting_user() -> str:
    """Return the name of the user that this process runs as; if another user signed in (`sudo`), both names.

    The kernel keeps the login from the sign-in on, whatever user a process becomes later.
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
