"""Where the parts of a running service meet: Unix sockets in a folder that only the owner of the data home enters.

A port on loopback answers every user of the machine, and every web page that one of them opens. A socket in a folder of
mode 0700 answers the owner. Here is where the sockets lie; who listens on them is orchestration's business.
"""

import os
import re
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from ingestion.settings import Settings

WEB_SERVER: Final = "web.sock"
CODE_SERVER: Final = "code.sock"

_ELSEWHERE: Final = "elsewhere"
# Linux takes 107 bytes of a socket's path; the code server adds a file name of its own to the folder.
_LONGEST_FOLDER: Final = 80
# gRPC reads the path as a part of a URI.
_PLAIN: Final = re.compile(r"[A-Za-z0-9/._-]+")


class SocketFolderError(RuntimeError):
    """The folder for the sockets is not private."""


def make_socket_folder(settings: Settings) -> Path:
    """Return an empty private folder for the sockets of a service that starts; the caller is the only one that runs.

    It is `run/` in the data home. Where that path is too long for a socket, it is a new private folder among the
    system's temporary ones, and a link in `run/` leads there.

    Raises:
        SocketFolderError: The folder belongs to somebody else.
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
    """Return where a part of a running service listens; nothing need be there.

    Raises:
        SocketFolderError: Somebody else could have put a socket there.
    """
    folder = settings.run_dir
    with suppress(OSError):
        folder = (folder / _ELSEWHERE).readlink()
    if folder.exists():
        _require_private(folder)
    return folder / name


def remove_socket_folder(settings: Settings) -> None:
    """Remove what a service leaves behind, or left behind when it was killed."""
    link = settings.run_dir / _ELSEWHERE
    with suppress(OSError):
        elsewhere = link.readlink()
        if _is_private(elsewhere):
            shutil.rmtree(elsewhere, ignore_errors=True)
    # A link in its place is not followed: whoever put it there is refused where the folder is made.
    with suppress(OSError):
        shutil.rmtree(settings.run_dir)


def _require_private(folder: Path) -> None:
    if not _is_private(folder):
        raise SocketFolderError(
            f"{folder} is not a folder of mode 0700 that belongs to this user; expected one, as whoever may enter it "
            "controls the orchestrator. Remove it and start the service again."
        )


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == 0o700  # noqa: PLR2004
