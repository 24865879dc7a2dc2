-- Models of every wave, once each even where raw holds a load twice.
-- Grain: (wave_id, model).
select
    wave_id,
    model,
    min(endpoint_kind) as endpoint_kind,
    min(config_sha) as config_sha
from {{ source('raw', 'roster') }}
group by wave_id, model
