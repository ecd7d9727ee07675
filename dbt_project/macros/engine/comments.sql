{#-
    Writes the descriptions of models, seeds and their columns into the warehouse as comments, so that BI tools and
    `describe` show them. dbt's `persist_docs` would ask for the columns of each model in each build, for a second or
    more; this reads all comments at once, at the end of a run, and writes those that differ.
-#}
{% macro persist_comments() -%}
    {%- if execute and target.type == 'duckdb' -%}
        {%- set found = {} -%}
        {%- for row in run_query(existing_comments()).rows -%}
            {%- do found.update({row[0] ~ '.' ~ row[1]: (row[2], row[3])}) -%}
        {%- endfor -%}
        {%- set statements = [] -%}
        {%- for node in results | map(attribute='node') if node.resource_type in ('model', 'seed') -%}
            {%- set relation = node.schema ~ '.' ~ (node.alias or node.name) -%}
            {%- set texts = {relation ~ '.': node.description} -%}
            {%- for column in node.columns.values() -%}
                {%- do texts.update({relation ~ '.' ~ column.name: column.description}) -%}
            {%- endfor -%}
            {%- for name, text in texts.items() if text and name in found and found[name][1] != text -%}
                {%- set kind = found[name][0] -%}
                {%- do statements.append(
                    'comment on ' ~ kind ~ ' ' ~ (relation if kind != 'column' else name)
                    ~ " is '" ~ text.replace("'", "''") ~ "'"
                ) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- if statements -%}{%- do run_query(statements | join(';\n')) -%}{%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- Columns: the schema and table, the column ('' for the table itself), its kind as `comment on` names it, comment. -#}
{% macro existing_comments() -%}
    select schema_name || '.' || table_name, '', 'table', comment
    from duckdb_tables()
    where database_name = current_database()
    union all
    select schema_name || '.' || view_name, '', 'view', comment
    from duckdb_views()
    where database_name = current_database()
    union all
    select schema_name || '.' || table_name, column_name, 'column', comment
    from duckdb_columns()
    where database_name = current_database()
{%- endmacro %}
