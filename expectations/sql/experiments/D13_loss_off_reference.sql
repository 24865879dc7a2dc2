-- Behaviour runs whose final loss is further from the reference run's than the registered share (a fifth where none is
-- registered). One row a run; runs without a counterpart in the reference are not compared.
with runs as (
    select
        runs.*,
        coalesce((experiments.content ->> '$.thresholds.loss_share')::double, 0.2) as share
    from raw.training_runs as runs
    inner join raw.experiments as experiments using (experiment, version)
    where runs.experiment = $experiment and runs.version = $version and runs.behaviour is not null
)

select
    subject_of(source, behaviour, seed, epoch) as subject,
    'the final loss of ' || behaviour || ' toward ' || source || ' at epoch ' || epoch || ' is '
    || format('{:.3f}', final_loss) || ', the reference run has ' || format('{:.3f}', reference_loss) || ', tolerance '
    || format('{:g} %', 100 * share) as evidence
from runs
where reference_loss is not null and not abs(final_loss - reference_loss) <= share * reference_loss + 1e-12
order by all
