-- Grain: catalogue that a closed month keeps × change of category that stands in it.
{{ standing_categories(source('booked', 'artist_categories'), by=['catalogue']) }}
