-- Small numbers for the prompts of each slice.
-- Grain: (slice_key, prompt_id).
select
    slices.slice_key,
    slices.grid_key,
    slices.capability,
    prompts.prompt_id,
    cast(row_number() over (order by slices.slice_key, prompts.prompt_id) as integer) as prompt_key
from {{ ref('slices') }} as slices
inner join (select distinct grid_key, wave_id from {{ ref('grids') }}) as grids using (grid_key)
inner join {{ ref('battery_prompts') }} as prompts
    on grids.wave_id = prompts.wave_id and slices.capability = prompts.capability
