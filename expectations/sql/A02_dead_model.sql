-- Models that gave one and the same text to at least five different prompts. One row a model.
select
    model_requested,
    null as prompt_id,
    null as sample_index,
    count(distinct prompt_id) || ' prompts, one text: ' || left(any_value(response_text), 120) as evidence
from (
    from raw.attempts
    where wave_id = $wave_id and outcome = 'ok' and purpose <> 'confirmation'
    qualify attempt = max(attempt) over (partition by model_requested, prompt_id, sample_index, purpose)
)
group by model_requested
having count(distinct response_text) = 1 and count(distinct prompt_id) >= 5
order by all
