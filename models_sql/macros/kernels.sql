{#
One token's part in the distributional kernel, 1 - JSD in bits, for its share p in one answer and q in
the other. Only tokens that occur in both answers contribute; the kernel is the sum of their parts.
#}
{% macro kernel_part(p, q) -%}
    (0.5 * ({{ p }} + {{ q }}) - 0.5 * (
        {{ p }} * log2(2 * {{ p }} / ({{ p }} + {{ q }})) + {{ q }} * log2(2 * {{ q }} / ({{ p }} + {{ q }}))
    ))
{%- endmacro %}

{#
The least 1 - chance under which a kernel has a convergence. The semantic one comes from vectors stored as
32-bit floats: where all answers are one text its 1 - chance is their rounding, about 1e-7, instead of 0.
#}
{% macro least_room(kernel) -%}
    case when {{ kernel }} = 'semantic' then 1e-5 else 1e-9 end
{%- endmacro %}

{# The first 60 tokens of a text: words (letters, digits, underscore) and single other signs. Read by RE2. #}
{% macro tokens(text) -%}
    (regexp_extract_all(lower({{ text }}), '[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s\p{Z}]'))[:60]
{%- endmacro %}
