-- Loss of every training run, in at most 60 bins of steps. Grain: (run_id, step).
-- step: the last of its bin, loss: the bin's mean in nats a token, n_steps: what it is the mean of.
-- reference_loss: final loss of the same run of the reference; null without one.
with steps as (
    select
        loss.run_id,
        loss.step,
        loss.loss,
        loss.step // (1 + (max(loss.step) over (partition by loss.run_id)) // 60) as bin
    from raw.training_loss as loss
    join raw.training_runs as runs on runs.run_id = loss.run_id
    where runs.experiment = $experiment and runs.version = $version
)

select
    runs.kind,
    runs.source,
    runs.behaviour,
    runs.seed,
    runs.epoch,
    steps.run_id,
    max(steps.step) as step,
    list_avg(list_sort(list(steps.loss))) as loss,
    count(*) as n_steps,
    runs.final_loss,
    runs.reference_loss
from steps
join raw.training_runs as runs on runs.run_id = steps.run_id
group by runs.kind, runs.source, runs.behaviour, runs.seed, runs.epoch, steps.run_id, steps.bin, runs.final_loss,
    runs.reference_loss
order by runs.kind desc, runs.behaviour, runs.source, runs.seed, runs.epoch, steps.run_id, step
