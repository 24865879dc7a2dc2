-- How far the convergence of a wave moved since a reference wave, on the models and prompts answered in both
-- and the pairs scored in both: a model, prompt or pair that joins or leaves moves nothing.
-- Grain: (wave_id, reference_kind, capability, kernel).
-- Null, with n = 0 and the reason, where the two waves share no scored pair. Interval: two-way jackknife over the
-- differences.
with sides as (
    select
        grids.compared_wave_id,
        grids.reference,
        grids.wave_id = grids.compared_wave_id as is_now,
        scores.capability,
        scores.kernel,
        scores.n_models,
        scores.n_prompts,
        scores.convergence
    from {{ ref('grids') }} as grids
    left join {{ ref('change_subjects') }} as changes
        on grids.compared_wave_id = changes.wave_id and grids.reference = changes.reference
    inner join {{ ref('subject_scores') }} as scores
        on grids.grid_key = scores.grid_key and coalesce(changes.subject_key, 0) = scores.subject_key
    where grids.reference is not null
),

scores as (
    select
        compared_wave_id as wave_id,
        reference,
        capability,
        kernel,
        min(n_models) as n_models,
        min(n_prompts) as n_prompts,
        any_value(convergence) filter (is_now) as convergence,
        any_value(convergence) filter (not is_now) as reference_convergence
    from sides
    group by compared_wave_id, reference, capability, kernel
    having count(*) = 2
),

answered as (
    select compared.wave_id, compared.reference, answers.model, answers.prompt_id
    from {{ ref('wave_references') }} as compared
    inner join {{ ref('measured_answers') }} as answers using (wave_id)

    union

    select compared.wave_id, compared.reference, answers.model, answers.prompt_id
    from {{ ref('wave_references') }} as compared
    inner join {{ ref('measured_answers') }} as answers on compared.reference = answers.wave_id
),

lone_models as (
    select wave_id, reference, string_agg(distinct model, ', ' order by model) as models
    from answered
    anti join {{ ref('matched_cells') }} as cells using (wave_id, reference, model)
    group by wave_id, reference
),

matched as (
    select wave_id, reference, count(distinct model) as n_models
    from {{ ref('matched_cells') }}
    group by wave_id, reference
),

lone_prompts as (
    select wave_id, reference, string_agg(distinct prompt_id, ', ' order by prompt_id) as prompts
    from answered
    anti join {{ ref('matched_cells') }} as cells using (wave_id, reference, prompt_id)
    group by wave_id, reference
),

widths as (
    select distinct estimates.wave_id, estimates.reference, widths.capability, widths.kernel, widths.half_width
    from {{ ref('estimates') }} as estimates
    inner join {{ ref('half_widths') }} as widths using (estimate_key)
    where estimates.reference is not null
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    compared.reference_kind,
    compared.reference,
    expected.capability,
    kernels.kernel,
    coalesce(scores.n_models, 0) as n_models,
    coalesce(scores.n_prompts, 0) as n_prompts,
    scores.convergence,
    scores.reference_convergence,
    scores.convergence - scores.reference_convergence as change,
    scores.convergence - scores.reference_convergence - widths.half_width as ci_low,
    scores.convergence - scores.reference_convergence + widths.half_width as ci_high,
    lone_models.models as unmatched_models,
    lone_prompts.prompts as unmatched_prompts,
    case
        when scores.wave_id is not null then null
        when coalesce(matched.n_models, 0) < 2 then 'fewer than 2 models counted in both waves'
        when expected.capability = 'overall' and parts.wave_id is not null
            then 'no pair has a convergence in every capability of both waves'
        else 'no pair has a convergence in both waves'
    end as reason
from {{ ref('wave_references') }} as compared
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('wave_capabilities') }} as expected using (wave_id)
cross join (values ('semantic'), ('distributional'), ('combined')) as kernels (kernel)
left join scores using (wave_id, reference, capability, kernel)
left join widths using (wave_id, reference, capability, kernel)
left join (select distinct wave_id, reference, kernel from scores) as parts using (wave_id, reference, kernel)
left join matched using (wave_id, reference)
left join lone_models using (wave_id, reference)
left join lone_prompts using (wave_id, reference)
