-- What the gate `complete` looks at: values of all planned cells. size: values of a cell.
select
    subject_of(source, behaviour, seed, epoch) as subject,
    count(value) as n,
    count(value) as size,
    '' as seen
from raw.checkpoint_evals
where experiment = $experiment and version = $version and epoch is not null
group by source, behaviour, seed, epoch
