-- Persona experiments that take part: those whose newest audit passed them, and the candidates of this build.
-- Grain: (experiment, version). The run of an experiment is a wave of its own, experiment/NAME@VERSION.
-- newest_version: the newest that was registered under the name, whether or not it passed or ever ran.
with passed as (
    select wave_id
    from {{ ref('newest_verdicts') }}
    where scope = 'wave'
    group by wave_id
    having bool_and(verdict = 'passed')
),

registered as (
    select distinct
        experiment,
        version,
        concat('experiment/', experiment, '@', version) as wave_id,
        target,
        canary,
        headline_epoch,
        criteria,
        registered_at
    from {{ source('raw', 'experiments') }}
),

newest as (
    select experiment, max(version) as newest_version
    from registered
    group by experiment
)

select
    registered.experiment,
    registered.version,
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    registered.target,
    registered.canary,
    registered.headline_epoch,
    registered.criteria,
    registered.registered_at,
    newest.newest_version
from registered
inner join newest using (experiment)
inner join {{ source('ops', 'waves') }} as waves using (wave_id)
where wave_id in (from passed) or list_contains(string_split('{{ var("candidate") or "" }}', ','), wave_id)
