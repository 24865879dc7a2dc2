-- Prompts of every wave, once each even where raw holds a load twice.
-- Grain: (wave_id, prompt_id).
select
    wave_id,
    prompt_id,
    min(capability) as capability,
    min(family) as family,
    min(prompt_sha) as prompt_sha
from {{ source('raw', 'prompts') }}
group by wave_id, prompt_id
