-- Grain: one row per catalogue that a closed month keeps, artist and `valid_from`: the
-- latest record in that catalogue, unless it is marked as deleted.
{{ standing_categories(source('booked', 'artist_categories'), by=['catalogue']) }}
