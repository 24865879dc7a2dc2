-- The three prompts that moved most of each model that alarmed on this wave (the four models of least p), against the
-- reference of its alarm. Grain: (model, prompt_id).
-- distance: mean of 1 - kernel between the answers then and now; shift: how much more alike the answers of one night are
-- to each other (null with one sample a prompt). Kernel: 0.4 cosine + 0.6 (1 - Jensen-Shannon divergence of the first 60
-- tokens), null under 5 tokens or without an embedding: such prompts come last. answer_*: the first sample, cut.
with alarmed as (
    select model, reference
    from out.drift_by_model
    where wave_id = $wave_id and is_alarm
    qualify row_number() over (
        partition by model
        order by
            reference_kind = 'baseline',
            capability <> 'overall',
            kernel <> 'combined',
            p_adjusted,
            drift desc,
            kernel,
            capability
    ) = 1
    order by p_adjusted, drift desc, model
    limit 4
),

answers as (
    select
        alarmed.model,
        alarmed.reference,
        responses.prompt_id,
        responses.capability,
        responses.wave_id = $wave_id as is_now,
        responses.sample_index,
        responses.response_text,
        responses.text_sha
    from alarmed
    inner join core.responses as responses
        on
            alarmed.model = responses.model_requested
            and (responses.wave_id = $wave_id or responses.wave_id = alarmed.reference)
    where responses.purpose in ('measure', 'canary')
),

prompts as (
    select
        model,
        reference,
        prompt_id,
        any_value(capability) as capability,
        count(*) filter (not is_now) as n_then,
        count(*) filter (is_now) as n_now,
        first(response_text order by sample_index) filter (not is_now) as answer_then,
        first(response_text order by sample_index) filter (is_now) as answer_now
    from answers
    group by model, reference, prompt_id
    having
        list(text_sha order by text_sha) filter (is_now)
        <> list(text_sha order by text_sha) filter (not is_now)
),

tokens as (
    select
        text_sha,
        (regexp_extract_all(lower(any_value(response_text)), '[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s\p{Z}]'))[:60] as tokens
    from answers
    semi join prompts using (model, prompt_id)
    group by text_sha
),

frequencies as (
    select text_sha, token, count(*) / any_value(n_tokens) as frequency
    from (select text_sha, unnest(tokens) as token, len(tokens) as n_tokens from tokens where len(tokens) >= 5)
    group by text_sha, token
),

vectors as (
    select text_sha, first(vector order by embedded_at, vector) as vector
    from raw.embeddings
    semi join tokens using (text_sha)
    where embedder = 'all-MiniLM-L6-v2' and precision = 'fp32'
    group by text_sha
),

sides as (
    select
        a.model,
        a.prompt_id,
        a.is_now as a_is_now,
        b.is_now as b_is_now,
        least(a.text_sha, b.text_sha) as text_a,
        greatest(a.text_sha, b.text_sha) as text_b
    from answers as a
    semi join prompts on a.model = prompts.model and a.prompt_id = prompts.prompt_id
    inner join answers as b
        on
            a.model = b.model
            and a.prompt_id = b.prompt_id
            and (a.is_now, a.sample_index) < (b.is_now, b.sample_index)
),

-- materialized: joined by token first, every two texts of the night would meet
side_tokens as materialized (
    select text_pairs.text_a, text_pairs.text_b, frequencies.token, frequencies.frequency
    from (select distinct text_a, text_b from sides) as text_pairs
    inner join frequencies on text_pairs.text_a = frequencies.text_sha
),

shared as (
    select
        a.text_a,
        a.text_b,
        sum(
            0.5 * (a.frequency + b.frequency)
            - 0.5 * a.frequency * log2(2 * a.frequency / (a.frequency + b.frequency))
            - 0.5 * b.frequency * log2(2 * b.frequency / (a.frequency + b.frequency))
            order by a.token
        ) as kernel
    from side_tokens as a
    inner join frequencies as b on a.text_b = b.text_sha and a.token = b.token
    group by a.text_a, a.text_b
),

kernels as (
    select
        sides.*,
        0.4 * list_inner_product(a.vector, b.vector)
        + 0.6 * if(len(tokens_a.tokens) >= 5 and len(tokens_b.tokens) >= 5, coalesce(shared.kernel, 0), null) as kernel
    from sides
    inner join tokens as tokens_a on sides.text_a = tokens_a.text_sha
    inner join tokens as tokens_b on sides.text_b = tokens_b.text_sha
    left join vectors as a on sides.text_a = a.text_sha
    left join vectors as b on sides.text_b = b.text_sha
    left join shared using (text_a, text_b)
),

moves as (
    select
        model,
        prompt_id,
        1 - avg(kernel) filter (a_is_now <> b_is_now) as distance,
        (
            avg(kernel) filter (a_is_now and b_is_now) + avg(kernel) filter (not a_is_now and not b_is_now)
        ) / 2 - avg(kernel) filter (a_is_now <> b_is_now) as shift
    from kernels
    group by model, prompt_id
),

questions as (
    select prompt_id, any_value(messages ->> '$$[#-1].content') as question
    from raw.prompts
    where wave_id = $wave_id
    group by prompt_id
)

select
    prompts.model,
    prompts.reference,
    prompts.capability,
    prompts.prompt_id,
    round(moves.shift, 6) as shift,
    round(moves.distance, 6) as distance,
    prompts.n_then,
    prompts.n_now,
    count(*) over (partition by prompts.model) as n_changed,
    left(questions.question, 600) as question,
    length(questions.question) as question_length,
    left(prompts.answer_then, 900) as answer_then,
    length(prompts.answer_then) as answer_then_length,
    left(prompts.answer_now, 900) as answer_now,
    length(prompts.answer_now) as answer_now_length
from prompts
left join moves using (model, prompt_id)
left join questions using (prompt_id)
where prompts.answer_then is not null and prompts.answer_now is not null
qualify row_number() over (
    partition by prompts.model
    order by round(moves.shift, 6) desc nulls last, round(moves.distance, 6) desc nulls last, prompts.prompt_id
) <= 3
order by prompts.model, shift desc nulls last, distance desc nulls last, prompts.prompt_id
