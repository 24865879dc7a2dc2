{#
One end of the 95 % interval of a share by Wilson (1927, JASA 22): x of n, low or high; null for n = 0. With z = 1.96:
(x + z^2 / 2 -+ z sqrt(x (n - x) / n + z^2 / 4)) / (n + z^2).
#}
{% macro wilson(x, n, end) -%}
    {%- set z = 1.959963984540054 -%}
    {%- set half = z ~ " * sqrt(" ~ x ~ " * (" ~ n ~ " - " ~ x ~ ") / nullif(" ~ n ~ ", 0) + " ~ z * z / 4 ~ ")" -%}
    {%- if end == "low" -%}
        greatest(0, ({{ x }} + {{ z * z / 2 }} - {{ half }}) / ({{ n }} + {{ z * z }}))
    {%- else -%}
        least(1, ({{ x }} + {{ z * z / 2 }} + {{ half }}) / ({{ n }} + {{ z * z }}))
    {%- endif -%}
{%- endmacro %}
