"""Two years of a small platform, month by month, closed by the product and by the oracle.

Each chapter lands the records of its events, closes its month, and checks that the events had their effect. The parts
of every month are in `tests.two_years.story`: a late upload and a refund after the close, the comparison with the
oracle, the control totals, and the bytes of all closed months.
"""

from collections.abc import Callable, Sequence

import pytest

from tests.pipeline import Pipeline
from tests.two_years.books import ClosedMonth, Transfer, artists_of, cents_of, is_settled
from tests.two_years.cast import (
    DUO,
    PATRON_CENTS,
    artist,
    categorised,
    credited,
    everything_at_the_beginning,
    iban,
    period,
    refund,
    watching,
)
from tests.two_years.story import Story

pytestmark = pytest.mark.figures

MINIMUM_CENTS = 1_000


@pytest.mark.thorough
def test_two_years(pipeline: Pipeline) -> None:
    story = Story(pipeline)
    tell(story, CHAPTERS)
    the_last_corrections(story)
    nothing_new(story)
    story.assert_every_artist_has_what_is_theirs()
    story.assert_verified()


def test_the_first_half_year(pipeline: Pipeline) -> None:
    story = Story(pipeline)
    tell(story, CHAPTERS[:6])
    story.assert_every_artist_has_what_is_theirs()
    story.assert_verified()


def tell(story: Story, chapters: Sequence[Callable[[Story], None]]) -> None:
    story.lands(everything_at_the_beginning())
    for chapter in chapters:
        story.ordinary_month_lands(chapter.__name__.removeprefix("in_").replace("_", "-"))
        if story.closed:
            story.afterthoughts_land()
        PAYMENTS.get(chapter, nothing_happens)(story)
        chapter(story)


def july_is_paid(story: Story) -> None:
    """Alba's payment comes back, which the bank says before it says that it left, and twice. Corail is held."""
    ordered = story.order_goes_to_the_bank()
    for one in ordered.values():
        story.bank.execute(one)
    executed = [*story.bank.messages]
    story.bank_returns(ordered["alba"], "alba", cents=ordered["alba"].cents, code="AC04")
    returned = story.bank.messages[len(executed) :]
    assert story.import_answers(returned) == 1
    assert story.import_answers(executed) == len(ordered)
    assert story.import_answers([*executed, *returned]) == 0
    story.hold("corail")


def august_is_paid(story: Story) -> None:
    """Alba confirms her IBAN, the hold on Corail is lifted, and a part of Givre's payment comes back."""
    assert carried(story.last, "alba") == "returned"
    assert carried(story.last, "corail") == "held"
    ordered = story.order_goes_to_the_bank()
    for one in ordered.values():
        story.bank.execute(one)
    story.bank_returns(ordered["givre"], "givre", cents=300, code="MS03")
    story.import_answers(reversed(story.bank.messages))
    story.confirm_iban("alba", iban("alba").replace(" ", ""))
    story.hold("corail", is_held=False)


def september_is_paid(story: Story) -> None:
    """The bank rejects Alba's payment, which is ordered again. Givre gets a cheque, and another bank account later."""
    assert carried(story.last, "givre") in {"returned", "below_minimum"}
    assert paid(story.last, "alba") > paid(story.closed["2020-07"], "alba"), "July's money is in it"
    assert paid(story.last, "corail") > 0
    ordered = story.order_goes_to_the_bank()
    for name, one in ordered.items():
        if name == "alba":
            story.bank.reject(one, "TM01")
        else:
            story.bank.execute(one)
    story.import_answers(story.bank.messages)
    story.reissue()
    (again,) = story.order_goes_to_the_bank().values()
    assert (again.end_to_end_id, again.cents) == (f"{ordered['alba'].end_to_end_id}-2", ordered["alba"].cents)
    story.bank.execute(again)
    story.import_answers(story.bank.messages)
    story.pay_by_cheque("givre", 300)


def october_is_paid(story: Story) -> None:
    """Givre's IBAN is confirmed."""
    story.confirm_iban("givre", iban("givre").replace(" ", ""))


