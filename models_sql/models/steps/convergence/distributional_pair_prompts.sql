-- What each shared prompt adds to the distributional kernel of a pair.
-- Grain: (slice_key, model_a, model_b, prompt_key).
-- match: mean kernel over all pairs of samples, 0 without a shared token. chance_part: sum over the links that
-- this prompt is an end of.
with shared_prompts as (
    select slice_key, model_a, model_b, unnest(prompts) as prompt_key
    from {{ ref('distributional_shared') }}
),

matches as (
    select
        a.model_key as model_a,
        b.model_key as model_b,
        a.prompt_key,
        {{ bounded_sum(kernel_part('a.frequency', 'b.frequency') ~ ' / (a.n_samples * b.n_samples)') }} as match
    from {{ ref('answer_tokens') }} as a
    inner join {{ ref('answer_tokens') }} as b
        on a.prompt_key = b.prompt_key and a.token_key = b.token_key and a.model_key < b.model_key
    group by a.model_key, b.model_key, a.prompt_key
)

select
    shared_prompts.slice_key,
    shared_prompts.model_a,
    shared_prompts.model_b,
    shared_prompts.prompt_key,
    coalesce(matches.match, 0) as match,
    coalesce(parts.chance_part, 0) as chance_part
from shared_prompts
left join matches using (model_a, model_b, prompt_key)
left join {{ ref('distributional_chance_parts') }} as parts using (model_a, model_b, prompt_key)
