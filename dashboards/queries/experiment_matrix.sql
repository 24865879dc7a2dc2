-- The planned matrix and what of it was evaluated. Grain: (source, behaviour).
with evaluated as (
    select distinct source, behaviour, seed, epoch
    from raw.checkpoint_evals
    where experiment = $experiment and version = $version and behaviour is not null
)

select
    cells.source,
    cells.is_control,
    cells.behaviour,
    list_sort(list(distinct cells.seed)) as seeds,
    list_sort(list(distinct cells.epoch)) as epochs,
    count(*) as n_planned,
    count(evaluated.epoch) as n_evaluated
from raw.experiment_cells as cells
left join evaluated using (source, behaviour, seed, epoch)
where cells.experiment = $experiment and cells.version = $version
group by cells.source, cells.is_control, cells.behaviour
order by cells.is_control, cells.source, cells.behaviour
