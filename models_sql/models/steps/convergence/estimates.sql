-- What gets an interval: each wave's score, each model's score, and the change of a wave against a reference,
-- which is the score of one grid less the score of another, over the pairs that both score.
-- Grain: (estimate_key, grid_key).
with terms as (
    select
        grids.wave_id,
        cast(null as varchar) as reference,
        scores.subject_key,
        grids.grid_key,
        1 as sign
    from {{ ref('grids') }} as grids
    inner join (select distinct grid_key, subject_key from {{ ref('subject_scores') }}) as scores using (grid_key)
    where grids.reference is null and scores.subject_key >= 0

    union all

    select
        grids.compared_wave_id as wave_id,
        grids.reference,
        coalesce(changes.subject_key, cast(0 as smallint)) as subject_key,
        grids.grid_key,
        case when grids.wave_id = grids.compared_wave_id then 1 else -1 end as sign
    from {{ ref('grids') }} as grids
    left join {{ ref('change_subjects') }} as changes
        on grids.compared_wave_id = changes.wave_id and grids.reference = changes.reference
    where grids.reference is not null
)

select
    *,
    cast(dense_rank() over (order by wave_id, reference nulls first, subject_key) as integer) as estimate_key
from terms
