-- Models with more than 1 % of their planned cells never settled (no ok, empty, truncated or declined
-- attempt). One row a model.
with cells as (
    select
        planned_cells.model_requested,
        coalesce(bool_or(attempts.outcome in ('ok', 'empty', 'truncated', 'declined')), false) as is_settled
    from raw.planned_cells
    left join raw.attempts using (wave_id, model_requested, prompt_id, sample_index, purpose)
    where wave_id = $wave_id and purpose <> 'confirmation'
    group by planned_cells.model_requested, prompt_id, sample_index, purpose
)

select
    model_requested,
    null as prompt_id,
    null as sample_index,
    count_if(not is_settled) || ' of ' || count(*) || ' planned cells without an answer' as evidence
from cells
group by model_requested
having count_if(not is_settled) > 0.01 * count(*)
order by all
