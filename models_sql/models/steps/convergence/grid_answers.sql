-- The answers of every grid.
-- Grain: (model_key, prompt_key, sample_index).
with grid_waves as (
    select
        grid_key,
        wave_id,
        any_value(compared_wave_id) filter (is_cut) as compared_wave_id,
        any_value(reference) filter (is_cut) as reference
    from {{ ref('grids') }}
    group by grid_key, wave_id
)

select
    prompts.slice_key,
    prompts.prompt_key,
    models.model_key,
    answers.sample_index,
    answers.text_key
from grid_waves
inner join {{ ref('measured_answers') }} as answers on grid_waves.wave_id = answers.wave_id
inner join {{ ref('prompt_keys') }} as prompts
    on grid_waves.grid_key = prompts.grid_key and answers.prompt_id = prompts.prompt_id
inner join {{ ref('model_keys') }} as models on answers.model = models.model
where
    grid_waves.reference is null
    or (grid_waves.compared_wave_id, grid_waves.reference, answers.model, answers.prompt_id) in (
        select (wave_id, reference, model, prompt_id) from {{ ref('matched_cells') }}
    )
