"""Finds landed files, and opens them, without following links.

`landed_content` reads what is in a file; the raw layer knows whether a content has been loaded.
"""

import difflib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import IO, Final, Self

from allive.ingestion.landed_names import os_name, printable_name
from allive.ingestion.odd_entries import NotTaken, OddEntry

TEXT_FORMATS = (".ndjson", ".jsonl", ".csv")
FORMATS = (*TEXT_FORMATS, ".parquet")
COMPRESSIONS = (".gz", ".zst")
_KEPT_OUT_PREFIXES = (".", "_")
_KEPT_OUT_SUFFIXES = (".tmp", ".part")

# Folders are opened one by one, each by its name in its parent, so that no part of a path is a link.
_ENTER: Final = os.O_PATH | os.O_DIRECTORY
_LIST: Final = os.O_RDONLY | os.O_DIRECTORY
# Without O_NONBLOCK, opening a pipe that replaced a file would wait for a writer.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

_LINK = "a link; links are never followed"
_OTHER_FILE_SYSTEM = "on another file system than landing"
_ODD_KINDS: Mapping[Callable[[int], bool], str] = {
    stat.S_ISFIFO: "a named pipe, not a file",
    stat.S_ISSOCK: "a socket, not a file",
    stat.S_ISCHR: "a device, not a file",
    stat.S_ISBLK: "a device, not a file",
}
_ENDING = "no ending of .csv .ndjson .jsonl (also .gz .zst) .parquet"
_FOLDER_NAMED_AS_FILE = "a folder with a file's name, and nothing to take in it"
_GONE = "gone before it was read"
_CHANGED = "changed while it was read; the next run takes it"


class UnreadableFileError(Exception):
    """A landed file cannot be read in the format that its name indicates. The whole file is set aside."""


class NotTakenError(Exception):
    """A landed file cannot be read now, or changed since it was found. This run leaves it where it is."""


class OtherFileSystemError(OSError):
    """Another file system is mounted on a folder in landing."""


