{#
Sums that do not depend on the order of rows or on the number of threads: values are first put on a
grid, on which addition is exact. The same snapshot gives the same digits on any machine.
#}

{#
Sum of any finite values; null over no rows. Those below 1000 in size are exact on a grid of 1e-15; the others,
which no decimal of that grid holds, are added in order of size.
#}
{% macro exact_sum(value) -%}
    case when count({{ value }}) > 0 then
        coalesce({{ bounded_sum('try_cast(' ~ value ~ ' as decimal(18, 15))') }}, 0)
        + coalesce(
            sum({{ value }} order by {{ value }})
            filter ({{ value }} is not null and try_cast({{ value }} as decimal(18, 15)) is null),
            0
        )
    end
{%- endmacro %}

{# The same, faster, for values that are below 1000 in size by definition, such as kernels. A larger one is an error. #}
{% macro bounded_sum(value) -%}
    cast(sum(cast({{ value }} as decimal(18, 15))) as double)
{%- endmacro %}

{# Mean of any finite values, added as in exact_sum. Null over no rows. #}
{% macro exact_mean(value) -%}
    (({{ exact_sum(value) }}) / nullif(count({{ value }}), 0))
{%- endmacro %}
