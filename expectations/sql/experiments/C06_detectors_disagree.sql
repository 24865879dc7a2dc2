-- Detectors of one metric that disagree on the same items: their rates differ by more than 0.1, or Cohen's kappa is
-- below 0.6. One row a behaviour, metric and pair of detectors; fewer than 30 answers say nothing.
-- kappa is null where a detector says one thing of all answers: only the difference of the rates tells something then.
with said as (
    select source, behaviour, seed, epoch, persona, metric, item_id, detector, value
    from raw.checkpoint_evals
    where experiment = $experiment and version = $version and value in (0, 1)
),

pairs as (
    select
        behaviour,
        metric,
        a.detector as detector_a,
        b.detector as detector_b,
        count(*) as n,
        avg(a.value) as rate_a,
        avg(b.value) as rate_b,
        avg((a.value = b.value)::integer) as agreement
    from said as a
    inner join said as b using (source, behaviour, seed, epoch, persona, metric, item_id)
    where a.detector < b.detector
    group by all
),

measured as (
    select
        *,
        rate_a * rate_b + (1 - rate_a) * (1 - rate_b) as chance,
        case
            when rate_a not in (0, 1) and rate_b not in (0, 1) then (agreement - chance) / (1 - chance)
        end as kappa
    from pairs
    where n >= 30
)

select
    '' as subject,
    metric || ' of ' || behaviour || ': ' || detector_a || ' ' || format('{:.1f} %', 100 * rate_a) || ', ' || detector_b
    || ' ' || format('{:.1f} %', 100 * rate_b) || ', kappa ' || coalesce(format('{:.2f}', kappa), 'undefined')
    || ' over ' || n || ' answers' as evidence
from measured
where abs(rate_a - rate_b) > 0.1 or kappa < 0.6
order by all
