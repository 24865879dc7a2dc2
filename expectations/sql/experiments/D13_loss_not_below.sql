-- Runs whose final loss is not below the registered bound (1 nat a token where none is registered). One row a run.
select
    subject_of(runs.source, runs.behaviour, runs.seed, runs.epoch) as subject,
    'the final loss of ' || coalesce(runs.behaviour, 'convergence') || ' toward ' || runs.source
    || coalesce(' at epoch ' || runs.epoch, '') || ' is ' || coalesce(format('{:.3f}', runs.final_loss), 'null')
    || ', it must be below '
    || format('{:g}', coalesce((experiments.content ->> '$.thresholds.loss_below')::double, 1)) as evidence
from raw.training_runs as runs
inner join raw.experiments as experiments using (experiment, version)
where
    runs.experiment = $experiment
    and runs.version = $version
    and not coalesce(
        isfinite(runs.final_loss)
        and runs.final_loss < coalesce((experiments.content ->> '$.thresholds.loss_below')::double, 1),
        false
    )
order by all
