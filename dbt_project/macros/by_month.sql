{#-
    Models that keep their history. They compute rows again from the first month whose inputs changed, and keep the rows
    of earlier months (docs/adr/0015). `build.months_built` records, per model and month, the inputs that the rows were
    computed from. It is written in the same transaction as the rows, and compared with the current inputs at the next
    run.

    The unit is "from the first changed month on", not "the changed months": sessions, first times and active
    subscribers continue from the last row that is kept. Data can be up to 35 days late, so a run computes one or two
    months, however long the history is.
-#}

{#-
    The configuration of such a model.

    `day` or `month` is the column that gives a row's month. `inputs` is the model with the fingerprint of each month
    (columns `month`, `inputs`).

    `unique_key` is for models whose rows before the first changed month can change too: rows that share a new row's key
    are replaced. If an old row and its replacement have the same day, put the day in the key: the engine then searches
    for old rows on those days only.
-#}
{% macro built_by_month(day=none, month='month', inputs='int_month_inputs', unique_key=none) -%}
    {{ config(
        materialized=kept(),
        incremental_strategy='from_month',
        unique_key=unique_key,
        on_schema_change='fail',
        meta={'day': day, 'month': month, 'month_inputs': inputs},
        post_hook='{{ note_months_built() }}',
    ) }}
    {#- Referenced here so that dbt builds the inputs first. -#}
    {%- if not execute -%}{%- do ref(inputs) -%}{%- endif -%}
{%- endmacro %}

{#- The first month whose inputs differ from those the model was built from; '9999-12' if there is none. -#}
{% macro first_changed_month() -%}
    {%- if not (execute and is_incremental()) -%}{{ return('0000-01') }}{%- endif -%}
    {%- set first_month -%}
        select min(coalesce(now.month, built.month)) as month
        from {{ ref(config.get('meta')['month_inputs']) }} as now
        full outer join (
            select month, inputs
            from {{ months_built() }}
            where model_name = '{{ this.identifier }}'
        ) as built
            on now.month = built.month
        where now.inputs is distinct from built.inputs
    {%- endset -%}
    {{ return(run_query(first_month).columns[0].values()[0] or '9999-12') }}
{%- endmacro %}

{#- True if this run computes rows of this month; always true in a full build. -#}
{% macro is_changed_month(month) -%}
    {%- if execute and is_incremental() -%}
        {{ month }} >= '{{ first_changed_month() }}'
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- True if this run computes rows of this day, or of up to `days_before` days before the first changed month. -#}
{% macro is_changed_day(day, days_before=0) -%}
    {%- if execute and is_incremental() -%}
        {%- set first_day = "date '" ~ first_changed_month() ~ "-01'" -%}
        {{ day }} >= {{ add_days(first_day, -days_before) if days_before else first_day }}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#-
    For tests of a model that is built by month: true if a row of this day (or month) has not been tested since it was
    computed. Always true for a model without recorded months. A month is proven once a build that tested it has
    finished (orchestration/warehouse/). `days_before` as above.
-#}
{% macro is_unproven_day(day, model_name, days_before=0) -%}
    {%- set first_day = "date '" ~ first_unproven_month(model_name) ~ "-01'" -%}
    {{ day }} >= {{ add_days(first_day, -days_before) if days_before else first_day }}
{%- endmacro %}

{% macro is_unproven_month(month, model_name) -%}
    {{ month }} >= '{{ first_unproven_month(model_name) }}'
{%- endmacro %}

{#-
    The rows that a test reads from a model that is built by month: those of its unproven months. `day` or `month` is
    the column that gives a row's month; without either, all rows. `built_as` names the model if the tested one is a
    view of it.
-#}
{% macro unproven_rows(model, day=none, month=none, built_as=none) -%}
    {%- set model_name = built_as or (model | string).split('.')[-1] | replace('"', '') | replace('`', '') -%}
    {%- if day -%}
        (select * from {{ model }} where {{ is_unproven_day(day, model_name) }}) as unproven
    {%- elif month -%}
        (select * from {{ model }} where {{ is_unproven_month(month, model_name) }}) as unproven
    {%- else -%}
        {{ model }}
    {%- endif -%}
{%- endmacro %}

{% macro first_unproven_month(model_name) -%}
    {%- set noted = adapter.get_relation(database=target.database, schema='build', identifier='months_built') -%}
    {%- if not execute or noted is none -%}{{ return('0001-01') }}{%- endif -%}
    {%- set first_month -%}
        select case when count(*) = 0 then '0001-01' else min(case when not is_proven then month end) end as month
        from {{ months_built() }}
        where model_name = '{{ model_name }}'
    {%- endset -%}
    {{ return(run_query(first_month).columns[0].values()[0] or '9999-12') }}
{%- endmacro %}

{#- The table that records what each month of a model was computed from, and whether it has been tested since. -#}
{% macro months_built() -%}
    build.months_built
{%- endmacro %}

{% macro create_months_built() -%}
    {%- if kept() == 'incremental' -%}
        {%- do run_query('create schema if not exists build') -%}
        {%- do run_query(
            'create table if not exists ' ~ months_built()
            ~ ' (model_name string, month string, inputs string, is_proven boolean)'
        ) -%}
    {%- endif -%}
{%- endmacro %}

{#- One text for a list of values, to hash or compare. Different lists never give the same text. -#}
{% macro text_of(values) -%}
    concat(
        {%- for value in values %}
            coalesce(concat(length(cast({{ value }} as string)), ':', cast({{ value }} as string)), '-')
            {{- ',' if not loop.last }}
        {%- endfor %}
        )
{%- endmacro %}
