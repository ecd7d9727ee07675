-- Grain: one row per catalogue that a closed month keeps and catalogue item, its latest
-- record in that catalogue.
{{ select_latest(
    source('booked', 'lives'),
    ['catalogue', 'live_id'],
    [
        'title', 'kind', 'exclusive', 'duration_s', 'published_on', 'recorded_on',
        'venue', 'city', 'genre',
    ],
) }}
