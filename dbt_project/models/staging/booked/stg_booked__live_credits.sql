-- Grain: one row per catalogue that a closed month keeps and (artist, share) of a
-- live's newest credit set in it.
{{ newest_credit_sets(source('booked', 'live_credits'), by=['catalogue']) }}