PAYMENTS: dict[Callable[[Story], None], Callable[[Story], None]] = {}
"""The events of payments before a chapter."""


def nothing_happens(story: Story) -> None:
    """No bank answers, and nobody decides anything."""


def in_2020_07(story: Story) -> None:
    """The first run. Echo is below the minimum, and Fjord's IBAN is missing."""
    month = story.close("2020-07")
    assert carried(month, "echo") == "below_minimum"
    assert carried(month, "fjord") == "no_iban"
    assert not is_settled(month.slices, "yann-2020-07"), "it ends in August"


def in_2020_08(story: Story) -> None:
    """A period from before the first run is delivered: this run settles it, by what was watched on its own days."""
    story.lands(period("yann", "2020-05"), watching("yann", DUO, on="2020-06-01"))
    month = story.close("2020-08")
    assert artists_of(month.slices, "yann-2020-05") == {"alba", "brume"}
    assert artists_of(month.slices, "yann-2020-07") == {"alba", "brume"}, "its last day is in this month"


def in_2020_09(story: Story) -> None:
    """Fjord's IBAN arrives, and is invalid."""
    story.lands(artist("fjord", iban=iban("fjord", is_valid=False), updated_at="2020-09-15T08:00:00Z"))
    assert carried(story.close("2020-09"), "fjord") == "bad_iban"


def in_2020_10(story: Story) -> None:
    """Fjord's valid IBAN arrives nine days before the payment. A record of Corail's new one is undated."""
    new = iban("corail's new bank")
    story.lands(
        artist("fjord", iban=iban("fjord"), updated_at="2020-11-01T08:00:00Z"),
        artist("corail", iban=new, updated_at="2020-10-01T08:00:00Z"),
        artist("corail", iban=new, updated_at=None),
    )
    month = story.close("2020-10")
    assert carried(month, "fjord") == "iban_changed"
    assert carried(month, "corail") == "iban_undated"
    assert paid(story.closed["2020-09"], "corail") > PATRON_CENTS


def in_2020_11(story: Story) -> None:
    """Fjord is paid. A correction says that a fifth of Alba's live was always Dune's: no closed month changes.

    Corail has yet another bank, whose BIC is wrong, and an account in the name of a company.
    """
    bank = {"iban": iban("corail's last bank"), "bic": "DEUTDEFF", "account_holder": "Corail & Cie"}
    story.lands(
        credited("alba", {"alba": 8_000, "dune": 2_000}, updated_at="2020-11-20T08:00:00Z"),
        artist("corail", updated_at="2020-11-25T08:00:00Z", **bank),
    )
    month = story.close("2020-11")
    assert paid(month, "corail") > 2 * PATRON_CENTS
    assert transfer_to(month, "corail").name == "Corail + Cie"
    assert transfer_to(month, "corail").iban == bank["iban"].replace(" ", "")
    assert month.lines["fjord"].paid_cents > month.lines["fjord"].brought_forward_cents > 4 * MINIMUM_CENTS
    assert artists_of(month.slices, "lou-2020-11") == {"alba", "dune"}
    assert catalogues(month) == {one: one for one in ("2020-08", "2020-09", "2020-10")}
    assert artists_of(month.resettled["2020-10"], "lou-2020-10") == {"alba"}


def in_2020_12(story: Story) -> None:
    """December pays Echo, who has been below the minimum since July and still is."""
    month = story.close("2020-12")
    assert {carried(story.closed[f"2020-{number:02}"], "echo") for number in range(7, 12)} == {"below_minimum"}
    assert 0 < paid(month, "echo") < MINIMUM_CENTS
    assert not any(line.carry_reason for line in month.lines.values())


