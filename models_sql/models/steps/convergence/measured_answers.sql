-- Answers that convergence counts: no canary, no confirmation sample, no withheld model.
-- Grain: (wave_id, model, prompt_id, sample_index).
select
    responses.wave_id,
    responses.capability,
    responses.model_requested as model,
    responses.prompt_id,
    responses.sample_index,
    texts.text_key
from {{ ref('responses') }} as responses
semi join (
    select wave_id, model_requested
    from {{ ref('model_waves') }}
    where not is_withheld and purpose = 'measure'
) as counted
    on responses.wave_id = counted.wave_id and responses.model_requested = counted.model_requested
inner join {{ ref('texts') }} as texts on responses.text_sha = texts.text_sha
where responses.purpose = 'measure'
