"""Reads landed Parquet files as batches of text columns, through a process that a malformed file can crash safely."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import pyarrow as pa

from allive.ingestion.contracts import Contract
from allive.ingestion.landed_content import Limits
from allive.ingestion.landing import LandedFile, UnreadableFileError, reading

_SECONDS: Final = 10.0
_BYTES_A_SECOND: Final = 1_000_000
"""A tenth of the slowest speed that was measured: only a file built to be slow takes longer."""
_ENDS_WITHIN_S: Final = 5.0


@dataclass(frozen=True)
class _Running:
    process: "subprocess.Popen[bytes]"
    requests: socket.socket
    answers: io.BufferedReader


class ParquetDecoder:
    """A process that decodes one file after another. Starts at the first file, and again after a file that ended it."""

    def __init__(self, contract: Contract, limits: Limits) -> None:
        self._contract, self._limits = contract, limits
        self._running: _Running | None = None
        self.near_misses: list[tuple[str, str]] = []
        """Columns of the last file read that were probably meant to be fields, each with that field."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def batches(self, file: LandedFile) -> Iterator[pa.RecordBatch]:
        """Yield a file's records in order: text columns, in the contract's order.

        Raises:
            UnreadableFileError: the file is corrupt, has the wrong columns, or exceeds a limit.
            NotTakenError: see `landing.reading`.
        """
        seconds = _SECONDS + file.size / _BYTES_A_SECOND
        request = {
            "record_type": self._contract.record_type,
            "file_bytes": file.size,
            "most_bytes": self._limits.most_bytes(file),
            "memory_bytes": self._limits.memory_bytes,
            "cpu_seconds": seconds,
        }
        with reading(file) as stream:
            answer: dict[str, Any] | None = None
            ended_by: int | None = None
            try:
                answer = yield from self._answer(stream.fileno(), request)
            except (pa.ArrowException, OSError, EOFError, ValueError):
                pass  # the process ended, or its answer is incomplete
            finally:
                if answer is None:
                    ended_by = self._end()
            if ended_by == signal.SIGPROF:
                raise UnreadableFileError(f"found Parquet pages that take more than {seconds:.0f} s to decode")
            if answer is None or "is_out_of_memory" in answer:
                raise UnreadableFileError(
                    f"found Parquet pages that take more than {self._limits.memory_bytes:,} bytes decompressed, or are "
                    "corrupt; expected at most as many (a quarter of ALLIVE_MEMORY_LIMIT)"
                )
            if "is_too_large" in answer:
                raise self._limits.refusal(file)
            if "error" in answer:
                raise UnreadableFileError(answer["error"])
            self.near_misses = [(found, meant) for found, meant in answer["near_misses"]]

    def _answer(self, descriptor: int, request: dict[str, Any]) -> Generator[pa.RecordBatch, None, dict[str, Any]]:
        running = self._started()
        socket.send_fds(running.requests, [json.dumps(request).encode()], [descriptor])
        with pa.ipc.open_stream(running.answers) as batches:
            yield from batches
        answer: dict[str, Any] = json.loads(running.answers.readline())
        return answer

    def _started(self) -> _Running:
        if self._running is None:
            requests, theirs = socket.socketpair()
            reading_end, writing_end = os.pipe()
            with theirs, open(writing_end, "wb") as out:  # noqa: PTH123 - by descriptor
                process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-P", "-m", "allive.ingestion.parquet_decoder", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.DEVNULL,
                )
            self._running = _Running(process, requests, open(reading_end, "rb"))  # noqa: PTH123, SIM115 - by descriptor
        return self._running

    def _end(self) -> int | None:
        """End the process, whatever it is doing. Return the signal that had already ended it, if any."""
        if self._running is None:
            return None
        running, self._running = self._running, None
        running.requests.close()
        # If it was interrupted, it would go on writing: a closed pipe stops it.
        running.answers.close()
        try:
            code = running.process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            running.process.kill()
            code = running.process.wait()
        return -code if code < 0 else None
