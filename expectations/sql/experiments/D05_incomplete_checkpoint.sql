-- Checkpoints that cannot be told apart or loaded again: no sha of base, adapter or template, or no card. One row a
-- checkpoint.
with checkpoints as (
    select
        checkpoints.*,
        subject_of(runs.source, runs.behaviour, runs.seed, checkpoints.epoch) as subject
    from raw.checkpoints as checkpoints
    inner join raw.training_runs as runs using (run_id)
    where runs.experiment = $experiment and runs.version = $version
)

select
    subject,
    checkpoint_id || ' lacks ' || concat_ws(
        ', ',
        if(trim(coalesce(base_sha, '')) = '', 'the sha of its base', null),
        if(trim(coalesce(adapter_sha, '')) = '', 'the sha of its adapter', null),
        if(trim(coalesce(template_sha, '')) = '', 'the sha of its chat template', null),
        if(coalesce(trim(card), '') in ('', '{}', 'null') or not json_valid(card), 'a readable card', null)
    ) as evidence
from checkpoints
where
    trim(coalesce(base_sha, '')) = ''
    or trim(coalesce(adapter_sha, '')) = ''
    or trim(coalesce(template_sha, '')) = ''
    or coalesce(trim(card), '') in ('', '{}', 'null')
    or not json_valid(card)
order by all
