-- The tests of every comparison with its wave before and its baseline: computed in this build, or read back.
-- Grain: (wave_id, model, reference_kind, capability, kernel).
-- p_confirmation: p of the wave's second sample against the same reference; null without one.
with computed as (
    select
        compared.wave_id,
        compared.model,
        compared.reference,
        compared.is_confirmation,
        changed.n_changed / changed.n_prompts as changed_share,
        tests.*
    from {{ ref('drift_pending') }} as compared
    inner join {{ ref('drift_tests') }} as tests using (comparison_key)
    left join {{ ref('drift_changed_texts') }} as changed using (comparison_key, capability)
),

confirmed as (
    select
        first_sample.* exclude (comparison_key, is_confirmation),
        second_sample.p_value as p_confirmation
    from computed as first_sample
    left join computed as second_sample
        on first_sample.wave_id = second_sample.wave_id
        and first_sample.model = second_sample.model
        and first_sample.reference = second_sample.reference
        and first_sample.capability = second_sample.capability
        and first_sample.kernel = second_sample.kernel
        and second_sample.is_confirmation
    where not first_sample.is_confirmation
),

wanted as (
    select *
    from {{ ref('drift_references') }}
    where not is_confirmation and not configuration_changed
)

select
    wanted.wave_id,
    wanted.model,
    wanted.reference_kind,
    wanted.reference,
    wanted.identity_changed,
    wanted.inputs_sha,
    confirmed.* exclude (wave_id, model, reference)
from wanted
inner join confirmed using (wave_id, model, reference)

union all by name

select
    wanted.wave_id,
    wanted.model,
    wanted.reference_kind,
    wanted.reference,
    wanted.identity_changed,
    stored.* exclude (p_difference, shift, p_shift)
from wanted
inner join {{ ref('drift_stored') }} as stored using (inputs_sha)
