-- Grain: one change of category that stands: the latest record of (artist, valid_from),
-- unless it says deleted.
-- A deleted record never existed: the earlier category applies (INTERFACES.md,
-- "Latest").
with latest as (
    {{ select_latest(
        source('raw', 'artist_categories'),
        ['artist_id', 'valid_from'],
        ['category', 'is_deleted'],
    ) | indent(4) }}
),

final as (
    select
        artist_id,
        category,
        valid_from,
        lead(valid_from) over (
            partition by artist_id
            order by valid_from
        ) as valid_until
    from latest
    where not coalesce(is_deleted, false)
)

select * from final
