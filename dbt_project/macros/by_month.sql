{#-
    Models that keep their history: rows are computed again from the first month on whose inputs changed, the months
    before it stay (docs/adr/0015). What a month's rows were computed from is noted by model and month in
    `build.months_built`, in the transaction that writes the rows, and compared with what they would be computed from now.

    "From the first changed month on", not "the changed months": what runs through time (sessions, firsts, who is active)
    goes on from the last row that stays. Data may be 35 days late, so that is a month or two whatever the history.
-#}

{#-
    The configuration of such a model.

    `day` or `month` is the column that tells a row's month. `inputs` names the model that says what a month is made of
    (`month`, `inputs`).
    `unique_key`, where rows before the first changed month may change too: those with the key of a new row give way. A day
    that an old row and its new one share belongs in it: the engine looks for old ones among rows of such days only.
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
    {#- Named here so that dbt builds the inputs first. -#}
    {%- if not execute -%}{%- do ref(inputs) -%}{%- endif -%}
{%- endmacro %}

{#- The first month whose inputs are not those that the model was built from; '9999-12': none. -#}
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

{#- Whether a row of this month is to be computed now (in a full build: every row is). -#}
{% macro is_changed_month(month) -%}
    {%- if execute and is_incremental() -%}
        {{ month }} >= '{{ first_changed_month() }}'
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- Whether a row of this day is to be computed now, or of so many days before the first changed month. -#}
{% macro is_changed_day(day, days_before=0) -%}
    {%- if execute and is_incremental() -%}
        {%- set first_day = "date '" ~ first_changed_month() ~ "-01'" -%}
        {{ day }} >= {{ add_days(first_day, -days_before) if days_before else first_day }}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#-
    In a test of a model that is built by month: whether a row of this day (or month) has not been tested since it was
    computed; of a model that keeps no months, no row has. A month counts as proven once a build in which it was tested was
    finished (orchestration/warehouse.py). `days_before` as above.
-#}
{% macro is_unproven_day(day, model_name, days_before=0) -%}
    {%- set first_day = "date '" ~ first_unproven_month(model_name) ~ "-01'" -%}
    {{ day }} >= {{ add_days(first_day, -days_before) if days_before else first_day }}
{%- endmacro %}

{% macro is_unproven_month(month, model_name) -%}
    {{ month }} >= '{{ first_unproven_month(model_name) }}'
{%- endmacro %}

{#-
    What a test looks at in a model that is built by month: its rows of those months. `day` or `month` is the column that
    tells a row's month; without either, all rows. `built_as` names the model, if the tested one is a view of it.
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

{#- Where it is noted what the months of which model were computed from, and whether they were tested since. -#}
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

{#- One text of several values, to be hashed or compared: no two lists of values have the same. -#}
{% macro text_of(values) -%}
    concat(
        {%- for value in values %}
            coalesce(concat(length(cast({{ value }} as string)), ':', cast({{ value }} as string)), '-')
            {{- ',' if not loop.last }}
        {%- endfor %}
        )
{%- endmacro %}
