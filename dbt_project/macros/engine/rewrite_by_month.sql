{#-
    How a model that keeps rows from run to run is materialized (those built by month, macros/by_month.sql, and periods).
    Where an engine cannot replace rows, and note in the same transaction what they are made of, it is built whole.
-#}
{% macro kept() -%}
    {{ return(adapter.dispatch('kept')()) }}
{%- endmacro %}

{% macro default__kept() -%} {{ return('table') }} {%- endmacro %}

{% macro duckdb__kept() -%} {{ return('incremental') }} {%- endmacro %}

{#- The strategy `from_month`: rows of the changed months give way, and rows with the key of a new one. -#}
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

{#- What a model's months are built from now; in the transaction that wrote the rows. -#}
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

{#- A number that changes whenever one of a group's rows does, in any order; the texts of the rows are all different. -#}
{% macro rows_hash(text) -%}
    {{ return(adapter.dispatch('rows_hash')(text)) }}
{%- endmacro %}

{% macro default__rows_hash(text) -%}
    cast(sum(cast(xxhash64({{ text }}) as decimal(38, 0))) as string)
{%- endmacro %}

{% macro duckdb__rows_hash(text) -%}
    cast(bit_xor(md5_number({{ text }})) as varchar)
{%- endmacro %}
