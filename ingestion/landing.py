"""What has landed: finding files, telling their format, knowing them by content.

Nothing here decides whether a content has been loaded: that is the raw layer's knowledge.
"""

import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import BinaryIO

import zstandard

TEXT_FORMATS = (".ndjson", ".jsonl", ".csv")
FORMATS = (*TEXT_FORMATS, ".parquet")
COMPRESSIONS = (".gz", ".zst")
_SKIPPED_PREFIXES = (".", "_")
_SKIPPED_SUFFIXES = (".tmp", ".part")

_READ_BYTES = 1 << 20
# zstd can blow four bytes up to 128 KiB: small bites bound what one of them can become.
_ZSTD_BITE_BYTES = 4096
_ZSTD_WINDOW_BYTES = 1 << 27

# What a file of another format begins with, whatever its name says.
_FOREIGN_STARTS = {
    b"\x1f\x8b": "gzip data",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip archive",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


class UnreadableFileError(Exception):
    """A landed file that cannot be read as what its name says: set aside whole."""


@dataclass(frozen=True)
class LandedFile:
    """A file in landing, by name and by what the file system says of it."""

    path: Path
    name: str
    """Path relative to landing, with `/`."""
    size: int
    mtime_ns: int
    inode: int
    content_hash: str = ""
    """sha256 of the decompressed content (Parquet: of the bytes), once it is known."""

    @property
    def format(self) -> str:
        """One of FORMATS."""
        name = self.path.stem if self.compression else self.path.name
        return PurePath(name).suffix

    @property
    def compression(self) -> str | None:
        """One of COMPRESSIONS, or None."""
        return self.path.suffix if self.path.suffix in COMPRESSIONS else None

    @property
    def stamp(self) -> list[int]:
        """What changes when a name gets another content (delivery is by rename: a new inode)."""
        return [self.size, self.mtime_ns, self.inode]

    def known_as(self, content_hash: str) -> "LandedFile":
        """The same file with its content's hash."""
        return replace(self, content_hash=content_hash)


def is_deliverable(name: str) -> bool:
    """Whether a file of this name is taken.

    >>> [is_deliverable(n) for n in ("a.csv", "b.ndjson.gz", "_a.csv", "a.csv.tmp", "a.txt")]
    [True, True, False, False, False]
    """
    if name.startswith(_SKIPPED_PREFIXES) or name.endswith(_SKIPPED_SUFFIXES):
        return False
    path = PurePath(name)
    if path.suffix in COMPRESSIONS:
        return PurePath(path.stem).suffix in TEXT_FORMATS
    return path.suffix in FORMATS


def find_files(landing: Path, record_type: str) -> list[LandedFile]:
    """Every deliverable file of a record type, at any depth, sorted by name."""
    files = []
    folders = [landing / record_type]
    while folders:
        found, subfolders = list_folder(landing, folders.pop())
        files += found
        folders += subfolders
    return sorted(files, key=lambda file: file.name)


def list_folder(landing: Path, folder: Path) -> tuple[list[LandedFile], list[Path]]:
    """The deliverable files in one folder of landing, and its subfolders; nothing if it is not there."""
    files, subfolders = [], []
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return [], []
    prefix = folder.relative_to(landing).as_posix()
    for entry in entries:
        if entry.is_dir():
            subfolders.append(Path(entry.path))
        elif is_deliverable(entry.name):
            status = entry.stat()
            files.append(
                LandedFile(
                    path=Path(entry.path),
                    name=f"{prefix}/{entry.name}",
                    size=status.st_size,
                    mtime_ns=status.st_mtime_ns,
                    inode=status.st_ino,
                )
            )
    return files, subfolders


def read_content(file: LandedFile) -> Iterator[bytes]:
    """The decompressed content in pieces of bounded size.

    Raises:
        UnreadableFileError: the compression is broken off or corrupt, or the content is plainly of
            another format than the name says.
    """
    with file.path.open("rb", buffering=_READ_BYTES) as stream:
        match file.compression:
            case ".gz":
                pieces = _gunzip(stream)
            case ".zst":
                pieces = _unzstd(stream)
            case _:
                pieces = iter(lambda: stream.read(_READ_BYTES), b"")
        is_first = True
        for piece in pieces:
            if is_first and file.format != ".parquet":
                _refuse_foreign(piece, file.format)
            is_first = False
            yield piece


def _refuse_foreign(start: bytes, expected: str) -> None:
    for signature, what in _FOREIGN_STARTS.items():
        if start.startswith(signature):
            raise UnreadableFileError(f"found {what}, expected {expected} in UTF-8")


def _gunzip(stream: BinaryIO) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=31)
    try:
        while compressed := stream.read(_READ_BYTES):
            while compressed:
                if member.eof:
                    # Further members follow one another; zeros between or after them are padding.
                    compressed = compressed.lstrip(b"\0")
                    if not compressed:
                        break
                    member = zlib.decompressobj(wbits=31)
                if piece := member.decompress(compressed, _READ_BYTES):
                    yield piece
                compressed = member.unused_data if member.eof else member.unconsumed_tail
    except zlib.error as error:
        raise UnreadableFileError(f"gzip data is corrupt: {error}") from error
    if not member.eof:
        raise UnreadableFileError("gzip data is broken off before its end")


def _unzstd(stream: BinaryIO) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    frame = decompressor.decompressobj()
    is_begun = False
    collected = bytearray()
    try:
        while compressed := stream.read(_ZSTD_BITE_BYTES):
            while compressed:
                if frame.eof:
                    frame = decompressor.decompressobj()
                is_begun = True
                collected += frame.decompress(compressed)
                compressed = frame.unused_data if frame.eof else b""
                if len(collected) >= _READ_BYTES:
                    yield bytes(collected)
                    collected.clear()
    except zstandard.ZstdError as error:
        raise UnreadableFileError(f"zstd data is corrupt: {error}") from error
    if not (is_begun and frame.eof):
        raise UnreadableFileError("zstd data is broken off before its end")
    if collected:
        yield bytes(collected)


def hash_content(file: LandedFile) -> str:
    """The sha256 by which a file's content is known.

    Raises:
        UnreadableFileError: see `read_content`.
    """
    digest = hashlib.sha256()
    for piece in read_content(file):
        digest.update(piece)
    return digest.hexdigest()


def hash_bytes(file: LandedFile) -> str:
    """The sha256 of the file as it lies there: what a file that cannot be read is known by."""
    with file.path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_of_landed(path: Path) -> str | None:
    """Return the sha256 of the bytes that a path in landing has now; None where no regular file is there."""
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
