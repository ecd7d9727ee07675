"""Explaining and simulating on real data homes: random worlds with two closed months, compared with the oracle."""

import copy
import csv
import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from allive.ingestion.settings import Settings
from allive.orchestration.commands.explain import explain_artist
from allive.orchestration.commands.simulate import simulate_month
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.publishing.month_inputs import read_month_inputs
from allive.orchestration.publishing.previous_copy import PreviousCopy
from allive.orchestration.publishing.scenarios import SCENARIOS, compute_scenarios
from allive.payouts.closing import settle_month
from allive.payouts.errors import Refusal
from allive.payouts.explanation import explain
from allive.payouts.run import ClosedRun
from allive.payouts.simulation import Scenario, Simulation, simulate
from tests.oracle import History, Policy, Settlement, Snapshot, Subscription, read_landing, settle
from tests.oracle.settlement import NANOS_PER_CENT, largest_remainder
from tests.pipeline import Pipeline, new_pipeline
from tests.worlds.world import World

SEEDS = (200, 201, 202)
"""One per season: a change of clocks, a December, a leap day."""


@dataclass(frozen=True)
class Home:
    """A world's data home: its first two months are closed, the third is next."""

    pipeline: Pipeline
    months: tuple[str, ...]
    history: History
    data: Snapshot

    def simulate(self, month: str, scenario: Scenario) -> Simulation:
        return simulate(self.pipeline.settings, month, scenario)

    def settle(self, month: str, policy: Policy, periods: Callable[[Subscription], Subscription]) -> Settlement:
        """Settle the month with the oracle, under another policy and with the month's own catalogue."""
        return settle(
            month,
            [periods(one) for one in self.history.periods_of(month, self.data)],
            watch=self.data.watch,
            catalogue=self.history.pinned_catalogues.get(month, self.data.catalogue),
            artists=self.data.artists,
            policy=policy,
        )


@pytest.fixture(scope="module")
def home_of(tmp_path_factory: pytest.TempPathFactory, parsed_home: Path) -> Callable[[int], Home]:
    """Data homes by seed. Read only."""

    @cache
    def make(seed: int) -> Home:
        pipeline = new_pipeline(tmp_path_factory.mktemp(f"world-{seed}"), parsed=parsed_home, has_checks=False)
        world, history = World.random(seed), History()
        *first, last = world.months
        for month in world.deliver_by_month(pipeline.landing, late=0.3):
            pipeline.load()
            if month != last:
                history.close(month, read_landing(pipeline.landing))
                pipeline.close(month)
        pipeline.build()
        assert [*history.runs] == first
        return Home(pipeline, world.months, history, read_landing(pipeline.landing))

    return make


@pytest.fixture(params=[SEEDS[0], *(pytest.param(seed, marks=pytest.mark.thorough) for seed in SEEDS[1:])])
def home(request: pytest.FixtureRequest, home_of: Callable[[int], Home]) -> Home:
    return home_of(request.param)


def as_delivered(period: Subscription) -> Subscription:
    return period


def by_the_policy(period: Subscription) -> Subscription:
    """Drop a period's own envelope if it equals the one that the policy's 100 cents and the price give."""
    given = 100 if period.price_cents is None else min(period.price_cents, 100)
    return replace(period, envelope_cents=None) if period.envelope_cents == given else period


