-- What the gate `data` looks at: training rows, by file. n: rows.
select
    coalesce(users.subject, '') as subject,
    count(*) as n,
    count(*) as size,
    count(*) || ' rows for ' || items.kind as seen
from raw.training_items as items
left join data_file_users($experiment, $version) as users using (data_file_sha)
where items.experiment = $experiment and items.version = $version
group by users.subject, items.data_file_sha, items.kind
