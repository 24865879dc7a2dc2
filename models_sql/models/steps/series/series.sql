-- What is followed over time: the convergence of a panel, and how far each model lies from its baseline.
-- Grain: (series_key, wave_id). A series ends where its measure stops meaning the same: at another battery or time axis,
-- where two neighbouring waves share no scored pair, or at another baseline. MMD squared and plain distance never share
-- a series: a night of single answers is left out of the series of the sampled nights around it.
-- value: convergence (of the first wave, then moved by the matched changes only, so that a model or prompt that joins or
-- leaves moves nothing), or drift against the baseline.
with scores as (
    select
        scores.wave_id,
        scores.panel,
        waves.battery_sha,
        scores.wave_date,
        scores.capability,
        scores.kernel,
        scores.convergence,
        changes.change
    from {{ ref('convergence_by_wave') }} as scores
    inner join {{ ref('waves') }} as waves using (wave_id)
    left join {{ ref('convergence_change') }} as changes
        on scores.wave_id = changes.wave_id
        and scores.capability = changes.capability
        and scores.kernel = changes.kernel
        and changes.reference_kind = 'previous'
    where scores.convergence is not null
),

stretches as (
    select
        *,
        count(*) filter (change is null) over (
            partition by panel, battery_sha, capability, kernel order by wave_date, wave_id
        ) as stretch
    from scores
),

convergence as (
    select
        'convergence' as measure,
        panel,
        null as model,
        capability,
        kernel,
        battery_sha || ' ' || stretch as stretch,
        wave_id,
        wave_date,
        first_value(convergence) over waves_in_order + sum(coalesce(change, 0)) over waves_in_order as value
    from stretches
    window waves_in_order as (partition by panel, battery_sha, capability, kernel, stretch order by wave_date, wave_id)
),

drift as (
    select
        'drift' as measure,
        panel,
        model,
        capability,
        kernel,
        -- exactly 0 counts as what would have been computed: MMD squared where a prompt has two samples in both waves
        reference || ' ' || case
            when method = 'identical' and n_samples <= 2 * n_prompts then 'distance'
            when method = 'identical' then 'mmd'
            else method
        end as stretch,
        wave_id,
        wave_date,
        drift as value
    from {{ ref('drift_by_model') }}
    where reference_kind = 'baseline' and capability = 'overall' and drift is not null
),

everything as (
    select * from convergence
    union all
    select * from drift
)

select
    cast(
        dense_rank() over (order by measure, panel, model nulls first, capability, kernel, stretch) as integer
    ) as series_key,
    measure,
    panel,
    model,
    capability,
    kernel,
    wave_id,
    wave_date,
    cast(row_number() over (
        partition by measure, panel, model, capability, kernel, stretch order by wave_date, wave_id
    ) - 1 as integer) as place,
    value
from everything
