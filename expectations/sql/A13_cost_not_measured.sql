-- Models whose cost was not measured. One row a model and sign:
--   one cost for answers of different length (a cost of 0 counts only where the catalogue asks money);
--   an error row with a cost that nobody reported;
--   every reported cost equal to the price of an answer of max_tokens: the estimate, not the bill;
--   ok answers without token counts.
with answers as (
    select
        attempts.*,
        prompt_usd,
        completion_usd,
        try_cast(coalesce(settings ->> '$.max_completion_tokens', settings ->> '$.max_tokens') as bigint) as max_tokens
    from raw.attempts
    left join raw.roster on roster.wave_id = attempts.wave_id and roster.model = attempts.model_requested
    left join raw.catalog_models
        on catalog_models.wave_id = attempts.wave_id and catalog_models.model = attempts.model_requested
    where attempts.wave_id = $wave_id and attempts.purpose <> 'confirmation'
),

by_model as (
    select
        model_requested,
        count(cost_usd) filter (outcome = 'ok') as n_costs,
        count(distinct cost_usd) filter (outcome = 'ok') as n_distinct_costs,
        max(cost_usd) filter (outcome = 'ok') as highest_cost,
        max(coalesce(prompt_usd, 0) + coalesce(completion_usd, 0)) > 0 as has_price,
        count(distinct (prompt_tokens, completion_tokens)) filter (outcome = 'ok') as n_sizes,
        count_if(outcome = 'error' and cost_usd > 0 and cost_source is distinct from 'reported') as n_costly_errors,
        count(*) filter (outcome = 'ok') as n_ok,
        count_if(outcome = 'ok' and completion_tokens < max_tokens) as n_short,
        count_if(
            outcome = 'ok' and cost_source = 'reported' and cost_usd > 0
            and abs(cost_usd - prompt_tokens * prompt_usd - max_tokens * completion_usd) < 1e-12
        ) as n_at_estimate,
        count_if(outcome = 'ok' and (prompt_tokens is null or completion_tokens is null)) as n_without_tokens
    from answers
    group by model_requested
),

signs as (
    select model_requested, n_costs || ' answers of ' || n_sizes || ' sizes, one cost: ' || highest_cost as evidence
    from by_model
    where n_costs >= 5 and n_distinct_costs = 1 and n_sizes > 1 and (highest_cost > 0 or has_price)
    union all
    select model_requested, n_costly_errors || ' errors with a cost that was never reported' as evidence
    from by_model
    where n_costly_errors > 0
    union all
    select model_requested, n_ok || ' answers cost what was estimated for max_tokens, to the digit' as evidence
    from by_model
    where n_ok >= 5 and n_at_estimate = n_ok and n_short > 0
    union all
    select model_requested, n_without_tokens || ' of ' || n_ok || ' answers without token counts' as evidence
    from by_model
    where n_without_tokens > 0
)

select model_requested, null as prompt_id, null as sample_index, evidence
from signs
order by all
