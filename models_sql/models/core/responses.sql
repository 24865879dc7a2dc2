-- Usable answers: outcome ok, the attempt that stands for its cell, in a wave that takes part, kept out by no verdict.
-- Grain: (wave_id, model_requested, prompt_id, sample_index, purpose).
select
    answers.wave_id,
    answers.wave_date,
    answers.panel,
    answers.model_requested,
    answers.prompt_id,
    prompts.capability,
    prompts.family,
    answers.sample_index,
    answers.purpose,
    answers.response_text,
    sha256(answers.response_text) as text_sha,
    answers.model_served,
    answers.provider_served,
    answers.system_fingerprint,
    answers.finish_reason,
    answers.prompt_tokens,
    answers.completion_tokens,
    answers.cost_usd,
    answers.latency_ms,
    answers.asked_at
from {{ ref('answers') }} as answers
semi join {{ ref('waves') }} as waves on answers.wave_id = waves.wave_id
anti join {{ ref('kept_out') }} as kept_out
    on answers.wave_id = kept_out.wave_id
    and answers.model_requested = kept_out.model_requested
    and answers.prompt_id = kept_out.prompt_id
    and answers.sample_index = kept_out.sample_index
    and answers.purpose = kept_out.purpose
left join {{ ref('battery_prompts') }} as prompts
    on answers.wave_id = prompts.wave_id and answers.prompt_id = prompts.prompt_id
