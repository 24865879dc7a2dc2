-- What each model of a wave cost, and how fast it answered. Every request counts, the failed ones too.
-- Grain: (wave_id, model, used_as): a model may answer, confirm an alarm and judge. Waves that do not take part are here too: their requests were paid for all the same.
-- cost_usd: sum of the known costs; null where none is known, never 0 for unknown.
with answering as (
    select distinct
        wave_id, model_requested, prompt_id, sample_index, purpose, attempt,
        outcome, prompt_tokens, completion_tokens, cost_usd, latency_ms
    from {{ source('raw', 'attempts') }}
),

judging as (
    select distinct
        wave_id, judge_model, judge_sha, question_sha, text_sha, vote, attempt,
        outcome, prompt_tokens, completion_tokens, cost_usd, latency_ms
    from {{ source('raw', 'judgements') }}
),

attempts as (
    select
        wave_id, model_requested, if(purpose = 'confirmation', 'confirming', 'answering') as used_as,
        outcome, prompt_tokens, completion_tokens, cost_usd, latency_ms
    from answering
    union all
    select wave_id, judge_model, 'judging', outcome, prompt_tokens, completion_tokens, cost_usd, latency_ms
    from judging
),

failed as (
    select distinct wave_id
    from {{ ref('newest_verdicts') }}
    where scope = 'wave' and verdict = 'failed'
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    case
        when waves.wave_id in (select wave_id from {{ ref('waves') }}) then 'counted'
        when waves.wave_id in (select wave_id from {{ ref('counted_experiments') }}) then 'counted'
        when waves.wave_id in (from failed) then 'quarantined'
        else 'not audited'
    end as wave_status,
    attempts.model_requested as model,
    attempts.used_as,
    count(*) as attempts,
    count(*) filter (attempts.outcome = 'ok') as ok_attempts,
    cast(sum(attempts.prompt_tokens) as bigint) as prompt_tokens,
    cast(sum(attempts.completion_tokens) as bigint) as completion_tokens,
    {{ exact_sum('attempts.cost_usd') }} as cost_usd,
    1000 * {{ exact_sum("case when attempts.outcome = 'ok' then attempts.cost_usd end") }}
    / nullif(count(attempts.cost_usd) filter (attempts.outcome = 'ok'), 0) as cost_per_1000_usd,
    1 - count(attempts.cost_usd) / count(*) as unknown_cost_share,
    median(attempts.latency_ms) filter (attempts.outcome = 'ok') as latency_median_ms
from attempts
inner join {{ source('ops', 'waves') }} as waves using (wave_id)
group by waves.wave_id, waves.wave_date, waves.panel, wave_status, attempts.model_requested, attempts.used_as
