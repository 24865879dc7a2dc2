-- Planned cells without a saved checkpoint: of the behaviour, or of the convergence that it is trained on (epochs
-- above 0). One row a missing checkpoint.
with planned as (
    select source, behaviour, seed, epoch
    from raw.experiment_cells
    where experiment = $experiment and version = $version
    union
    select source, null as behaviour, seed, epoch
    from raw.experiment_cells
    where experiment = $experiment and version = $version and epoch > 0
),

saved as (
    select
        runs.source,
        runs.behaviour,
        runs.seed,
        coalesce(runs.epoch, checkpoints.epoch) as epoch
    from raw.checkpoints as checkpoints
    inner join raw.training_runs as runs using (run_id)
    where runs.experiment = $experiment and runs.version = $version
)

select
    subject_of(planned.source, planned.behaviour, planned.seed, planned.epoch) as subject,
    'no checkpoint of ' || coalesce(planned.behaviour, 'convergence') || ' toward ' || planned.source || ' at epoch '
    || planned.epoch || ', seed ' || planned.seed as evidence
from planned
left join saved
    on saved.source = planned.source
    and saved.behaviour is not distinct from planned.behaviour
    and saved.seed = planned.seed
    and saved.epoch = planned.epoch
where saved.source is null
order by all
