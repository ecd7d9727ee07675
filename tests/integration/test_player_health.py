"""Every fault in a player's reports is named with its device and version, and a good player is never named."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from allive.orchestration.warehouse import build_warehouse
from allive.payouts.closing import settle_month
from tests.oracle import read_landing
from tests.pipeline import Pipeline
from tests.properties.pipeline import assert_player_health_agrees

MONTH = "2021-02"
EVENING = datetime(2021, 2, 3, 19, tzinfo=UTC)
MINUTES = 40
PLAYBACKS = 25
Row = dict[str, Any]


class Player:
    """One device and version, used by 25 people on one evening each."""

    numbers = count()

    def __init__(self, device: str | None, app_version: str | None) -> None:
        self.device, self.app_version = device, app_version

    def season(self, **manner: Any) -> Iterator[Row]:
        """Return the heartbeats of all its playbacks; `manner` has the options of `playback`."""
        for evening in range(PLAYBACKS):
            number = next(self.numbers)
            yield from self.playback(number, EVENING + timedelta(days=evening), **manner)

    def playback(
        self,
        number: int,
        at: datetime,
        *,
        every_s: int = 10,
        minutes: int = MINUTES,
        moves: bool = True,
        has_positions: bool = True,
        rejects_every: int = 0,
        is_single: bool = False,
    ) -> Iterator[Row]:
        """Return the heartbeats of one playback, by default of forty minutes."""
        beats = 1 if is_single else minutes * 60 // every_s + 1
        for beat in range(beats):
            elapsed_s = beat * every_s
            is_rejected = rejects_every and beat % rejects_every == 1
            yield {
                "event_id": f"{number}-{beat}",
                "playback_id": f"p{number}",
                "subscriber_id": f"s{number}",
                "live_id": "" if is_rejected else "live",
                "event_at": (at + timedelta(seconds=elapsed_s)).isoformat(),
                "state": "playing" if beat < beats - 1 or is_single else "ended",
                "sequence": beat,
                "position_s": (elapsed_s if moves else 60) if has_positions else None,
                "device": self.device,
                "app_version": self.app_version,
            }


@pytest.fixture
def season(pipeline: Pipeline) -> Pipeline:
    """Six players; each but `web 9.0` has its own fault."""
    players = [
        *Player("web", "9.0").season(),
        *Player("ios", "4.2.1").season(every_s=60),
        *Player("tv", None).season(moves=False),
        *Player("android", "4.2").season(is_single=True),
        *Player("other", "1").season(has_positions=False),
        *Player("ios", "4.3").season(rejects_every=12),
    ]
    subscribers = sorted({row["subscriber_id"] for row in players})
    deliver(pipeline, "heartbeats", players)
    # The first subscriber has no period, and the last one's was never paid; all others have a paid period.
    first, *covered, last = subscribers
    assert first
    periods = [(subscriber, "paid") for subscriber in covered] + [(last, "void")]
    deliver(
        pipeline,
        "subscriptions",
        [
            {
                "period_id": f"per-{subscriber}",
                "subscriber_id": subscriber,
                "period_start": "2021-02-01",
                "period_end": "2021-03-01",
                "status": status,
                "updated_at": "2021-02-01T00:00:00Z",
                "price_cents": 499,
            }
            for subscriber, status in periods
        ],
    )
    deliver(
        pipeline,
        "lives",
        [{"live_id": "live", "title": "Live", "kind": "live", "exclusive": True, "duration_s": 3600}],
    )
    deliver(pipeline, "artists", [{"artist_id": "a", "name": "A"}])
    deliver(pipeline, "artist_categories", [{"artist_id": "a", "category": "emerging", "valid_from": "2020-01-01"}])
    deliver(pipeline, "live_credits", [{"live_id": "live", "artist_id": "a", "share_bp": 10_000}])
    return pipeline


def test_what_stands_out_is_named_before_the_close_and_after_a_run(season: Pipeline) -> None:
    season.load()
    build = build_warehouse(season.settings)
    assert not build.broken
    preview = settle_month(season.settings, MONTH)
    named = {(one.kind, one.subject): one.found for one in preview.warnings}
    of_players = {key: found for key, found in named.items() if key[0].startswith("player_")}
    # 25 playbacks of 40 min: half of each minute between heartbeats is lost, 25 times 40 times 30 s = 8 h 20 min.
    # A twelfth of 241 heartbeats is 20 per playback, 500 in total.
    assert of_players == {
        ("player_sparse_heartbeats", "ios, app 4.2.1"): "8.3 h of 16.7 h lie between heartbeats and are not counted",
        ("player_frozen_positions", "tv"): "16.7 h of 16.7 h played at a position that stood still",
        ("player_single_heartbeats", "android, app 4.2"): "25 of 25 playbacks have a single heartbeat",
        ("player_missing_positions", "other, app 1"): "6,000 of 6,000 heartbeats played without a position",
        ("player_rejects", "ios, app 4.3"): "500 of 6,025 heartbeats rejected",
    }
    # Two subscribers have no paid period, but neither watched for an hour.
    assert [one for one in named if one[0] == "watched_unsubscribed"] == []

    (warning,) = [node for node in build.nodes if node.unique_id.startswith("test.allive.assert_players_report_well")]
    assert warning.status == "warn"
    assert warning.failures == 4
    assert all("sign player_" in example for example in warning.examples)
    with season.warehouse() as con:
        assert_player_health_agrees(con, read_landing(season.landing))
        latest = con.execute(
            "select device, app_version, sign from marts.fct_player_signs where span = 'latest' order by all"
        ).fetchall()
    # The latest week has 7 playbacks with a single heartbeat, too few for a sign.
    assert latest == [
        ("ios", "4.2.1", "player_sparse_heartbeats"),
        ("ios", "4.3", "player_rejects"),
        ("other", "1", "player_missing_positions"),
        ("tv", "", "player_frozen_positions"),
    ]


def test_a_few_playbacks_of_a_new_version_raise_nothing(pipeline: Pipeline) -> None:
    new = Player("ios", "5.0")
    at = EVENING
    heartbeats = [
        *Player("web", "9.0").season(),
        *new.playback(1_000, at, every_s=60),
        *new.playback(1_001, at, moves=False),
        *new.playback(1_002, at, is_single=True),
    ]
    deliver(pipeline, "heartbeats", heartbeats)
    pipeline.run()
    with pipeline.warehouse() as con:
        assert con.execute("from marts.fct_player_signs").fetchall() == []


def test_who_watches_for_an_hour_without_a_subscription_is_named(pipeline: Pipeline) -> None:
    heartbeats = [
        *Player("web", None).playback(1, EVENING, minutes=60),
        *Player("web", None).playback(2, EVENING, minutes=59),
    ]
    deliver(pipeline, "heartbeats", heartbeats)
    pipeline.run()
    with pipeline.warehouse() as con:
        found = con.execute(
            "select settlement_month, subject_id, found from marts.fct_close_warnings "
            "where kind = 'watched_unsubscribed'"
        ).fetchall()
    assert found == [(MONTH, "s1", 3_600_000)]


def test_a_period_that_comes_later_takes_the_watching_out_of_the_unsubscribed(pipeline: Pipeline) -> None:
    deliver(pipeline, "heartbeats", list(Player("web", None).playback(1, EVENING, minutes=60)))
    pipeline.run()
    assert unsubscribed_ms(pipeline) == 3_600_000
    period = {"period_id": "p", "subscriber_id": "s1", "period_start": "2021-02-01", "period_end": "2021-03-01"}
    deliver(pipeline, "subscriptions", [{**period, "status": "paid", "updated_at": "2021-02-01T00:00:00Z"}])
    pipeline.run()
    assert unsubscribed_ms(pipeline) == 0
    later = {**period, "period_start": "2021-03-01", "period_end": "2021-04-01", "updated_at": "2021-02-02T00:00:00Z"}
    deliver(pipeline, "subscriptions", [{**later, "status": "paid"}])
    pipeline.run()
    assert unsubscribed_ms(pipeline) == 3_600_000


def unsubscribed_ms(pipeline: Pipeline) -> int:
    with pipeline.warehouse() as con:
        (found,) = con.execute("select sum(unsubscribed_ms)::bigint from marts.fct_player_health").fetchone() or (0,)
    return int(found)


def deliver(pipeline: Pipeline, record_type: str, rows: list[Row]) -> None:
    folder = pipeline.landing / record_type
    folder.mkdir(exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
