-- Checkpoints that were evaluated under another chat template than they were trained with, or under one that nobody
-- stored. One row a checkpoint. What is merged is evaluated without an adapter, under its checkpoint's name; an adapter
-- that is not its checkpoint's is break D07's, and its template is looked at all the same.
select
    subject_of(evals.source, evals.behaviour, evals.seed, evals.epoch) as subject,
    'evaluated with the template ' || coalesce(left(evals.template_sha, 12), 'null') || ', trained with '
    || left(checkpoints.template_sha, 12) || ': ' || count(*) || ' values' as evidence
from raw.checkpoint_evals as evals
inner join raw.checkpoints as checkpoints using (checkpoint_id)
where
    evals.experiment = $experiment
    and evals.version = $version
    and evals.template_sha is distinct from checkpoints.template_sha
group by evals.source, evals.behaviour, evals.seed, evals.epoch, evals.template_sha, checkpoints.template_sha
order by all
