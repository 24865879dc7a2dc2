-- Each model of each wave: how much of its plan was answered, by what, and whether convergence counts it.
-- Grain: (wave_id, model_requested). Confirmation cells are left out.
-- answered_share: usable answers / planned cells, 0-1.
with planned as (
    select
        wave_id,
        wave_date,
        panel,
        model_requested,
        any_value(endpoint_kind) as endpoint_kind,
        min(purpose) as purpose,
        count(*) as planned_cells
    from {{ ref('cells') }}
    where purpose in ('measure', 'canary')
    group by wave_id, wave_date, panel, model_requested
),

answered as (
    select
        wave_id,
        model_requested,
        count(*) as ok_cells,
        count(distinct text_sha) as n_texts,
        count(distinct prompt_id) as n_prompts,
        list_sort(list(distinct {
            'model_served': model_served,
            'provider_served': provider_served,
            'system_fingerprint': system_fingerprint
        })) as identity,
        list_sort(list(distinct model_served) filter (model_served is not null)) as served,
        list_sort(list(distinct provider_served) filter (provider_served is not null)) as providers,
        list(distinct system_fingerprint) filter (system_fingerprint is not null) as fingerprints
    from {{ ref('responses') }}
    where purpose in ('measure', 'canary')
    group by wave_id, model_requested
),

failed as (
    select distinct wave_id, model as model_requested
    from {{ ref('newest_verdicts') }}
    where scope = 'model' and verdict = 'failed'
),

model_waves as (
    select
        planned.*,
        coalesce(answered.ok_cells, 0) as ok_cells,
        coalesce(answered.ok_cells, 0) / planned.planned_cells as answered_share,
        answered.identity,
        answered.served,
        answered.providers,
        answered.fingerprints,
        rosters.config_sha,
        case
            when failed.wave_id is not null then 'failed verdict'
            when coalesce(answered.ok_cells, 0) < 0.95 * planned.planned_cells then 'incomplete'
            when answered.n_texts = 1 and answered.n_prompts >= 5 then 'one answer'
        end as withheld_alone
    from planned
    left join answered using (wave_id, model_requested)
    left join failed using (wave_id, model_requested)
    left join {{ ref('rosters') }} as rosters
        on planned.wave_id = rosters.wave_id and planned.model_requested = rosters.model
),

-- Names that ask one and the same thing: same settings, same served model and provider. Fingerprints
-- are compared as sets, because one model is often served by several machines in turn.
repeated as (
    select distinct later.wave_id, later.model_requested
    from model_waves as later
    inner join model_waves as earlier
        on later.wave_id = earlier.wave_id
        and later.model_requested > earlier.model_requested
        and later.config_sha = earlier.config_sha
        and later.served = earlier.served
        and later.providers is not distinct from earlier.providers
        and (
            list_has_any(later.fingerprints, earlier.fingerprints)
            or (later.fingerprints is null and earlier.fingerprints is null)
        )
    where later.purpose = 'measure' and earlier.purpose = 'measure' and earlier.withheld_alone is null
)

select
    model_waves.wave_id,
    model_waves.wave_date,
    model_waves.panel,
    model_waves.model_requested,
    model_waves.endpoint_kind,
    model_waves.purpose,
    model_waves.planned_cells,
    model_waves.ok_cells,
    model_waves.answered_share,
    model_waves.withheld_alone is not null or repeated.wave_id is not null as is_withheld,
    coalesce(
        model_waves.withheld_alone,
        case when repeated.wave_id is not null then 'same identity as another name' end
    ) as withheld_reason,
    cast(to_json(model_waves.identity) as varchar) as identity,
    sha256(cast(to_json(model_waves.identity) as varchar)) as identity_sha,
    model_waves.config_sha
from model_waves
left join repeated using (wave_id, model_requested)
