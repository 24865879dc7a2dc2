-- What the gate `data` looks at: training rows, by file. n: rows.
with
-- the file of the first source is the control's too and stands under the source; one of several sources is of no subject
users as (
    select
        runs.data_file_sha,
        if(
            count(distinct runs.source) filter (runs.source <> experiments.target) > 1,
            '',
            coalesce(min(runs.subject) filter (runs.source <> experiments.target), min(runs.subject))
        ) as subject
    from (
        select
            *,
            source || '/' || coalesce(behaviour, 'convergence') || '/s' || seed || coalesce('@' || epoch, '') as subject
        from raw.training_runs
    ) as runs
    inner join raw.experiments as experiments using (experiment, version)
    where runs.experiment = $experiment and runs.version = $version
    group by runs.data_file_sha
)

select
    coalesce(users.subject, '') as subject,
    count(*) as n,
    count(*) as size,
    count(*) || ' rows for ' || items.kind as seen
from raw.training_items as items
left join users using (data_file_sha)
where items.experiment = $experiment and items.version = $version
group by users.subject, items.data_file_sha, items.kind
