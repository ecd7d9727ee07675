{#-
    Products of weight and envelope exceed 64 bits (RULES.md §2), so they are exact integers of 38 digits on both
    engines. Marts store them as `decimal(38, 0)`, which file formats support. DuckDB takes as long to convert one to a
    hugeint as to divide it, so tables whose values are divided again keep the wide type.
-#}
{% macro wide(expression) -%}
    cast({{ expression }} as {{ adapter.dispatch('wide_type')() }})
{%- endmacro %}

{% macro default__wide_type() -%} decimal(38, 0) {%- endmacro %}

{% macro duckdb__wide_type() -%} hugeint {%- endmacro %}

{#- floor(factor × share / total): the first step of largest-remainder rounding. -#}
{% macro share_floor(factor, share, total) -%}
    {{ return(adapter.dispatch('share_floor')(factor, share, total)) }}
{%- endmacro %}

{% macro default__share_floor(factor, share, total) -%}
    cast(
        ({{ wide(factor) }} * {{ wide(share) }}) div nullif({{ wide(total) }}, 0) as bigint
    )
{%- endmacro %}

{% macro duckdb__share_floor(factor, share, total) -%}
    cast(
        ({{ wide(factor) }} * {{ wide(share) }}) // nullif({{ wide(total) }}, 0) as bigint
    )
{%- endmacro %}

{#- factor × share / total rounded once, halves away from 0; null where total is 0. Only `factor` can be negative. -#}
{% macro share_rounded(factor, share, total) -%}
    (
        case when {{ factor }} < 0 then -1 else 1 end
        * {{ share_floor('2 * abs(' ~ factor ~ ') * ' ~ share ~ ' + ' ~ total, 1, '2 * (' ~ total ~ ')') }}
    )
{%- endmacro %}
