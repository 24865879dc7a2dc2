-- The models of each wave whose drift is watched: all but those kept out by a verdict and the incomplete; canaries too.
-- Grain: (wave_id, model).
-- configuration: what we chose - settings, system prompt, battery and the prompts asked. identity_sha: what answered.
-- is_single: one sample a prompt. answers_sha: SHA-256 of what drift reads of the answers, confirmation_sha of the
-- second sample that an alarm asks for; null without one, and where too few of its answers came.
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

sample_counts as (
    select wave_id, model_requested, max(sample_index) = min(sample_index) as is_single
    from {{ ref('responses') }}
    where purpose in ('measure', 'canary')
    group by wave_id, model_requested
),

-- a second sample is read when as much of it came as a first sample needs to be measured, from the same system
second_samples as (
    select shas.wave_id, shas.model, shas.answers_sha
    from {{ ref('model_wave_shas') }} as shas
    inner join {{ ref('second_samples') }} as asked using (wave_id, model)
    where shas.is_confirmation and asked.is_complete and asked.is_same_system
)

select
    models.wave_id,
    models.wave_date,
    models.panel,
    models.model_requested as model,
    models.identity_sha,
    sets.n_capabilities,
    concat_ws(' ', waves.battery_sha, models.config_sha, sets.prompt_set_sha) as configuration,
    counts.is_single,
    answers.answers_sha,
    confirmations.answers_sha as confirmation_sha
from {{ ref('model_waves') }} as models
inner join {{ ref('waves') }} as waves using (wave_id)
inner join prompt_sets as sets using (wave_id, model_requested)
inner join sample_counts as counts using (wave_id, model_requested)
inner join {{ ref('model_wave_shas') }} as answers
    on models.wave_id = answers.wave_id and models.model_requested = answers.model and not answers.is_confirmation
left join second_samples as confirmations
    on models.wave_id = confirmations.wave_id and models.model_requested = confirmations.model
where models.withheld_reason is null or models.withheld_reason not in ('failed verdict', 'incomplete')
