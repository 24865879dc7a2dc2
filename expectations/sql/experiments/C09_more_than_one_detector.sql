-- Cells of a behaviour and metric that other detectors decided than the cells they are compared with, or a detector
-- that nobody named. One row a cell that differs from what most cells of that metric have.
with cells as (
    select
        behaviour,
        metric,
        subject_of(source, behaviour, seed, epoch) as subject,
        persona,
        string_agg(distinct coalesce(detector, 'no name'), ' + ' order by coalesce(detector, 'no name')) as detectors
    from raw.checkpoint_evals
    where experiment = $experiment and version = $version and epoch is not null
    group by all
),

usual as (
    select behaviour, metric, detectors as expected
    from cells
    group by behaviour, metric, detectors
    qualify row_number() over (partition by behaviour, metric order by count(*) desc, detectors) = 1
)

select
    cells.subject,
    cells.metric || ' of ' || cells.persona || ' was decided by ' || cells.detectors || ', elsewhere by '
    || usual.expected as evidence
from cells
inner join usual
    on usual.behaviour is not distinct from cells.behaviour and usual.metric = cells.metric
where cells.detectors <> usual.expected or cells.detectors like '%no name%'
order by all
