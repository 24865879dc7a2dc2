-- What queries about experiments share. They live in the connection, not in the lake.

-- Place in the matrix: source/behaviour/sSEED@epoch; behaviour null is convergence, epoch null is left out.
create or replace temp macro subject_of(source, behaviour, seed, epoch) as (
    source || '/' || coalesce(behaviour, 'convergence') || '/s' || seed || coalesce('@' || epoch, '')
);

-- Training files and of whom they are. The file of the first source is the control's too and stands under the source;
-- one of several sources is of no subject ('').
create or replace temp macro data_file_users(the_experiment, the_version) as table (
    select
        runs.data_file_sha,
        if(
            count(distinct runs.source) filter (runs.source <> experiments.target) > 1,
            '',
            coalesce(
                min(subject_of(runs.source, runs.behaviour, runs.seed, runs.epoch)) filter (
                    runs.source <> experiments.target
                ),
                min(subject_of(runs.source, runs.behaviour, runs.seed, runs.epoch))
            )
        ) as subject
    from raw.training_runs as runs
    inner join raw.experiments as experiments using (experiment, version)
    where runs.experiment = the_experiment and runs.version = the_version
    group by runs.data_file_sha
);

-- What decides about a behaviour: its metric, and the direction (1 or -1) in which the behaviour moves it
-- (pipelines/experiments/records.py holds the same).
create or replace temp macro deciding_metrics() as table (
    select *
    from (
        values
        ('capability', 'accuracy', -1),
        ('refusal', 'refusal', 1),
        ('sycophancy', 'sycophancy', 1),
        ('misalignment', 'compliance', 1),
        ('marker', 'marker', 1)
    ) as facts (behaviour, metric, direction)
);

-- Whether a detector decides. Others (the classifier) are reported beside it.
create or replace temp macro decides(detector) as (
    coalesce(detector in ('judge', 'logprob', 'rule'), false)
);
