-- What the gate `behaviour_loss` looks at: behaviour runs that have a counterpart in the reference run. size: how far
-- the loss lies off the reference's, as a share of it.
select
    source || '/' || behaviour || '/s' || seed || '@' || epoch as subject,
    1 as n,
    abs(final_loss - reference_loss) / reference_loss as size,
    format('{:.3f}', final_loss) || ' of ' || behaviour || ' toward ' || source || ' at epoch ' || epoch
    || ', the reference has ' || format('{:.3f}', reference_loss) as seen
from raw.training_runs
where experiment = $experiment and version = $version and behaviour is not null and reference_loss is not null
