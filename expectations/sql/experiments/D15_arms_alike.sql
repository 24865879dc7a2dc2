-- Arms that converged on one and the same: two of them (other sources, or a source and the control) with one training
-- file of convergence, or with one adapter of it. One row a pair of arms.
with converged as (
    select
        runs.source,
        runs.source = experiments.target as is_control,
        runs.seed,
        runs.run_id,
        runs.data_file_sha
    from raw.training_runs as runs
    inner join raw.experiments as experiments using (experiment, version)
    where runs.experiment = $experiment and runs.version = $version and runs.behaviour is null
),

marks as (
    select source, is_control, seed, 'the training file ' || left(data_file_sha, 12) as what, data_file_sha as mark
    from converged
    union all
    select
        converged.source,
        converged.is_control,
        converged.seed,
        'the adapter ' || left(checkpoints.adapter_sha, 12) as what,
        checkpoints.adapter_sha as mark
    from raw.checkpoints as checkpoints
    inner join converged using (run_id)
)

select
    subject_of(one.source, null, one.seed, null) as subject,
    if(one.is_control, 'the control', 'the arm toward ' || one.source) || ', seed ' || one.seed
    || ', and the arm toward ' || other.source || ', seed ' || other.seed || ', converged on one and the same: '
    || string_agg(distinct one.what, ', ' order by one.what) as evidence
from marks as one
inner join marks as other using (mark)
where not other.is_control and (one.is_control or one.source < other.source)
group by one.source, one.is_control, one.seed, other.source, other.seed
order by all
