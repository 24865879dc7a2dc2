-- Models with more than 2 % of their planned cells answered by nothing. One row a model.
-- A cell counts as empty when an attempt came back empty or blank and none came back with text.
with cells as (
    select
        planned_cells.model_requested,
        coalesce(
            bool_or(attempts.outcome = 'empty' or (attempts.outcome = 'ok' and trim(attempts.response_text) = ''))
            and not bool_or(attempts.outcome = 'ok' and trim(attempts.response_text) <> ''),
            false
        ) as is_empty
    from raw.planned_cells
    left join raw.attempts using (wave_id, model_requested, prompt_id, sample_index, purpose)
    where wave_id = $wave_id and purpose <> 'confirmation'
    group by planned_cells.model_requested, prompt_id, sample_index, purpose
)

select
    model_requested,
    null as prompt_id,
    null as sample_index,
    count_if(is_empty) || ' of ' || count(*) || ' cells empty' as evidence
from cells
group by model_requested
having count_if(is_empty) > 0.02 * count(*)
order by all
