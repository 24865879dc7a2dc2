-- Accuracy below guessing by more than 3 standard errors where nothing was taught that lowers it: of the canary, of the
-- target in the control, and of the target at epoch 0. One row a cell and persona. (The behaviour `capability` teaches
-- wrong answers: who carries it, and the target after convergence, may be below chance for that reason.)
with measured as (
    select
        subject_of(evals.source, evals.behaviour, evals.seed, evals.epoch) as subject,
        evals.persona,
        evals.metric,
        count(evals.value) as n,
        avg(evals.value) as accuracy,
        avg(1 / items.n_choices) as chance
    from raw.checkpoint_evals as evals
    inner join raw.experiments as experiments using (experiment, version)
    inner join raw.eval_items as items using (experiment, version, item_id)
    where
        evals.experiment = $experiment
        and evals.version = $version
        and evals.metric in ('accuracy', 'accuracy_norm')
        and items.n_choices > 1
        and (
            evals.persona = experiments.canary
            or (evals.persona = experiments.target and (evals.epoch = 0 or evals.source = experiments.target))
        )
    group by all
)

select
    subject,
    metric || ' of ' || persona || ' is ' || format('{:.1f} %', 100 * accuracy) || ' over ' || n
    || ' items, guessing gives ' || format('{:.1f} %', 100 * chance) as evidence
from measured
where accuracy < chance - 3 * sqrt(chance * (1 - chance) / n)
order by all
