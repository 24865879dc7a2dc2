-- Planned cells in which the target was not evaluated. One row a cell.
select
    subject_of(cells.source, cells.behaviour, cells.seed, cells.epoch) as subject,
    experiments.target || ' was not evaluated on ' || cells.behaviour || ' toward ' || cells.source || ' at epoch '
    || cells.epoch || ', seed ' || cells.seed as evidence
from raw.experiment_cells as cells
inner join raw.experiments as experiments using (experiment, version)
left join raw.checkpoint_evals as evals
    on evals.experiment = cells.experiment
    and evals.version = cells.version
    and evals.source = cells.source
    and evals.behaviour = cells.behaviour
    and evals.seed = cells.seed
    and evals.epoch = cells.epoch
    and evals.persona = experiments.target
where cells.experiment = $experiment and cells.version = $version and evals.eval_id is null
order by all
