-- Cells with more than one ok attempt: a cell is asked once, so a second answer was chosen or paid twice.
-- One row a cell. The same attempt stored twice is the other half of this break (unique grain).
select
    model_requested,
    prompt_id,
    sample_index,
    count(distinct attempt) || ' ok attempts (' || purpose || ')' as evidence
from raw.attempts
where wave_id = $wave_id and outcome = 'ok'
group by model_requested, prompt_id, sample_index, purpose
having count(distinct attempt) > 1
order by all
