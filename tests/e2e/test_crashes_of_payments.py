"""Orders and imports, killed at random moments: nothing is ordered twice, and nothing of an answer is lost."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.books import Books
from allive.payouts.closed_month.findings import Report
from allive.payouts.errors import Refusal
from allive.payouts.payments.catching_up import catch_up
from allive.payouts.payments.order_files import ORDERS_FOLDER
from allive.payouts.payments.register import read_register, register_path
from allive.payouts.payments.state import Attempt, PaymentState, payments_of
from allive.payouts.verification.payments import check_payments, read_payments
from allive.payouts.verification.seals import AuditLog
from tests.e2e import payments_work
from tests.e2e.killing import Campaign
from tests.payment_world.world import settings_of

SHARE_OF_KILLS = 0.15
"""Share of all crash-test kills, per test."""
ORDERS_BEFORE, ORDERS_AFTER = 2, 4


@pytest.fixture(scope="module")
def cancelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return payments_work.a_cancelled_month(tmp_path_factory.mktemp("cancelled") / "home").home


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return payments_work.an_answered_month(tmp_path_factory.mktemp("answered") / "home").home


def test_an_order_that_was_killed_is_given_once(cancelled: Path, kills: int, tmp_path: Path) -> None:
    campaign = Campaign(
        "reissue",
        payments_work.reissue,
        lambda: payments_work.copy_of(cancelled, tmp_path),
        state_of=_state_of_orders,
        events={
            "a file was begun": lambda settings: any(_folder(settings).glob(".*")),
            "a line was recorded": lambda settings: _size(settings) > _size_of(cancelled),
            "a file got its name": lambda settings: len(_named(settings)) > ORDERS_BEFORE,
        },
        to_meet=frozenset({"2 lines, 2 files", "3 lines, 3 files"}),
    )
    for settings in campaign.kills(round(kills * SHARE_OF_KILLS)):
        catch_up(settings)
        assert not list(_folder(settings).glob(".*")), "the next command tidies"
        _assert_sound(settings)
        if len(_named(settings)) < ORDERS_AFTER:
            payments_work.reissue(settings.home)
        else:
            with pytest.raises(Refusal, match="the bank can still execute it"):
                payments_work.reissue(settings.home)
        attempts = list(_attempts(settings))
        alive = [one for one in attempts if one.state is PaymentState.ORDERED]
        assert sorted(one.ordered.artist_id for one in alive) == ["anna", "bob", "chloe", "dune"]
        assert {one.end_to_end_id[-2:] for one in alive} == {"-2"}
        assert len(_named(settings)) == ORDERS_AFTER
        _assert_sound(settings)


def test_an_import_that_was_killed_is_whole_or_nothing(answered: Path, kills: int, tmp_path: Path) -> None:
    campaign = Campaign(
        "import",
        payments_work.import_answer,
        lambda: payments_work.copy_of(answered, tmp_path),
        state_of=lambda settings: "recorded" if _size(settings) > _size_of(answered) else "nothing recorded",
        events={
            "the command began": lambda _: True,
            "the line was begun": lambda settings: register_path(settings).stat().st_size > _size_of(answered),
        },
        to_meet=frozenset({"nothing recorded", "recorded"}),
    )
    for settings in campaign.kills(round(kills * SHARE_OF_KILLS)):
        states = {one.state for one in _attempts(settings)}
        assert states in ({PaymentState.ORDERED}, {PaymentState.EXECUTED}), "all of a file, or nothing"
        for _ in range(2):
            payments_work.import_answer(settings.home)
            assert {one.state for one in _attempts(settings)} == {PaymentState.EXECUTED}
        assert [line.event for line in read_register(settings).lines.values()].count("imported") == 1
        _assert_sound(settings)


def _assert_sound(settings: Settings) -> None:
    report = Report()
    log = read_payments(report, settings.payouts_dir)
    paid = Counter({one.ordered.artist_id: one.ordered.cents for one in _attempts(settings)})
    books = Books(paid={payments_work.MONTH: paid})
    check_payments(report, settings.payouts_dir, log, audit_log=AuditLog(), books=books)
    assert report.findings() == ()


def _state_of_orders(settings: Settings) -> str:
    lines = sum(line.order is not None for line in read_register(settings).lines.values())
    aside = ", a file aside" if list(_folder(settings).glob(".*.xml.part")) else ""
    return f"{lines} lines, {len(_named(settings))} files{aside}"


def _attempts(settings: Settings) -> Iterator[Attempt]:
    yield from payments_of(read_register(settings)).attempts.values()


def _folder(settings: Settings) -> Path:
    return settings.payouts_dir / ORDERS_FOLDER


def _named(settings: Settings) -> list[Path]:
    return list(_folder(settings).glob("ALV-*.xml"))


def _size(settings: Settings) -> int:
    """The bytes of whole lines of the register."""
    return len(register_path(settings).read_bytes().rpartition(b"\n")[0])


def _size_of(home: Path) -> int:
    return _size(settings_of(home, most_per_order=2))
