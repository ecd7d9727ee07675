"""`allive dbt` and `allive mf`: the warehouse keeps every byte, and months close as the golden season expects."""

import csv
import hashlib
import json
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from allive.ingestion.lock import DataHomeLockedError, data_home_lock
from allive.ingestion.settings import DBT_PROJECT_DIR, Settings
from allive.orchestration.commands import metrics
from allive.orchestration.commands.dbt import REFUSED, WRONG_USAGE, by_hand, run_dbt_by_hand
from allive.payouts import ledger
from allive.payouts.months import following
from tests.conftest import GOLDEN
from tests.oracle import History, read_landing
from tests.oracle.platform import PlatformFigures
from tests.pipeline import Pipeline, new_pipeline

DEADLINE_S = 1800
EDITED_MODEL = "dim_artists"
FIRST_MONTH = "2021-01"
EMERGING = "emerging"
# An attack from within dbt by a person who knows the warehouse's path.
SPOIL = """
{% macro spoil() %}
    {% do run_query("attach '" ~ var("warehouse") ~ "' as payroll") %}
    {% do run_query("update payroll.marts.fct_artist_months set current_earned_cents = 1000000") %}
{% endmacro %}
"""


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory, parsed_home: Path) -> Pipeline:
    """The golden season, built; the tests of this module run on it one after another."""
    pipeline = new_pipeline(tmp_path_factory.mktemp("by-hand"), parsed=parsed_home)
    shutil.copytree(GOLDEN / "landing", pipeline.landing, dirs_exist_ok=True)
    pipeline.run()
    return pipeline


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An edited copy of the dbt project: another pool rule, a comment in one model, a macro that attacks."""
    project = tmp_path_factory.mktemp("edited") / "dbt_project"
    shutil.copytree(DBT_PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    seed = project / "seeds" / "policies.csv"
    assert ",equal" in seed.read_text(encoding="utf-8")
    seed.write_text(seed.read_text(encoding="utf-8").replace(",equal", ",direct"), encoding="utf-8")
    (model,) = project.rglob(f"{EDITED_MODEL}.sql")
    model.write_text("-- edited\n" + model.read_text(encoding="utf-8"), encoding="utf-8")
    (project / "macros" / "spoil.sql").write_text(SPOIL, encoding="utf-8")
    return project


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """End a test whose dbt does not return: the command itself waits as long as its operator does."""

    def give_up(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"dbt has not ended within {DEADLINE_S} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(DEADLINE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def expected_cents(month: str) -> dict[str, int]:
    with (GOLDEN / "expected_earnings.csv").open(newline="", encoding="utf-8") as file:
        return {
            row["artist_id"]: int(row["earned_cents"])
            for row in csv.DictReader(file)
            if row["settlement_month"] == month
        }


def expected_metrics(month: str) -> dict[str, float]:
    """The metrics of a month of the golden season, counted in plain Python from its landed files."""
    data = read_landing(GOLDEN / "landing")
    figures = PlatformFigures(data)
    days = dict(figures.months())[month]
    active = set().union(*(figures.active[day] for day in days))
    counting = {
        (subscriber_id, live_id): watch_ms
        for (of_month, subscriber_id, live_id), watch_ms in figures.counting.items()
        if of_month == month
    }
    settled = History().settle_open_month(month, data)
    catalogue, last_day = data.catalogue, days[-1]
    # In this month no artist changes category, so the category on its last day is that of every day.
    assert not [change for change in catalogue.categories if change.valid_from in days]
    watch_by_share = [
        (watch_ms * share_bp, catalogue.category(artist_id, last_day))
        for (_subscriber_id, live_id), watch_ms in counting.items()
        for artist_id, share_bp in catalogue.shares(live_id)
    ]
    return {
        "mrr_incl_vat_cents": sum(cents for (_subscriber, day), cents in figures.prices.items() if day == last_day),
        "active_subscribers": len(figures.active[last_day]),
        "idle_share": len(active - {subscriber_id for subscriber_id, _live_id in counting}) / len(active),
        "idle_period_share": sum(one.artist_id is None for one in settled.slices) / len(settled.periods),
        "emerging_watch_share": sum(weight for weight, category in watch_by_share if category == EMERGING)
        / sum(weight for weight, _category in watch_by_share),
        "emerging_money_share": sum(
            nanos
            for artist_id, nanos in settled.earned_nanos.items()
            if catalogue.category(artist_id, last_day) == EMERGING
        )
        / settled.envelope_nanos,
    }


def test_before_the_first_run_it_refuses_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path)
    assert run_dbt_by_hand(settings, ["build"]) == REFUSED
    said = capsys.readouterr().err
    assert "Found no built warehouse" in said
    assert "allive run" in said
    settings.warehouse_path.parent.mkdir(parents=True)
    duckdb.connect(settings.warehouse_path).close()
    assert run_dbt_by_hand(settings, ["build"]) == REFUSED, "a file in which no build was ever started"
    settings.warehouse_path.write_bytes(b"cut off")
    assert run_dbt_by_hand(settings, ["build"]) == REFUSED
    assert "The warehouse cannot be read" in capsys.readouterr().err
    assert metrics.run_metricflow(settings, ["list", "metrics"]) == REFUSED
    assert "There is nothing for MetricFlow to query" in capsys.readouterr().err
    assert not by_hand(settings).copy.exists()


def test_without_metricflow_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metrics, "find_spec", lambda _: None)
    assert metrics.run_metricflow(Settings(home=tmp_path), ["list", "metrics"]) == REFUSED
    assert "`make setup` installs it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", ["--target=spark", "-t", "--profiles-dir", "--profile", "--project-dir=/tmp", "--profiles-dir=/tmp"]
)
def test_options_that_lead_to_another_database_are_wrong_usage(tmp_path: Path, option: str) -> None:
    assert run_dbt_by_hand(Settings(home=tmp_path), ["build", option]) == WRONG_USAGE


def test_it_waits_for_no_other_holder_of_the_data_home(season: Pipeline) -> None:
    with (
        data_home_lock(season.settings, command="allive payout"),
        pytest.raises(DataHomeLockedError, match=r"`allive dbt build` needs exclusive access"),
    ):
        run_dbt_by_hand(season.settings, ["build"])


def test_what_dbt_does_by_hand_changes_neither_the_warehouse_nor_a_close(season: Pipeline, edited: Path) -> None:
    settings = season.settings
    before = sha256(settings.warehouse_path)
    other_money = [
        *("build", "--full-refresh", "--vars", "{gap_cap_ms: 3600000}", "--quiet"),
        *("--select", "policies", "+fct_daily_watch", "int_settlement_months"),
        *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
    ]
    assert run_dbt_by_hand(settings, other_money, project_dir=edited) == 0
    with duckdb.connect(by_hand(settings).copy, read_only=True) as con:
        assert con.execute("select distinct pool_rule from staging.policies").fetchall() == [("direct",)]
        hacked = con.execute("select sum(watch_ms) from marts.fct_daily_watch").fetchone()
    with season.warehouse() as con:
        assert con.execute("select sum(watch_ms) from marts.fct_daily_watch").fetchone() != hacked, "it had no effect"

    attack = [
        "run-operation",
        "spoil",
        "--args",
        "{}",
        "--vars",
        json.dumps({"warehouse": str(settings.warehouse_path)}),
    ]
    assert run_dbt_by_hand(settings, attack, project_dir=edited) == 1, "DuckDB let dbt write to the warehouse"
    assert sha256(settings.warehouse_path) == before

    season.close("2021-01")
    closed = season.close("2021-02")
    assert {line.artist_id: line.earned_cents for line in closed.lines if line.earned_cents} == {
        artist: cents for artist, cents in expected_cents("2021-02").items() if cents
    }


@pytest.mark.slow
def test_dbt_tests_shows_and_documents_the_season_without_a_deprecation(
    season: Pipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = season.settings
    tests = ["test", "--select", "fct_artist_months", "--show-all-deprecations"]
    assert run_dbt_by_hand(settings, tests, is_fresh=True) == 0
    tested = capfd.readouterr()
    assert "ERROR=0" in tested.out

    query = (
        "select artist_id, current_earned_cents from {{ ref('fct_artist_months') }} where settlement_month = '2021-02'"
    )
    assert run_dbt_by_hand(settings, ["show", "--quiet", "--output", "json", "--limit", "-1", "--inline", query]) == 0
    shown = capfd.readouterr()
    rows = json.loads(shown.out)["show"]
    earned = {row["artist_id"]: row["current_earned_cents"] for row in rows if row["current_earned_cents"]}
    assert earned
    assert earned == {artist: cents for artist, cents in expected_cents("2021-02").items() if cents}

    assert run_dbt_by_hand(settings, ["docs", "generate", "--static", "--show-all-deprecations"]) == 0
    documented = capfd.readouterr()
    catalog = json.loads((by_hand(settings).target / "catalog.json").read_bytes())
    assert "artist_id" in catalog["nodes"]["model.allive.fct_artist_months"]["columns"]
    assert (by_hand(settings).target / "static_index.html").stat().st_size > 0
    for printed in (tested, shown, documented):
        assert "deprecat" not in (printed.out + printed.err).lower()


@pytest.mark.slow
def test_metricflow_gives_the_figures_that_plain_python_counts_in_landed_files(
    season: Pipeline, tmp_path: Path
) -> None:
    expected = expected_metrics("2021-03")
    # By hand, from the season's files: 25 periods at €4.99 cover 31 March; 11 of 29 subscribers watched nothing that
    # counts, in 10 of 29 settled periods; emerging artists earned €18.70 of €29.
    assert expected["mrr_incl_vat_cents"] == 25 * 499
    assert expected["idle_share"] == 11 / 29
    assert expected["idle_period_share"] == 10 / 29
    assert expected["emerging_money_share"] == 18_701_535_119 / 29_000_000_000
    before = sha256(season.settings.warehouse_path)
    answer = tmp_path / "answer.csv"
    query = ["query", "--metrics", ",".join(expected), "--group-by", "metric_time__month", "--csv", str(answer)]
    assert metrics.run_metricflow(season.settings, query) == 0
    with answer.open(newline="", encoding="utf-8") as file:
        of_month = {row.pop("metric_time__month")[:7]: row for row in csv.DictReader(file)}
    # The mart floors watch time to whole ms by category, so that its share can differ in the seventh digit.
    assert {name: float(value) for name, value in of_month["2021-03"].items()} == pytest.approx(expected, abs=1e-6)
    assert sha256(season.settings.warehouse_path) == before


def test_exit_codes_are_dbts_own_and_state_is_that_of_the_last_build(
    season: Pipeline, edited: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    modified = ["ls", "--select", "state:modified", "--resource-type", "model", "--quiet"]
    assert run_dbt_by_hand(season.settings, modified, project_dir=edited) == 0
    assert capfd.readouterr().out.split() == [f"allive.marts.core.{EDITED_MODEL}"]
    assert run_dbt_by_hand(season.settings, ["build", "--no-such-option"]) == 2
    assert "Usage: allive dbt build" in capfd.readouterr().err


def test_freshness_is_when_a_table_last_took_records_in(season: Pipeline) -> None:
    settings = season.settings
    days_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    (commit,) = [
        path
        for path in (settings.raw_dir / "heartbeats" / "_delta_log").glob("*.json")
        if '"add"' in path.read_text(encoding="utf-8")
    ]
    actions = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
    for action in actions:
        if "commitInfo" in action:
            action["commitInfo"]["timestamp"] = int(days_ago.timestamp() * 1000)
    commit.write_text("\n".join(map(json.dumps, actions)) + "\n", encoding="utf-8")

    assert run_dbt_by_hand(settings, ["source", "freshness"], is_fresh=True) == 1
    results = json.loads((by_hand(settings).target / "sources.json").read_bytes())["results"]
    found = {result["unique_id"].rsplit(".", 1)[1]: result for result in results}
    assert {table: result["status"] for table, result in found.items()} == {
        "heartbeats": "error",
        "periods": "pass",
    }
    assert datetime.fromisoformat(found["heartbeats"]["max_loaded_at"]) == days_ago


def test_the_copy_is_made_again_when_the_warehouse_changed_and_kept_while_it_did_not(season: Pipeline) -> None:
    settings, copy = season.settings, by_hand(season.settings).copy
    glance = ["show", "--inline", "select 1", "--quiet"]
    assert run_dbt_by_hand(settings, glance) == 0
    with duckdb.connect(copy) as con:
        con.execute("create table mine as select 1 as one")
    assert run_dbt_by_hand(settings, glance) == 0
    with duckdb.connect(copy, read_only=True) as con:
        assert con.execute("from mine").fetchall() == [(1,)]
    closed = ledger.closed_months(settings)
    season.close(following(closed[-1]) if closed else FIRST_MONTH)
    season.build()
    assert run_dbt_by_hand(settings, glance) == 0
    with duckdb.connect(copy, read_only=True) as con:
        assert con.execute("select count(*) from duckdb_tables() where table_name = 'mine'").fetchone() == (0,)
        assert con.execute("select count(*) from booked.months").fetchone() == (len(closed) + 1,)
