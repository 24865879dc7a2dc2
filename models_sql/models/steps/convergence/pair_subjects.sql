-- Whose score each pair enters, and with what weight: every pair enters the mean of its grid and the means of
-- both its models. A pair that both sides of a comparison score enters their means too, where others have one side only.
-- Grain: (grid_key, capability, kernel, subject_key, model_a, model_b).
-- subject_key: model_key of the model the score belongs to, 0 for the grid as a whole, below 0 for the
-- pairs of a comparison (change_subjects). other_key: the other model of the pair, null for the grid.
with subjects as (
    select
        scores.grid_key,
        scores.capability,
        scores.kernel,
        side.subject_key,
        case
            when side.subject_key = scores.model_a then scores.model_b
            when side.subject_key = scores.model_b then scores.model_a
        end as other_key,
        scores.model_a,
        scores.model_b,
        scores.n_prompts,
        scores.match,
        scores.chance,
        scores.ceiling,
        scores.convergence,
        scores.relative
    from {{ ref('pair_scores') }} as scores
    cross join lateral (select unnest([cast(0 as smallint), scores.model_a, scores.model_b]) as subject_key) as side
    where scores.convergence is not null

    union all by name

    select
        scores.grid_key,
        scores.capability,
        scores.kernel,
        changes.subject_key,
        scores.model_a,
        scores.model_b,
        scores.n_prompts,
        scores.match,
        scores.chance,
        scores.ceiling,
        scores.convergence,
        scores.relative
    from {{ ref('change_subjects') }} as changes
    inner join {{ ref('grids') }} as grids
        on changes.wave_id = grids.compared_wave_id and changes.reference = grids.reference
    inner join {{ ref('pair_scores') }} as scores using (grid_key)
    where scores.convergence is not null
    qualify count(*) over (
        partition by changes.subject_key, scores.capability, scores.kernel, scores.model_a, scores.model_b
    ) = 2
)

select
    *,
    1 / count(*) over (partition by grid_key, capability, kernel, subject_key) as weight
from subjects