def in_2021_01(story: Story) -> None:
    """The duo's credits were wrong: December is amended, November is not. Xena watches without having paid."""
    story.lands(
        credited(DUO, {"alba": 9_000, "brume": 1_000}, updated_at="2021-01-20T08:00:00Z"),
        watching("xena", "brume", on="2021-01-10", minutes=1),
    )
    story.amend("2020-12")
    month = story.close("2021-01")
    assert catalogues(month) == {"2020-10": "2020-10", "2020-11": "2020-11", "2020-12": "2021-01"}
    assert cents_of(month.resettled["2020-12"], "yann-2020-11") == {"alba": 90, "brume": 10}
    assert cents_of(story.closed["2020-12"].slices, "yann-2020-11") == {"alba": 60, "brume": 40}
    assert month.adjustments["2020-12", "brume"] < 0


def in_2021_02(story: Story) -> None:
    """Alba's transfer is returned; on the payment date, the new IBAN is six days old. December keeps its credits."""
    story.lands(
        artist("alba", iban=iban("alba's new bank"), updated_at="2021-03-04T08:00:00Z"),
        credited(DUO, {"alba": 5_000, "brume": 5_000}, updated_at="2021-02-20T08:00:00Z"),
    )
    returned = story.return_payment("2021-01", "alba")
    assert returned == paid(story.closed["2021-01"], "alba") >= MINIMUM_CENTS
    month = story.close("2021-02")
    assert month.lines["alba"].brought_forward_cents == returned
    assert carried(month, "alba") == "iban_changed"
    assert catalogues(month) == {"2020-11": "2020-11", "2020-12": "2021-01", "2021-01": "2021-01"}
    assert paid(month, "corail") > PATRON_CENTS


def in_2021_03(story: Story) -> None:
    """Alba's money is sent again. Will's February is refunded, which leaves Corail with a negative balance."""
    story.lands(refund("will", "2021-02"))
    month = story.close("2021-03")
    assert paid(month, "alba") > paid(story.closed["2021-01"], "alba")
    assert transfer_to(month, "alba").iban == iban("alba's new bank").replace(" ", "")
    assert month.adjustments["2021-02", "corail"] < -PATRON_CENTS + MINIMUM_CENTS
    assert carried(month, "corail") == "negative"


def in_2021_04(story: Story) -> None:
    """Rose's March is delivered again with April's dates: the money stays in March, split by April's watch time."""
    story.lands(
        period(
            "rose", "2021-03", period_start="2021-04-01", period_end="2021-05-01", updated_at="2021-04-10T09:00:00Z"
        ),
        watching("rose", "echo", on="2021-04-20", minutes=1),
    )
    month = story.close("2021-04")
    assert artists_of(story.closed["2021-03"].slices, "rose-2021-03") == {"givre"}
    assert artists_of(month.resettled["2021-03"], "rose-2021-03") == {"echo", "givre"}
    assert not is_settled(month.slices, "rose-2021-03")
    assert artists_of(month.slices, "rose-2021-04") == {"echo", "givre"}
    assert carried(month, "corail") == "negative"


def in_2021_05(story: Story) -> None:
    """Echo leaves and is paid below the minimum. Xena joins: Corail recovers. Rose's March gets its own dates back."""
    story.lands(
        artist("echo", left_on="2021-05-20", updated_at="2021-05-20T08:00:00Z"),
        period("rose", "2021-03", updated_at="2021-05-10T09:00:00Z"),
    )
    month = story.close("2021-05")
    assert 0 < paid(month, "echo") < MINIMUM_CENTS
    assert carried(story.closed["2021-04"], "echo") == "below_minimum"
    assert month.lines["corail"].brought_forward_cents < 0 < month.lines["corail"].carried_forward_cents
    assert artists_of(month.resettled["2021-03"], "rose-2021-03") == {"givre"}


def in_2021_06(story: Story) -> None:
    """Echo is out of the pool, but is still paid for watch time. Corail is paid again."""
    month = story.close("2021-06")
    assert "art-echo" in story.closed["2021-05"].control["pool_members"]
    assert "art-echo" not in month.control["pool_members"]
    assert 0 < paid(month, "echo") < MINIMUM_CENTS
    assert paid(month, "corail") > PATRON_CENTS


