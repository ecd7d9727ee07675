"""Reads the content of a landed file: decompressed, within limits, and text as UTF-8.

Whatever a file contains, each piece takes bounded memory, and reading takes time in proportion to the file's size.
"""

import codecs
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Final, Self

import zstandard

from allive.ingestion.landing import LandedFile, UnreadableFileError, reading
from allive.ingestion.settings import Settings

_READ_BYTES: Final = 1 << 20
# The rest of a bite is copied at the end of each member. Small bites limit that cost, however many members there are.
_GZIP_BITE_BYTES: Final = 1 << 14
# zstd can expand four bytes to 128 KiB: small bites limit the output of each one.
_ZSTD_BITE_BYTES: Final = 1024
_ZSTD_WINDOW_BYTES: Final = 1 << 27

_UTF_8_BOM: Final = b"\xef\xbb\xbf"
# The first bytes of files in other formats, whatever their names say.
_FOREIGN_STARTS: Final = {
    b"\x1f\x8b": "gzip data",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip archive",
    b"\xff\xfe\0\0": "UTF-32 text",
    b"\0\0\xfe\xff": "UTF-32 text",
}


@dataclass(frozen=True)
class Limits:
    """Limits on the content of a landed file. A file beyond them is set aside as a whole."""

    file_bytes: int
    """Decompressed size; for a Parquet file, the size of its values as text."""
    ratio: int
    """Decompressed size relative to the landed size."""
    memory_bytes: int
    """Memory for decoding a Parquet file."""

    free_bytes: int = 64 << 20
    """Up to this size the ratio does not count: small files of blanks compress well."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The limits in the settings."""
        return cls(settings.landed_file_limit_bytes, settings.landed_ratio_limit, settings.parquet_memory_bytes)

    def most_bytes(self, file: LandedFile) -> int:
        """The largest allowed size of a file's content."""
        return min(self.file_bytes, max(self.free_bytes, self.ratio * file.size))

    def refusal(self, file: LandedFile) -> UnreadableFileError:
        """The error for a file that is too large."""
        most = self.most_bytes(file)
        setting = (
            f"ALLIVE_LANDED_FILE_LIMIT={self.file_bytes}"
            if most == self.file_bytes
            else f"ALLIVE_LANDED_RATIO_LIMIT={self.ratio}"
        )
        return UnreadableFileError(
            f"found more than {most:,} bytes decompressed, of {file.size:,} landed; expected fewer ({setting})"
        )


def read_content(file: LandedFile, limits: Limits) -> Iterator[bytes]:
    """The decompressed content, in pieces of about a mebibyte.

    Raises:
        UnreadableFileError: the compressed data is truncated or corrupt, or the content is too large.
        NotTakenError: see `landing.reading`.
    """
    left = limits.most_bytes(file)
    with reading(file) as stream:
        match file.compression:
            case ".gz":
                pieces = _whole(_gunzip(stream))
            case ".zst":
                pieces = _whole(_unzstd(stream))
            case _:
                pieces = iter(lambda: stream.read(_READ_BYTES), b"")
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise limits.refusal(file)
            yield piece


def _whole(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces and split large ones, so that the cost depends on the bytes and not on the size of members."""
    collected = bytearray()
    for piece in pieces:
        collected += piece
        if len(collected) >= _READ_BYTES:
            for start in range(0, len(collected), _READ_BYTES):
                yield bytes(collected[start : start + _READ_BYTES])
            collected.clear()
    if collected:
        yield bytes(collected)


def _gunzip(stream: IO[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=31)
    try:
        while compressed := stream.read(_GZIP_BITE_BYTES):
            while compressed:
                if member.eof:
                    # Members can follow one another; zeros between or after them are padding.
                    compressed = compressed.lstrip(b"\0")
                    if not compressed:
                        break
                    member = zlib.decompressobj(wbits=31)
                yield member.decompress(compressed, _READ_BYTES)
                compressed = member.unused_data if member.eof else member.unconsumed_tail
    except zlib.error as error:
        raise UnreadableFileError(f"gzip data is corrupt: {error}") from error
    if not member.eof:
        raise UnreadableFileError("gzip data is broken off before its end")


def _unzstd(stream: IO[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    frame = decompressor.decompressobj()
    is_begun = False
    try:
        while compressed := stream.read(_ZSTD_BITE_BYTES):
            while compressed:
                if frame.eof:
                    frame = decompressor.decompressobj()
                is_begun = True
                yield frame.decompress(compressed)
                compressed = frame.unused_data if frame.eof else b""
    except zstandard.ZstdError as error:
        raise UnreadableFileError(f"zstd data is corrupt: {error}") from error
    if not (is_begun and frame.eof):
        raise UnreadableFileError("zstd data is broken off before its end")


def hash_content(file: LandedFile, limits: Limits) -> str:
    """The sha256 that identifies a file's content: of the decompressed content, or of the bytes of a Parquet file.

    Raises:
        UnreadableFileError, NotTakenError: see `read_content`.
    """
    digest = hashlib.sha256()
    for piece in read_content(file, limits):
        digest.update(piece)
    return digest.hexdigest()


def as_utf8(pieces: Iterable[bytes], expected: str) -> Iterator[bytes]:
    r"""Delivered text as UTF-8, without a byte order mark, and with `\n` as line end.

    UTF-16 is recognised by its mark (or by its zero bytes), an old Mac file by having only `\r` as line end. Bytes that
    are not UTF-8 are left unchanged.

    Raises:
        UnreadableFileError: the content clearly has another format than `expected`, or is broken UTF-16.
    """
    pieces = iter(pieces)
    start = next(pieces, b"")
    for signature, what in _FOREIGN_STARTS.items():
        if start.startswith(signature):
            raise UnreadableFileError(f"found {what}, expected {expected} as text")
    if encoding := _utf_16(start):
        texts = _from_utf_16(encoding, start, pieces)
        start, pieces = next(texts, b""), texts
    start = start.removeprefix(_UTF_8_BOM)
    if b"\r" in start[:-1] and b"\n" not in start:
        start = start.replace(b"\r", b"\n")
        pieces = (piece.replace(b"\r", b"\n") for piece in pieces)
    yield start
    yield from pieces


def _utf_16(start: bytes) -> str | None:
    """The encoding of UTF-16 text; None for any other. UTF-8 text in a landed file never looks like UTF-16."""
    if start[:2] == codecs.BOM_UTF16_LE or (start[1:2] == b"\0" and start[:1] != b"\0"):
        return "utf-16-le"
    if start[:2] == codecs.BOM_UTF16_BE or (start[:1] == b"\0" and start[1:2] > b"\0"):
        return "utf-16-be"
    return None


def _from_utf_16(encoding: str, start: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        yield decoder.decode(start).removeprefix("\ufeff").encode()
        for piece in pieces:
            yield decoder.decode(piece).encode()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"UTF-16 text is broken off or corrupt: {error.reason}") from error
