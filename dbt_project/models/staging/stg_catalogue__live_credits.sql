-- Grain: one (artist, share) of a live's newest credit set. Sets tied on `updated_at`
-- merge; identical lines are one; two shares of one artist stay two rows, and
-- int_credit_sets says that the set is not valid.
{{ newest_credit_sets(source('raw', 'live_credits')) }}