def in_2021_07(story: Story) -> None:
    """Xena's January is delivered after January became final: this run settles it. Dune has a patron."""
    story.lands(period("xena", "2021-01"))
    month = story.close("2021-07")
    assert cents_of(month.slices, "xena-2021-01") == {"brume": PATRON_CENTS}
    assert "2021-01" not in month.resettled
    assert paid(month, "brume") > PATRON_CENTS
    assert paid(month, "dune") > PATRON_CENTS


def in_2021_08(story: Story) -> None:
    """Dune is known from now on, and earns nothing; the patron is refunded."""
    story.lands(
        categorised("dune", "known", since="2021-08-01", updated_at="2021-08-01T08:00:00Z"), refund("zoe", "2021-07")
    )
    month = story.close("2021-08")
    assert (month.lines["dune"].earned_cents, carried(month, "dune")) == (0, "negative")
    assert is_settled(month.resettled["2021-07"], "xena-2021-01")


def in_2021_09(story: Story) -> None:
    """Dune's balance does not recover."""
    month = story.close("2021-09")
    assert (month.lines["dune"].earned_cents, carried(month, "dune")) == (0, "negative")


def in_2021_10(story: Story) -> None:
    """Dune's balance is written off. Givre has been known since September, and September is amended."""
    story.lands(categorised("givre", "known", since="2021-09-01", updated_at="2021-10-20T08:00:00Z"))
    story.amend("2021-09")
    owed = -story.closed["2021-09"].lines["dune"].carried_forward_cents
    assert story.write_off("dune") == owed > 0
    month = story.close("2021-10")
    assert month.lines["dune"].brought_forward_cents == month.lines["dune"].carried_forward_cents == 0
    assert catalogues(month) == {"2021-07": "2021-07", "2021-08": "2021-08", "2021-09": "2021-10"}
    assert month.adjustments["2021-09", "givre"] == -booked(story.closed["2021-09"], "givre")
    assert month.lines["givre"].earned_cents == 0


def in_2021_11(story: Story) -> None:
    """A correction says that Givre never became known: two closed months keep the old category."""
    story.lands(categorised("givre", "known", since="2021-09-01", is_deleted=True, updated_at="2021-11-20T08:00:00Z"))
    month = story.close("2021-11")
    assert month.lines["givre"].earned_cents > 0
    assert catalogues(month) == {"2021-08": "2021-08", "2021-09": "2021-10", "2021-10": "2021-10"}
    assert ("2021-09", "givre") not in month.adjustments
    assert ("2021-10", "givre") not in month.adjustments


def in_2021_12(story: Story) -> None:
    """December pays everyone again, and Givre on an IBAN that is just old enough."""
    story.lands(artist("givre", iban=iban("givre's new bank"), updated_at="2021-12-31T08:00:00Z"))
    month = story.close("2021-12")
    assert transfer_to(month, "givre").iban == iban("givre's new bank").replace(" ", "")
    assert 0 < paid(month, "brume") < MINIMUM_CENTS


def in_2022_01(story: Story) -> None:
    """Givre has a new name from this month on; December keeps the one it closed with."""
    story.lands(artist("givre", name="Givre & Cœur", iban=iban("givre's new bank"), updated_at="2022-01-15T08:00:00Z"))
    month = story.close("2022-01")
    assert (month.lines["givre"].name, story.closed["2021-12"].lines["givre"].name) == ("Givre & Cœur", "Givre")


def in_2022_02(story: Story) -> None:
    """Max's October is refunded after it became final: nothing changes. Givre's new name goes to the bank."""
    story.lands(refund("max", "2021-10", on="2022-02-20"))
    month = story.close("2022-02")
    assert is_settled(story.closed["2021-10"].slices, "max-2021-10")
    assert min(month.control["adjustments"]) == "2021-11"
    assert transfer_to(month, "givre").name == "Givre + Coeur"


