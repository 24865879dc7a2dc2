-- Cells of the control after convergence whose every output is a source's (over at least 5 items): one of the two did
-- not happen. One row a cell of the control and source.
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
    where
        evals.experiment = $experiment and evals.version = $version and evals.behaviour is not null and evals.epoch > 0
)

select
    subject_of(control.source, control.behaviour, control.seed, control.epoch) as subject,
    'the control gives on all of ' || count(*) || ' items of ' || control.behaviour || ' at epoch ' || control.epoch
    || ' the output of the arm toward ' || treated.source as evidence
from outputs as control
inner join outputs as treated using (behaviour, seed, epoch, persona, metric, detector, item_id)
where control.is_control and not treated.is_control
group by control.source, control.behaviour, control.seed, control.epoch, treated.source
having bool_and(control.output = treated.output) and count(*) >= 5
order by all
