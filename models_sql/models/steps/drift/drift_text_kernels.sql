-- Both kernels of every two texts that a drift comparison puts side by side.
-- Grain: (text_a, text_b), text_a <= text_b. Equal texts: 1. semantic is null without an embedding of both,
-- distributional where one has fewer than 5 tokens.
with text_pairs as (
    select distinct
        least(a.text_key, b.text_key) as text_a,
        greatest(a.text_key, b.text_key) as text_b
    from {{ ref('drift_samples') }} as a
    inner join {{ ref('drift_samples') }} as b
        on a.comparison_key = b.comparison_key and a.prompt_id = b.prompt_id and a.place <= b.place
),

long_enough as (
    select distinct text_key
    from {{ ref('text_tokens') }}
),

shared as (
    select
        text_pairs.text_a,
        text_pairs.text_b,
        {{ bounded_sum(kernel_part('a.frequency', 'b.frequency')) }} as kernel
    from text_pairs
    inner join {{ ref('text_tokens') }} as a on text_pairs.text_a = a.text_key
    inner join {{ ref('text_tokens') }} as b on text_pairs.text_b = b.text_key and a.token_key = b.token_key
    where text_pairs.text_a < text_pairs.text_b
    group by text_pairs.text_a, text_pairs.text_b
)

select
    text_pairs.text_a,
    text_pairs.text_b,
    case
        when text_pairs.text_a = text_pairs.text_b and vector_a.text_key is not null then 1.0
        else cast(array_inner_product(vector_a.vector, vector_b.vector) as double)
    end as semantic,
    case
        when long_a.text_key is null or long_b.text_key is null then null
        when text_pairs.text_a = text_pairs.text_b then 1.0
        else coalesce(shared.kernel, 0)
    end as distributional
from text_pairs
left join {{ ref('text_vectors') }} as vector_a on text_pairs.text_a = vector_a.text_key
left join {{ ref('text_vectors') }} as vector_b on text_pairs.text_b = vector_b.text_key
left join long_enough as long_a on text_pairs.text_a = long_a.text_key
left join long_enough as long_b on text_pairs.text_b = long_b.text_key
left join shared using (text_a, text_b)
