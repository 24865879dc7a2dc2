-- Answers that a verdict keeps out of every measure, with the reason. They stay in raw.
-- Grain: (wave_id, model_requested, prompt_id, sample_index, purpose, attempt).
select
    answers.wave_id,
    answers.wave_date,
    answers.panel,
    answers.model_requested,
    answers.prompt_id,
    answers.sample_index,
    answers.purpose,
    answers.attempt,
    kept_out.break_id,
    kept_out.reason,
    answers.response_text,
    sha256(answers.response_text) as text_sha
from {{ ref('answers') }} as answers
inner join {{ ref('kept_out') }} as kept_out
    on answers.wave_id = kept_out.wave_id
    and answers.model_requested = kept_out.model_requested
    and answers.prompt_id = kept_out.prompt_id
    and answers.sample_index = kept_out.sample_index
    and answers.purpose = kept_out.purpose
