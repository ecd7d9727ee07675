"""Orders to close: each names its operator, is used once, and expires after a day."""

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from allive.ingestion.settings import Settings
from allive.payouts import audit, close_orders, ledger, preconditions
from allive.payouts.close_orders import approve_close, open_orders, order_close, take_up, withdraw_order
from allive.payouts.errors import Refusal

MONTH = "2021-02"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def careful(tmp_path: Path) -> Settings:
    """The same data home, with a second person required to approve."""
    return Settings(home=tmp_path, second_person=True)


class Later(datetime):
    """A clock that runs ahead."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + cls.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Later]:
    monkeypatch.setattr(close_orders, "datetime", Later)
    monkeypatch.setattr(Later, "ahead", timedelta())
    return Later


def order(settings: Settings, month: str = MONTH, operator: str = "ana@example.org") -> str:
    return order_close(settings, month, operator=operator, origin="gate", acknowledged="a1b2c3").order_id


def lines(settings: Settings) -> list[dict[str, object]]:
    return [json.loads(line) for line in audit.log_path(settings).read_text(encoding="utf-8").splitlines()]


def test_an_order_is_a_line_of_the_audit_log_and_named_by_its_hash(settings: Settings) -> None:
    given = order_close(settings, MONTH, operator="ana", origin="command", acknowledged=" a1b2c3 ")
    (line,) = audit.log_path(settings).read_bytes().splitlines()
    assert given.order_id == hashlib.sha256(line).hexdigest()
    told = json.loads(line)
    assert (told["action"], told["operator"], told["settlement_month"]) == ("order_close", "ana", MONTH)
    assert (told["origin"], told["acknowledged"]) == ("command", "a1b2c3")
    assert given == close_orders.CloseOrder(given.order_id, MONTH, "ana", "command", "a1b2c3", told["at"], None)
    assert open_orders(settings) == (given,)


def test_two_orders_of_one_second_are_two(settings: Settings) -> None:
    assert order(settings) != order(settings)
    assert len(open_orders(settings)) == 2


def test_an_order_is_used_by_one_attempt(settings: Settings) -> None:
    order_id = order(settings)
    assert take_up(settings, order_id, MONTH).operator == "ana@example.org"
    assert open_orders(settings) == ()
    with pytest.raises(Refusal, match="It was used: an order is good for one attempt"):
        take_up(settings, order_id, MONTH)
    assert [(line["action"], line.get("order_id")) for line in lines(settings)] == [
        ("order_close", None),
        ("order_taken_up", order_id),
    ]


@pytest.mark.parametrize("order_id", ["", "0" * 64, "abc"])
def test_what_nobody_ordered_does_not_close(settings: Settings, order_id: str) -> None:
    order(settings)
    with pytest.raises(Refusal, match="Found no order"):
        take_up(settings, order_id, MONTH)
    assert len(lines(settings)) == 1


def test_another_line_of_the_log_is_no_order(settings: Settings) -> None:
    audit.record(settings, action="close", operator="ana", settlement_month=MONTH, origin="gate", acknowledged=None)
    ((entry_id, _),) = audit.identified_entries(settings)
    with pytest.raises(Refusal, match="Found no order"):
        take_up(settings, entry_id, MONTH)


def test_an_order_closes_its_month_alone(settings: Settings) -> None:
    order_id = order(settings)
    with pytest.raises(Refusal, match=r"It is for 2021-02; expected one for 2021-03"):
        take_up(settings, order_id, "2021-03")
    # The refused attempt does not use it up.
    assert take_up(settings, order_id, MONTH).order_id == order_id


def test_an_order_is_good_for_a_day(settings: Settings, clock: type[Later]) -> None:
    order_id = order(settings)
    clock.ahead = timedelta(hours=23, minutes=59)
    assert [given.order_id for given in open_orders(settings)] == [order_id]
    clock.ahead = timedelta(hours=24, seconds=2)
    assert open_orders(settings) == ()
    with pytest.raises(Refusal, match="expected one of the last 24 hours"):
        take_up(settings, order_id, MONTH)
    with pytest.raises(Refusal, match="expected one of the last 24 hours"):
        approve_close(settings, order_id, operator="ben@example.org")
    clock.ahead = timedelta(hours=23, minutes=59)
    assert take_up(settings, order_id, MONTH).order_id == order_id


def test_a_withdrawn_order_is_over(settings: Settings) -> None:
    order_id = order(settings)
    withdraw_order(settings, order_id, operator="ben", why=" wrong month ")
    assert open_orders(settings) == ()
    for act in (
        lambda: take_up(settings, order_id, MONTH),
        lambda: approve_close(settings, order_id, operator="ben"),
        lambda: withdraw_order(settings, order_id, operator="ben", why="again"),
    ):
        with pytest.raises(Refusal, match="It was withdrawn"):
            act()
    assert [(line["action"], line["operator"], line.get("why")) for line in lines(settings)][1:] == [
        ("withdraw_order", "ben", "wrong month")
    ]


def test_a_used_order_is_neither_approved_nor_withdrawn(settings: Settings) -> None:
    order_id = order(settings)
    take_up(settings, order_id, MONTH)
    with pytest.raises(Refusal, match="It was used"):
        approve_close(settings, order_id, operator="ben")
    with pytest.raises(Refusal, match="It was used"):
        withdraw_order(settings, order_id, operator="ben", why="late")


def test_a_second_person_approves_once_and_both_are_on_record(settings: Settings, careful: Settings) -> None:
    order_id = order(settings)
    with pytest.raises(Refusal, match="Nobody has approved it"):
        take_up(careful, order_id, MONTH)
    for same in ("ana@example.org", "Ana@Example.org", " ana@example.org "):
        with pytest.raises(Refusal, match="expected another person"):
            approve_close(careful, order_id, operator=same)
    assert approve_close(careful, order_id, operator="ben@example.org").approved_by == "ben@example.org"
    with pytest.raises(Refusal, match=r"ben@example\.org has approved it already"):
        approve_close(careful, order_id, operator="cleo@example.org")
    taken = take_up(careful, order_id, MONTH)
    assert (taken.operator, taken.approved_by) == ("ana@example.org", "ben@example.org")
    assert [(line["action"], line["operator"]) for line in lines(settings)][:2] == [
        ("order_close", "ana@example.org"),
        ("approve_close", "ben@example.org"),
    ]


def test_an_approval_by_the_same_person_that_stands_in_the_log_counts_for_nothing(
    settings: Settings, careful: Settings
) -> None:
    order_id = order(settings)
    audit.record(settings, action="approve_close", operator="ANA@example.org", order_id=order_id)
    with pytest.raises(Refusal, match="Nobody has approved it"):
        take_up(careful, order_id, MONTH)


def test_without_the_setting_one_person_is_enough(settings: Settings) -> None:
    assert take_up(settings, order(settings), MONTH).approved_by is None


@pytest.mark.parametrize("month", ["2021-2", "", "2021-02-01", "../2021-02", "2021-13", "9999-12", "0000-01"])
def test_what_is_no_month_is_not_ordered(settings: Settings, month: str) -> None:
    with pytest.raises(ValueError, match="is not a month"):
        order(settings, month)
    assert not audit.log_path(settings).exists()


def test_nobody_and_no_origin_orders_nothing(settings: Settings) -> None:
    with pytest.raises(ValueError, match="Found no operator"):
        order_close(settings, MONTH, operator=" ", origin="gate")
    with pytest.raises(ValueError, match="Found the origin"):
        order_close(settings, MONTH, operator="ana", origin="config")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Found no reason"):
        withdraw_order(settings, order(settings), operator="ana", why=" ")


@pytest.mark.parametrize(
    ("month", "over"),
    [("2021-01", "2021-01-31T23:00:00+00:00"), ("2021-07", "2021-07-31T22:00:00+00:00")],
    ids=["winter", "summer"],
)
def test_a_month_is_ordered_once_it_is_over_in_paris(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, month: str, over: str
) -> None:
    class Stopped(datetime):
        """A clock that stands at `at`."""

        at = datetime.fromisoformat(over) - timedelta(seconds=1)

        @classmethod
        def now(cls, tz=None):
            return cls.at.astimezone(tz)

    monkeypatch.setattr(preconditions, "datetime", Stopped)
    with pytest.raises(Refusal, match="It is not over in Paris"):
        order(settings, month)
    monkeypatch.setattr(Stopped, "at", datetime.fromisoformat(over))
    assert order(settings, month)


def test_what_the_calendar_forbids_is_not_ordered(settings: Settings) -> None:
    folder = ledger.month_dir(settings, MONTH)
    folder.mkdir(parents=True)
    (folder / ledger.MANIFEST_FILE).write_text(
        json.dumps({"settlement_month": MONTH, "run_hash": "f" * 64, "previous_run_hash": "0" * 64, "files": {}})
    )
    with pytest.raises(Refusal, match="It is closed already"):
        order(settings)
    with pytest.raises(Refusal, match="without gaps"):
        order(settings, "2021-05")
    assert order(settings, "2021-03")


def test_of_two_that_act_at_once_the_first_line_counts(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = order(settings)
    record, acts = audit.record, []

    def record_after_another(*arguments, **details):
        if not acts:
            acts.append(details["action"])
            record(settings, action="order_taken_up", operator="other", order_id=order_id, settlement_month=MONTH)
        return record(*arguments, **details)

    monkeypatch.setattr(audit, "record", record_after_another)
    with pytest.raises(Refusal, match="It was used"):
        take_up(settings, order_id, MONTH)
    with pytest.raises(Refusal, match="It was used"):
        withdraw_order(settings, order_id, operator="ana", why="late")