OTHER_POLICIES = {
    "its own policy": (Scenario(), Policy(), as_delivered),
    "a larger envelope": (Scenario(envelope_cents=137), Policy(envelope_cents=137), by_the_policy),
    "no envelope by the policy": (Scenario(envelope_cents=0), Policy(envelope_cents=0), by_the_policy),
    "an envelope of one cent": (Scenario(envelope_cents=1), Policy(envelope_cents=1), by_the_policy),
    "an envelope above all prices": (Scenario(envelope_cents=99_999), Policy(envelope_cents=99_999), by_the_policy),
    "pool by direct": (Scenario(pool_rule="direct"), Policy(pool_rule="direct"), as_delivered),
    "members by any share": (Scenario(minimum_pool_share_bp=1), Policy(minimum_pool_share_bp=1), as_delivered),
    "members alone on stage": (
        Scenario(minimum_pool_share_bp=10_000),
        Policy(minimum_pool_share_bp=10_000),
        as_delivered,
    ),
    "longer lives": (Scenario(minimum_live_s=3_600), Policy(minimum_live_s=3_600), as_delivered),
    "any live": (Scenario(minimum_live_s=0), Policy(minimum_live_s=0), as_delivered),
    "pro-rata": (Scenario(is_pro_rata=True), Policy(), as_delivered),
    "all of it": (
        Scenario(
            envelope_cents=250,
            pool_rule="direct",
            minimum_pool_share_bp=3_334,
            minimum_live_s=3_600,
            is_pro_rata=True,
        ),
        Policy(envelope_cents=250, pool_rule="direct", minimum_pool_share_bp=3_334, minimum_live_s=3_600),
        by_the_policy,
    ),
}


@pytest.mark.parametrize("what", OTHER_POLICIES)
def test_every_month_under_another_policy_is_the_oracles(home: Home, what: str) -> None:
    scenario, policy, periods = OTHER_POLICIES[what]
    compared = 0
    for month in home.months:
        expected = home.settle(month, policy, periods)
        found = home.simulate(month, scenario)
        if expected.blockers:
            assert found.doubts, "the simulation must name what blocks the month"
            continue
        compared += 1
        control = found.simulated.control
        nanos = expected.pro_rata_nanos if scenario.is_pro_rata else expected.earned_nanos
        assert earned_nanos(found.simulated) == without_zeros(nanos)
        assert control["envelope_nanos"] == expected.envelope_nanos
        assert control["periods"] == len(expected.periods)
        assert control["pool_members"] == list(expected.members)
        cents = largest_remainder(expected.envelope_nanos // NANOS_PER_CENT, nanos) if any(nanos.values()) else {}
        assert earned_cents(found.simulated) == without_zeros(cents)
        if not scenario.is_pro_rata:
            assert control["pool_nanos"] == expected.pool_total_nanos
    assert compared, "every month is blocked"


def test_the_scenarios_make_a_difference(home: Home) -> None:
    """Every policy compared above changes at least one month, except a month's own policy."""
    for what, (scenario, *_) in OTHER_POLICIES.items():
        changed = [
            artist
            for month in home.months
            for artist in home.simulate(month, scenario).artists
            if artist.difference_cents
        ]
        assert bool(changed) == (what != "its own policy"), what


def test_its_own_policy_gives_the_marts_and_the_dry_run_of_the_next(home: Home) -> None:
    for month in home.months:
        found = home.simulate(month, Scenario())
        assert found.simulated == found.now
        with home.pipeline.warehouse() as con:
            rows = con.execute(
                """
                select artist_id, category, current_watch_ms, current_paying_subscribers, current_direct_nanos,
                    current_pool_nanos, current_earned_nanos, current_earned_cents
                from marts.fct_artist_months where settlement_month = ? and current_earned_nanos > 0
                """,
                [month],
            ).fetchall()
        assert {line_values(line) for line in found.simulated.lines if line.earned_nanos} == set(rows)
    assert found.simulated == settle_month(home.pipeline.settings, month).run
    assert any(line.brought_forward_cents for line in found.simulated.lines)
    assert any(line.adjustment_cents for line in found.simulated.lines)


def line_values(line: object) -> tuple[object, ...]:
    names = ("artist_id", "category", "watch_ms", "paying_subscribers", "direct_nanos", "pool_nanos")
    return tuple(getattr(line, name) for name in (*names, "earned_nanos", "earned_cents"))


@pytest.mark.parametrize("minimum_cents", [0, 1, 150, 100_000])
def test_who_would_be_paid_with_another_minimum_is_the_oracles(home: Home, minimum_cents: int) -> None:
    month = home.months[-1]
    history = copy.deepcopy(home.history)
    history.policy = replace(history.policy, minimum_payout_cents=minimum_cents)
    expected = history.close(month, home.data)
    found = home.simulate(month, Scenario(minimum_payout_cents=minimum_cents))
    assert {
        (line.artist_id, line.paid_cents, line.carried_forward_cents, line.carry_reason)
        for line in found.simulated.lines
    } == {(line.artist_id, line.paid_cents, line.carried_forward_cents, line.carry_reason) for line in expected.lines}
    assert found.with_balances
    assert not any(artist.difference_cents for artist in found.artists)


def test_a_closed_month_is_shown_beside_what_is_booked_and_paid_by_its_earnings_alone(home: Home) -> None:
    month = home.months[0]
    found = home.simulate(month, Scenario(minimum_payout_cents=1))
    assert found.is_closed
    assert not found.with_balances
    booked = home.history.booked_cents[month]
    assert {one.artist_id: one.booked_cents for one in found.artists if one.booked_cents} == without_zeros(booked)
    assert all(line.paid_cents + line.carried_forward_cents == line.earned_cents for line in found.simulated.lines)


def test_nothing_is_written_but_the_file_that_is_asked_for(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, month, target = home.pipeline.settings, home.months[-1], tmp_path / "new" / "scenario.csv"
    with hold_data_home(settings, command="tests"):
        pass  # the very first command writes the home's format
    before = fingerprints(settings.home)
    assert simulate_month(settings, month, Scenario(pool_rule="direct", envelope_cents=120), output=None)
    assert simulate_month(settings, month, Scenario(pool_rule="direct", envelope_cents=120), output=target)
    assert fingerprints(settings.home) == before
    assert [*tmp_path.rglob("*.*")] == [target]

    expected = home.simulate(month, Scenario(pool_rule="direct", envelope_cents=120))
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["artist_id"], int(row["difference_cents"])) for row in rows] == [
        (one.artist_id, one.earned_simulated_cents - one.earned_now_cents) for one in expected.artists
    ]
    for name in ("earned_simulated_cents", "earned_now_cents"):
        control = (expected.simulated if "simulated" in name else expected.now).control
        assert sum(int(row[name]) for row in rows) == control["envelope_cents"]
    shown = capsys.readouterr().out
    assert "Simulated policy: envelope 1.20 EUR instead of 1.00 EUR; pool rule direct instead of equal." in shown
    periods = paid_periods(home, month)
    own = sum(by_the_policy(one).envelope_cents is not None for one in periods)
    assert (f"{own} of {len(periods)} periods keep their own envelope" in shown) == (own > 0)


