-- What each shared prompt adds to a pair of models, and what the pair's convergence changes by without it.
-- Grain: (kernel, slice_key, model_a, model_b, prompt_key). A view: it is read a slice at a time.
-- match: mean kernel of the prompt. link: mean kernel of the links of chance that the prompt is an end of.
-- change: null where 1 - chance would be below what the kernel can tell from 0.
{{ config(materialized='view') }}
with parts as (
    select 'semantic' as kernel, * from {{ ref('semantic_pair_prompts') }}
    union all by name
    select 'distributional' as kernel, * from {{ ref('distributional_pair_prompts') }}
),

left_out as (
    select
        parts.kernel,
        parts.slice_key,
        parts.model_a,
        parts.model_b,
        parts.prompt_key,
        parts.match,
        parts.chance_part / pairs.part_terms as link,
        pairs.chance,
        pairs.convergence,
        (pairs.match_total - parts.match) / (pairs.n_prompts - 1) as match_without,
        (pairs.chance_total - parts.chance_part) / (pairs.chance_terms - pairs.part_terms) as chance_without
    from parts
    inner join {{ ref('kernel_pairs') }} as pairs using (kernel, slice_key, model_a, model_b)
)

select
    kernel,
    slice_key,
    model_a,
    model_b,
    prompt_key,
    match,
    link,
    chance,
    case
        when 1 - chance_without >= {{ least_room('kernel') }}
            then (match_without - chance_without) / (1 - chance_without) - convergence
    end as change
from left_out
