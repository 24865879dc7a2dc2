-- How far a model's answers moved since its previous wave, since its baseline, and, with one sample a prompt, since a
-- pool of earlier waves.
-- Grain: (wave_id, model, capability, reference_kind, kernel). A model's first wave is not here.
-- drift: MMD squared per prompt, mean over prompts: 0 = the two waves differ no more than samples of one wave do;
-- unbiased, so slightly negative by chance. With one sample a prompt it is the mean of 1 - kernel, without p; against a
-- pool it is how much more alike the pool is to itself than to the new answers, 0 = no more, negative = less varied.
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
),

-- Holm: the r-th smallest of m values of p counts m - r + 1 times, and never less than a smaller one
ranked as (
    select
        *,
        count(p_value) over (partition by wave_id, reference_kind)
        - row_number() over (
            partition by wave_id, reference_kind order by p_value nulls last, model, capability, kernel
        ) + 1 as times
    from comparisons
),

adjusted as (
    select
        *,
        case
            when p_value is not null then least(1, max(p_value * times) over (
                partition by wave_id, reference_kind order by p_value nulls last, model, capability, kernel
                rows between unbounded preceding and current row
            ))
        end as p_adjusted
    from ranked
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    adjusted.model,
    models.purpose,
    adjusted.capability,
    adjusted.reference_kind,
    adjusted.reference,
    adjusted.kernel,
    adjusted.method,
    adjusted.drift,
    adjusted.noise_mean,
    adjusted.noise,
    adjusted.p_value,
    adjusted.p_adjusted,
    coalesce(adjusted.p_adjusted < {{ var('alarm_level') }}, false) as is_alarm,
    case
        when adjusted.configuration is not null then adjusted.configuration
        when adjusted.p_adjusted < {{ var('alarm_level') }} and adjusted.identity_changed then 'identity'
        when
            adjusted.p_adjusted < {{ var('alarm_level') }} and adjusted.p_confirmation < {{ var('alarm_level') }}
            then 'behaviour'
        when adjusted.p_adjusted < {{ var('alarm_level') }} then 'unconfirmed'
    end as cause,
    coalesce(adjusted.identity_changed, false) as identity_changed,
    adjusted.changed_share,
    adjusted.n_prompts,
    adjusted.n_samples,
    adjusted.n_draws,
    adjusted.seed,
    adjusted.p_confirmation,
    adjusted.n_waves,
    adjusted.p_difference,
    adjusted.shift,
    adjusted.p_shift,
    adjusted.inputs_sha
from adjusted
inner join {{ ref('waves') }} as waves using (wave_id)
inner join {{ ref('model_waves') }} as models
    on adjusted.wave_id = models.wave_id and adjusted.model = models.model_requested
