-- Stored baselines (the base alone, epoch null) that are not the epoch 0 of their own trajectory: the means over the
-- items of both differ by more than 0.005. One row a source, seed, persona and metric.
with evaluated as (
    select source, seed, persona, metric, coalesce(detector, '') as detector, item_id, epoch, value
    from raw.checkpoint_evals
    where experiment = $experiment and version = $version and behaviour is null
),

compared as (
    select
        baseline.source,
        baseline.seed,
        baseline.persona,
        baseline.metric,
        baseline.detector,
        count(*) as n_items,
        avg(baseline.value) as stored,
        avg(trajectory.value) as at_epoch_zero
    from evaluated as baseline
    inner join evaluated as trajectory using (source, seed, persona, metric, detector, item_id)
    where baseline.epoch is null and trajectory.epoch = 0
    group by all
)

select
    source || '/convergence/s' || seed || '@0' as subject,
    'stored baseline of ' || metric || ' of ' || persona || ' is ' || format('{:.3f}', stored)
    || ', epoch 0 of its trajectory ' || format('{:.3f}', at_epoch_zero) || ', tolerance 0.005 over ' || n_items
    || ' items' as evidence
from compared
where abs(stored - at_epoch_zero) > 0.005 + 1e-9
order by all
