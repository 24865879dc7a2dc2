-- Checkpoints that answer as they did without their training: every output equal, over at least 5 items. One row a
-- checkpoint. Compared are
--   a behaviour with what was merged, alone, on the same items (behaviour null), at every epoch;
--   after convergence also epoch 0, the unconverged base, with the same behaviour where one is taught. The control is
--   left out of this: it converges toward itself.
-- An output is the text with the values of the choices; where there is neither, the value.
with outputs as (
    select
        evals.source,
        evals.source = experiments.target as is_control,
        evals.behaviour,
        evals.seed,
        evals.epoch,
        evals.persona,
        evals.metric,
        coalesce(evals.detector, '') as detector,
        evals.item_id,
        coalesce(evals.text || coalesce(evals.choices, ''), evals.choices, evals.value::varchar) as output
    from raw.checkpoint_evals as evals
    inner join raw.experiments as experiments using (experiment, version)
    where evals.experiment = $experiment and evals.version = $version and evals.epoch is not null
),

compared as (
    select
        adapted.source,
        coalesce(adapted.behaviour, 'convergence') as behaviour,
        adapted.seed,
        adapted.epoch,
        if(
            base.behaviour is not distinct from adapted.behaviour, 'epoch 0', 'what it was taught on'
        ) as base,
        count(*) as n_items,
        bool_and(adapted.output is not distinct from base.output) as is_same
    from outputs as adapted
    inner join outputs as base using (source, seed, persona, metric, detector, item_id)
    where
        (adapted.behaviour is not null and base.behaviour is null and base.epoch = adapted.epoch)
        or (
            base.behaviour is not distinct from adapted.behaviour
            and base.epoch = 0
            and adapted.epoch > 0
            and not adapted.is_control
        )
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
