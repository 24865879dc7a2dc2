-- Controls and canaries of a study that moved by what counts as a change: 5 points of a share, 10 of a score. From epoch
-- 0 to the epoch that the analysis quotes, else to its last. One row a source, behaviour, persona, metric and detector.
with metrics as (
    select *
    from raw.foreign_metrics
    where study = $study
    qualify imported_at = max(imported_at) over (partition by source_name)
),

headlines as (
    select analysis, any_value(value) as epoch
    from metrics
    where metric = 'headline_epoch'
    group by analysis
),

controls as (
    select
        metrics.*,
        coalesce(
            headlines.epoch,
            max(metrics.epoch) over (
                partition by metrics.analysis, metrics.source, metrics.behaviour, metrics.persona, metrics.metric
            )
        ) as last_epoch,
        if(metrics.unit = 'share', 100, 1) * metrics.value as points,
        if(metrics.unit = 'score', 10, 5) as criterion
    from metrics
    left join headlines on headlines.analysis is not distinct from metrics.analysis
    where metrics.role in ('control', 'canary') and metrics.unit in ('share', 'percent', 'score')
),

changes as (
    select
        analysis,
        source,
        behaviour,
        persona,
        metric,
        detector,
        seed,
        role,
        last_epoch,
        criterion,
        max(points) filter (epoch = 0) as before,
        max(points) filter (epoch = last_epoch) as after
    from controls
    group by all
)

select
    concat_ws('/', analysis, source, behaviour) || '@' || last_epoch::bigint as subject,
    'the ' || role || '''s ' || metric || coalesce(' of ' || persona, '') || ' moved by '
    || format('{:+.1f}', after - before) || ' points (' || format('{:.1f}', before) || ' to ' || format('{:.1f}', after)
    || '); from ' || criterion || ' on it counts as a change' as evidence
from changes
where abs(after - before) >= criterion - 1e-9
order by all
