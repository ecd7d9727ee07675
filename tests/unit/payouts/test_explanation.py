"""Explanations of artists' amounts, compared with the oracle's months and with figures calculated by hand."""

import csv
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allive.ingestion.settings import Settings
from allive.orchestration.commands.explain import explain_artist
from allive.payouts import audit
from allive.payouts.errors import Refusal
from allive.payouts.explanation import ContradictionError, Explanation, explain
from allive.payouts.explanation.account import Part, part_of
from allive.payouts.explanation.subscribers import first_and_rest
from tests.closed_chain import Chain, read_rows, small_chain, small_season, write_csv, write_json
from tests.oracle import (
    Artist,
    CategoryChange,
    Credit,
    Heartbeat,
    History,
    Live,
    Policy,
    Snapshot,
    Subscription,
    instant,
)
from tests.oracle.pseudonyms import period_pseudonym, pseudonym
from tests.oracle.settlement import first_day, largest_remainder, months_later
from tests.terminal_tables import tables

pytestmark = pytest.mark.slow

MONTH = "2021-02"
EURO = 1_000_000_000


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return small_chain(tmp_path_factory.mktemp("chain") / "payouts", seed=3)


def settings_of(chain: Chain) -> Settings:
    return Settings(home=chain.payouts.parent)


def close(tmp_path: Path, records: list[object], policy: Policy | None = None, *, of_format_1: int = 0) -> Settings:
    """Close February on these records and the artists a (emerging), b (independent) and k (known)."""
    catalogue = [
        Artist("art-a", "Été"),
        Artist("art-b", "Brume"),
        Artist("art-k", "Kilo"),
        *(
            CategoryChange(f"art-{letter}", category, first_day("2020-01"))
            for letter, category in (("a", "emerging"), ("b", "independent"), ("k", "known"))
        ),
        *(Live(f"live-{letter}", "Nuit", "live", True, 3600) for letter in "abk"),
        Credit("live-a", "art-a", 6_667),
        Credit("live-a", "art-b", 3_333),
        Credit("live-b", "art-b", 10_000),
        Credit("live-k", "art-k", 10_000),
    ]
    chain = Chain(tmp_path / "payouts", history=History(policy=policy or Policy()), of_format_1=of_format_1)
    chain.close(MONTH, Snapshot.of([*catalogue, *records]))
    return settings_of(chain)


def period(subscriber: str, envelope_cents: int = 100, number: int = 0) -> Subscription:
    start, end = first_day(MONTH), first_day(months_later(MONTH, 1))
    return Subscription(f"per-{subscriber}-{number}", subscriber, start, end, "paid", 0, None, 9_999, envelope_cents)


