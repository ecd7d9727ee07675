{#- Date functions that DuckDB and Spark spell differently. -#}

{#- A day shifted by a number of days; stays a date. -#}
{% macro add_days(day, days) -%}
    {{ return(adapter.dispatch('add_days')(day, days)) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
    date_add({{ day }}, cast({{ days }} as int))
{%- endmacro %}

{% macro duckdb__add_days(day, days) -%}
    ({{ day }} + cast({{ days }} as int))
{%- endmacro %}

{#- A day shifted by a number of months (to the last day of a shorter month); stays a date. -#}
{% macro add_months(day, months) -%}
    {{ return(adapter.dispatch('add_months')(day, months)) }}
{%- endmacro %}

{% macro default__add_months(day, months) -%}
    add_months({{ day }}, cast({{ months }} as int))
{%- endmacro %}

{% macro duckdb__add_months(day, months) -%}
    cast({{ day }} + to_months(cast({{ months }} as int)) as date)
{%- endmacro %}

{#- For each row of a relation, one row per step from `first_day` to `last_day` (both included), as `day`. -#}
{% macro day_series(relation, first_day, last_day, step='day') -%}
    {{ return(adapter.dispatch('day_series')(relation, first_day, last_day, step)) }}
{%- endmacro %}

{% macro default__day_series(relation, first_day, last_day, step) -%}
    select explode(sequence({{ first_day }}, {{ last_day }}, interval 1 {{ step }})) as day
    from {{ relation }}
{%- endmacro %}

{% macro duckdb__day_series(relation, first_day, last_day, step) -%}
    select
        cast(
            unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 {{ step }}))
            as date
        ) as day
    from {{ relation }}
{%- endmacro %}

{#- Day of the week, Monday = 1 … Sunday = 7. -#}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}

{% macro default__iso_weekday(day) -%}
    (weekday({{ day }}) + 1)
{%- endmacro %}

{% macro duckdb__iso_weekday(day) -%}
    cast(isodow({{ day }}) as int)
{%- endmacro %}

{#- The settlement month of a day, as text: '2021-02'. -#}
{% macro month_of(day) -%}
    substr(cast({{ day }} as string), 1, 7)
{%- endmacro %}

{#- For each row of a relation, one row per whole number from `first` to `last` (both included), as `name`. -#}
{% macro number_series(relation, columns, first, last, name) -%}
    {{ return(adapter.dispatch('number_series')(relation, columns, first, last, name)) }}
{%- endmacro %}

{% macro default__number_series(relation, columns, first, last, name) -%}
    select
        {{ columns | join(',\n        ') }},
        explode(sequence({{ first }}, {{ last }})) as {{ name }}
    from {{ relation }}
{%- endmacro %}

{% macro duckdb__number_series(relation, columns, first, last, name) -%}
    select
        {{ columns | join(',\n        ') }},
        unnest(generate_series({{ first }}, {{ last }})) as {{ name }}
    from {{ relation }}
{%- endmacro %}
