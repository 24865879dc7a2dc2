-- What the convergence of a pair changes by when one prompt is left out.
-- Grain: (kernel, slice_key, model_a, model_b, prompt_key). Null where nothing could be compared without the prompt.
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
        pairs.convergence,
        (pairs.match_total - parts.match) / (pairs.n_prompts - 1) as match,
        (pairs.chance_total - parts.chance_part) / (pairs.chance_terms - pairs.part_terms) as chance
    from parts
    inner join {{ ref('kernel_pairs') }} as pairs using (kernel, slice_key, model_a, model_b)
)

select
    kernel,
    slice_key,
    model_a,
    model_b,
    prompt_key,
    case
        when 1 - chance >= {{ least_room('kernel') }} then (match - chance) / (1 - chance) - convergence
    end as change
from left_out
