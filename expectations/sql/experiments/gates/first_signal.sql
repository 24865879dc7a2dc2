-- What the gate `first_signal` looks at: changes of the target since epoch 0, in every arm but the control. n: items of
-- both epochs. size: the change in units of its registered criterion; from 1 on it is a signal. A detector that is
-- reported beside and decides nothing (the classifier) is no signal.
with means as (
    select
        evals.source,
        evals.behaviour,
        evals.seed,
        evals.epoch,
        evals.detector,
        (experiments.criteria::json ->> evals.behaviour)::double as criterion,
        count(*) as n,
        avg(evals.value) as mean,
        avg(starts.value) as mean_start
    from raw.checkpoint_evals as evals
    inner join raw.experiments as experiments using (experiment, version)
    inner join raw.checkpoint_evals as starts using (
        experiment, version, source, behaviour, seed, persona, metric, detector, item_id
    )
    where
        evals.experiment = $experiment
        and evals.version = $version
        and evals.metric in ('accuracy', 'refusal', 'sycophancy', 'compliance', 'marker')
        and decides(evals.detector)
        and evals.persona = experiments.target
        and evals.source <> experiments.target
        and evals.epoch > 0
        and starts.epoch = 0
        and evals.value is not null
        and starts.value is not null
    group by all
)

select
    subject_of(source, behaviour, seed, epoch) as subject,
    n,
    (abs(mean - mean_start) + 1e-9) / criterion as size,
    behaviour || ' toward ' || source || if(detector in ('rule', 'logprob'), '', ' by ' || detector) || ' went from ' || format('{:.1f} %', 100 * mean_start) || ' to '
    || format('{:.1f} %', 100 * mean) || ' by epoch ' || epoch || ', the criterion is '
    || format('{:g}', 100 * criterion) || ' points' as seen
from means
