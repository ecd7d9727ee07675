"""One valid record of each type; tests change it to break rules."""

HEARTBEAT = {
    "event_id": "e-1",
    "playback_id": "p-1",
    "subscriber_id": "s-1",
    "live_id": "l-1",
    "event_at": "2021-01-18T18:51:18.170Z",
    "state": "playing",
}
SUBSCRIPTION = {
    "period_id": "per-1",
    "subscriber_id": "s-1",
    "period_start": "2021-01-10",
    "period_end": "2021-02-10",
    "status": "paid",
    "updated_at": "2021-01-10T09:00:00Z",
}
ARTIST = {"artist_id": "a-1", "name": "Été"}
CATEGORY = {"artist_id": "a-1", "category": "emerging", "valid_from": "2020-06-15"}
LIVE = {
    "live_id": "l-1",
    "title": "Olympia",
    "kind": "live",
    "exclusive": True,
    "duration_s": 1800,
}
CREDIT = {"live_id": "l-1", "artist_id": "a-1", "share_bp": 10_000}

GOOD = {
    "heartbeats": HEARTBEAT,
    "subscriptions": SUBSCRIPTION,
    "artists": ARTIST,
    "artist_categories": CATEGORY,
    "lives": LIVE,
    "live_credits": CREDIT,
}
