"""A policy shortens or lengthens the look-back while amendments and late data are pending; months close and verify.

Every close is compared with the oracle, which computes the look-back itself (`tests.two_years.story`).
"""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from allive.ingestion.settings import DBT_PROJECT_DIR, Settings
from allive.orchestration.parsed_project import parsed_project
from allive.payouts import ledger, requests
from allive.payouts.close_orders import order_close
from allive.payouts.closing import close_month, preview_month, settle_month
from allive.payouts.errors import Refusal
from tests.pipeline import Pipeline
from tests.two_years.books import ClosedMonth, is_settled
from tests.two_years.cast import DUO, credited, everything_at_the_beginning, period, watching
from tests.two_years.story import Story


def under(pipeline: Pipeline, project: Path, *look_backs: tuple[str, int]) -> Pipeline:
    """The data home under a project whose policy has these look-backs, each with the day from which it is valid."""
    shutil.copytree(DBT_PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    policies = project / "seeds" / "policies.csv"
    with policies.open(encoding="utf-8", newline="") as file:
        (first,) = csv.DictReader(file)
    rows = [first | {"valid_from": day, "look_back_months": months} for day, months in look_backs]
    with policies.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, first)
        writer.writeheader()
        writer.writerows(rows)
    settings = pipeline.settings.with_project(project)
    # The models are unchanged and their unit tests have passed.
    parsed_project(settings).unit_tests_path.write_text("[]", encoding="utf-8")
    return Pipeline(settings)


def looks_back(story: Story, months: int) -> None:
    story.history.policy = replace(story.history.policy, look_back_months=months)


def begin(story: Story) -> None:
    """Close two months; between them, the credits of the duo's live are corrected retroactively."""
    story.lands(everything_at_the_beginning())
    story.ordinary_month_lands("2020-07")
    story.close("2020-07")
    story.lands(credited(DUO, {"alba": 9_000, "brume": 1_000}, updated_at="2020-08-20T08:00:00Z"))
    story.ordinary_month_lands("2020-08")
    story.close("2020-08")


def close_by_order(settings: Settings, month: str) -> None:
    order = order_close(settings, month, operator="tests", origin="command")
    close_month(settings, month, order_id=order.order_id)


def catalogues(month: ClosedMonth) -> dict[str, str]:
    return {again: settled["catalogue"] for again, settled in month.control["adjustments"].items()}


def test_a_shortened_look_back(pipeline: Pipeline, tmp_path: Path) -> None:
    story = Story(pipeline)
    begin(story)
    for month in ("2020-07", "2020-08"):
        story.amend(month)

    story.pipeline = under(pipeline, tmp_path / "shorter", ("2015-01-01", 3), ("2020-09-30", 1))
    settings = story.pipeline.settings
    looks_back(story, 1)
    with pytest.raises(Refusal, match="2020-07 cannot be amended: It is final"):
        requests.amend(settings, "2020-07", why="too late", operator="tests")
    story.ordinary_month_lands("2020-09")
    story.afterthoughts_land()
    # July is final for this run, so September settles a period of July that is booked nowhere.
    story.lands(period("xena", "2020-07"), watching("xena", "echo", on="2020-07-20", minutes=2))
    story.pipeline.run()
    for close in (preview_month, close_by_order):
        with pytest.raises(Refusal, match="The amendment of 2020-07 that tests asked for"):
            close(settings, "2020-09")
    assert ledger.closed_months(settings) == ("2020-07", "2020-08")
    with pytest.raises(Refusal, match="has not been fully built since"):
        settle_month(pipeline.settings, "2020-09")  # under the project without the shorter look-back

    requests.withdraw_amendment(settings, "2020-07", why="the policy does not reach it", operator="tests")
    story.history.amended.remove("2020-07")
    september = story.close("2020-09")

    assert catalogues(september) == {"2020-08": "2020-09"}
    assert len(september.control["amendments"]) == 1
    assert is_settled(september.slices, "xena-2020-07")
    assert requests.pending_amendments(settings) == {}
    story.assert_verified()


def test_a_lengthened_look_back(pipeline: Pipeline, tmp_path: Path) -> None:
    story = Story(under(pipeline, tmp_path / "longer", ("2015-01-01", 0), ("2020-09-01", 3)))
    looks_back(story, 0)
    begin(story)
    assert catalogues(story.closed["2020-08"]) == {}

    looks_back(story, 3)
    story.amend("2020-08")
    story.ordinary_month_lands("2020-09")
    story.afterthoughts_land()
    # July was final for August's run but is not for September's. It still has the catalogue that it closed with.
    story.lands(watching("nina", "echo", on="2020-07-20", minutes=2))
    september = story.close("2020-09")

    assert catalogues(september) == {"2020-07": "2020-07", "2020-08": "2020-09"}
    assert {month for month, _ in september.adjustments} == {"2020-07", "2020-08"}
    story.assert_verified()
