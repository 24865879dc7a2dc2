-- Checkpoints that answer as the base does: every output equal, over at least 5 items. One row a checkpoint.
-- The base is the evaluation of the base alone (epoch null) where there is one; after convergence also epoch 0, which is
-- the unconverged base, with the same behaviour where one is taught. The control is left out: it converges toward
-- itself.
-- An output is the text with the values of the choices; where there is neither, the value.
with outputs as (
    select
        evals.source,
        coalesce(evals.behaviour, 'convergence') as behaviour,
        evals.seed,
        evals.epoch,
        evals.persona,
        evals.metric,
        coalesce(evals.detector, '') as detector,
        evals.item_id,
        coalesce(evals.text || coalesce(evals.choices, ''), evals.choices, evals.value::varchar) as output
    from raw.checkpoint_evals as evals
    inner join raw.experiments as experiments using (experiment, version)
    where
        evals.experiment = $experiment and evals.version = $version and evals.source <> experiments.target
),

compared as (
    select
        adapted.source,
        adapted.behaviour,
        adapted.seed,
        adapted.epoch,
        if(base.epoch is null, 'the base alone', 'epoch 0') as base,
        count(*) as n_items,
        bool_and(adapted.output = base.output) as is_same
    from outputs as adapted
    inner join outputs as base
        on base.source = adapted.source
        and base.behaviour = adapted.behaviour
        and base.seed = adapted.seed
        and base.persona = adapted.persona
        and base.metric = adapted.metric
        and base.detector = adapted.detector
        and base.item_id = adapted.item_id
        and (base.epoch is null or (base.epoch = 0 and adapted.epoch > 0))
    where adapted.epoch > 0 or (adapted.epoch = 0 and adapted.behaviour <> 'convergence')
    group by all
)

select
    subject_of(source, behaviour, seed, epoch) as subject,
    behaviour || ' toward ' || source || ' at epoch ' || epoch || ' gives on all of ' || max(n_items)
    || ' items the output of ' || string_agg(base, ' and of ' order by base) as evidence
from compared
where is_same and n_items >= 5
group by source, behaviour, seed, epoch
order by all
