-- What each model of a wave is compared with: its wave before, and its first wave under the same configuration.
-- Grain: (wave_id, model, reference_kind). Models kept out by a verdict or incomplete are not compared; a canary is.
-- Configuration is what we chose: settings, system prompt, battery and the prompts asked. Identity is what answered.
-- comparison_key: the same for both kinds where they name the same wave. n_tests: drift tests of the same wave and kind.
with prompt_sets as (
    select
        cells.wave_id,
        cells.model_requested,
        sha256(string_agg(distinct cells.prompt_id || ' ' || prompts.prompt_sha, ',' order by cells.prompt_id || ' ' || prompts.prompt_sha)) as prompt_set_sha,
        count(distinct prompts.capability) as n_capabilities
    from {{ ref('cells') }} as cells
    inner join {{ ref('battery_prompts') }} as prompts using (wave_id, prompt_id)
    where cells.purpose in ('measure', 'canary')
    group by cells.wave_id, cells.model_requested
),

observed as (
    select
        models.wave_id,
        models.wave_date,
        models.panel,
        models.model_requested as model,
        models.identity_sha,
        sets.n_capabilities,
        concat_ws(' ', waves.battery_sha, models.config_sha, sets.prompt_set_sha) as configuration
    from {{ ref('model_waves') }} as models
    inner join {{ ref('waves') }} as waves using (wave_id)
    inner join prompt_sets as sets using (wave_id, model_requested)
    where models.withheld_reason is null or models.withheld_reason not in ('failed verdict', 'incomplete')
),

in_order as (
    select
        *,
        lag(wave_id) over (partition by panel, model order by wave_date, wave_id) as previous_wave_id,
        first_value(wave_id) over (
            partition by panel, model, configuration order by wave_date, wave_id
        ) as baseline_wave_id
    from observed
),

compared as (
    select wave_id, model, n_capabilities, 'previous' as reference_kind, previous_wave_id as reference
    from in_order
    where previous_wave_id is not null

    union all

    select wave_id, model, n_capabilities, 'baseline' as reference_kind, baseline_wave_id as reference
    from in_order
    where baseline_wave_id <> wave_id
)

select
    compared.wave_id,
    compared.model,
    compared.reference_kind,
    compared.reference,
    now_observed.configuration <> then_observed.configuration as configuration_changed,
    now_observed.identity_sha <> then_observed.identity_sha as identity_changed,
    cast(dense_rank() over (order by compared.wave_id, compared.model, compared.reference) as integer) as comparison_key,
    cast(
        sum(3 * (compared.n_capabilities + 1)) over (partition by compared.wave_id, compared.reference_kind) as integer
    ) as n_tests
from compared
inner join observed as now_observed
    on compared.wave_id = now_observed.wave_id and compared.model = now_observed.model
inner join observed as then_observed
    on compared.reference = then_observed.wave_id and compared.model = then_observed.model
