-- What was meant to stay where it is and moved by the registered criterion between epoch 0 and the headline epoch: the
-- target in the degenerate control, or the canary in any arm. One row an arm, behaviour, seed, persona and
-- detector.
with rates as (
    select
        evals.source,
        evals.behaviour,
        evals.seed,
        evals.persona,
        evals.metric,
        coalesce(evals.detector, '') as detector,
        evals.source = experiments.target as is_control,
        evals.persona = experiments.canary as is_canary,
        experiments.headline_epoch,
        (experiments.criteria::json ->> evals.behaviour)::double * if(evals.metric = 'alignment', 100, 1) as criterion,
        avg(evals.value) filter (evals.epoch = 0) as before,
        avg(evals.value) filter (evals.epoch = experiments.headline_epoch) as after
    from raw.checkpoint_evals as evals
    inner join raw.experiments as experiments using (experiment, version)
    where
        evals.experiment = $experiment
        and evals.version = $version
        and evals.metric in ('accuracy', 'refusal', 'sycophancy', 'compliance', 'marker')
        and (evals.source = experiments.target or evals.persona = experiments.canary)
    group by all
)

select
    subject_of(source, behaviour, seed, headline_epoch) as subject,
    metric || ' of ' || if(is_canary, 'the canary ', 'the control''s ') || persona || ' moved from '
    || format('{:.1f} %', 100 * before) || ' to ' || format('{:.1f} %', 100 * after) || ' by epoch ' || headline_epoch
    || ' toward ' || source || if(detector in ('', 'rule', 'logprob'), '', ' by ' || detector) || '; from ' || format('{:g}', 100 * criterion) || ' points on it counts as a change'
    as evidence
from rates
where abs(after - before) >= criterion - 1e-9
order by all
