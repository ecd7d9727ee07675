{#- Tables on DuckDB: dropped and created in one transaction, so a model that fails or is killed leaves the old table.
    dbt-duckdb's own materialization also renames, for grants, indexes and foreign keys that this project does not
    have; its catalog queries took a tenth of a small build. -#}
{% materialization table, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- call statement('main') -%}
        {%- if existing is not none %} drop {{ existing.type }} {{ existing }}; {% endif -%}
        {{ create_table_as(False, target, compiled_code) }}
    {%- endcall -%}
    {%- do persist_docs(target, model) -%}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
