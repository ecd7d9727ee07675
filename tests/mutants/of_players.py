"""Mutants of the health of players (docs/adr/0027)."""

from typing import Final

from tests.mutants.mutant import Mutant

_PLAYER_DAYS: Final = "dbt_project/macros/engine/player_days.sql"
_PLAYERS: Final = "dbt_project/models/intermediate/players"
_HEALTH: Final = "dbt_project/models/marts/players/fct_player_health.sql"
_BOTH_ENGINES: Final = "tests/mutants/test_macros.py::test_each_engine_counts_the_signs_of_players_alike"
_WARNINGS: Final = "tests/unit/payouts/test_close_warnings.py"

MUTANTS: Final = (
    Mutant(
        name="sleep_taken_for_a_timer",
        rule="ADR 27 a gap of more than five minutes is a sleep",
        file=_PLAYER_DAYS,
        before=" and {{ gap_ms }} <= {{ var('longest_beat_ms') }} and",
        after=" and",
        killed_by="heartbeats_further_apart_than_the_cap_lose_the_rest",
    ),
    Mutant(
        name="redelivery_taken_for_a_tie",
        rule="§3.2 a redelivery changes nothing",
        file=_PLAYER_DAYS,
        before="lambda pair: {{ gap_ms }} = 0 and pair[1] != pair[2]",
        after="lambda pair: {{ gap_ms }} = 0",
        killed_by="heartbeats_of_one_instant_are_tied_without_a_sequence",
    ),
    Mutant(
        name="redelivery_taken_for_a_tie_by_the_window",
        rule="§3.2 a redelivery changes nothing (other engines)",
        file=_PLAYER_DAYS,
        before="when gap_ms = 0 and not is_repeated then 1",
        after="when gap_ms = 0 then 1",
        killed_by=_BOTH_ENGINES,
    ),
    Mutant(
        name="missing_positions_taken_for_frozen",
        rule="§3.3 no credit if both have a position and it did not change",
        file=_PLAYER_DAYS,
        before="coalesce(position_ms & {{ highest_position() }}, {{ missing_position }} + day_ms)",
        after="coalesce(position_ms & {{ highest_position() }}, {{ missing_position }})",
        killed_by="a_position_that_stands_still_while_playing_is_frozen",
    ),
    Mutant(
        name="rejects_on_the_day_of_their_batch_alone",
        rule="ADR 27 the day of a load is the newest day that the warehouse had by then",
        file=f"{_PLAYERS}/int_player_deliveries.sql",
        before="rows between unbounded preceding and current row",
        after="rows between current row and current row",
        killed_by="rejects_are_of_the_day_that_the_data_had_come_to",
    ),
    Mutant(
        name="void_periods_cover",
        rule="ADR 27 a void period covers no day",
        file=f"{_PLAYERS}/int_days_unsubscribed.sql",
        before="where status != 'void'",
        after="where status is not null",
        killed_by="a_day_that_no_period_covers_is_watched_without_a_subscription",
    ),
    Mutant(
        name="touching_playbacks_beside_each_other",
        rule="ADR 27 two devices play at the same time only if they share an instant",
        file=f"{_PLAYERS}/int_playbacks_overlapped.sql",
        before="{{ device }}_until > first_heartbeat_at",
        after="{{ device }}_until >= first_heartbeat_at",
        killed_by="playbacks_on_two_devices_at_one_instant_are_beside_each_other",
    ),
    Mutant(
        name="single_heartbeat_before_midnight",
        rule="ADR 27 a playback with a single heartbeat has none on a later day",
        file=_HEALTH,
        before="and playback_days.event_day > first_days.event_day",
        after="and playback_days.event_day < first_days.event_day",
        killed_by="health_is_counted_by_device_version_and_day",
    ),
    Mutant(
        name="floor_of_a_sign_forgotten",
        rule="ADR 27 a few playbacks of a new version are not a sign",
        file="dbt_project/macros/player_signs.sql",
        before="found >= {{ rule['at_least'] }}",
        after="found > 0",
        killed_by="a_sign_stands_out_beyond_its_floor_and_its_share",
    ),
    Mutant(
        name="rejects_of_players_of_every_month_named_again",
        rule="§6 open warnings are named",
        file="payouts/close_warnings.py",
        before="where batch_number > $since_batch and record_type",
        after="where batch_number > 0 * $since_batch and record_type",
        killed_by=f"{_WARNINGS}::test_what_a_closed_month_has_seen_is_not_named_again",
    ),
)
