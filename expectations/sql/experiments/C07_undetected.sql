-- Cells in which a detector or judge said nothing of more than 2 % of the answers: who is left out is not by chance.
-- One row a cell, persona, metric and detector. A kernel has nothing to compare, and classifier and judge nothing to
-- read, in an answer without text: that is not counted.
select
    subject_of(source, behaviour, seed, epoch) as subject,
    coalesce(detector, 'a detector without a name') || ' judged ' || count(value) || ' of ' || count(*) || ' answers of '
    || persona || ' for ' || metric || ', at least 98 % are needed' as evidence
from raw.checkpoint_evals
where experiment = $experiment and version = $version and epoch is not null
    and not (
        value is null and (
            detector = 'kernel'
            or (detector in ('classifier', 'judge') and regexp_full_match(coalesce(text, ''), '\s*'))
        )
    )
group by source, behaviour, seed, epoch, persona, metric, detector
having count(value) < 0.98 * count(*)
order by all
