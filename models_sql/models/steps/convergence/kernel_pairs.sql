-- Convergence of every pair under each kernel by itself, in each slice.
-- Grain: (kernel, slice_key, model_a, model_b).
-- convergence = (match - chance) / (1 - chance): 0 = no more alike than answers to different questions, 1 = identical;
-- null where 1 - chance is below what the kernel can tell from 0 (least_room). relative = (match - chance) / (ceiling - chance): 1 = as alike as two draws of
-- one model; null under 30 prompts with two samples or more of both, and where the ceiling is less than .01 above chance:
-- such a model does not repeat itself, and dividing by next to nothing would say anything.
with pairs as (
    select 'semantic' as kernel, * from {{ ref('semantic_pairs') }}
    union all by name
    select 'distributional' as kernel, * from {{ ref('distributional_pairs') }}
),

levels as (
    select
        *,
        match_total / n_prompts as match,
        chance_total / chance_terms as chance
    from pairs
)

select
    levels.kernel,
    levels.slice_key,
    levels.model_a,
    levels.model_b,
    levels.n_prompts,
    levels.match_total,
    levels.chance_total,
    levels.chance_terms,
    levels.part_terms,
    levels.match,
    levels.chance,
    ceilings.ceiling,
    case
        when 1 - levels.chance >= {{ least_room('levels.kernel') }}
            then (levels.match - levels.chance) / (1 - levels.chance)
    end as convergence,
    case
        when ceilings.n_prompts >= 30 and ceilings.ceiling - levels.chance >= 0.01
            then (levels.match - levels.chance) / (ceilings.ceiling - levels.chance)
    end as relative
from levels
left join {{ ref('ceilings') }} as ceilings using (kernel, slice_key, model_a, model_b)
