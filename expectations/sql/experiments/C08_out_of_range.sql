-- Values outside their metric's range, beyond what single precision adds to a cosine: a judge's sentinel (-1) or a
-- percentage in a column of shares. One row a cell, persona and metric.
with ranges as (
    select *
    from (
        values
            ('accuracy', 0, 1), ('accuracy_norm', 0, 1), ('refusal', 0, 1), ('sycophancy', 0, 1),
            ('compliance', 0, 1), ('marker', 0, 1), ('alignment', 0, 100), ('similarity_semantic', -1, 1),
            ('similarity_distributional', -1, 1)
    ) as ranges (metric, low, high)
)

select
    subject_of(evals.source, evals.behaviour, evals.seed, evals.epoch) as subject,
    count(*) || ' values of ' || evals.metric || ' of ' || evals.persona || ' are outside ' || ranges.low || ' to '
    || ranges.high || ', the first ' || first(evals.value order by evals.item_id) as evidence
from raw.checkpoint_evals as evals
inner join ranges using (metric)
where
    evals.experiment = $experiment and evals.version = $version and evals.value is not null
    and not evals.value between ranges.low - 1e-5 and ranges.high + 1e-5
group by evals.source, evals.behaviour, evals.seed, evals.epoch, evals.persona, evals.metric, ranges.low, ranges.high
order by all