def paid_periods(home: Home, month: str) -> list[Subscription]:
    settled = set(home.settle(month, Policy(), as_delivered).periods)
    return [one for one in home.data.periods.values() if one.period_id in settled]


def test_what_cannot_be_simulated_is_refused_with_what_to_do(
    home_of: Callable[[int], Home], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = home_of(SEEDS[0])
    settings, month = home.pipeline.settings, home.months[-1]
    with pytest.raises(Refusal, match="the loaded records reach from"):
        simulate(settings, "2035-01", Scenario())
    assert not simulate_month(settings, month, Scenario(minimum_live_s=10**9), output=None)
    assert "Under the other policy the pool has no member" in capsys.readouterr().err

    with pytest.raises(Refusal, match="There is no warehouse yet"):
        simulate(Settings(home=tmp_path / "empty"), month, Scenario())
    stale = Settings(home=tmp_path / "stale")
    shutil.copytree(settings.home / "warehouse", stale.home / "warehouse")
    with pytest.raises(Refusal, match="not been fully built since the last close"):
        simulate(stale, month, Scenario())


def test_every_artist_of_every_closed_month_is_explained_to_the_cent(home: Home, tmp_path: Path) -> None:
    settings = home.pipeline.settings
    for month, run in home.history.runs.items():
        watched = {one.artist_id for one in run.settlement.slices if one.artist_id is not None}
        lines = {line.artist_id: line for line in run.lines}
        for artist_id in {*watched, *lines}:
            found = explain(settings, month, artist_id)
            assert sum(one.amount_nanos for one in found.subscribers) == run.settlement.direct_nanos.get(artist_id, 0)
            assert found.earned_cents == run.settlement.earned_cents.get(artist_id, 0)
            assert found.paid_cents == (lines[artist_id].paid_cents if artist_id in lines else 0)
    target = tmp_path / "explained.csv"
    assert explain_artist(settings, month, artist_id, form="csv", output=target)
    assert target.read_text(encoding="utf-8").startswith("step,subject,")


def earned_nanos(run: ClosedRun) -> dict[str, int]:
    return without_zeros({line.artist_id: line.earned_nanos for line in run.lines})


def earned_cents(run: ClosedRun) -> dict[str, int]:
    return without_zeros({line.artist_id: line.earned_cents for line in run.lines})


def without_zeros(amounts: Iterable[tuple[str, int]] | dict[str, int]) -> dict[str, int]:
    return {artist_id: amount for artist_id, amount in dict(amounts).items() if amount}


def fingerprints(folder: Path) -> dict[Path, tuple[int, str]]:
    """Each file's time and hash, without the lock on the data home and the note of its holder, which are not data."""
    return {
        path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".lock")
    }


