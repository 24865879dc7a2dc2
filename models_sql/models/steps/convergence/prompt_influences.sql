-- What each score changes by when one prompt is left out of it.
-- Grain: (grid_key, capability, is_overall, kernel, subject_key, prompt_id).
-- is_overall: what the prompt moves its capability's mean by over the pairs of overall, which are those that every
-- capability scores. Only where the capability scores more pairs than these; elsewhere its own row holds for both.
with capability_subjects as (
    select
        slices.slice_key,
        subjects.kernel,
        subjects.subject_key,
        subjects.model_a,
        subjects.model_b,
        subjects.weight
    from {{ ref('pair_subjects') }} as subjects
    inner join {{ ref('slices') }} as slices using (grid_key, capability)
),

overall_subjects as (
    select
        slices.slice_key,
        subjects.kernel,
        subjects.subject_key,
        subjects.model_a,
        subjects.model_b,
        subjects.weight
    from {{ ref('pair_subjects') }} as subjects
    inner join {{ ref('slices') }} as slices using (grid_key)
    inner join (select distinct slice_key, kernel, subject_key, weight from capability_subjects) as own
        on slices.slice_key = own.slice_key
        and subjects.kernel = own.kernel
        and subjects.subject_key = own.subject_key
        and subjects.weight > own.weight
    where subjects.capability = 'overall'
),

weights as (
    -- a pair's change under its own kernel, and the share of it that combined takes
    select
        subjects.slice_key,
        subjects.is_overall,
        subjects.kernel,
        subjects.subject_key,
        subjects.model_a,
        subjects.model_b,
        parts_of.kernel as part_kernel,
        subjects.weight * parts_of.share as weight
    from (
        select *, false as is_overall from capability_subjects
        union all
        select *, true as is_overall from overall_subjects
    ) as subjects
    inner join (
        values
            ('semantic', 'semantic', 1.0), ('distributional', 'distributional', 1.0),
            ('combined', 'semantic', 0.4), ('combined', 'distributional', 0.6)
    ) as parts_of (whole, kernel, share)
        on subjects.kernel = parts_of.whole
),

influences as (
    select
        weights.is_overall,
        weights.kernel,
        weights.subject_key,
        changes.prompt_key,
        {{ exact_sum('weights.weight * changes.change') }} as influence
    from {{ ref('pair_prompt_changes') }} as changes
    inner join weights
        on changes.kernel = weights.part_kernel
        and changes.slice_key = weights.slice_key
        and changes.model_a = weights.model_a
        and changes.model_b = weights.model_b
    group by weights.is_overall, weights.kernel, weights.subject_key, changes.prompt_key
)

select
    keys.grid_key,
    keys.capability,
    influences.is_overall,
    influences.kernel,
    influences.subject_key,
    keys.prompt_id,
    influences.influence
from influences
inner join {{ ref('prompt_keys') }} as keys using (prompt_key)
