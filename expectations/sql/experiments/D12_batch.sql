-- Runs whose declared batch is not per device x accumulation x devices, or whose steps are not those that rows, batch
-- and epochs come to. One row a run and finding.
with runs as (
    select
        *,
        subject_of(source, behaviour, seed, epoch) as subject,
        (hyperparameters ->> '$.epochs')::double as epochs,
        batch_per_device * accumulation * devices as batch
    from raw.training_runs
    where experiment = $experiment and version = $version
),

findings as (
    select
        subject,
        'declares a batch of ' || batch_declared || '; ' || batch_per_device || ' a device x ' || accumulation || ' x '
        || devices || ' devices is ' || batch as evidence
    from runs
    where batch_declared <> batch
    union all
    select
        subject,
        'took ' || steps || ' steps; ' || n_rows || ' rows in batches of ' || batch || ' over ' || epochs::bigint
        || ' epochs are ' || (ceil(n_rows / batch) * epochs)::bigint as evidence
    from runs
    where steps <> ceil(n_rows / batch) * epochs
)

select subject, evidence
from findings
order by all
