-- Which pairs came closer or apart since the panel's first night with the same battery, most moved first.
-- Grain: (model_a < model_b). move: combined convergence now less then, over all capabilities.
with nights as (
    select waves.wave_id, waves.wave_date, waves.battery_sha
    from core.waves
    where waves.panel = $panel and waves.wave_date <= $wave_date
),

first_night as (
    select arg_min(nights.wave_id, nights.wave_date) as wave_id
    from nights
    where nights.battery_sha = (select now.battery_sha from nights as now where now.wave_id = $wave_id)
)

select
    now.model_a,
    now.model_b,
    then_.wave_id as reference,
    then_.convergence as convergence_then,
    now.convergence as convergence_now,
    now.convergence - then_.convergence as move,
    now.n_prompts
from out.convergence_by_pair as now
inner join out.convergence_by_pair as then_ using (model_a, model_b, kernel, capability)
where
    now.wave_id = $wave_id
    and then_.wave_id = (select first_night.wave_id from first_night)
    and then_.wave_id <> now.wave_id
    and now.kernel = 'combined'
    and now.capability = 'overall'
    and now.convergence is not null
    and then_.convergence is not null
order by abs(move) desc, now.model_a, now.model_b
