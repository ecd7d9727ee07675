{#- An IBAN in capitals, without blanks. People paste them with spaces of any width, tabs and line breaks: the list is
    that of Python's `str.split`, which the close and its proof use. -#}
{% macro as_machines_write(code) -%}
    {%- set blanks = '\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007'
        ~ '\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000' %}
    upper(translate({{ code }}, ' {{ blanks }}', ''))
{%- endmacro %}
