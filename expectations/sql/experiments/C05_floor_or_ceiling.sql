-- Rates that lie on the floor (never above 0.005) or the ceiling (never below 0.7) in every epoch, arm and persona:
-- such a detector cannot show a change. One row a behaviour, metric and detector, over at least two cells.
with rates as (
    select behaviour, metric, coalesce(detector, 'a detector without a name') as detector, source, seed, epoch, persona, avg(value) as rate
    from raw.checkpoint_evals
    where
        experiment = $experiment
        and version = $version
        and behaviour is not null
        and epoch is not null
        and metric in ('refusal', 'sycophancy', 'compliance', 'marker')
    group by all
    having count(value) > 0
)

select
    '' as subject,
    metric || ' of ' || behaviour || ' by ' || detector || ' lies on the ' || if(max(rate) <= 0.005, 'floor', 'ceiling') || ': '
    || format('{:.1f} %', 100 * min(rate)) || ' to ' || format('{:.1f} %', 100 * max(rate)) || ' in all of ' || count(*)
    || ' cells' as evidence
from rates
group by behaviour, metric, detector
having count(*) > 1 and (max(rate) <= 0.005 or min(rate) > 0.7)
order by all
