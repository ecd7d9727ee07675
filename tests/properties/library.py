"""Settles a month with the library `allive.payouts.user_centric`, and compares it with the oracle's settlement."""

from collections import defaultdict

from allive.payouts.user_centric import (
    NANOS_PER_CENT,
    Catalogue,
    Payee,
    Period,
    Policy,
    Settlement,
    Watched,
    Work,
    settle,
)
from tests import oracle
from tests.oracle import History, Snapshot
from tests.oracle.settlement import envelope_cents, is_payable


def settle_with_library(month: str, data: Snapshot, history: History) -> Settlement:
    """Settle an open month with the library, on the oracle's records and watch time.

    Raises:
        BlockedError: as `settle`.
    """
    return settle(
        [
            Period(
                period.period_id,
                period.subscriber_id,
                period.period_start,
                period.period_end,
                envelope_cents(period, history.policy) * NANOS_PER_CENT,
            )
            for period in history.periods_of(month, data)
            if is_payable(period, history.policy)
        ],
        [Watched(*key, watch_ms) for key, (watch_ms, _) in data.watch.by_day().items()],
        library_catalogue(data, history),
        Policy(
            minimum_pool_share_bp=history.policy.minimum_pool_share_bp,
            pool_rule="direct" if history.policy.pool_rule == "direct" else "equal",
        ),
        month=month,
    )


def library_catalogue(data: Snapshot, history: History) -> Catalogue:
    """The lives that count and the artists, as works and payees."""
    catalogue = data.catalogue
    changes = defaultdict(list)
    for change in catalogue.categories:
        changes[change.artist_id].append((change.valid_from, change.category))
    return Catalogue(
        works={
            live_id: Work(dict(catalogue.shares(live_id)), live.published_on)
            for live_id, live in catalogue.lives.items()
            if catalogue.counts(live_id, minimum_live_s=history.policy.minimum_live_s)
        },
        payees={artist_id: Payee(changes[artist_id], artist.left_on) for artist_id, artist in data.artists.items()},
    )


def can_be_said_to_it(data: Snapshot) -> bool:
    """Whether the library's records can state this catalogue.

    They cannot state a live that credits one artist twice, nor a category of an artist without a record.
    """
    catalogue = data.catalogue
    has_records = {change.artist_id for change in catalogue.categories} <= data.artists.keys()
    return has_records and not any(map(catalogue.has_two_shares_of_one_artist, catalogue.lives))


def assert_library_agrees(expected: oracle.Settlement, data: Snapshot, history: History) -> None:
    """The library and the oracle settle an open month to the same nanos."""
    found = settle_with_library(expected.month, data, history)
    assert [(*one[:-1], "direct" if one.is_direct else "pool") for one in found.slices] == [*expected.slices]
    assert found.pool_members == expected.members
    assert found.direct_nanos == expected.direct_nanos
    assert found.pool_nanos == expected.pool_nanos
    assert found.earned_nanos == expected.earned_nanos
    assert found.earned_cents == expected.earned_cents
    assert found.envelope_nanos == expected.envelope_nanos
