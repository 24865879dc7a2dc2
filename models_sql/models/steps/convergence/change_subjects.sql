-- The comparisons of two waves in which a pair has a score on one side only, such as one that refuses everything with one
-- text. They are made over the pairs that both sides score, as a subject of their own; all others over the whole grid.
-- Grain: (wave_id, reference). subject_key: below 0, the same on both sides.
with scored as (
    select
        grids.compared_wave_id as wave_id,
        grids.reference,
        scores.capability,
        scores.kernel,
        scores.model_a,
        scores.model_b,
        count(*) as n_sides
    from {{ ref('grids') }} as grids
    inner join {{ ref('pair_scores') }} as scores using (grid_key)
    where grids.reference is not null and scores.convergence is not null
    group by all
)

select
    wave_id,
    reference,
    cast(-row_number() over (order by wave_id, reference) as smallint) as subject_key
from scored
group by wave_id, reference
having min(n_sides) < 2
