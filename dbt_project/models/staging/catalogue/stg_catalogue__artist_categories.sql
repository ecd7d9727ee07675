-- Grain: one row per artist and `valid_from`: the latest record of that change of
-- category, unless it is marked as deleted.
-- A deleted record never existed: the earlier category applies (INTERFACES.md,
-- "Latest").
{{ standing_categories(source('catalogue', 'artist_categories')) }}
