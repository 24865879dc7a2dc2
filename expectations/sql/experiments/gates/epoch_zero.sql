-- What the gate `epoch_zero` looks at: values of epoch 0, by cell, persona and metric. size: how far their mean lies from
-- the reference's over the items of both; null where the reference lacks the source, and of a reference run itself.
with reference as (
    select evals.source, evals.behaviour, evals.persona, evals.metric, evals.detector, evals.item_id, avg(evals.value) as value
    from raw.checkpoint_evals as evals
    inner join raw.experiments as experiments
        on experiments.reference = evals.experiment || '@' || evals.version
    where experiments.experiment = $experiment and experiments.version = $version and evals.epoch = 0
    group by all
),

measured as (
    select
        evals.source,
        evals.behaviour,
        evals.seed,
        evals.persona,
        evals.metric,
        evals.detector,
        count(evals.value) as n,
        avg(evals.value) filter (reference.value is not null) as mean_now,
        avg(reference.value) filter (evals.value is not null) as mean_then
    from raw.checkpoint_evals as evals
    left join reference
        on reference.source = evals.source
        and reference.behaviour is not distinct from evals.behaviour
        and reference.persona = evals.persona
        and reference.metric = evals.metric
        and reference.detector is not distinct from evals.detector
        and reference.item_id = evals.item_id
    where evals.experiment = $experiment and evals.version = $version and evals.epoch = 0
    group by all
)

select
    subject_of(source, behaviour, seed, 0) as subject,
    n,
    abs(mean_now - mean_then) as size,
    metric || ' of ' || persona || ' toward ' || source || ' ' || format('{:.4g}', mean_now) || ', reference '
    || format('{:.4g}', mean_then) as seen
from measured
