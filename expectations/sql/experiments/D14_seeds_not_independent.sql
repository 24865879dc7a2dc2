-- Seeds that give one and the same: two seeds of a cell with equal adapters, or with every output equal (over at least
-- 5 items). One row a cell and pair of seeds.
with adapters as (
    select
        runs.source,
        coalesce(runs.behaviour, 'convergence') as behaviour,
        coalesce(runs.epoch, checkpoints.epoch) as epoch,
        runs.seed,
        checkpoints.adapter_sha
    from raw.checkpoints as checkpoints
    inner join raw.training_runs as runs using (run_id)
    where runs.experiment = $experiment and runs.version = $version
),

outputs as (
    select
        source,
        coalesce(behaviour, 'convergence') as behaviour,
        epoch,
        seed,
        persona,
        metric,
        coalesce(detector, '') as detector,
        item_id,
        coalesce(text || coalesce(choices, ''), choices, value::varchar) as output
    from raw.checkpoint_evals
    where experiment = $experiment and version = $version and (behaviour is not null and epoch >= 0 or epoch > 0)
),

findings as (
    select
        one.source,
        one.behaviour,
        one.epoch,
        one.seed as seed,
        other.seed as other_seed,
        'one adapter ' || left(one.adapter_sha, 12) as what
    from adapters as one
    inner join adapters as other using (source, behaviour, epoch, adapter_sha)
    where one.seed < other.seed
    union all
    select
        one.source,
        one.behaviour,
        one.epoch,
        one.seed as seed,
        other.seed as other_seed,
        'equal outputs on all of ' || count(*) || ' items' as what
    from outputs as one
    inner join outputs as other using (source, behaviour, epoch, persona, metric, detector, item_id)
    where one.seed < other.seed
    group by all
    having bool_and(one.output = other.output) and count(*) >= 5
)

select
    subject_of(source, behaviour, seed, epoch) as subject,
    'seeds ' || seed || ' and ' || other_seed || ' of ' || behaviour || ' toward ' || source || ' at epoch ' || epoch
    || ' have ' || string_agg(what, ' and ' order by what) as evidence
from findings
group by source, behaviour, epoch, seed, other_seed
order by all
