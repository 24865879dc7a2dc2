-- Which waves, and which models of a wave, have no convergence, and why.
-- Grain: (wave_id, subject_key, capability, kernel). subject_key: model_key, 0 for the wave.
with answered as (
    select answers.wave_id, answers.capability, keys.model_key
    from {{ ref('measured_answers') }} as answers
    inner join {{ ref('model_keys') }} as keys using (model)
    group by all
),

subjects as (
    select wave_id, cast(0 as smallint) as subject_key from (select distinct wave_id from {{ ref('wave_capabilities') }})
    union all
    select distinct wave_id, model_key as subject_key from answered
),

sizes as (
    select wave_id, coalesce(capability, 'overall') as capability, count(distinct model_key) as n_models
    from answered
    group by grouping sets ((wave_id, capability), (wave_id))
),

whole as (
    select distinct wave_id, grid_key from {{ ref('grids') }} where reference is null
),

scored as (
    select whole.wave_id, scores.subject_key, scores.capability, scores.kernel
    from {{ ref('subject_scores') }} as scores
    inner join whole using (grid_key)
),

-- pairs that share enough prompts, scored or not
compared as (
    select distinct
        whole.wave_id,
        pairs.capability,
        pairs.kernel,
        unnest([cast(0 as smallint), pairs.model_a, pairs.model_b]) as subject_key
    from {{ ref('pair_scores') }} as pairs
    inner join whole using (grid_key)
)

select
    expected.wave_id,
    subjects.subject_key,
    expected.capability,
    kernels.kernel,
    case
        when coalesce(sizes.n_models, 0) < 2 then 'fewer than 2 models count'
        when expected.capability = 'overall' and parts.wave_id is not null and subjects.subject_key = 0
            then 'no pair has a convergence in every capability'
        when expected.capability = 'overall' and parts.wave_id is not null
            then 'with no other model it has a convergence in every capability'
        when compared.wave_id is not null then 'answers to different prompts are as alike as can be (chance is 1)'
        when subjects.subject_key = 0 then 'no two models share 5 prompts that this kernel can compare'
        else 'with no other model it shares 5 prompts that this kernel can compare'
    end as reason
from {{ ref('wave_capabilities') }} as expected
inner join subjects using (wave_id)
cross join (values ('semantic'), ('distributional'), ('combined')) as kernels (kernel)
left join sizes using (wave_id, capability)
left join (select distinct wave_id, subject_key, kernel from scored) as parts
    on expected.wave_id = parts.wave_id
    and subjects.subject_key = parts.subject_key
    and kernels.kernel = parts.kernel
left join compared
    on expected.wave_id = compared.wave_id
    and expected.capability = compared.capability
    and kernels.kernel = compared.kernel
    and subjects.subject_key = compared.subject_key
anti join scored
    on expected.wave_id = scored.wave_id
    and expected.capability = scored.capability
    and kernels.kernel = scored.kernel
    and subjects.subject_key = scored.subject_key
