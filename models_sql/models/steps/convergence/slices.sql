-- A slice is one capability of a grid: what match and chance are computed within.
-- Grain: (grid_key, capability).
select
    grids.grid_key,
    prompts.capability,
    cast(row_number() over (order by grids.grid_key, prompts.capability) as integer) as slice_key
from (select distinct grid_key, wave_id from {{ ref('grids') }}) as grids
inner join (select distinct wave_id, capability from {{ ref('battery_prompts') }}) as prompts
    on grids.wave_id = prompts.wave_id
