-- What each score changes by when one prompt is left out of it.
-- Grain: (grid_key, capability, kernel, subject_key, prompt_id). Overall is not here: it is the mean of the capabilities.
with weights as (
    -- a pair's change under its own kernel, and the share of it that combined takes
    select
        slices.slice_key,
        subjects.kernel,
        subjects.subject_key,
        subjects.model_a,
        subjects.model_b,
        parts_of.kernel as part_kernel,
        subjects.weight * parts_of.share as weight
    from {{ ref('pair_subjects') }} as subjects
    inner join {{ ref('slices') }} as slices using (grid_key, capability)
    inner join (
        values
            ('semantic', 'semantic', 1.0), ('distributional', 'distributional', 1.0),
            ('combined', 'semantic', 0.4), ('combined', 'distributional', 0.6)
    ) as parts_of (whole, kernel, share)
        on subjects.kernel = parts_of.whole
),

influences as (
    select
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
    group by weights.kernel, weights.subject_key, changes.prompt_key
)

select
    keys.grid_key,
    keys.capability,
    influences.kernel,
    influences.subject_key,
    keys.prompt_id,
    influences.influence
from influences
inner join {{ ref('prompt_keys') }} as keys using (prompt_key)
