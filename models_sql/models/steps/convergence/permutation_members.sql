-- The prompts of every capability of a whole wave, in the order in which a permutation test takes them up.
-- Grain: (grid_key, prompt_key). place: from 1, by the SHA-256 that also makes the first order of chance.
select
    keys.grid_key,
    keys.capability,
    keys.slice_key,
    keys.prompt_key,
    row_number() over (
        partition by keys.slice_key order by sha256('0|' || keys.capability || '|0|' || keys.prompt_id)
    ) as place
from {{ ref('prompt_keys') }} as keys
semi join (select grid_key from {{ ref('grids') }} where reference is null) as whole using (grid_key)
