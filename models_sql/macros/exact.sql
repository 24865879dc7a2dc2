{#
Sums that do not depend on the order of rows or on the number of threads: values are first put on a
grid, on which addition is exact. The same snapshot gives the same digits on any machine.
#}

{# Sum of values below 1000 in size, exact on a grid of 1e-15. Null over no rows. #}
{% macro exact_sum(value) -%}
    cast(sum(cast({{ value }} as decimal(18, 15))) as double)
{%- endmacro %}

{# Mean of values below 1000 in size, exact on a grid of 1e-15. Null over no rows. #}
{% macro exact_mean(value) -%}
    ({{ exact_sum(value) }} / nullif(count({{ value }}), 0))
{%- endmacro %}
