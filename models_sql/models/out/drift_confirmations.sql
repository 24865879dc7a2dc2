-- What became of the alarms that neither our configuration nor the served system explains: was a second sample asked
-- the same night, of how many answers, and did it alarm too? Under 95 % of the answers decide nothing, nor do those of another
-- system than the first sample's.
-- Grain: (wave_id, model). Waves and models without such an alarm are not here.
-- known_since: the last earlier wave that confirmed the same change. An alarm against the baseline comes back every
-- night after a change; it is asked for once, and then only with an alarm against the night before or the pool.
with alarms as (
    select
        wave_id,
        wave_date,
        panel,
        model,
        count(*) as n_alarms,
        count(*) filter (cause = 'behaviour') as n_confirmed,
        bool_and(reference_kind = 'baseline') as is_of_baseline,
        min(reference) filter (reference_kind = 'baseline') as baseline,
        count(*) filter (cause = 'behaviour' and reference_kind = 'baseline') > 0 as is_baseline_confirmed,
        min(p_adjusted) as p_adjusted,
        string_agg(distinct capability, ' ' order by capability) filter (cause = 'unconfirmed') as capabilities
    from {{ ref('drift_by_model') }}
    where cause in ('behaviour', 'unconfirmed')
    group by wave_id, wave_date, panel, model
),

known as (
    select later.wave_id, later.model, max_by(earlier.wave_id, earlier.wave_date) as known_since
    from alarms as later
    inner join alarms as earlier
        on later.panel = earlier.panel
        and later.model = earlier.model
        and later.baseline = earlier.baseline
        and later.wave_date > earlier.wave_date
    where later.is_of_baseline and earlier.is_baseline_confirmed
    group by later.wave_id, later.model
),

decided as (
    select wave_id, model, reason
    from {{ source('raw', 'confirmations') }}
    qualify row_number() over (partition by wave_id, model order by decided_at desc, reason) = 1
)

select
    alarms.wave_id,
    alarms.wave_date,
    alarms.panel,
    alarms.model,
    alarms.n_alarms,
    alarms.n_confirmed,
    alarms.p_adjusted,
    alarms.capabilities,
    case
        when alarms.n_confirmed > 0 then 'confirmed'
        when answered.is_complete and not answered.is_same_system then 'another system'
        when answered.is_complete then 'not confirmed'
        when answered.n_planned > 0 then 'incomplete'
        when known.known_since is not null then 'known'
        else 'not asked'
    end as state,
    coalesce(answered.n_planned, 0) as n_planned,
    coalesce(answered.n_answers, 0) as n_answers,
    coalesce(answered.n_prompts, 0) as n_prompts,
    known.known_since,
    decided.reason
from alarms
left join known using (wave_id, model)
left join {{ ref('second_samples') }} as answered using (wave_id, model)
left join decided using (wave_id, model)
