-- Grain: catalogue that a closed month keeps × catalogue item, its latest record in it.
{{ select_latest(
    source('booked', 'lives'),
    ['catalogue', 'live_id'],
    [
        'title', 'kind', 'exclusive', 'duration_s', 'published_on', 'recorded_on',
        'venue', 'city', 'genre',
    ],
) }}
