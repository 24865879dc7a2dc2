-- Detectors of one behaviour that disagree on the same answers of a model: their rates differ by more than 0.1, or
-- Cohen's kappa is below 0.6. One row a model and pair of detectors; fewer than 30 answers say nothing.
-- kappa: (agreement - chance) / (1 - chance); null where a detector says one thing of all answers: it is then 0
-- whatever the other says, and only the difference of the rates tells something.
with said as (
    select wave_id, model, prompt_id, sample_index, purpose, behaviour, detector, is_positive::integer as positive
    from core.detections
    where wave_id = $wave_id and purpose <> 'confirmation' and is_positive is not null
),

pairs as (
    select
        a.model,
        a.behaviour,
        a.detector as detector_a,
        b.detector as detector_b,
        count(*) as n,
        avg(a.positive) as rate_a,
        avg(b.positive) as rate_b,
        avg((a.positive = b.positive)::integer) as agreement
    from said as a
    inner join said as b using (wave_id, model, prompt_id, sample_index, purpose, behaviour)
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
    null as model_requested,
    null as prompt_id,
    null as sample_index,
    model || ', ' || behaviour || ': ' || detector_a || ' ' || round(rate_a, 3) || ', ' || detector_b || ' '
    || round(rate_b, 3) || ', kappa ' || coalesce(round(kappa, 2)::varchar, 'undefined') || ' over ' || n
    || ' answers' as evidence
from measured
where abs(rate_a - rate_b) > 0.1 or kappa < 0.6
order by all
