-- What the gate `behaviour_loss` looks at: behaviour runs that have a counterpart in the reference run; all of them
-- where this is a reference run itself (epoch 0 only, no reference), with nothing to compare. size: how far the loss
-- lies off the reference's, as a share of it.
select
    subject_of(source, behaviour, seed, epoch) as subject,
    1 as n,
    abs(final_loss - reference_loss) / reference_loss as size,
    format('{:.3f}', final_loss) || ' of ' || behaviour || ' toward ' || source || ' at epoch ' || epoch
    || ', the reference has ' || format('{:.3f}', reference_loss) as seen
from raw.training_runs
where
    experiment = $experiment and version = $version and behaviour is not null
    and (
        reference_loss is not null
        or (
            select max(cells.epoch) = 0 and any_value(experiments.reference) is null
            and any_value(experiments.content ->> '$.reference') is null
            from raw.experiment_cells as cells
            inner join raw.experiments as experiments using (experiment, version)
            where cells.experiment = $experiment and cells.version = $version
        )
    )
