{#
One token's part in the distributional kernel, 1 - JSD in bits, for its share p in one answer and q in
the other. Only tokens that occur in both answers contribute; the kernel is the sum of their parts.
#}
{% macro kernel_part(p, q) -%}
    (0.5 * ({{ p }} + {{ q }}) - 0.5 * (
        {{ p }} * log2(2 * {{ p }} / ({{ p }} + {{ q }})) + {{ q }} * log2(2 * {{ q }} / ({{ p }} + {{ q }}))
    ))
{%- endmacro %}

{# The first 60 tokens of a text: words (letters, digits, underscore) and single other signs. Read by RE2. #}
{% macro tokens(text) -%}
    (regexp_extract_all(lower({{ text }}), '[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s\p{Z}]'))[:60]
{%- endmacro %}
