{#-
    The rules of what counts, which category applies, and who shares the pool (RULES.md §4, §5.4), stated once. The
    models and the simulation of other policies (`payouts/simulation`) both use these macros. They are plain Jinja and
    call no macro of another file, because the simulation renders them without dbt. Verification states the rules
    separately and shares nothing with this file; tests/architecture/test_what_counts.py checks both.

    A `policy` is a relation with `minimum_live_s`; a `month` has `first_day` and `last_day`.
-#}

{#- The kinds that count (RULES.md §7). Fixed here, because no policy so far names others. -#}
{% macro is_of_a_kind_that_counts(live) -%}
    {{ live }}.kind in ('live')
{%- endmacro %}

{#- True if a live counts, provided that it is long enough. -#}
{% macro may_count(live) -%}
    ({{ is_of_a_kind_that_counts(live) }} and {{ live }}.exclusive)
{%- endmacro %}

{% macro is_long_enough(live, policy) -%}
    {{ live }}.duration_s >= {{ policy }}.minimum_live_s
{%- endmacro %}

{#- True if a live counts under a policy (RULES.md §4). `int_credit_sets` decides whether its credits are valid. -#}
{% macro counts(live, policy) -%}
    ({{ may_count(live) }} and {{ is_long_enough(live, policy) }})
{%- endmacro %}

{#- The same rule as branches of a `case`, one for each reason not to count. -#}
{% macro reasons_not_to_count(live, policy) -%}
    when not ({{ is_of_a_kind_that_counts(live) }}) then 'not_a_live'
            when not {{ live }}.exclusive then 'not_exclusive'
            when not ({{ is_long_enough(live, policy) }}) then 'too_short'
{%- endmacro %}

{#- True if a dated record, such as a category or a policy, is in force on a day (RULES.md §4). -#}
{% macro stands_on(dated, day) -%}
    (
        {{ day }} >= {{ dated }}.valid_from
        and ({{ dated }}.valid_until is null or {{ day }} < {{ dated }}.valid_until)
    )
{%- endmacro %}

{#-
    True if the record is in force on any day from the first to the last. It has no `or`: in a left join's condition,
    engines would then compare every row with every other. (A record without an end does not reach the last day of the
    year 9999.)
-#}
{% macro stands_between(dated, first_day, last_day) -%}
    (
        {{ last_day }} >= {{ dated }}.valid_from
        and {{ first_day }} < coalesce({{ dated }}.valid_until, date '9999-12-31')
    )
{%- endmacro %}

{#- Where a slice goes, by the artist's category on the day of the watching (RULES.md §5.3). -#}
{% macro destination_of(category) -%}
    case when {{ category }} = 'known' then 'pool' else 'direct' end
{%- endmacro %}

{#- Cents of a payment that go to artists under a policy, for a period delivered without an envelope (RULES.md §7). -#}
{% macro envelope_by_policy(price_cents, envelope_cents) -%}
    least(coalesce({{ price_cents }}, {{ envelope_cents }}), {{ envelope_cents }})
{%- endmacro %}

{#- The envelope left after a partial refund: at most what is left of the price, and never below 0. -#}
{% macro left_of_envelope(envelope_cents, price_cents, refunded_cents) -%}
    greatest(least({{ envelope_cents }}, {{ price_cents }} - {{ refunded_cents }}), 0)
{%- endmacro %}

{% macro is_online(live, month) -%}
    ({{ live }}.published_on is null or {{ live }}.published_on <= {{ month }}.last_day)
{%- endmacro %}

{#- True unless an artist left before the month. An artist without a record has not left. -#}
{% macro is_still_there(artist, month) -%}
    ({{ artist }}.left_on is null or {{ artist }}.left_on >= {{ month }}.first_day)
{%- endmacro %}

{#-
    The members of the pool (RULES.md §5.4), as CTEs that end in `pool_members(settlement_month, artist_id, category)`.
    It reads the CTEs `months(settlement_month, first_day, last_day, catalogue, minimum_live_s, minimum_pool_share_bp)`
    and `artists`, and the CTEs `lives`, `credits`, `credit_sets` and `categories`, which each have a `catalogue`
    column.
-#}
{% macro pool_members() -%}
credited as (
    select
        credits.catalogue,
        credits.artist_id,
        credits.share_bp,
        lives.duration_s,
        lives.published_on
    from credits
    inner join credit_sets
        on
            credits.live_id = credit_sets.live_id
            and credits.catalogue is not distinct from credit_sets.catalogue
            and credit_sets.is_valid
    inner join lives
        on
            credits.live_id = lives.live_id
            and credits.catalogue is not distinct from lives.catalogue
    where {{ may_count('lives') }}
),

pool_members as (
    select
        months.settlement_month,
        categories.artist_id,
        categories.category
    from months
    inner join categories
        on
            months.catalogue is not distinct from categories.catalogue
            and {{ stands_on('categories', 'months.last_day') }}
    inner join credited
        on
            categories.artist_id = credited.artist_id
            and categories.catalogue is not distinct from credited.catalogue
            and credited.share_bp >= months.minimum_pool_share_bp
            and {{ is_long_enough('credited', 'months') }}
            and {{ is_online('credited', 'months') }}
    left join artists
        on categories.artist_id = artists.artist_id
    where
        categories.category in ('emerging', 'independent')
        and {{ is_still_there('artists', 'months') }}
    group by months.settlement_month, categories.artist_id, categories.category
)
{%- endmacro %}
