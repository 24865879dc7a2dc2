-- How far a model's answers moved since its previous wave, since its baseline, and, with one sample a prompt, since a
-- pool of earlier waves.
-- Grain: (wave_id, model, capability, reference_kind, kernel). A model's first wave is not here.
-- drift: MMD squared per prompt, mean over prompts: 0 = the two waves differ no more than samples of one wave do;
-- unbiased, so slightly negative by chance. With one sample a prompt it is the mean of 1 - kernel, without p; against a
-- pool it is how much more alike the pool is to itself than to the new answers, 0 = no more, negative = less varied.
-- p_adjusted and cause: by the rule of models_sql/alarms.py, which also decides where a pool begins.
-- A changed configuration is never called drift: drift and p are null, cause is configuration.
with tested as (
    select * from {{ ref('drift_results') }}

    union all by name

    select 'pool' as reference_kind, * from {{ ref('pool_tests') }}
),

reconfigured as (
    select
        compared.wave_id,
        compared.model,
        compared.reference_kind,
        compared.reference,
        compared.identity_changed,
        names.capability,
        kernels.kernel,
        'configuration' as configuration
    from {{ ref('drift_references') }} as compared
    inner join (
        select distinct wave_id, capability from {{ ref('battery_prompts') }}
        union all
        select distinct wave_id, 'overall' as capability from {{ ref('battery_prompts') }}
    ) as names
        on compared.wave_id = names.wave_id
    cross join (values ('semantic'), ('distributional'), ('combined')) as kernels (kernel)
    where compared.configuration_changed and not compared.is_confirmation
),

comparisons as (
    select * from tested
    union all by name
    select * from reconfigured
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    comparisons.model,
    models.purpose,
    comparisons.capability,
    comparisons.reference_kind,
    comparisons.reference,
    comparisons.kernel,
    comparisons.method,
    comparisons.drift,
    comparisons.noise_mean,
    comparisons.noise,
    comparisons.p_value,
    alarms.p_adjusted,
    alarms.cause is not null as is_alarm,
    coalesce(comparisons.configuration, alarms.cause) as cause,
    coalesce(comparisons.identity_changed, false) as identity_changed,
    comparisons.changed_share,
    comparisons.n_prompts,
    comparisons.n_samples,
    comparisons.n_draws,
    comparisons.seed,
    comparisons.p_confirmation,
    comparisons.n_waves,
    comparisons.p_difference,
    comparisons.shift,
    comparisons.p_shift,
    comparisons.inputs_sha
from comparisons
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('model_waves') }} as models
    on comparisons.wave_id = models.wave_id and comparisons.model = models.model_requested
left join {{ ref('drift_alarms') }} as alarms
    on comparisons.wave_id = alarms.wave_id
    and comparisons.model = alarms.model
    and comparisons.reference_kind = alarms.reference_kind
    and comparisons.capability = alarms.capability
    and comparisons.kernel = alarms.kernel
