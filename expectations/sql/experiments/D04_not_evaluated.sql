-- Planned cells of which a value is missing (the canary's are break D10's). One row a cell and finding:
--   the target, or the carrier of the behaviour (the source; of the control, the first source), was not evaluated;
--   target, canary or carrier was not evaluated before the behaviour was taught (behaviour null, the same epoch);
--   the target was not compared with the source after convergence (similarity, epochs above 0).
with registered as (
    select experiment, version, target, canary, content ->> '$.sources[0]' as first_source
    from raw.experiments
    where experiment = $experiment and version = $version
),

planned as (
    select
        cells.source,
        cells.behaviour,
        cells.seed,
        cells.epoch,
        registered.target,
        registered.canary,
        if(cells.source = registered.target, registered.first_source, cells.source) as carrier
    from raw.experiment_cells as cells
    inner join registered using (experiment, version)
),

wanted as (
    select *, unnest([target, carrier]) as persona, behaviour as taught, null::varchar as metric
    from planned
    union all
    select planned.*, unnest([target, canary, carrier]) as persona, null as taught, facts.metric
    from planned
    inner join deciding_metrics() as facts using (behaviour)
    union all
    select distinct * replace (null as behaviour), target as persona, null as taught, 'similarity' as metric
    from planned
    where epoch > 0
),

found as (
    select distinct source, behaviour as taught, seed, epoch, persona, split_part(metric, '_', 1) as metric
    from raw.checkpoint_evals
    where experiment = $experiment and version = $version
)

select
    subject_of(wanted.source, wanted.behaviour, wanted.seed, wanted.epoch) as subject,
    case
        when wanted.metric = 'similarity' then wanted.persona || ' was not compared with ' || wanted.source
        else wanted.persona || ' was not evaluated on ' || wanted.behaviour || ' toward ' || wanted.source
    end
    || ' at epoch ' || wanted.epoch || ', seed ' || wanted.seed
    || if(wanted.metric in (select metric from deciding_metrics()), ', before it was taught', '') as evidence
from wanted
where
    wanted.persona is not null
    and not exists (
        from found
        where
            found.source = wanted.source
            and found.taught is not distinct from wanted.taught
            and found.seed = wanted.seed
            and found.epoch = wanted.epoch
            and found.persona = wanted.persona
            and found.metric = coalesce(wanted.metric, found.metric)
    )
order by wanted.taught is null, wanted.metric, subject, evidence
