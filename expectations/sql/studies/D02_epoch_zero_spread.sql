-- Metrics of a study whose values at epoch 0 lie further apart between sources than noise allows. One row an analysis,
-- behaviour, persona, metric, detector and seed.
-- Noise: 3 binomial standard errors of a difference where the value is a share of a stated n (3, as many sources are
-- compared at once), 3 points where it is a score without a stated spread. A share without n cannot be judged.
with metrics as (
    select *
    from raw.foreign_metrics
    where study = $study
    qualify imported_at = max(imported_at) over (partition by source_name)
),

starts as (
    select
        analysis,
        behaviour,
        persona,
        metric,
        detector,
        seed,
        unit,
        count(distinct source) as n_sources,
        min(value) as lowest,
        max(value) as highest,
        avg(value) / any_value(if(unit = 'share', 1, 100)) as mean_share,
        min(n) as n_least,
        arg_min(source, value) as lowest_source,
        arg_max(source, value) as highest_source
    from metrics
    where epoch = 0 and value is not null and source is not null and unit in ('share', 'percent', 'score')
    group by all
),

judged as (
    select
        *,
        case
            when unit = 'score' then 3.0
            else 3 * sqrt(2 * mean_share * (1 - mean_share) / n_least) * if(unit = 'share', 1, 100)
        end as tolerance
    from starts
    where n_sources > 1 and mean_share between 0 and 1 and (unit = 'score' or n_least > 0)
)

select
    concat_ws('/', analysis, behaviour) || '@0' as subject,
    metric || coalesce(' of ' || persona, '') || ' at epoch 0 goes from ' || format('{:.6g}', lowest) || ' ('
    || lowest_source || ') to ' || format('{:.6g}', highest) || ' (' || highest_source || ') over ' || n_sources
    || ' sources, tolerance ' || format('{:.3g}', tolerance) as evidence
from judged
where highest - lowest > tolerance + 1e-9
order by all
