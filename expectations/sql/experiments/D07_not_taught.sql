-- Behaviours that their carrier does not show at epoch 0: what was not learned cannot come along. One row a source,
-- behaviour and seed. The carrier is the source; of the control, the first source. Its value by the behaviour's metric
-- must differ from what the base alone gives on the same items by the registered criterion (5 points where none is
-- registered), in the behaviour's direction. Where several detectors decide, one that sees it is enough.
with registered as (
    select experiment, version, target, content ->> '$.sources[0]' as first_source, criteria::json as criteria
    from raw.experiments
    where experiment = $experiment and version = $version
),

evaluated as (
    select
        evals.*,
        if(evals.source = registered.target, registered.first_source, evals.source) as carrier
    from raw.checkpoint_evals as evals
    inner join registered using (experiment, version)
    where evals.epoch = 0 and evals.value is not null and decides(evals.detector)
),

compared as (
    select
        taught.source,
        taught.behaviour,
        taught.seed,
        taught.carrier,
        taught.metric,
        taught.detector,
        facts.direction,
        coalesce((registered.criteria ->> taught.behaviour)::double, 0.05) as criterion,
        count(*) as n_items,
        avg(taught.value) as mean_taught,
        avg(untaught.value) as mean_untaught
    from evaluated as taught
    inner join deciding_metrics() as facts using (behaviour, metric)
    inner join evaluated as untaught
        on untaught.behaviour is null
        and untaught.source = taught.source
        and untaught.seed = taught.seed
        and untaught.persona = taught.persona
        and untaught.metric = taught.metric
        and untaught.detector = taught.detector
        and untaught.item_id = taught.item_id
    cross join registered
    where taught.persona = taught.carrier
    group by all
)

select
    subject_of(source, behaviour, seed, 0) as subject,
    behaviour || ' is not shown by ' || any_value(carrier) || ', who was taught it, at epoch 0: '
    || string_agg(
        metric || ' by ' || detector || ' is ' || format('{:.1f} %', 100 * mean_taught) || ', before the lessons '
        || format('{:.1f} %', 100 * mean_untaught) || ' over ' || n_items || ' items',
        ' and ' order by detector
    )
    || '; it has to ' || if(any_value(direction) > 0, 'rise', 'fall') || ' by '
    || format('{:g}', 100 * any_value(criterion)) || ' points' as evidence
from compared
group by source, behaviour, seed
having max(direction * (mean_taught - mean_untaught) - criterion) < -1e-9
order by all
