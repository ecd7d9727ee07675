-- Grain: one row per catalogue item. `is_countable` applies the newest policy; settling
-- applies the policy of its month.
with lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

credit_sets as (
    select * from {{ ref('int_credit_sets') }}
),

newest_policy as (
    select minimum_live_s
    from {{ ref('policies') }}
    order by valid_from desc
    limit 1
),

final as (
    select
        lives.live_id,
        lives.title,
        lives.kind,
        lives.exclusive as is_exclusive,
        lives.duration_s,
        lives.published_on,
        lives.recorded_on,
        lives.venue,
        lives.city,
        lives.genre,
        coalesce(credit_sets.artists, 0) as credited_artists,
        coalesce(credit_sets.is_valid, false) as has_valid_credits,
        {{ counts('lives', 'newest_policy') }} as is_countable,
        case
            {{ reasons_not_to_count('lives', 'newest_policy') }}
            when credit_sets.live_id is null then 'no_credits'
            when not credit_sets.is_valid then 'invalid_credits'
        end as ineligibility_reason
    from lives
    cross join newest_policy
    left join credit_sets
        on
            lives.live_id = credit_sets.live_id
            and credit_sets.catalogue is null
)

select * from final
