-- Grain: one row per catalogue item, its latest record.
{{ select_latest(
    source('catalogue', 'lives'),
    ['live_id'],
    [
        'title', 'kind', 'exclusive', 'duration_s', 'published_on', 'recorded_on',
        'venue', 'city', 'genre',
    ],
) }}