def watching(subscriber: str, live: str, seconds: int, *, on: str = "2021-02-10") -> Iterator[Heartbeat]:
    """Yield heartbeats that earn this many seconds, 10 s each."""
    start = instant(f"{on}T20:00:00Z")
    for number in range(seconds // 10 + 1):
        state = "playing" if number < seconds // 10 else "ended"
        key = f"{subscriber}-{live}"
        yield Heartbeat(f"{key}-{number}", key, subscriber, live, start + number * 10_000, state, number * 10_000)


def show(
    settings: Settings, artist: str, form: str, capsys: pytest.CaptureFixture[str], month: str = MONTH
) -> tuple[bool, str]:
    done = explain_artist(settings, month, artist, form=form, output=None)  # type: ignore[arg-type]
    captured = capsys.readouterr()
    return done, captured.out + captured.err


def words(text: str) -> str:
    """Return an output with the lines of wrapped cells joined."""
    cells = [
        cell
        for printed in tables(text, filled="amount")
        for row in (*printed.rows, printed.total)
        for cell in row.values()
        if cell
    ]
    return " ".join([*cells, *text.split()])


@pytest.mark.parametrize("seed", range(6))
def test_every_line_of_a_chain_is_explained_as_the_oracle_closed_it(tmp_path: Path, seed: int) -> None:
    chain = small_chain(tmp_path / "payouts", seed=seed)
    for month, run in chain.history.runs.items():
        settlement = run.settlement
        for line in run.lines:
            found = explain(settings_of(chain), month, line.artist_id)
            assert (
                found.direct_nanos,
                found.pool_nanos,
                found.earned_nanos,
                found.earned_cents,
                sum(one.adjustment_cents for one in found.adjustments),
                found.brought_forward_cents,
                found.paid_cents,
                found.carried_forward_cents,
                found.carry_reason,
            ) == (
                line.direct_nanos,
                line.pool_nanos,
                line.earned_nanos,
                line.earned_cents,
                line.adjustment_cents,
                line.brought_forward_cents,
                line.paid_cents,
                line.carried_forward_cents,
                line.carry_reason,
            )
            assert found.opening_cents + sum(one.cents for one in found.balance_entries) == line.brought_forward_cents
            assert found.payable_cents == line.paid_cents + line.carried_forward_cents
            assert {(one.corrects_month, one.booked_cents, one.recomputed_cents) for one in found.adjustments} == {
                (one.corrects_month, one.booked_cents, one.recomputed_cents)
                for one in run.adjustments
                if one.artist_id == line.artist_id
            }
            by_subscriber: Counter[str] = Counter()
            for one in settlement.slices:
                if one.artist_id == line.artist_id and one.destination == "direct":
                    by_subscriber[pseudonym(one.subscriber_id)] += one.amount_nanos
            told = {one.subscriber_pseudonym: one.amount_nanos for one in found.subscribers}
            assert told == (by_subscriber if len(by_subscriber) >= 5 else {None: line.direct_nanos})


def test_a_chain_has_few_and_many_subscribers_adjustments_amendments_and_returned_payments(chain: Chain) -> None:
    found = [
        explain(settings_of(chain), month, line.artist_id)
        for month, run in chain.history.runs.items()
        for line in run.lines
    ]
    assert {one.paying_subscribers is None for one in found} == {True, False}
    assert {adjustment.is_amended for one in found for adjustment in one.adjustments} == {True, False}
    assert "returned" in {entry.kind for one in found for entry in one.balance_entries}


@pytest.fixture
def by_hand(tmp_path: Path) -> Settings:
    """Five subscribers watch live-a, one of them also live-k as long; a sixth has 1 cent and watches nothing."""
    return close(
        tmp_path,
        [
            *(period(f"s{number}") for number in range(5)),
            *(beat for number in range(5) for beat in watching(f"s{number}", "live-a", 60)),
            *watching("s4", "live-k", 60, on="2021-02-11"),
            period("s5", envelope_cents=1),
        ],
    )


def test_the_figures_by_hand(by_hand: Settings) -> None:
    """Art-a gets 66.67 % of four envelopes, half as much of the fifth, and half of the pool.

    Nanos: 4 * 666,700,000 + 333,350,000 = 3,000,150,000. The pool is 500,000,000 (s4's other half) + 10,000,000, split
    equally between a and b: 255,000,000 each. Art-a has 3,255,150,000 = 325 cents and 5,150,000; art-b has
    1,499,850,000 + 255,000,000 = 1,754,850,000 = 175 cents and 4,850,000. One of 501 cents is left over: art-a gets it.
    """
    found = explain(by_hand, MONTH, "art-a")
    assert [one.amount_nanos for one in found.subscribers] == [666_700_000] * 4 + [333_350_000]
    assert {one.subscriber_pseudonym for one in found.subscribers} == {pseudonym(f"s{number}") for number in range(5)}
    first, *_, last = found.subscribers
    assert (first.envelope_nanos, first.weight, first.total_weight) == (EURO, 60_000 * 6_667, 60_000 * 10_000)
    assert (first.share_bp, last.share_bp) == (6_667, 3_334)  # 33.335 %, rounded half up
    assert (found.direct_nanos, found.pool_nanos, found.earned_nanos) == (3_000_150_000, 255_000_000, 3_255_150_000)
    assert found.pool.nanos == 510_000_000
    assert found.pool.share == Part(510_000_000, 1, 2, 2, 255_000_000, 0, 1, 255_000_000)
    assert found.rounding == Part(501, 3_255_150_000, 5_010_000_000, 2, 325, 1, 1, 326)
    assert (found.earned_cents, explain(by_hand, MONTH, "art-b").earned_cents) == (326, 175)


@pytest.mark.parametrize("of_format_1", [0, 1])
def test_in_full_every_slice_is_shown_under_pseudonyms_whatever_the_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], of_format_1: int
) -> None:
    """One subscriber watches live-b and then live-k as long: art-b has half of the euro, the pool the other half."""
    records = [period("s0"), *watching("s0", "live-b", 60), *watching("s0", "live-k", 60, on="2021-02-11")]
    settings = close(tmp_path, records, of_format_1=of_format_1)
    names = (period_pseudonym("per-s0-0"), pseudonym("s0"))
    for artist_id, expected in {
        "art-b": ("independent", "direct", EURO, 600_000_000, 1_200_000_000, EURO // 2),
        "art-k": ("known", "pool", EURO, 600_000_000, 1_200_000_000, EURO // 2),
    }.items():
        (one,) = explain(settings, MONTH, artist_id, full=True).slices
        assert tuple(vars(one).values()) == (*names, *expected)
        assert explain(settings, MONTH, artist_id).slices == ()
    for form in ("table", "csv", "json"):
        assert explain_artist(settings, MONTH, "art-b", form=form, output=None, full=True)
        told = "".join(capsys.readouterr().out.split())
        assert "per-s0-0" not in told
        if form != "table":
            assert names[0] in told
            assert names[1] in told
    exports = [entry for entry in audit.entries(settings) if entry["action"] == "export"]
    assert len(exports) == 3


def test_the_terminal_tells_it_in_words(by_hand: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    done, text = show(by_hand, "art-a", "table", capsys)
    told = words(text)
    assert done
    for words_expected in (
        "1.00 400,020,000 600,000,000 66.67 % 0.67",
        "sum of the slices of 5 subscribers, equal to the sum over 1 live 3,000,150,000",
        "510,000,000 nanos in equal parts for 2 members are 255,000,000 each; no nano is left over",
        "325 whole cents; 1 cent left over, one each to the first by amount cut off: place 1 of 2, one of them here",
        "below the minimum of 10.00 EUR",
    ):
        assert words_expected in told


def test_a_subscriber_with_two_periods_is_one_line_each_period_split_on_its_own(tmp_path: Path) -> None:
    settings = close(
        tmp_path,
        [
            *(period(f"s{number}") for number in range(5)),
            period("s0", 250, number=1),
            *(beat for number in range(5) for beat in watching(f"s{number}", "live-a", 60)),
        ],
    )
    first = explain(settings, MONTH, "art-b").subscribers[0]
    assert (first.subscriber_pseudonym, first.periods, first.envelope_nanos) == (pseudonym("s0"), 2, 3_500_000_000)
    assert first.amount_nanos == 333_300_000 + 833_250_000
    assert first.share_bp == 3_333


def test_the_pool_by_direct_amounts_names_the_claim(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The direct amounts are 666,700,000 : 333,300,000, so art-a gets 6,667,000 of the 10,000,000 nanos."""
    records = [period("s0"), *watching("s0", "live-a", 60), period("s1", envelope_cents=1)]
    settings = close(tmp_path, records, Policy(pool_rule="direct"))
    share = explain(settings, MONTH, "art-a").pool.share
    assert share is not None
    assert (share.claim, share.all_claims, share.amount) == (666_700_000, EURO, 6_667_000)
    assert "in proportion to their direct amounts, 666,700,000 of 1,000,000,000" in words(
        show(settings, "art-a", "table", capsys)[1]
    )


def test_leftover_nanos_of_the_pool_go_to_the_smallest_ids(tmp_path: Path) -> None:
    """A slice of 333,333,333 nanos goes to the pool, and its odd nano to art-a."""
    settings = close(
        tmp_path,
        [period("s0"), *watching("s0", "live-b", 120), *watching("s0", "live-k", 60, on="2021-02-11")],
    )
    shares = [explain(settings, MONTH, artist).pool.share for artist in ("art-a", "art-b")]
    assert [share and (share.floor, share.left_over, share.place, share.amount) for share in shares] == [
        (166_666_666, 1, 1, 166_666_667),
        (166_666_666, 1, 2, 166_666_666),
    ]


@pytest.mark.parametrize("form", ["table", "csv", "json"])
@pytest.mark.parametrize("subscribers", [1, 4])
def test_fewer_than_five_subscribers_are_one_line_that_tells_their_amount_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], subscribers: int, form: str
) -> None:
    records: list[object] = []
    for number in range(subscribers):
        records += [period(f"s{number}"), *watching(f"s{number}", "live-b", 60)]
    done, text = show(close(tmp_path, records), "art-b", form, capsys)
    assert done
    assert not [number for number in range(subscribers) if pseudonym(f"s{number}") in text]
    # Their weight and share are hidden too: statements show only the amount.
    assert "600000" not in text.replace(",", "")
    assert "100.00 %" not in text
    if form == "json":
        content = json.loads(text)
        assert content["paying_subscribers"] is None
        (line,) = content["subscribers"]
        assert {name for name, value in line.items() if value is not None} == {"amount_nanos", "amount_cents"}
    else:
        assert "fewer than 5 subscribers" in words(text)


def test_few_who_watched_a_known_artist_are_not_counted_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def watched_by(number: int) -> Settings:
        records: list[object] = []
        for one in range(number):
            records += [period(f"s{one}"), *watching(f"s{one}", "live-k", 60)]
        return close(tmp_path / str(number), records)

    few, many = watched_by(4), watched_by(5)
    told = words(show(few, "art-k", "table", capsys)[1])
    assert "fewer than 5 subscribers watched them while they were a known artist; that amount went to the pool" in told
    assert "4.00 EUR" not in told
    assert "5 subscribers watched them while they were a known artist, and 5.00 EUR of it went to the pool" in words(
        show(many, "art-k", "table", capsys)[1]
    )
    assert json.loads(show(few, "art-k", "json", capsys)[1])["to_pool"] == {"subscribers": None, "amount_nanos": None}


def test_no_rest_is_of_fewer_than_five_subscribers() -> None:
    for subscribers in range(5, 200):
        shown, rest = first_and_rest(range(subscribers), most=20)
        assert [*shown, *rest] == [*range(subscribers)]
        assert not rest or len(rest) >= 5
        assert 5 <= len(shown) <= 20


@pytest.mark.parametrize(("subscribers", "others"), [(20, None), (21, "5 others"), (30, "10 others")])
def test_the_terminal_shows_the_largest_and_the_rest_csv_and_json_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], subscribers: int, others: str | None
) -> None:
    records: list[object] = []
    for number in range(subscribers):
        name = f"s{number:02}"
        records += [period(name, 100 - number), *watching(name, "live-b", 20)]
    settings = close(tmp_path, records)
    everybody = [pseudonym(f"s{number:02}") for number in range(subscribers)]

    told = words(show(settings, "art-b", "table", capsys)[1])
    hidden = int(others.split()[0]) if others else 0
    shown = everybody[: subscribers - hidden]
    assert [name for name in everybody if name[:12] in told] == shown
    if others:
        rest = sum(100 - number for number in range(len(shown), subscribers))
        assert f"{others} {rest / 100:.2f}" in told
    else:
        assert "others" not in told

    rows = list(csv.DictReader(show(settings, "art-b", "csv", capsys)[1].splitlines()))
    assert [row["subject"] for row in rows if row["step"] == "subscriber"] == everybody
    content = json.loads(show(settings, "art-b", "json", capsys)[1])
    assert [one["subscriber_pseudonym"] for one in content["subscribers"]] == everybody


def test_the_csv_adds_up(chain: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    for month, run in chain.history.runs.items():
        for line in run.lines:
            text = show(settings_of(chain), line.artist_id, "csv", capsys, month)[1]
            rows = list(csv.DictReader(text.splitlines()))
            nanos = {row["step"]: int(row["nanos"]) for row in rows if row["nanos"] and row["step"] != "subscriber"}
            cents = {row["step"]: int(row["cents"]) for row in rows if row["cents"]}
            assert sum(int(row["nanos"]) for row in rows if row["step"] == "subscriber") == nanos["direct"]
            assert nanos["direct"] + nanos["share of the pool"] == nanos["earned"] == line.earned_nanos
            paid, carried, balance = cents.pop("paid"), cents.pop("carried forward"), cents.pop("balance")
            assert sum(cents.values()) == balance == paid + carried
            assert (paid, carried) == (line.paid_cents, line.carried_forward_cents)
            shown = {row["step"]: int(row["shown_cents"]) for row in rows if row["step"] != "subscriber"}
            parts = [int(row["shown_cents"]) for row in rows if row["step"] == "subscriber"]
            assert sum(parts) == shown["direct"]
            assert shown["direct"] + shown["share of the pool"] == shown["earned"] == line.earned_cents


def test_who_earned_nothing_is_told_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = close(tmp_path, [period("s0"), *watching("s0", "live-k", 60)])
    told = words(show(settings, "art-k", "table", capsys)[1])
    assert "none: a known artist's slices go to the pool" in told
    assert "nothing was earned" in told
    assert "nothing is due" in told
    told = words(show(settings, "art-a", "table", capsys)[1])
    assert "none: no subscriber with an envelope watched a live of theirs that counts" in told


@pytest.mark.parametrize(
    ("artist", "expected"),
    [("art_a", "art-a (Été a)"), ("ETE A", "art-a (Été a)"), ("zzzz", "artist_payouts.csv lists the artists")],
)
def test_an_unknown_artist_is_refused_naming_the_near_ones(chain: Chain, artist: str, expected: str) -> None:
    with pytest.raises(Refusal, match=re.escape(repr(artist))) as refusal:
        explain(settings_of(chain), chain.months[0], artist)
    assert expected in str(refusal.value)


def test_a_month_that_is_not_closed_is_refused_naming_those_that_are(
    chain: Chain, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done, text = show(settings_of(chain), "art-a", "table", capsys, "2021-03")
    assert not done
    assert "Closed: 2020-10 to 2021-02" in text
    assert "`allive payout 2021-03 --dry-run`" in text
    assert "dry-run" not in show(settings_of(chain), "art-a", "table", capsys, "2021-09")[1]
    assert "No month is closed yet" in show(Settings(home=tmp_path), "art-a", "table", capsys)[1]


def test_an_export_is_written_whole_and_stays_on_record(chain: Chain, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(chain.payouts, home / "payouts")
    settings, target = Settings(home=home), tmp_path / "new" / "explained.json"
    before = (home / "payouts" / "audit.ndjson").read_bytes()
    assert explain_artist(settings, chain.months[1], "art-a", form="json", output=target)
    assert json.loads(target.read_bytes())["artist_id"] == "art-a"
    added = (home / "payouts" / "audit.ndjson").read_bytes().removeprefix(before)
    assert added.count(b"\n") == 1
    entry = json.loads(added)
    manifest = json.loads((home / "payouts" / chain.months[1] / "manifest.json").read_bytes())
    assert (entry["action"], entry["artist_id"]) == ("export", "art-a")
    assert entry["operator"] == audit.operator_name(settings)
    assert entry["run_hash"] == manifest["run_hash"]


def change_row(path: Path, column: str, value: str, *, artist: str = "art-a") -> None:
    rows = read_rows(path)
    for row in rows:
        if row["artist_id"] == artist:
            row[column] = value
    write_csv(path, [tuple(rows[0]), *(tuple(row.values()) for row in rows)])


def is_carried(folder: Path) -> bool:
    """Whether the month carries art-a's amount."""
    (row,) = (row for row in read_rows(folder / "artist_payouts.csv") if row["artist_id"] == "art-a")
    return row["carried_forward_cents"] != "0"


def change_control(folder: Path, **values: object) -> None:
    path = folder / "control.json"
    write_json(path, json.loads(path.read_bytes()) | values)


CORRUPTIONS: dict[str, Callable[[Path], None]] = {
    "artist_payouts.csv": lambda folder: change_row(folder / "artist_payouts.csv", "direct_nanos", "1"),
    "artist_payouts.csv, artist 'art-a', pool_nanos": lambda folder: change_row(
        folder / "artist_payouts.csv", "pool_nanos", "1"
    ),
    "artist_payouts.csv, artist 'art-a', earned_cents": lambda folder: change_row(
        folder / "artist_payouts.csv", "earned_cents", "1"
    ),
    "artist_payouts.csv, artist 'art-a', adjustment_cents": lambda folder: change_row(
        folder / "artist_payouts.csv", "adjustment_cents", "12345"
    ),
    "artist_payouts.csv, artist 'art-a', paid_cents + carried_forward_cents": lambda folder: change_row(
        folder / "artist_payouts.csv", "brought_forward_cents", "77"
    ),
    "artist_payouts.csv, artist 'art-a', carry_reason": lambda folder: change_row(
        folder / "artist_payouts.csv", "carry_reason", "" if is_carried(folder) else "negative"
    ),
    "artist_payouts.csv, artist 'art-a', paying_subscribers": lambda folder: change_row(
        folder / "artist_payouts.csv", "paying_subscribers", "77"
    ),
    "artist_lives.csv": lambda folder: change_row(folder / "artist_lives.csv", "direct_nanos", "1"),
    "adjustments.csv, artist 'art-a', adjustment_cents of 2020-11": lambda folder: change_row(
        folder / "adjustments.csv", "booked_cents", "12345"
    ),
    "adjustments.csv, artist 'art-a', recomputed_cents of 2020-11": lambda folder: shutil.copy(
        folder / "slices.parquet", folder / "resettled" / "2020-11.parquet"
    ),
    "resettled/2020-11.parquet": lambda folder: (folder / "resettled" / "2020-11.parquet").unlink(),
    "control.json, pool_nanos": lambda folder: change_control(folder, pool_nanos=1),
    "control.json, content": lambda folder: change_control(folder, pool_members="art-a"),
    "artist_payouts.csv, artist 'art-a', direct_nanos, by slices.parquet": lambda folder: shutil.copy(
        folder.parent / "2020-11" / "slices.parquet", folder
    ),
    "slices.parquet, content": lambda folder: (folder / "slices.parquet").write_bytes(b"PAR1"),
}


@pytest.mark.parametrize("named", CORRUPTIONS)
def test_a_contradiction_names_the_file(chain: Chain, tmp_path: Path, named: str) -> None:
    shutil.copytree(chain.payouts, tmp_path / "payouts")
    settings, month = Settings(home=tmp_path), "2020-12"
    assert explain(settings, month, "art-a").adjustments, "there is an adjustment to contradict"
    CORRUPTIONS[named](tmp_path / "payouts" / month)
    with pytest.raises(ContradictionError) as contradiction:
        explain(settings, month, "art-a")
    assert any(f"{month}/{named}" in reason for reason in contradiction.value.reasons), contradiction.value.reasons


def test_a_slice_moved_within_its_period_is_found(by_hand: Settings) -> None:
    import pyarrow as pa  # noqa: PLC0415 - only needed here
    import pyarrow.parquet as pq  # noqa: PLC0415

    path = by_hand.payouts_dir / MONTH / "slices.parquet"
    table = pq.read_table(path)
    amounts = table["amount_nanos"].to_pylist()
    amounts[0], amounts[1] = amounts[0] - 1, amounts[1] + 1
    column = pa.array(amounts, pa.decimal128(38, 0))
    pq.write_table(table.set_column(table.schema.get_field_index("amount_nanos"), "amount_nanos", column), path)
    with pytest.raises(ContradictionError, match=rf"period '{table[0][0].as_py()}', amounts and destinations"):
        explain(by_hand, MONTH, "art-a")


@given(
    units=st.integers(0, 10**15),
    claims=st.dictionaries(st.text("aé1-Z", min_size=1, max_size=3), st.integers(0, 10**12), min_size=1).filter(
        lambda claims: any(claims.values())
    ),
)
def test_a_part_is_the_oracles(units: int, claims: dict[str, int]) -> None:
    parts = {claimant: part_of(claimant, units, claims) for claimant in claims}
    assert {claimant: part.amount for claimant, part in parts.items()} == largest_remainder(units, claims)
    assert sum(part.has_one_more for part in parts.values()) == next(iter(parts.values())).left_over
    assert sorted(part.place for part in parts.values()) == [*range(1, len(claims) + 1)]


def test_the_season_closes_as_explained_whatever_the_seed_of_its_data(tmp_path: Path) -> None:
    chain = Chain(tmp_path / "payouts", history=History(policy=Policy(pool_rule="direct", minimum_payout_cents=1)))
    for month, data in small_season(Random(11), months=2):
        chain.close(month, data)
    found: list[Explanation] = [
        explain(settings_of(chain), month, line.artist_id)
        for month, run in chain.history.runs.items()
        for line in run.lines
    ]
    assert all(one.pool.share is not None and not one.pool.is_in_equal_parts for one in found)
    assert sum(one.paid_cents for one in found) > 0
