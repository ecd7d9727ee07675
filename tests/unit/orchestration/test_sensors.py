"""Landed files request one refresh; files still being delivered request none."""

from datetime import datetime

import dagster as dg
import pytest

from allive.ingestion.settings import Settings
from allive.orchestration.defs.sensors import landed_files, ordered_closings, requests_after
from allive.payouts.close_orders import approve_close, open_orders, order_close


@pytest.fixture
def landing(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path))
    (tmp_path / "landing" / "lives").mkdir(parents=True)
    return tmp_path / "landing"


@pytest.fixture
def look():
    cursor = None

    def look_once():
        nonlocal cursor
        context = dg.build_sensor_context(cursor=cursor)
        answer = landed_files(context)
        cursor = context.cursor
        return answer

    return look_once


def test_an_empty_landing_is_nothing_to_do(landing, look):
    assert "Nothing new" in look().skip_message


def test_a_file_asks_once_and_a_further_one_again(landing, look):
    (landing / "lives" / "a.csv").write_text("live_id\n")
    first = look()
    assert isinstance(first, dg.RunRequest)
    assert "Nothing new" in look().skip_message
    assert "Nothing new" in look().skip_message
    (landing / "lives" / "b.csv").write_text("live_id\n")
    second = look()
    assert isinstance(second, dg.RunRequest)
    assert second.run_key != first.run_key


@pytest.mark.parametrize("name", ["a.csv.part", "_a.csv", ".a.csv", "a.txt"])
def test_what_is_not_delivered_yet_asks_for_nothing(landing, look, name):
    (landing / "lives" / name).write_text("live_id\n")
    assert isinstance(look(), dg.SkipReason)


def test_another_content_under_the_same_name_asks_again(landing, look):
    (landing / "lives" / "a.csv").write_text("live_id\n")
    look()
    (landing / "lives" / ".new").write_text("live_id\nx\n")
    (landing / "lives" / ".new").rename(landing / "lives" / "a.csv")
    assert isinstance(look(), dg.RunRequest)


def test_a_request_that_got_lost_is_made_again(landing):
    """The cursor is stored with the request: if the daemon died before that, it sees the same cursor again."""
    (landing / "lives" / "a.csv").write_text("live_id\n")
    asked = [landed_files(dg.build_sensor_context(cursor=None)) for _ in range(2)]
    assert asked[0].run_key == asked[1].run_key


class Finished:
    """The fields of a run that `payout_done` reads."""

    def __init__(self, job, month, **tags):
        self.run_id, self.job_name = f"run-of-{month}", job
        self.tags = {"dagster/partition": month, **tags}


@pytest.fixture
def done(monkeypatch, landing):
    """End a run of the service on a Paris day, with these months closed; return the requested (job, month) pairs."""

    def ends(run, *, closed=(), today="2021-04-09"):
        for month in closed:
            (landing.parent / "payouts" / month).mkdir(parents=True, exist_ok=True)
        (landing.parent / "raw").mkdir(exist_ok=True)

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.fromisoformat(f"{today}T10:00:00+00:00").astimezone(tz)

        monkeypatch.setattr("allive.orchestration.defs.sensors.datetime", Clock)
        return [(request.job_name, request.partition_key) for request in requests_after(run)]

    return ends


def test_a_payout_that_closed_its_month_goes_on_with_the_next_that_is_due(done):
    run = Finished("monthly_payout", "2021-01")
    assert done(run, closed=["2021-01"]) == [("republish", None), ("monthly_payout", "2021-02")]


def test_one_that_closed_the_last_month_due_only_publishes(done):
    run = Finished("monthly_payout", "2021-03")
    assert done(run, closed=["2021-01", "2021-02", "2021-03"]) == [("republish", None)]


def test_one_that_closed_nothing_waits_for_the_schedule(done):
    assert done(Finished("monthly_payout", "2021-02"), closed=["2021-01"]) == [("republish", None)]


def test_a_close_that_an_operator_ordered_starts_no_other(done):
    assert done(Finished("payout", "2021-01"), closed=["2021-01"]) == [("republish", None)]


def test_a_command_publishes_by_itself(done):
    run = Finished("payout", "2021-01", **{"allive/started_by": "command"})
    assert done(run, closed=["2021-01"]) == []


@pytest.fixture
def orders(landing, monkeypatch):
    """Give orders to close months, month → (origin, approved by); return the sensor's answer."""

    def given(second_person="false", **by_month):
        monkeypatch.setenv("ALLIVE_SECOND_PERSON", second_person)
        for month, (origin, approved_by) in by_month.items():
            order = order_close(Settings(), month.strip("_").replace("_", "-"), operator="ana", origin=origin)
            if approved_by:
                approve_close(Settings(), order.order_id, operator=approved_by)
        answer = ordered_closings(dg.build_sensor_context())
        return answer if isinstance(answer, dg.SkipReason) else [request.partition_key for request in answer]

    return given


def test_an_order_of_the_gate_is_carried_out_by_its_id(orders):
    assert orders(_2021_01=("gate", None)) == ["2021-01"]
    (request,) = ordered_closings(dg.build_sensor_context())
    (order,) = open_orders(Settings())
    assert request.run_key == order.order_id
    assert request.run_config == {"ops": {"payouts__closed_month": {"config": {"order": order.order_id}}}}


def test_an_order_of_a_command_is_that_command_s(orders):
    assert isinstance(orders(_2021_01=("command", None)), dg.SkipReason)
    assert orders("true", _2021_02=("command", "ben")) == ["2021-02"], "approved on the page: no one else runs it"


def test_an_order_of_the_schedule_is_carried_out_once_somebody_approved_it(orders):
    assert isinstance(orders(_2021_01=("schedule", None)), dg.SkipReason)
    assert orders("true", _2021_02=("schedule", "ben")) == ["2021-02"]


def test_an_order_that_wants_a_second_person_waits_for_one(orders):
    assert orders("true", _2021_01=("gate", None)).skip_message == "1 open, waiting for a person or for their run."
    assert orders("true", _2021_02=("gate", "ben")) == ["2021-02"]
