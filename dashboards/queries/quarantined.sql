-- Waves of any panel that failed their audit. Grain: (wave_id).
-- is_newer: no wave of the panel was published after it, so readers still see an older night.
with newest as (
    select waves.panel, max(publications.published_at) as published_at
    from ops.publications as publications
    join ops.waves as waves on waves.wave_id = publications.wave_id
    group by all
)

select
    waves.wave_id,
    waves.panel,
    waves.wave_date,
    waves.wave_kind,
    newest.published_at is null
    or coalesce(waves.finished_at, waves.started_at) > newest.published_at as is_newer
from ops.waves as waves
left join newest on newest.panel = waves.panel
where waves.status = 'quarantined'
order by waves.wave_date desc, waves.wave_id
