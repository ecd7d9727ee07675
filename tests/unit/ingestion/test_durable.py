"""Logs that several processes append to: no line is lost, torn or written into another."""

import fcntl
import json
import subprocess
import sys

import pytest

from allive.ingestion import durable

APPEND = """
import sys
from pathlib import Path
from allive.ingestion.durable import append_json_line
for number in range(50):
    append_json_line(Path(sys.argv[1]), {"from": sys.argv[2], "number": number, "text": "é" * 2000})
"""


def test_processes_that_append_at_once_lose_no_line(tmp_path):
    log = tmp_path / "log.ndjson"
    writers = [subprocess.Popen([sys.executable, "-c", APPEND, str(log), str(one)]) for one in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert sorted((line["from"], line["number"]) for line in lines) == [
        (str(one), number) for one in range(3) for number in range(50)
    ]


def test_an_append_waits_for_the_one_before_and_says_what_it_waits_for(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "APPEND_TIMEOUT_S", 0.05)
    log = tmp_path / "log.ndjson"
    durable.append_json_line(log, {"number": 1})
    with log.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(durable.LogBusyError, match=r"log\.ndjson has been locked by another process"):
            durable.append_json_line(log, {"number": 2})
    durable.append_json_line(log, {"number": 3})
    assert [json.loads(line)["number"] for line in log.read_bytes().splitlines()] == [1, 3]


def test_an_unfinished_line_is_dropped_before_the_next(tmp_path):
    log = tmp_path / "log.ndjson"
    durable.append_json_line(log, {"number": 1})
    log.write_bytes(log.read_bytes() + b'{"number": 2, "te')
    durable.append_json_line(log, {"number": 3})
    assert [json.loads(line)["number"] for line in log.read_bytes().splitlines()] == [1, 3]
