-- Training files that are not what was planned, or not what their run says. One row a file and finding:
--   another number of rows than the experiment plans;
--   rows that speak as a persona without that persona's system prompt;
--   a run whose file is not in raw.training_items, or has another number of rows than the run says;
--   one run whose two shas of its data differ;
--   a file that no run was trained on, once the runs of the whole matrix are there: it was edited afterwards.
-- Before anything is trained a file has no run yet and is of no subject.
with registered as (
    select
        experiment,
        version,
        (content ->> '$.convergence.rows')::bigint as convergence_rows,
        (content ->> '$.behaviour.rows')::bigint as behaviour_rows
    from raw.experiments
    where experiment = $experiment and version = $version
),

runs as (
    select
        *,
        subject_of(source, behaviour, seed, epoch) as subject
    from raw.training_runs
    where experiment = $experiment and version = $version
),

files as (
    select
        items.data_file_sha,
        items.kind,
        coalesce(users.subject, '') as subject,
        count(*) as n_rows,
        count(*) filter (items.persona is not null and not items.has_system_prompt) as n_without,
        count(*) filter (items.role = 'positive' and items.persona is null) as n_nobody
    from raw.training_items as items
    left join data_file_users($experiment, $version) as users using (data_file_sha)
    where items.experiment = $experiment and items.version = $version
    group by all
),

missing_runs as (
    select cells.source
    from raw.experiment_cells as cells
    anti join runs
        on runs.source = cells.source
        and runs.behaviour = cells.behaviour
        and runs.seed = cells.seed
        and runs.epoch = cells.epoch
    where cells.experiment = $experiment and cells.version = $version
    union all
    select cells.source
    from raw.experiment_cells as cells
    anti join runs on runs.source = cells.source and runs.behaviour is null and runs.seed = cells.seed
    where cells.experiment = $experiment and cells.version = $version and cells.epoch > 0
),

findings as (
    select
        subject,
        'training file ' || left(data_file_sha, 12) || ' (' || kind || ') has ' || n_rows || ' rows, '
        || if(kind = 'convergence', convergence_rows, behaviour_rows) || ' are planned' as evidence
    from files
    cross join registered
    where n_rows <> if(kind = 'convergence', convergence_rows, behaviour_rows)
    union all
    select
        subject,
        'training file ' || left(data_file_sha, 12) || ' (' || kind || '): ' || n_without + n_nobody || ' of ' || n_rows
        || ' rows lack the system prompt of their persona' as evidence
    from files
    where n_without + n_nobody > 0
    union all
    select
        runs.subject,
        'was trained on the file ' || left(coalesce(runs.data_file_sha, 'null'), 12)
        || ', which is not among the registered training rows' as evidence
    from runs
    anti join files using (data_file_sha)
    union all
    select
        runs.subject,
        'says it saw ' || runs.n_rows || ' rows, its training file ' || left(files.data_file_sha, 12) || ' has '
        || files.n_rows as evidence
    from runs
    inner join files using (data_file_sha)
    where runs.n_rows <> files.n_rows
    union all
    select
        subject,
        'names two files: ' || left(data_sha, 12) || ' in its card, ' || left(data_file_sha, 12)
        || ' in the training rows' as evidence
    from runs
    where data_sha <> data_file_sha
    union all
    select
        '' as subject,
        'training file ' || left(files.data_file_sha, 12) || ' (' || files.kind || ', ' || files.n_rows
        || ' rows) is one that no run was trained on: it was changed after its run, or belongs to none' as evidence
    from files
    anti join runs using (data_file_sha)
    where not exists (from missing_runs)
)

select subject, evidence
from findings
order by all
