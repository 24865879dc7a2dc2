-- Cells with fewer than 30 values of a metric: too few for any claim about it. One row a cell, persona, metric and
-- detector.
select
    subject_of(source, behaviour, seed, epoch) as subject,
    metric || ' of ' || persona || ' rests on ' || count(value) || ' values, at least 30 are needed' as evidence
from raw.checkpoint_evals
where experiment = $experiment and version = $version and behaviour is not null and epoch is not null
group by source, behaviour, seed, epoch, persona, metric, detector
having count(value) < 30
order by all
