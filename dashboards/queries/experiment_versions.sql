-- What each version of the experiment declares, as registered. Grain: (version). content: the whole file, JSON.
select version, experiment_sha, registered_at, code_version, content
from raw.experiments
where experiment = $experiment
order by version
