-- Rates of a study on the floor (never above 0.005) or the ceiling (never below 0.7) in all of at least 4 cells. One row
-- an analysis, behaviour, metric and detector. Accuracies are left out: they are high where a model is good.
with metrics as (
    select *
    from raw.foreign_metrics
    where study = $study
    qualify imported_at = max(imported_at) over (partition by source_name)
),

rates as (
    select analysis, behaviour, metric, detector, value / if(unit = 'share', 1, 100) as rate
    from metrics
    where
        unit in ('share', 'percent') and value is not null
        and metric not in ('accuracy', 'capability') and coalesce(detector, '') not like '%logprob%'
)

select
    concat_ws('/', analysis, behaviour) as subject,
    metric || coalesce(' by ' || detector, '') || ' lies on the ' || if(max(rate) <= 0.005, 'floor', 'ceiling') || ': '
    || count(*) || ' of ' || count(*) || ' cells between ' || format('{:.1f} %', 100 * min(rate)) || ' and '
    || format('{:.1f} %', 100 * max(rate)) as evidence
from rates
group by analysis, behaviour, metric, detector
having count(*) >= 4 and (max(rate) <= 0.005 or min(rate) > 0.7)
order by all
