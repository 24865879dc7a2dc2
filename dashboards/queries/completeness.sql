-- What was planned for each model of the wave, what came back, and what it cost. Grain: (model).
-- cost_usd null = unknown; a free in-process model has none.
with cells as (
    select
        model_requested as model,
        count(*) as planned,
        count(*) filter (state = 'ok') as ok,
        count(*) filter (state = 'empty') as empty,
        count(*) filter (state = 'truncated') as truncated,
        count(*) filter (state = 'declined') as declined,
        count(*) filter (state = 'error') as error,
        count(*) filter (state = 'missing') as missing,
        count(*) filter (state = 'quarantined') as quarantined
    from core.cells
    where wave_id = $wave_id and purpose <> 'confirmation'
    group by all
)

select
    cells.*,
    models.purpose,
    models.answered_share,
    models.is_withheld,
    models.withheld_reason,
    costs.prompt_tokens,
    costs.completion_tokens,
    costs.cost_usd,
    costs.unknown_cost_share,
    costs.latency_median_ms
from cells
left join core.model_waves as models on models.wave_id = $wave_id and models.model_requested = cells.model
left join out.costs as costs on costs.wave_id = $wave_id and costs.model = cells.model
    and coalesce(costs.used_as, 'answering') = 'answering'
order by cells.model
