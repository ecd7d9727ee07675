-- An artist never has two categories on one day (RULES.md §4): such a day would split
-- watching twice.
with categories as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

final as (
    select
        earlier.artist_id,
        earlier.valid_from,
        earlier.valid_until,
        count(*) as rows_on_its_first_day
    from categories as earlier
    inner join categories as other
        on
            earlier.artist_id = other.artist_id
            and earlier.valid_from >= other.valid_from
            and (other.valid_until is null or earlier.valid_from < other.valid_until)
    group by earlier.artist_id, earlier.valid_from, earlier.valid_until
    having
        count(*) > 1
        or earlier.valid_until <= earlier.valid_from
)

select * from final
