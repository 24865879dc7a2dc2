-- Baselines stored beside a trajectory (metric X_baseline) that differ from its epoch 0 (metric X) by more than 0.005.
-- One row a source and metric. A baseline without a value at epoch 0 cannot be compared.
with metrics as (
    select *
    from raw.foreign_metrics
    where study = $study
    qualify imported_at = max(imported_at) over (partition by source_name)
),

compared as (
    select
        baseline.analysis,
        baseline.source,
        baseline.behaviour,
        trajectory.metric,
        trajectory.persona,
        baseline.value as stored,
        trajectory.value as at_epoch_zero
    from metrics as baseline
    inner join metrics as trajectory
        on baseline.metric = trajectory.metric || '_baseline'
        and trajectory.analysis is not distinct from baseline.analysis
        and trajectory.source is not distinct from baseline.source
        and trajectory.behaviour is not distinct from baseline.behaviour
        and trajectory.persona is not distinct from baseline.persona
        and trajectory.seed is not distinct from baseline.seed
        and trajectory.run is not distinct from baseline.run
    where trajectory.epoch = 0 and coalesce(baseline.epoch, 0) = 0
)

select
    concat_ws('/', analysis, source, behaviour) || '@0' as subject,
    'stored baseline of ' || metric || ' is ' || format('{:.4g}', stored) || ', epoch 0 of its trajectory '
    || format('{:.4g}', at_epoch_zero) || ', tolerance 0.005' as evidence
from compared
where abs(stored - at_epoch_zero) > 0.005 + 1e-9
order by all