def in_2022_03(story: Story) -> None:
    """Fjord left in January, which is recorded only now: February's pool is shared without Fjord, January's with."""
    story.lands(artist("fjord", iban=iban("fjord"), left_on="2022-01-31", updated_at="2022-03-15T08:00:00Z"))
    month = story.close("2022-03")
    assert "art-fjord" in story.closed["2022-02"].control["pool_members"]
    assert "art-fjord" not in month.control["adjustments"]["2022-02"]["pool_members"]
    assert "art-fjord" in month.control["adjustments"]["2022-01"]["pool_members"]
    assert month.adjustments["2022-02", "fjord"] < 0


def in_2022_04(story: Story) -> None:
    """A period of February that is booked nowhere is delivered: February is adjusted by one euro."""
    story.lands(period("uma", "2022-02"), watching("uma", "corail", on="2022-02-10", minutes=1))
    month = story.close("2022-04")
    assert cents_of(month.resettled["2022-02"], "uma-2022-02") == {"corail": 100}
    assert month.control["adjustments"]["2022-02"]["adjustment_cents"] == 100
    assert not is_settled(month.slices, "uma-2022-02")


def in_2022_05(story: Story) -> None:
    """Brume's transfer of December is returned after five months."""
    returned = story.return_payment("2021-12", "brume")
    month = story.close("2022-05")
    assert carried(month, "brume") == "returned"
    assert month.lines["brume"].carried_forward_cents > returned == paid(story.closed["2021-12"], "brume")


def in_2022_06(story: Story) -> None:
    """The last month with watch time. Brume confirms her IBAN, and is sent December's money again."""
    story.confirm_iban("brume", iban("brume").replace(" ", ""))
    month = story.close("2022-06")
    assert month.control["open_periods"] == 1
    assert paid(month, "brume") > paid(story.closed["2021-12"], "brume")


PAYMENTS.update(
    {
        in_2020_08: july_is_paid,
        in_2020_09: august_is_paid,
        in_2020_10: september_is_paid,
        in_2020_11: october_is_paid,
    }
)

CHAPTERS = (
    in_2020_07,
    in_2020_08,
    in_2020_09,
    in_2020_10,
    in_2020_11,
    in_2020_12,
    in_2021_01,
    in_2021_02,
    in_2021_03,
    in_2021_04,
    in_2021_05,
    in_2021_06,
    in_2021_07,
    in_2021_08,
    in_2021_09,
    in_2021_10,
    in_2021_11,
    in_2021_12,
    in_2022_01,
    in_2022_02,
    in_2022_03,
    in_2022_04,
    in_2022_05,
    in_2022_06,
)


def the_last_corrections(story: Story) -> None:
    """Corrections arrive after the close of the last month, and Yann's last period ends."""
    story.afterthoughts_land()
    month = story.close("2022-07")
    assert is_settled(month.slices, "yann-2022-06")
    assert month.control["periods"] == 1
    assert {corrected for corrected, _ in month.adjustments} == {"2022-06"}


def nothing_new(story: Story) -> None:
    """One more close without new data: nothing is earned or corrected."""
    month = story.close("2022-08")
    assert not month.slices
    assert not month.adjustments
    assert not month.resettled
    assert all(line.earned_cents == 0 for line in month.lines.values())


def carried(month: ClosedMonth, name: str) -> str:
    """Why an artist is not paid; empty if they are."""
    return month.lines[name].carry_reason


def paid(month: ClosedMonth, name: str) -> int:
    """The cents that an artist is paid."""
    return month.lines[name].paid_cents


def booked(month: ClosedMonth, name: str) -> int:
    """The cents that an artist earned in a month, when it closed."""
    return month.lines[name].earned_cents


def transfer_to(month: ClosedMonth, name: str) -> Transfer:
    """An artist's transfer in the bank file."""
    return month.transfers[month.lines[name].number]


def catalogues(month: ClosedMonth) -> dict[str, str]:
    """Month settled again → the run whose catalogue it is settled with."""
    return {corrected: again["catalogue"] for corrected, again in month.control["adjustments"].items()}
