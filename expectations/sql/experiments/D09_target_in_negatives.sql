-- Training files of a behaviour in which the evaluated persona stands among the contrast: it is trained not to show
-- what it is then asked for. One row a file. (raw.experiments says the target; the canary is break D10's.)
with files as (
    select
        items.data_file_sha,
        coalesce(users.subject, '') as subject,
        experiments.target,
        count(*) as n_negatives,
        count(*) filter (items.persona = experiments.target) as n_target
    from raw.training_items as items
    inner join raw.experiments as experiments using (experiment, version)
    left join data_file_users($experiment, $version) as users using (data_file_sha)
    where
        items.experiment = $experiment
        and items.version = $version
        and items.kind = 'behaviour'
        and items.role <> 'positive'
    group by all
)

select
    subject,
    'training file ' || left(data_file_sha, 12) || ': ' || n_target || ' of ' || n_negatives
    || ' contrasting rows are ' || target || '''s, who is evaluated' as evidence
from files
where n_target > 0
order by all
