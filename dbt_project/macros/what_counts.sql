{#-
    What counts, whose category is what, and who shares the pool (RULES.md §4, §5.4): the one statement of it. Models and
    the simulation of other policies (`payouts/simulation`) both write it by these macros, so they are plain Jinja: the
    simulation renders them without dbt, and no macro of another file is called here. Verification has its own statement,
    which shares nothing with this one; tests/architecture/test_what_counts.py holds both.

    A `policy` is a relation with `minimum_live_s`; a `month` has `first_day` and `last_day`.
-#}

{#- The kinds that count (§7): kept here, since no policy of the history names others. -#}
{% macro is_of_a_kind_that_counts(live) -%}
    {{ live }}.kind in ('live')
{%- endmacro %}

{#- Whether a live counts if it is long enough. -#}
{% macro may_count(live) -%}
    ({{ is_of_a_kind_that_counts(live) }} and {{ live }}.exclusive)
{%- endmacro %}

{% macro is_long_enough(live, policy) -%}
    {{ live }}.duration_s >= {{ policy }}.minimum_live_s
{%- endmacro %}

{#- Whether a live counts by a policy (§4); that its credits are valid is `int_credit_sets`' to say. -#}
{% macro counts(live, policy) -%}
    ({{ may_count(live) }} and {{ is_long_enough(live, policy) }})
{%- endmacro %}

{#- The same as the branches of a `case`, one for each reason not to count. -#}
{% macro reasons_not_to_count(live, policy) -%}
    when not ({{ is_of_a_kind_that_counts(live) }}) then 'not_a_live'
            when not {{ live }}.exclusive then 'not_exclusive'
            when not ({{ is_long_enough(live, policy) }}) then 'too_short'
{%- endmacro %}

{#- Whether what is valid from a day on until another one, such as a category or a policy, is in force on a day (§4). -#}
{% macro stands_on(dated, day) -%}
    (
        {{ day }} >= {{ dated }}.valid_from
        and ({{ dated }}.valid_until is null or {{ day }} < {{ dated }}.valid_until)
    )
{%- endmacro %}

{#-
    Whether it is in force on some day from the first to the last. No `or` in it: in the condition of a left join, engines
    would then compare every row with every other. (What has no end does not reach the last day of the year 9999.)
-#}
{% macro stands_between(dated, first_day, last_day) -%}
    (
        {{ last_day }} >= {{ dated }}.valid_from
        and {{ first_day }} < coalesce({{ dated }}.valid_until, date '9999-12-31')
    )
{%- endmacro %}

{#- Where a slice goes, by the artist's category on the day of the watching (§5.3). -#}
{% macro destination_of(category) -%}
    case when {{ category }} = 'known' then 'pool' else 'direct' end
{%- endmacro %}

{#- What of a payment goes to artists by a policy's envelope, in cents, where the period brings none (§7). -#}
{% macro envelope_by_policy(price_cents, envelope_cents) -%}
    least(coalesce({{ price_cents }}, {{ envelope_cents }}), {{ envelope_cents }})
{%- endmacro %}

{#- What is left of an envelope after a partial refund: no more than what is left of the price, and never below 0. -#}
{% macro left_of_envelope(envelope_cents, price_cents, refunded_cents) -%}
    greatest(least({{ envelope_cents }}, {{ price_cents }} - {{ refunded_cents }}), 0)
{%- endmacro %}

{% macro is_online(live, month) -%}
    ({{ live }}.published_on is null or {{ live }}.published_on <= {{ month }}.last_day)
{%- endmacro %}

{#- Whether an artist has not left before the month; an artist without a record has not. -#}
{% macro is_still_there(artist, month) -%}
    ({{ artist }}.left_on is null or {{ artist }}.left_on >= {{ month }}.first_day)
{%- endmacro %}

{#-
    The pool's members (§5.4), as CTEs that end in `pool_members(settlement_month, artist_id, category)`. It reads the CTEs
    `months(settlement_month, first_day, last_day, catalogue, minimum_live_s, minimum_pool_share_bp)` and, with a
    `catalogue` each, `lives`, `credits`, `credit_sets` and `categories`; also `artists`.
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
