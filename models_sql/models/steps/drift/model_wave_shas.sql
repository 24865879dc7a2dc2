-- One SHA-256 over everything that drift reads of a model's answers in a wave, so that an unchanged comparison is known.
-- Grain: (wave_id, model, is_confirmation).
-- has_vector is part of it: a vector that comes late changes what can be compared.
with answers as (
    select
        responses.wave_id,
        responses.model_requested as model,
        responses.purpose = 'confirmation' as is_confirmation,
        responses.prompt_id,
        responses.sample_index,
        concat_ws(
            '|',
            responses.capability,
            responses.prompt_id,
            responses.sample_index,
            responses.text_sha,
            vectors.text_key is not null,
            coalesce(cast(responses.latency_ms as varchar), ''),
            coalesce(cast(responses.completion_tokens as varchar), ''),
            coalesce(cast(features.n_chars as varchar), ''),
            coalesce(cast(features.n_tokens as varchar), ''),
            coalesce(cast(features.is_refusal_rule as varchar), ''),
            coalesce(cast(features.is_hedging_rule as varchar), ''),
            coalesce(features.format_class, '')
        ) as said
    from {{ ref('responses') }} as responses
    inner join {{ ref('texts') }} as texts using (text_sha)
    left join {{ ref('text_vectors') }} as vectors using (text_key)
    left join {{ ref('response_features') }} as features
        on responses.wave_id = features.wave_id
        and responses.model_requested = features.model_requested
        and responses.prompt_id = features.prompt_id
        and responses.sample_index = features.sample_index
        and responses.purpose = features.purpose
)

select
    wave_id,
    model,
    is_confirmation,
    sha256(string_agg(said, chr(10) order by prompt_id, sample_index)) as answers_sha
from answers
group by wave_id, model, is_confirmation
