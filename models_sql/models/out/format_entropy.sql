-- Which shapes answers take: shares of format classes, their entropy in bits, and how far it fell in training.
-- Grain: (wave_id, model, capability); model `(all)` is the wave as a whole. Format classes are rules.
-- entropy_bits: 0 = always one shape, 2.81 = seven shapes alike. A null has a reason.
with subjects as (
    select wave_id, capability, null as model
    from {{ ref('wave_capabilities') }}
    union all
    select wave_id, capability, model
    from {{ ref('format_estimates') }}
    where model is not null
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    coalesce(subjects.model, '(all)') as model,
    coalesce(estimates.purpose, 'measure') as purpose,
    subjects.capability,
    coalesce(estimates.n_models, 0) as n_models,
    coalesce(estimates.n_prompts, 0) as n_prompts,
    coalesce(estimates.n_answers, 0) as n_answers,
    estimates.entropy_bits,
    estimates.ci_low,
    estimates.ci_high,
    estimates.dominant_class,
    estimates.dominant_share,
    estimates.dominant_ci_low,
    estimates.dominant_ci_high,
    estimates.code_share,
    estimates.table_share,
    estimates.headings_share,
    estimates.numbered_list_share,
    estimates.bullets_share,
    estimates.one_liner_share,
    estimates.prose_share,
    case when estimates.wave_id is null then 'no model counts in this wave' else estimates.reason end as reason,
    estimates.experiment,
    estimates.epoch,
    estimates.origin_wave_id as epoch_0_wave_id,
    estimates.n_matched_prompts,
    estimates.origin_entropy_bits as epoch_0_entropy_bits,
    estimates.collapse_bits,
    estimates.collapse_ci_low,
    estimates.collapse_ci_high,
    estimates.first_epoch,
    estimates.first_epoch_share,
    estimates.first_epoch_ci_low,
    estimates.first_epoch_ci_high,
    coalesce(estimates.collapse_reason, case when subjects.model is null then 'not a checkpoint' end) as collapse_reason
from subjects
inner join {{ ref('waves') }} as waves using (wave_id)
left join {{ ref('format_estimates') }} as estimates
    on subjects.wave_id = estimates.wave_id
    and subjects.capability = estimates.capability
    and subjects.model is not distinct from estimates.model
