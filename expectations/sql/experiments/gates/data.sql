-- What the gate `data` looks at: training rows, by file. n: rows.
with users as (
    select
        data_file_sha,
        min(source || '/' || coalesce(behaviour, 'convergence') || '/s' || seed || coalesce('@' || epoch, '')) as subject
    from raw.training_runs
    where experiment = $experiment and version = $version
    group by data_file_sha
)

select
    coalesce(users.subject, '') as subject,
    count(*) as n,
    count(*) as size,
    count(*) || ' rows for ' || items.kind as seen
from raw.training_items as items
left join users using (data_file_sha)
where users.data_file_sha is not null or (items.experiment = $experiment and items.version = $version)
group by users.subject, items.data_file_sha, items.kind
