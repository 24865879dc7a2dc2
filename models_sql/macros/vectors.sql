{# Dimensions of the embedder's vectors. #}
{% macro dimensions() %}{{ return(384) }}{% endmacro %}

{#
Sum of vectors as DOUBLE[384]. One aggregate a dimension is many times faster than unnesting.
Elements are put on a grid of 2^-30, finer than FLOAT is for them, so that the sum is exact in any order.
#}
{% macro vector_sum(vector) -%}
    cast([
        {%- for i in range(1, dimensions() + 1) %}
        sum(round({{ vector }}[{{ i }}] * 1073741824.0)) / 1073741824.0{{ "," if not loop.last }}
        {%- endfor %}
    ] as double[{{ dimensions() }}])
{%- endmacro %}

{# A vector divided by a number, as FLOAT[384]. #}
{% macro vector_over(vector, divisor) -%}
    cast([
        {%- for i in range(1, dimensions() + 1) %}
        {{ vector }}[{{ i }}] / {{ divisor }}{{ "," if not loop.last }}
        {%- endfor %}
    ] as float[{{ dimensions() }}])
{%- endmacro %}