@dataclass(frozen=True)
class LandedFile:
    """A file in landing: its name, and its metadata in the file system."""

    landing: Path
    name: str
    """Path relative to landing, with `/`, escaped as in `landed_names`."""
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @property
    def format(self) -> str:
        """One of FORMATS."""
        path = PurePath(self.name.lower())
        return PurePath(path.stem).suffix if path.suffix in COMPRESSIONS else path.suffix

    @property
    def compression(self) -> str | None:
        """One of COMPRESSIONS, or None."""
        suffix = PurePath(self.name).suffix.lower()
        return suffix if suffix in COMPRESSIONS else None

    @property
    def stamp(self) -> list[int]:
        """Changes when the file's content changes (delivery is by rename, so it brings a new inode)."""
        return [self.size, self.mtime_ns, self.inode]

    @classmethod
    def of_status(cls, landing: Path, name: str, status: os.stat_result) -> Self:
        """A regular file, from its `stat` result."""
        return cls(landing, name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass
class Listing:
    """The entries of one folder of landing."""

    stamp: tuple[int, int, int]
    """mtime, ctime (which cannot be set back) and inode of the folder, from before its entries were read."""
    fresh: list[LandedFile] = field(default_factory=list)
    """The readable files that are not known yet."""
    subfolders: list[str] = field(default_factory=list)
    not_taken: NotTaken = field(default_factory=NotTaken)


class LandingTree:
    """The landing folder, opened. Subfolders of any depth are opened one name at a time, and no link is followed.

    Landing itself can be a link: the operator controls it, and deliverers control only its content.

    Raises:
        OSError: a folder is missing, is a link or not a folder, or cannot be entered. For a folder on another file
            system, it is an `OtherFileSystemError`.
    """

    def __init__(self, landing: Path) -> None:
        self.landing = landing
        self._root = self._here = os.open(landing, _ENTER)
        self._device = os.fstat(self._root).st_dev
        self._path: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._return()
        os.close(self._root)

    def enter(self, folder: str) -> int:
        """Return a descriptor of a folder, by its path relative to landing. It stays open until the next call."""
        path = [name for name in os_name(folder).split("/") if name]
        if path[: len(self._path)] != self._path:
            self._return()
        for name in path[len(self._path) :]:
            inner = os.open(name, _ENTER | os.O_NOFOLLOW, dir_fd=self._here)
            if os.fstat(inner).st_dev != self._device:
                os.close(inner)
                raise OtherFileSystemError(_OTHER_FILE_SYSTEM)
            if self._here != self._root:
                os.close(self._here)
            self._here = inner
            self._path.append(name)
        return self._here

    def holds(self, status: os.stat_result) -> bool:
        """True if an entry is on landing's own file system."""
        return status.st_dev == self._device

    def open_file(self, name: str) -> IO[bytes]:
        """Open a regular file by its name relative to landing.

        Raises:
            OSError: it cannot be opened, is not a regular file, or is not on landing's own file system.
        """
        folder, _, base = name.rpartition("/")
        stream = open(os.open(os_name(base), _READ, dir_fd=self.enter(folder)), "rb", buffering=0)  # noqa: PTH123, SIM115 - by descriptor
        status = os.fstat(stream.fileno())
        if stat.S_ISREG(status.st_mode) and self.holds(status):
            return stream
        stream.close()
        raise OSError("found no regular file of landing's own file system")

    def _return(self) -> None:
        if self._here != self._root:
            os.close(self._here)
        self._here, self._path = self._root, []


def is_deliverable(name: str) -> bool:
    """True if files with this ending are loaded.

    >>> [is_deliverable(n) for n in ("a.csv", "B.NDJSON.GZ", "a.txt", "part-0", "a.csv ", "a.parquet.gz")]
    [True, True, False, False, False, False]
    """
    path = PurePath(name.lower())
    if path.suffix in COMPRESSIONS:
        return PurePath(path.stem).suffix in TEXT_FORMATS
    return path.suffix in FORMATS


def is_kept_out(name: str) -> bool:
    """True if the name of a file or folder shows that it is still being delivered, or was put aside.

    >>> [is_kept_out(n) for n in ("_a.csv", ".staging", "a.csv.tmp", "A.CSV.PART", "a.csv")]
    [True, True, True, True, False]
    """
    return name.startswith(_KEPT_OUT_PREFIXES) or name.lower().endswith(_KEPT_OUT_SUFFIXES)


def list_folder(tree: LandingTree, folder: str, known: Mapping[str, list[int]]) -> Listing:
    """List the entries of a folder of landing. An odd entry does not stop the listing.

    Args:
        tree: landing.
        folder: the folder's path relative to landing.
        known: stamps of the files that are already known, by name in the folder.

    Raises:
        OSError: see `LandingTree`; also if the folder cannot be listed.
    """
    descriptor = os.open(".", _LIST, dir_fd=tree.enter(folder))
    try:
        return _Look(tree, folder, descriptor, known).look()
    finally:
        os.close(descriptor)


class _Look:
    """Lists one folder."""

    def __init__(self, tree: LandingTree, folder: str, descriptor: int, known: Mapping[str, list[int]]) -> None:
        self._tree, self._folder, self._descriptor, self._known = tree, folder, descriptor, known
        status = os.fstat(descriptor)
        self._found = Listing((status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
        self._holds_files = False

    def look(self) -> Listing:
        odd = self._found.not_taken
        with os.scandir(self._descriptor) as entries:
            for entry in entries:
                if is_kept_out(entry.name):
                    odd.keep_out(self._folder)
                    continue
                name = printable_name(entry.name)
                try:
                    reason, is_unread = self._sort(entry, name), False
                except OSError as error:
                    reason, is_unread = _why_not(error)
                if reason is not None:
                    odd.add(OddEntry(f"{self._folder}/{name}", reason, is_unread))
        if not (self._holds_files or self._found.subfolders) and is_deliverable(self._folder):
            odd.add(OddEntry(self._folder, _FOLDER_NAMED_AS_FILE))
        odd.bounded()
        return self._found

    def _sort(self, entry: "os.DirEntry[str]", name: str) -> str | None:
        """Record a file or a subfolder. For any other entry, return why it is not taken."""
        if entry.is_symlink():
            return _LINK
        if entry.is_dir(follow_symlinks=False):
            self._found.subfolders.append(f"{self._folder}/{name}")
            return None
        status = entry.stat(follow_symlinks=False)
        for is_odd, reason in _ODD_KINDS.items():
            if is_odd(status.st_mode):
                return reason
        if not self._tree.holds(status):
            return _OTHER_FILE_SYSTEM
        if not is_deliverable(entry.name):
            return _ENDING
        self._holds_files = True
        file = LandedFile.of_status(self._tree.landing, f"{self._folder}/{name}", status)
        if self._known.get(name) != file.stamp:
            if not _may_read(entry.name, self._descriptor):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            self._found.fresh.append(file)
        return None


def _may_read(name: str, folder: int) -> bool:
    return os.access(name, os.R_OK, dir_fd=folder, effective_ids=os.access in os.supports_effective_ids)


def odd_folder(folder: str, error: OSError) -> OddEntry:
    """The odd entry for a folder that cannot be listed, with the reason."""
    if isinstance(error, OtherFileSystemError):
        return OddEntry(folder, _OTHER_FILE_SYSTEM, is_unread=True)
    return OddEntry(folder, f"a folder that cannot be listed: {error.strerror}", is_unread=True)


def look_at_root(landing: Path, record_types: Sequence[str]) -> NotTaken:
    """Find the entries of landing that are not a record type's folder. Finds nothing if landing does not exist."""
    found = NotTaken()
    try:
        with os.scandir(landing) as entries:
            for entry in entries:
                if is_kept_out(entry.name):
                    found.keep_out("")
                elif reason := _why_no_record_type(entry, record_types):
                    is_folder = entry.is_dir(follow_symlinks=False)
                    found.add(OddEntry(printable_name(entry.name) + "/" * is_folder, reason))
    except FileNotFoundError:
        pass
    except OSError as error:
        found.add(odd_folder("landing", error))
    return found.bounded()


def _why_no_record_type(entry: "os.DirEntry[str]", record_types: Sequence[str]) -> str | None:
    if entry.is_symlink():
        return _LINK
    if entry.is_dir(follow_symlinks=False):
        if entry.name in record_types:
            return None
        meant = difflib.get_close_matches(entry.name.lower(), record_types, 1)
        return f"a folder that is no record type; meant {meant[0]}?" if meant else "a folder that is no record type"
    return "a file in place of the folder" if entry.name in record_types else "in no record type's folder"


@contextmanager
def reading(file: LandedFile) -> Iterator[IO[bytes]]:
    """Open a file that was found, and check before and after reading that it has not changed.

    Raises:
        NotTakenError: it is gone, cannot be read, or has changed. An `UnreadableFileError` on a file that changed is
            replaced by this error, because the read proves nothing.
    """
    try:
        with LandingTree(file.landing) as tree, tree.open_file(file.name) as stream:
            _require_unchanged(file, stream)
            try:
                yield stream
            except UnreadableFileError:
                _require_unchanged(file, stream)
                raise
            _require_unchanged(file, stream)
    except OSError as error:
        raise NotTakenError(_why_not(error)[0]) from error


def _require_unchanged(file: LandedFile, stream: IO[bytes]) -> None:
    status = os.fstat(stream.fileno())
    if [status.st_size, status.st_mtime_ns, status.st_ino] != file.stamp:
        raise NotTakenError(_CHANGED)


def _why_not(error: OSError) -> tuple[str, bool]:
    """Why a file was not read, and whether it exists and should have been read."""
    if isinstance(error, FileNotFoundError):
        return _GONE, False
    return _cannot_be_read(error.strerror or str(error)), True


def _cannot_be_read(why: str) -> str:
    return f"cannot be read: {why}"


def find_file(landing: Path, name: str) -> LandedFile:
    """Return the current state of a regular file in landing, by its name.

    Raises:
        OSError: there is no such file.
    """
    if ".." in name.split("/"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    with LandingTree(landing) as tree, tree.open_file(name) as stream:
        return LandedFile.of_status(landing, name, os.fstat(stream.fileno()))


def hash_bytes(file: LandedFile) -> str:
    """The sha256 of the file's raw bytes, which identifies files that cannot be read.

    Raises:
        NotTakenError: see `reading`.
    """
    with reading(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def hash_of_landed(landing: Path, name: str) -> str | None:
    """Return the sha256 of the raw bytes of a file in landing, by its name; None if it is not a regular file."""
    try:
        return hash_bytes(find_file(landing, name))
    except (OSError, NotTakenError):
        return None
