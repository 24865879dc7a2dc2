-- How much of each second sample that an alarm asked for came.
-- Grain: (wave_id, model).
-- is_complete: 95 % of its answers or more, as a first sample needs to be measured (core.model_waves).
-- is_same_system: served under the names and by the providers of the first sample, and, where both tell fingerprints, by
-- one of its fingerprints at least: another system says nothing about the first.
with served as (
    select
        wave_id,
        model_requested as model,
        purpose = 'confirmation' as is_second,
        list(distinct model_served) filter (model_served is not null) as names,
        list(distinct provider_served) filter (provider_served is not null) as providers,
        list(distinct system_fingerprint) filter (system_fingerprint is not null) as fingerprints
    from {{ ref('responses') }}
    group by wave_id, model_requested, purpose = 'confirmation'
),

systems as (
    select
        second.wave_id,
        second.model,
        coalesce(list_has_all(first_.names, second.names), true)
        and coalesce(list_has_all(first_.providers, second.providers), true)
        and coalesce(list_has_any(first_.fingerprints, second.fingerprints), true) as is_same_system
    from (from served where is_second) as second
    inner join (from served where not is_second) as first_ using (wave_id, model)
),

asked as (
    select
        wave_id,
        model_requested as model,
        count(*) as n_planned,
        count(*) filter (state = 'ok') as n_answers,
        count(distinct prompt_id) filter (state = 'ok') as n_prompts,
        count(*) filter (state = 'ok') >= 0.95 * count(*) as is_complete
    from {{ ref('cells') }}
    where purpose = 'confirmation'
    group by wave_id, model_requested
)

select
    asked.wave_id,
    asked.model,
    asked.n_planned,
    asked.n_answers,
    asked.n_prompts,
    asked.is_complete,
    coalesce(systems.is_same_system, true) as is_same_system
from asked
left join systems using (wave_id, model)
