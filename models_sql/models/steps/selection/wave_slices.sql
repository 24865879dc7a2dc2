-- The slices of whole waves, without those of comparisons: one capability of one wave.
-- Grain: slice_key, and (wave_id, capability).
select grids.wave_id, slices.grid_key, slices.slice_key, slices.capability
from {{ ref('slices') }} as slices
inner join (select distinct grid_key, wave_id from {{ ref('grids') }} where reference is null) as grids
    using (grid_key)
