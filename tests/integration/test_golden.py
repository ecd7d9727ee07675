"""The golden season gives exactly the four expected files, however it is delivered."""

import csv
import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from allive.payouts import audit
from tests.conftest import GOLDEN
from tests.model_keys import assert_keys_hold
from tests.pipeline import Pipeline

MONTHS = ("2021-01", "2021-02", "2021-03")


def expected(name: str) -> list[dict[str, str]]:
    with (GOLDEN / f"expected_{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_met(pipeline: Pipeline) -> None:
    with pipeline.warehouse() as con:
        watch = con.execute(
            "select subscriber_id, live_id, day::varchar, watch_ms from marts.fct_daily_watch"
        ).fetchall()
        earned = con.execute(
            """
            select settlement_month, artist_id, current_direct_nanos, current_pool_nanos, current_earned_nanos,
                current_earned_cents
            from marts.fct_artist_months
            where list_contains($months, settlement_month) and (is_pool_member or current_earned_nanos > 0)
            """,
            {"months": list(MONTHS)},
        ).fetchall()
        control = con.execute(
            """
            select settlement_month, periods, envelope_nanos, pool_nanos,
                (
                    select coalesce(string_agg(artist_id, ' ' order by artist_id), '')
                    from marts.fct_artist_months as members
                    where members.settlement_month = months.settlement_month and members.is_pool_member
                )
            from marts.fct_settlement_months as months where list_contains($months, settlement_month)
            """,
            {"months": list(MONTHS)},
        ).fetchall()
        rejects = con.execute("select reason, count(*) from raw.rejects group by reason").fetchall()
    for found, name in ((watch, "daily_watch"), (earned, "earnings"), (control, "control"), (rejects, "rejects")):
        assert Counter(tuple(map(str, row)) for row in found) == Counter(
            tuple(row.values()) for row in expected(name)
        ), name


def test_in_one_delivery(golden: Pipeline) -> None:
    assert_met(golden)
    assert_keys_hold(golden)


def test_each_broken_line_is_among_the_rejects_with_file_line_and_text(golden: Pipeline) -> None:
    with golden.warehouse() as con:
        rejects = con.execute("select source_file, source_line, reason, raw from raw.rejects").fetchall()
    lines = {
        str(path.relative_to(GOLDEN / "landing")): (
            gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        )
        .decode()
        .split("\n")
        for path in (GOLDEN / "landing" / "heartbeats").rglob("*")
        if path.is_file()
    }
    for file, line, reason, raw in rejects:
        assert raw == lines[file][line - 1], reason
    assert ("heartbeats/dt=late/hb-c.ndjson", 275, "malformed", "{not json") in rejects
    assert ("heartbeats/hb-a.ndjson", 1690, "malformed", "[1,2,3]") in rejects
    assert ("heartbeats/hb-b.ndjson.gz", 653, "missing_playback_id", '{"event_id": "x"}') in rejects
    assert not [line for file, line, *_ in rejects if file.endswith("hb-b.ndjson.gz") and line == 1075], "a blank line"


@pytest.mark.slow
@pytest.mark.figures
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (1, 2))])
def test_in_three_runs_in_any_order_each_file_twice_once_compressed(
    make_pipeline: Callable[[str], Pipeline], seed: int
) -> None:
    rng = Random(seed)
    pipeline = make_pipeline("shuffled")
    deliveries: list[tuple[Path, Path]] = []
    for path in sorted((GOLDEN / "landing").rglob("*")):
        if path.is_file():
            where = pipeline.landing / path.relative_to(GOLDEN / "landing")
            deliveries += [(path, where), (path, where.with_name(f"again-{where.name}"))]
    rng.shuffle(deliveries)
    for run in range(3):
        for path, where in deliveries[run::3]:
            deliver(path, where)
        pipeline.run()
    assert_met(pipeline)


def deliver(path: Path, where: Path) -> None:
    where.parent.mkdir(parents=True, exist_ok=True)
    if not where.name.startswith("again-"):
        shutil.copy(path, where)
    elif path.suffix == ".gz":
        where.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    else:
        where.with_name(f"{where.name}.gz").write_bytes(gzip.compress(path.read_bytes()))


@pytest.mark.slow
def test_its_months_close_with_what_was_expected(make_pipeline: Callable[[str], Pipeline]) -> None:
    pipeline = make_pipeline("closing")
    shutil.copytree(GOLDEN / "landing", pipeline.landing, dirs_exist_ok=True)
    pipeline.run()
    of_months = {month: [row for row in expected("earnings") if row["settlement_month"] == month] for month in MONTHS}
    balances: Counter[str] = Counter()
    for month in MONTHS:
        closed = pipeline.close(month)
        assert closed.path is not None
        manifest = json.loads((closed.path / "manifest.json").read_bytes())
        assert next(iter(manifest.items())) == ("format", 2)
        with (closed.path / "artist_payouts.csv").open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        names = list(of_months[month][0])
        assert [{name: line[name] for name in names} for line in lines if line["earned_nanos"] != "0"] == [
            row for row in of_months[month] if row["earned_nanos"] != "0"
        ]
        # No artist has an IBAN in this season, so all amounts are carried.
        balances.update({row["artist_id"]: int(row["earned_cents"]) for row in of_months[month]})
        assert {line["artist_id"]: int(line["carried_forward_cents"]) for line in lines} == balances
        assert {line["paid_cents"] for line in lines} == {"0"}
    assert_keys_hold(pipeline)
    actions = [entry["action"] for entry in audit.entries(pipeline.settings)]
    assert actions == ["order_close", "order_taken_up", "close"] * len(MONTHS)
