-- Runs and evaluations on other weights than their place in the matrix says. One row a run or evaluation:
--   a convergence run, or a behaviour run at epoch 0, that did not start from the registered base;
--   a behaviour run after convergence that started from the registered base all the same;
--   a behaviour run on the merged model of another arm, seed or epoch (where most runs on that model are);
--   two merged models in one place;
--   a card whose parent is not the convergence checkpoint of that place;
--   an evaluation that loaded another base than the run it belongs to, or, before anything is taught, than the runs of
--   its place.
with runs as (
    select
        runs.*,
        experiments.base_sha as registered_base,
        subject_of(runs.source, runs.behaviour, runs.seed, runs.epoch) as subject,
        runs.source || ', seed ' || runs.seed || ', epoch ' || coalesce(runs.epoch, 0) as place
    from raw.training_runs as runs
    inner join raw.experiments as experiments using (experiment, version)
    where runs.experiment = $experiment and runs.version = $version
),

merged as (
    select place, base_sha, count(*) as n_runs
    from runs
    where behaviour is not null and epoch > 0
    group by all
),

owners as (
    select base_sha, place as owner
    from merged
    qualify row_number() over (partition by base_sha order by n_runs desc, place) = 1
),

places as (
    select merged.place, merged.base_sha as expected
    from merged
    inner join owners on owners.base_sha = merged.base_sha and owners.owner = merged.place
    qualify row_number() over (partition by merged.place order by n_runs desc, merged.base_sha) = 1
),

converged as (
    select runs.source, runs.seed, checkpoints.epoch, checkpoints.adapter_sha, checkpoints.checkpoint_id
    from raw.checkpoints as checkpoints
    inner join runs using (run_id)
    where runs.behaviour is null
),

parents as (
    select
        runs.subject,
        runs.source,
        runs.seed,
        runs.epoch,
        checkpoints.card ->> '$.parent_sha' as parent
    from raw.checkpoints as checkpoints
    inner join runs using (run_id)
    where runs.behaviour is not null and runs.epoch > 0 and json_valid(checkpoints.card)
),

findings as (
    select
        subject,
        'started from ' || left(base_sha, 12) || ', the registered base is ' || left(registered_base, 12) as evidence
    from runs
    where (behaviour is null or epoch = 0) and base_sha is distinct from registered_base
    union all
    select
        subject,
        'started from the registered base ' || left(base_sha, 12) || ', not from the model merged at epoch ' || epoch
        as evidence
    from runs
    where behaviour is not null and epoch > 0 and base_sha = registered_base
    union all
    select
        runs.subject,
        'started from ' || left(runs.base_sha, 12) || ', which is the merged model of ' || owners.owner as evidence
    from runs
    inner join owners using (base_sha)
    where
        runs.behaviour is not null and runs.epoch > 0 and runs.base_sha <> runs.registered_base
        and owners.owner <> runs.place
    union all
    select
        runs.subject,
        'started from ' || left(runs.base_sha, 12) || ', the other runs of its place from ' || left(places.expected, 12)
        as evidence
    from runs
    inner join owners on owners.base_sha = runs.base_sha and owners.owner = runs.place
    inner join places on places.place = runs.place
    where
        runs.behaviour is not null and runs.epoch > 0 and runs.base_sha <> runs.registered_base
        and runs.base_sha <> places.expected
    union all
    select
        parents.subject,
        'its card names the parent ' || left(parents.parent, 40) || ', the convergence checkpoint of its place is '
        || left(converged.adapter_sha, 12) as evidence
    from parents
    inner join converged using (source, seed, epoch)
    where parents.parent not in (converged.adapter_sha, converged.checkpoint_id)
    union all
    select distinct
        runs.subject,
        'was evaluated on ' || left(evals.base_sha, 12) || ', it was trained on ' || left(runs.base_sha, 12) as evidence
    from raw.checkpoint_evals as evals
    inner join runs
        on runs.source = evals.source
        and runs.behaviour = evals.behaviour
        and runs.seed = evals.seed
        and runs.epoch = evals.epoch
    where
        evals.experiment = $experiment and evals.version = $version and evals.base_sha is distinct from runs.base_sha
    union all
    select distinct
        subject_of(evals.source, null, evals.seed, evals.epoch) as subject,
        'was evaluated on ' || left(evals.base_sha, 12) || ' before anything was taught, the behaviours were taught on '
        || coalesce(left(starts.base_sha, 12), 'null') as evidence
    from raw.checkpoint_evals as evals
    inner join (
        select source, seed, epoch, any_value(base_sha) as base_sha
        from runs
        where behaviour is not null
        group by all
        having count(distinct base_sha) = 1
    ) as starts using (source, seed, epoch)
    where
        evals.experiment = $experiment and evals.version = $version and evals.behaviour is null
        and evals.base_sha is distinct from starts.base_sha
)

select subject, evidence
from findings
order by all
