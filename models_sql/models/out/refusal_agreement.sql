-- Whether two models refuse the same prompts, and whether two detectors call the same answers refusals.
-- Grain: (wave_id, capability, comparison, detector_a, detector_b, model_a, model_b). comparison models: detector_a =
-- detector_b; detectors: model_a = model_b. `(all)` in both models is the wave: the mean over its pairs.
-- kappa: 0 = no more agreement than the two rates give, 1 = the same; may be below 0. A null has a reason.
with subjects as (
    select wave_id, capability, 'models' as comparison, detector as detector_a, detector as detector_b
    from {{ ref('wave_capabilities') }}
    cross join (
        select 'rule' as detector
        union
        select detector from {{ ref('refusal_detections') }}
    ) as detectors
),

estimates as (
    select * from {{ ref('refusal_kappas') }}

    union all by name

    select subjects.*, 'no model counts in this wave' as reason
    from subjects
    anti join {{ ref('refusal_kappas') }} as found
        on subjects.wave_id = found.wave_id
        and subjects.capability = found.capability
        and subjects.comparison = found.comparison
        and subjects.detector_a = found.detector_a
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    estimates.capability,
    estimates.comparison,
    estimates.detector_a,
    estimates.detector_b,
    coalesce(estimates.model_a, '(all)') as model_a,
    coalesce(estimates.model_b, '(all)') as model_b,
    coalesce(estimates.n_pairs, 0) as n_pairs,
    coalesce(estimates.n_prompts, 0) as n_prompts,
    estimates.n_answers,
    estimates.refusal_share_a,
    estimates.refusal_share_b,
    estimates.agreement_share,
    estimates.kappa,
    estimates.ci_low,
    estimates.ci_high,
    estimates.reason
from estimates
inner join {{ ref('waves') }} as waves using (wave_id)
