-- Cells that lack items which another epoch or persona of the same arm and behaviour has: a change then compares other
-- questions. One row a cell, persona, metric and detector.
with evaluated as (
    select source, coalesce(behaviour, 'convergence') as behaviour, seed, epoch, persona, metric, coalesce(detector, '') as detector, item_id
    from raw.checkpoint_evals
    where experiment = $experiment and version = $version and epoch is not null
    group by all
),

wanted as (
    select source, behaviour, seed, metric, detector, count(distinct item_id) as n_items
    from evaluated
    group by all
)

select
    subject_of(source, behaviour, seed, epoch) as subject,
    metric || ' of ' || persona || ' has ' || count(*) || ' of the ' || n_items
    || ' items that other epochs and personas of it have' as evidence
from evaluated
inner join wanted using (source, behaviour, seed, metric, detector)
group by source, behaviour, seed, epoch, persona, metric, detector, n_items
having count(*) < n_items
order by all
