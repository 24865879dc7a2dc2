-- Drift alarms of the newest seven waves, one row a wave and model: the broadest of its tests that raised one.
-- Grain: (wave, model). An alarm against the baseline alone is told only for the wave shown, or it would return nightly.
with recent as (
    select wave_id
    from core.waves
    where panel = $panel and wave_date <= $wave_date
    order by wave_date desc, wave_id desc
    limit 7
),

tests as (
    select
        drift.*,
        count(*) over model_wave as n_tests,
        count(*) filter (drift.is_alarm) over model_wave as n_alarms
    from out.drift_by_model as drift
    join recent on recent.wave_id = drift.wave_id
    where drift.reference_kind <> 'baseline' or drift.wave_id = $wave_id
    window model_wave as (partition by drift.wave_id, drift.model)
)

select
    tests.wave_id,
    tests.wave_date,
    tests.model,
    tests.purpose,
    tests.capability,
    tests.reference_kind,
    tests.reference,
    tests.kernel,
    tests.method,
    tests.drift,
    tests.noise,
    tests.p_adjusted,
    tests.n_prompts,
    tests.n_samples,
    tests.cause,
    tests.n_tests,
    tests.n_alarms,
    served_then.identity as identity_then,
    served_now.identity as identity_now
from tests
left join core.model_waves as served_then
    on served_then.wave_id = tests.reference and served_then.model_requested = tests.model
left join core.model_waves as served_now
    on served_now.wave_id = tests.wave_id and served_now.model_requested = tests.model
where tests.is_alarm
qualify row_number() over (
    partition by tests.wave_id, tests.model
    order by
        tests.reference_kind <> 'baseline' desc,
        tests.capability = 'overall' desc,
        tests.kernel = 'combined' desc,
        tests.p_adjusted,
        tests.drift desc,
        tests.kernel,
        tests.capability
) = 1
order by tests.wave_date, tests.wave_id, tests.model
