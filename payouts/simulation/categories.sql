{%- from 'what_counts.sql' import stands_on -%}
-- Grain: one row per artist with a category on the month's last day.
with months as (
    select $last_day::date as last_day
)

select
    categories.artist_id,
    categories.category
from intermediate.int_catalogue_categories as categories
inner join months
    on {{ stands_on('categories', 'months.last_day') }}
where categories.catalogue is not distinct from $catalogue
