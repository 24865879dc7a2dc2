-- The first answer of each wave to each prompt, and that of its confirmation sample.
-- Grain: (wave_key, is_confirmation, prompt_id). Only models that answer once a prompt in some wave.
select
    waves.wave_key,
    responses.purpose = 'confirmation' as is_confirmation,
    responses.capability,
    responses.prompt_id,
    arg_min(texts.text_key, responses.sample_index) as text_key
from {{ ref('responses') }} as responses
inner join {{ ref('pool_waves') }} as waves
    on responses.wave_id = waves.wave_id and responses.model_requested = waves.model
semi join (select series_key from {{ ref('pool_waves') }} where is_single) as single
    on waves.series_key = single.series_key
inner join {{ ref('texts') }} as texts using (text_sha)
group by all