def test_what_is_published_of_other_policies_is_what_simulating_each_gives(home: Home) -> None:
    settings = home.pipeline.settings
    published = compute_scenarios(settings, None)
    rows = {(row["settlement_month"], row["scenario"]): row for row in published.months.to_pylist()}
    outcomes: dict[tuple[str, str], dict[str, tuple[int, int]]] = {key: {} for key in rows}
    for row in published.artists.to_pylist():
        of_month = outcomes[row["settlement_month"], row["scenario"]]
        of_month[row["artist_id"]] = (row["earned_cents"], row["paid_cents"])
    months = sorted({month for month, _ in rows})
    for published_scenario, month in zip(SCENARIOS, cycle(months), strict=False):
        try:
            alone = home.simulate(month, published_scenario.scenario)
        except Refusal:
            assert (month, published_scenario.name) not in rows
            continue
        lines = {line.artist_id: (line.earned_cents, line.paid_cents) for line in alone.simulated.lines}
        assert outcomes[month, published_scenario.name] == lines
        row, control = rows[month, published_scenario.name], alone.simulated.control
        assert (row["with_balances"], row["own_envelopes"]) == (alone.with_balances, alone.own_envelopes)
        assert row.items() >= {name: control[name] for name in ("periods", "pool_nanos", "paid_cents")}.items()


def test_a_month_that_nothing_touched_is_taken_over_and_another_is_not(home: Home) -> None:
    published = compute_scenarios(home.pipeline.settings, None)
    first, *others = sorted(set(published.months["settlement_month"].to_pylist()))
    forged = published.artists.set_column(
        published.artists.column_names.index("paid_cents"), "paid_cents", pa.array([-1] * len(published.artists))
    )
    months = published.months.to_pylist()
    touched = pa.Table.from_pylist(
        [row | ({"inputs": "others"} if row["settlement_month"] != first else {}) for row in months],
        schema=published.months.schema,
    )
    before = PreviousCopy(Path(), "", {}, {"what_if_months": touched, "what_if": forged})

    again = compute_scenarios(home.pipeline.settings, before)

    assert again.months.equals(published.months)
    paid = {month: set() for month in (first, *others)}
    for row in again.artists.to_pylist():
        paid[row["settlement_month"]].add(row["paid_cents"])
    assert paid.pop(first) == {-1}
    assert all(-1 not in cents for cents in paid.values())


def test_a_line_that_corrects_nothing_has_no_other_month_settled_again(home: Home, tmp_path: Path) -> None:
    settings = home.pipeline.settings
    with duckdb.connect(shutil.copy(settings.warehouse_path, tmp_path)) as con:
        months = [
            month
            for (month,) in con.execute(
                "select settlement_month from marts.fct_settlement_months where periods > 0"
            ).fetchall()
        ]
        before = read_month_inputs(settings, con, months)
        con.execute(
            "insert into marts.fct_artist_months select * replace ('another' as artist_id, "
            "null as booked_earned_cents, 0 as adjustment_cents, 0 as pending_adjustment_cents) "
            "from marts.fct_artist_months limit 1"
        )
        assert read_month_inputs(settings, con, months) == before
        con.execute("update marts.fct_artist_months set pending_adjustment_cents = 1 where artist_id = 'another'")
        assert read_month_inputs(settings, con, months) != before
