"""The library of the user-centric split: equal to the oracle on random worlds, and clear about what it refuses."""

import doctest
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import allive.payouts.user_centric.division
import allive.payouts.user_centric.settling
from allive.payouts.user_centric import BlockedError, Catalogue, Payee, Period, Policy, Watched, Work, settle
from tests.oracle import History, read_landing
from tests.oracle import Policy as OraclePolicy
from tests.oracle.history import months_with_periods
from tests.properties.library import assert_library_agrees, settle_with_library
from tests.worlds import BLOCKERS, Size, World

PAGE = Path(__file__).parents[3] / "docs/settling-elsewhere.md"
WORLDS = 200
OCTOBER = date(2026, 10, 1)
NOVEMBER = date(2026, 11, 1)
PERIOD = Period("p", "ada", OCTOBER, NOVEMBER, 1_000_000_000)
CATALOGUE = Catalogue({"gig": Work({"nina": 10_000})}, {"nina": Payee([(OCTOBER, "emerging")])})
SEEN = Watched("ada", "gig", OCTOBER, 1)
NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


def shared(**shares_bp):
    """A catalogue of one work with these shares."""
    return Catalogue({"gig": Work(shares_bp)}, CATALOGUE.payees)


@pytest.mark.parametrize("module", [allive.payouts.user_centric.division, allive.payouts.user_centric.settling])
def test_the_examples_of_its_docstrings_hold(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_page_that_settles_another_platform_holds():
    [program] = re.findall(r"```pycon\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(program.splitlines()) <= 31
    example = doctest.DocTestParser().get_doctest(program, {}, PAGE.name, str(PAGE), 0)
    result = doctest.DocTestRunner().run(example)
    assert result.attempted > 5
    assert result.failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("tens", range(WORLDS // 10))
def test_random_worlds_are_settled_as_the_oracle_does(tens, tmp_path):
    months = 0
    for seed in range(tens * 10, tens * 10 + 10):
        landing = tmp_path / str(seed)
        World.random(seed, size=Size() if seed % 10 == 0 else Size.tiny()).deliver_all(landing)
        data = read_landing(landing)
        history = History(OraclePolicy(pool_rule="direct" if seed % 3 == 0 else "equal"))
        for month in months_with_periods(data, history):
            expected = history.settle_open_month(month, data)
            assert not expected.blockers
            assert_library_agrees(expected, data, history)
            months += 1
    assert months >= 10


@pytest.mark.slow
@pytest.mark.parametrize("blocker", sorted({*BLOCKERS} - {"artist_unknown"}))
def test_what_blocks_a_close_blocks_it_too(blocker, tmp_path):
    """Except for a member of the pool without a record: to the library, the record has the category."""
    World.random(3, size=Size.tiny(), blockers=[blocker]).deliver_all(tmp_path)
    data, history = read_landing(tmp_path), History()
    blocked = {month for month in months_with_periods(data, history) if history.settle_open_month(month, data).blockers}
    assert blocked
    for month in blocked:
        with pytest.raises(BlockedError):
            settle_with_library(month, data, history)


@pytest.mark.parametrize(
    ("periods", "watched", "catalogue", "reason"),
    [
        ([PERIOD, PERIOD], [], CATALOGUE, "period 'p' twice"),
        ([PERIOD._replace(end=OCTOBER)], [], CATALOGUE, "period 'p' ends on 2026-10-01"),
        ([PERIOD._replace(envelope_nanos=1.5)], [], CATALOGUE, "envelope 1.5, expected nanos above 0"),
        ([PERIOD._replace(envelope_nanos=0)], [], CATALOGUE, "envelope 0, expected nanos above 0"),
        ([PERIOD], [SEEN._replace(watch_ms=-1)], CATALOGUE, "watch time -1, expected whole ms"),
        ([PERIOD], [SEEN._replace(watch_ms=1e3)], CATALOGUE, "watch time 1000.0, expected whole ms"),
        ([PERIOD._replace(start=NOON)], [], CATALOGUE, "expected dates (without a time)"),
        ([PERIOD], [SEEN._replace(day=NOON)], CATALOGUE, "expected a date (without a time)"),
        ([PERIOD], [SEEN], shared(nina=9_999), "its shares are nina 9999; expected whole basis points"),
        ([PERIOD], [SEEN], shared(nina=12_000, stella=-2_000), "its shares are nina 12000, stella -2000; expected"),
        ([PERIOD], [SEEN], shared(nina=1e4), "its shares are nina 10000.0; expected whole basis points"),
        ([PERIOD], [SEEN], Catalogue(CATALOGUE.works, {}), "payee 'nina' was watched on 2026-10-01"),
        ([PERIOD], [], Catalogue({}, {}), "nobody shares the pool of 2026-10"),
    ],
)
def test_what_cannot_be_settled_is_refused_with_its_reason(periods, watched, catalogue, reason):
    with pytest.raises(BlockedError, match=f"^2026-10 cannot be settled: .*{re.escape(reason)}"):
        settle(periods, watched, catalogue, Policy(), month="2026-10")


def test_a_payee_without_a_share_needs_no_category():
    assert settle([PERIOD], [SEEN], shared(nina=10_000, guest=0), Policy(), month="2026-10").earned_cents == {
        "nina": 100
    }


def test_an_unknown_rule_and_a_month_of_another_form_are_refused():
    with pytest.raises(ValueError, match="pool_rule 'Direct', expected 'equal' or 'direct'"):
        Policy(pool_rule="Direct")
    with pytest.raises(ValueError, match="month '2026-1', expected YYYY-MM"):
        settle([], [], CATALOGUE, Policy(), month="2026-1")


def test_a_month_without_periods_settles_to_nothing():
    assert settle([], [SEEN], CATALOGUE, Policy(), month="2026-10").earned_cents == {"nina": 0}


def test_only_time_within_the_period_on_works_that_count_has_weight():
    watched = [SEEN, SEEN._replace(day=NOVEMBER), SEEN._replace(work_id="trailer"), SEEN._replace(subscriber_id="ben")]
    [one] = settle([PERIOD], watched, CATALOGUE, Policy(), month="2026-10").slices
    assert (one.weight, one.amount_nanos, one.is_direct) == (10_000, 1_000_000_000, True)
