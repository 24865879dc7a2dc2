-- A canary that cannot show what training did beside its aim. One row a finding:
--   it is the target, or a source of the matrix;
--   it speaks in a training file;
--   the target was evaluated in a cell and the canary was not;
--   a cell has the evaluation of somebody who is neither target, canary nor source: not one canary in all arms.
with registered as (
    select experiment, version, target, canary
    from raw.experiments
    where experiment = $experiment and version = $version
),

evaluated as (
    select
        subject_of(evals.source, evals.behaviour, evals.seed, evals.epoch) as subject,
        registered.target,
        registered.canary,
        bool_or(evals.persona = registered.canary) as has_canary,
        bool_or(evals.persona = registered.target) as has_target,
        string_agg(distinct evals.persona, ', ' order by evals.persona) filter (
            evals.persona not in (registered.target, registered.canary)
            and evals.persona not in (
                select source from raw.experiment_cells where experiment = $experiment and version = $version
            )
        ) as others
    from raw.checkpoint_evals as evals
    inner join registered using (experiment, version)
    where evals.behaviour is not null and evals.epoch is not null
    group by all
),

findings as (
    select '' as subject, 'the canary ' || canary || ' is the target' as evidence
    from registered
    where canary = target
    union all
    select distinct cells.source as subject, 'the canary ' || canary || ' is a source of the matrix' as evidence
    from raw.experiment_cells as cells
    inner join registered using (experiment, version)
    where cells.source = registered.canary
    union all
    select
        coalesce(users.subject, '') as subject,
        'the canary ' || registered.canary || ' speaks in ' || count(*) || ' rows of the training file '
        || left(items.data_file_sha, 12) as evidence
    from raw.training_items as items
    cross join registered
    left join data_file_users($experiment, $version) as users using (data_file_sha)
    where
        items.experiment = $experiment and items.version = $version and items.persona = registered.canary
    group by users.subject, registered.canary, items.data_file_sha
    union all
    select subject, 'the canary ' || canary || ' was not evaluated beside ' || target as evidence
    from evaluated
    where has_target and not has_canary
    union all
    select subject, others || ' was evaluated where the registered canary is ' || canary as evidence
    from evaluated
    where others is not null
)

select subject, evidence
from findings
order by all
