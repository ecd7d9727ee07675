"""Unix sockets that connect the parts of a running service, in a folder that only the data home's owner can enter.

Every user of the machine, and every web page that one of them opens, can reach a port on loopback. Only the owner can
reach a socket in a folder of mode 0700. This module says where the sockets are; `orchestration` listens on them.
"""

import os
import re
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from allive.ingestion.settings import Settings

WEB_SERVER: Final = "web.sock"
CODE_SERVER: Final = "code.sock"

_ELSEWHERE: Final = "elsewhere"
# Linux allows 107 bytes for a socket's path, and the code server adds a file name to the folder.
_LONGEST_FOLDER: Final = 80
# gRPC reads the path as part of a URI.
_PLAIN: Final = re.compile(r"[A-Za-z0-9/._-]+")


class SocketFolderError(RuntimeError):
    """The folder for the sockets is not private."""


def make_socket_folder(settings: Settings) -> Path:
    """Return an empty private folder for the sockets of a starting service. No other service must be running.

    It is `run/` in the data home. If that path is too long for a socket, it is a new private folder in the system's
    temporary folder, and a link in `run/` points to it.

    Raises:
        SocketFolderError: The folder belongs to another user.
    """
    remove_socket_folder(settings)
    folder = settings.run_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_private(folder)
    if len(os.fsencode(folder)) > _LONGEST_FOLDER or not _PLAIN.fullmatch(str(folder)):
        folder = Path(tempfile.mkdtemp(prefix="allive-"))
        (settings.run_dir / _ELSEWHERE).symlink_to(folder)
    _require_private(folder)
    return folder


def socket_path(settings: Settings, name: str) -> Path:
    """Return the path of the socket of a part of the service; it need not exist.

    Raises:
        SocketFolderError: Another user could have put a socket there.
    """
    folder = settings.run_dir
    with suppress(OSError):
        folder = (folder / _ELSEWHERE).readlink()
    if folder.exists():
        _require_private(folder)
    return folder / name


def remove_socket_folder(settings: Settings) -> None:
    """Remove the socket folder of a service that ends, or that was killed."""
    link = settings.run_dir / _ELSEWHERE
    with suppress(OSError):
        elsewhere = link.readlink()
        if _is_private(elsewhere):
            shutil.rmtree(elsewhere, ignore_errors=True)
    # A link in its place is not followed: `make_socket_folder` refuses it.
    with suppress(OSError):
        shutil.rmtree(settings.run_dir)


def _require_private(folder: Path) -> None:
    if not _is_private(folder):
        raise SocketFolderError(
            f"{folder} is not a folder of mode 0700 that belongs to this user; expected one, because anyone who can "
            "enter it controls the orchestrator. Remove it and start the service again."
        )


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == 0o700  # noqa: PLR2004
