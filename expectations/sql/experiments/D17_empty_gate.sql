-- Gates that passed without looking at anything. One row a decision.
select
    if(subject in ('', 'matrix', 'the whole matrix'), '', subject) as subject,
    'gate ' || gate || ' passed with n = ' || coalesce(n::varchar, 'null') || ' (' || evidence || ')' as evidence
from raw.experiment_gates
where experiment = $experiment and version = $version and passed and coalesce(n, 0) <= 0
order by all
