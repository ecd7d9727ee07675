{#-
    Where and how Spark stores its tables: as Parquet, in the folder of the current build
    (orchestration/spark/built_tables.py). On a cluster of your own (target `spark_thrift`) the schema's location decides.
-#}
{% macro spark__file_format_clause() -%}
    {%- do require_ansi() -%}
    using parquet
{%- endmacro %}

{% macro spark__location_clause() -%}
    {%- set folder = env_var('ALLIVE_SPARK_TABLES', '') -%}
    {%- if folder -%}
        location '{{ folder }}/{{ this.schema }}/{{ this.identifier }}'
    {%- endif -%}
{%- endmacro %}

{#- Parquet tables enforce nothing: orchestration/spark/registration.py checks the contracts' `not_null`. -#}
{% macro spark__persist_constraints(relation, model) -%} {%- endmacro %}

{#- dbt-spark turns ANSI mode off: a money overflow becomes null. `python -m allive.orchestration.spark` keeps it on. -#}
{% macro require_ansi() -%}
    {%- set found = run_query('set spark.sql.ansi.enabled').columns[1].values()[0] -%}
    {%- if found != 'true' -%}
        {{ exceptions.raise_compiler_error(
            'found spark.sql.ansi.enabled = ' ~ found ~ ', expected true: an overflow would be a null. '
            ~ 'Start dbt as `python -m allive.orchestration.spark`, which keeps it on.'
        ) }}
    {%- endif -%}
{%- endmacro %}
