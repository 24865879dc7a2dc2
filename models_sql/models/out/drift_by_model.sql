-- How far a model's answers moved since its previous wave, since its baseline, and, with one sample a prompt, since a
-- pool of earlier waves.
-- Grain: (wave_id, model, capability, reference_kind, kernel). A model's first wave is not here.
-- drift: MMD squared per prompt, mean over prompts: 0 = the two waves differ no more than samples of one wave do;
-- unbiased, so slightly negative by chance. With one sample a prompt it is the mean of 1 - kernel, without p; against a
-- pool it is how much more alike the pool is to itself than to the new answers, 0 = no more, negative = less varied.
-- behaviour: the second sample alarms too, by Holm over the alarming tests of the model and wave that it repeats.
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
),

-- the tests that a second sample may confirm; one test that stands under two kinds of reference is one
repeated as (
    select wave_id, model, inputs_sha, capability, kernel, any_value(p_confirmation) as p_confirmation
    from adjusted
    where p_adjusted < {{ var('alarm_level') }} and not identity_changed and p_confirmation is not null
    group by wave_id, model, inputs_sha, capability, kernel
),

repeated_ranked as (
    select
        *,
        p_confirmation * (
            count(*) over (partition by wave_id, model)
            - row_number() over (
                partition by wave_id, model order by p_confirmation, inputs_sha, capability, kernel
            ) + 1
        ) as p_times
    from repeated
),

confirmed as (
    select
        wave_id,
        model,
        inputs_sha,
        capability,
        kernel,
        max(p_times) over (
            partition by wave_id, model order by p_confirmation, inputs_sha, capability, kernel
            rows between unbounded preceding and current row
        ) < {{ var('alarm_level') }} as is_confirmed
    from repeated_ranked
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
            adjusted.p_adjusted < {{ var('alarm_level') }} and confirmed.is_confirmed
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
left join confirmed
    on adjusted.wave_id = confirmed.wave_id
    and adjusted.model = confirmed.model
    and adjusted.inputs_sha = confirmed.inputs_sha
    and adjusted.capability = confirmed.capability
    and adjusted.kernel = confirmed.kernel
