-- How much of each second sample that an alarm asked for came.
-- Grain: (wave_id, model).
-- is_complete: 95 % of its answers or more, as a first sample needs to be measured (core.model_waves).
select
    wave_id,
    model_requested as model,
    count(*) as n_planned,
    count(*) filter (state = 'ok') as n_answers,
    count(distinct prompt_id) filter (state = 'ok') as n_prompts,
    count(*) filter (state = 'ok') >= 0.95 * count(*) as is_complete
from {{ ref('cells') }}
where purpose = 'confirmation'
group by wave_id, model_requested
