-- Grain: one change of category that stands: the latest record of (artist, valid_from),
-- unless it says deleted.
-- A deleted record never existed: the earlier category applies (INTERFACES.md,
-- "Latest").
{{ standing_categories(source('raw', 'artist_categories')) }}
