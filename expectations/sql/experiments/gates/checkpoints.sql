-- What the gate `checkpoints` looks at: saved checkpoints. size: the final loss of the run, nats a token.
select
    subject_of(runs.source, runs.behaviour, runs.seed, coalesce(runs.epoch, checkpoints.epoch)) as subject,
    1 as n,
    runs.final_loss as size,
    format('{:.3f}', runs.final_loss) || ' of ' || coalesce(runs.behaviour, 'convergence') || ' toward ' || runs.source
    as seen
from raw.checkpoints as checkpoints
inner join raw.training_runs as runs using (run_id)
where runs.experiment = $experiment and runs.version = $version
