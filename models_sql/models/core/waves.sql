-- Waves that take part: those whose newest audit passed them, and the candidates of this build.
-- Grain: wave_id. A wave that failed, or that was never audited, is not here.
with passed as (
    select wave_id
    from {{ ref('newest_verdicts') }}
    where scope = 'wave'
    group by wave_id
    having bool_and(verdict = 'passed')
),

batteries as (
    select
        wave_id,
        min(battery) as battery,
        min(battery_version) as battery_version,
        min(battery_sha) as battery_sha
    from {{ source('raw', 'prompts') }}
    group by wave_id
)

select
    waves.wave_id,
    waves.panel,
    waves.wave_date,
    waves.wave_kind,
    batteries.battery,
    batteries.battery_version,
    batteries.battery_sha,
    list_contains(string_split('{{ var("candidate") or "" }}', ','), waves.wave_id) as is_candidate
from {{ source('ops', 'waves') }} as waves
inner join batteries using (wave_id)
where waves.wave_id in (from passed) or list_contains(string_split('{{ var("candidate") or "" }}', ','), waves.wave_id)
