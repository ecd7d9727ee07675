-- Grain: one row per (artist, share) of a live's newest credit set. Sets tied on
-- `updated_at` merge; identical lines are one. Two shares of one artist are two rows,
-- and int_credit_sets marks such a set as not valid.
{{ newest_credit_sets(source('catalogue', 'live_credits')) }}
