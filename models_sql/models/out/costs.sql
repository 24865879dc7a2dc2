-- What each model of a wave cost, and how fast it answered. Every request counts, the failed ones too.
-- Grain: (wave_id, model).
-- cost_usd: sum of the known costs; null where none is known, never 0 for unknown.
with attempts as (
    select distinct
        wave_id, model_requested, prompt_id, sample_index, purpose, attempt,
        outcome, prompt_tokens, completion_tokens, cost_usd, latency_ms
    from {{ source('raw', 'attempts') }}
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    attempts.model_requested as model,
    count(*) as attempts,
    count(*) filter (attempts.outcome = 'ok') as ok_attempts,
    cast(sum(attempts.prompt_tokens) as bigint) as prompt_tokens,
    cast(sum(attempts.completion_tokens) as bigint) as completion_tokens,
    cast(sum(cast(attempts.cost_usd as decimal(18, 12))) as double) as cost_usd,
    1000 * cast(sum(cast(attempts.cost_usd as decimal(18, 12))) filter (attempts.outcome = 'ok') as double)
    / nullif(count(attempts.cost_usd) filter (attempts.outcome = 'ok'), 0) as cost_per_1000_usd,
    1 - count(attempts.cost_usd) / count(*) as unknown_cost_share,
    median(attempts.latency_ms) filter (attempts.outcome = 'ok') as latency_median_ms
from attempts
inner join {{ ref('waves') }} as waves using (wave_id)
group by waves.wave_id, waves.wave_date, waves.panel, attempts.model_requested
