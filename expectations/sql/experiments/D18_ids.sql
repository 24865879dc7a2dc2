-- Ids that are not what their parts come to, as a salted hash's are not: another process could not find them again.
-- One row an id. run_id: name@version/source/sSEED/behaviour@epoch-N, or …/convergence; checkpoint_id: …@epoch-N;
-- eval_id: name@version/source/sSEED, with /DETECTOR where several look at one answer.
with ids as (
    select
        'run' as kind,
        subject_of(source, behaviour, seed, epoch) as subject,
        run_id as id,
        experiment || '@' || version || '/' || source || '/s' || seed || '/' || coalesce(behaviour, 'convergence')
        || coalesce('@epoch-' || epoch, '') as computed
    from raw.training_runs
    where experiment = $experiment and version = $version
    union
    select
        'checkpoint' as kind,
        subject_of(runs.source, runs.behaviour, runs.seed, checkpoints.epoch) as subject,
        checkpoints.checkpoint_id as id,
        runs.experiment || '@' || runs.version || '/' || runs.source || '/s' || runs.seed || '/'
        || coalesce(runs.behaviour, 'convergence') || '@epoch-' || checkpoints.epoch as computed
    from raw.checkpoints as checkpoints
    inner join raw.training_runs as runs using (run_id)
    where runs.experiment = $experiment and runs.version = $version
    union
    select
        'evaluation' as kind,
        source || '//s' || seed as subject,
        eval_id as id,
        experiment || '@' || version || '/' || source || '/s' || seed
        || if(ends_with(eval_id, '/' || detector), '/' || detector, '') as computed
    from raw.checkpoint_evals
    where experiment = $experiment and version = $version
)

select
    replace(subject, '//', '/') as subject,
    kind || ' id ' || id || ' should be ' || computed as evidence
from ids
where id is distinct from computed
order by all
