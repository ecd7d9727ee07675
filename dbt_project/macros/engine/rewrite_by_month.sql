{#-
    The materialization of models that keep rows from run to run (those built by month, macros/by_month.sql, and
    periods). An engine that cannot replace rows and record their inputs in one transaction builds the whole table.
-#}
{% macro kept() -%}
    {{ return(adapter.dispatch('kept')()) }}
{%- endmacro %}

{% macro default__kept() -%} {{ return('table') }} {%- endmacro %}

{% macro duckdb__kept() -%} {{ return('incremental') }} {%- endmacro %}

{#- The strategy `from_month` replaces the rows of the changed months, and rows that share a new row's key. -#}
{% macro get_incremental_from_month_sql(arguments) -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set target = arguments['target_relation'] -%}
    {%- set new_rows = arguments['temp_relation'] -%}
    {%- set key = arguments['unique_key'] -%}
    {%- set meta = config.get('meta') %}
    delete from {{ target }}
    where {{ is_changed_day(meta['day']) if meta['day'] else is_changed_month(meta['month']) }};
    {%- if key %}
    delete from {{ target }} as old_rows using {{ new_rows }} as new_rows
    where {% for column in key %}old_rows.{{ column }} = new_rows.{{ column }}{{ ' and ' if not loop.last }}{% endfor %};
    {%- endif %}
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ new_rows }};
{%- endmacro %}

{#- Record what a model's months are now built from, in the transaction that wrote the rows. -#}
{% macro note_months_built() -%}
    {%- if execute -%}{{ return(adapter.dispatch('note_months_built')()) }}{%- endif -%}
{%- endmacro %}

{% macro default__note_months_built() -%}{%- endmacro %}

{% macro duckdb__note_months_built() -%}
    {%- set first_month = first_changed_month() %}
    delete from {{ months_built() }}
    where model_name = '{{ this.identifier }}' and month >= '{{ first_month }}';
    insert into {{ months_built() }}
    select '{{ this.identifier }}' as model_name, month, inputs, false as is_proven
    from {{ ref(config.get('meta')['month_inputs']) }}
    where month >= '{{ first_month }}'
{%- endmacro %}

{#- A hash of a group's rows in any order; it changes whenever a row does. Each row's text must be different. -#}
{% macro rows_hash(text) -%}
    {{ return(adapter.dispatch('rows_hash')(text)) }}
{%- endmacro %}

{% macro default__rows_hash(text) -%}
    cast(sum(cast(xxhash64({{ text }}) as decimal(38, 0))) as string)
{%- endmacro %}

{% macro duckdb__rows_hash(text) -%}
    cast(bit_xor(md5_number({{ text }})) as varchar)
{%- endmacro %}
